//! One run: a seed, and what came of it.

use std::sync::Arc;

use fastrand::Rng;
use futures_lite::future::block_on;

use crate::books::Finding;
use crate::breakage::Breakage;
use crate::clocks;
use crate::engine::Engine;
use crate::scene::Scene;
use crate::trace::{Counts, Trace};
use crate::troubles::stir;

/// What came of one seed.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many ids callers got.
    pub ids: u64,
    /// Broken promises; none is what is hoped for.
    pub findings: Vec<Finding>,
    /// What happened how often.
    pub counts: Counts,
    /// Of all grants and ids in their order: the same for each run of a seed.
    pub fingerprint: u64,
}

/// Runs a seed to its end, on this thread alone.
///
/// `is_told` prints what happens.
///
/// # Panics
///
/// If the runtime or the simulation has a bug that shows as a broken assertion.
pub fn run(seed: u64, breakage: Option<Breakage>, is_told: bool) -> Report {
    clocks::begin();
    let mut rng = Rng::with_seed(seed);
    let engine = Engine::new(rng.u64(..));
    // Nothing that it waits for takes time.
    let scene = block_on(Scene::new(&engine, &mut rng, breakage, Trace::new(&engine, is_told)));
    let scene = scene.expect("the depot's own store answers");
    scene.note("seed", || format!("{seed}: {:?}", scene.weather));
    for node in 0..scene.nodes.len() {
        scene.start(node);
    }
    scene.net.spawn(stir(Arc::clone(&scene)));
    engine.run_to(scene.weather.lasts);
    for (node, process) in scene.running() {
        scene.end(node, &process);
    }
    scene.net.end();
    let mut books = scene.books();
    Report {
        seed,
        ids: books.ids(),
        fingerprint: books.fingerprint(),
        findings: books.close(scene.weather.definition.increment()),
        counts: scene.trace.counts(),
    }
}
