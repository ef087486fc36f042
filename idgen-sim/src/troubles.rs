//! The troubles of a run, one after the other, and how each of them passes.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use idgen_runtime::Runtime;

use crate::breakage::Breakage;
use crate::clocks::Wall;
use crate::engine::Group;
use crate::process::{Process, name};
use crate::scene::Scene;
use crate::weather::{Trouble, pick};

/// Has trouble come, for as long as the run lasts.
pub(crate) async fn stir(scene: Arc<Scene>) {
    if scene.weather.troubles.is_empty() {
        return;
    }
    loop {
        let calm_ms = scene.drawn(|rng| rng.u64(1..=2 * scene.weather.calm_ms));
        scene.engine.sleep(Duration::from_millis(calm_ms)).await;
        let trouble = scene.drawn(|rng| pick(rng, &scene.weather.troubles));
        let node = scene.drawn(|rng| rng.usize(..scene.nodes.len()));
        befall(&scene, trouble, node).await;
    }
}

async fn befall(scene: &Arc<Scene>, trouble: Trouble, node: usize) {
    scene.note(&format!("{trouble:?}"), || format!("node {node}"));
    let wall = &scene.nodes[node].wall;
    let process = scene.nodes[node].process();
    match trouble {
        Trouble::ClockStep => scene.drawn(|rng| set(wall, rng)),
        Trouble::ClockRight => scene.drawn(|rng| wall.set_right(rng.i64(-20..=20))),
        Trouble::ClockFreeze => run_at(scene, node, 0),
        Trouble::ClockRate => {
            let rate = scene.drawn(|rng| pick(rng, &[500_000, 900_000, 1_100_000, 2_000_000]));
            run_at(scene, node, rate);
        }
        Trouble::HostStep => scene.drawn(|rng| set(scene.host.wall(), rng)),
        Trouble::HostBoot => scene.host.reboot(),
        Trouble::Stall => stall(scene, process, |it| vec![it.background, it.load]),
        Trouble::KeeperStall => stall(scene, process, |it| vec![it.background]),
        Trouble::LoadStall => stall(scene, process, |it| vec![it.load]),
        Trouble::Crash => crash(scene, node, process),
        Trouble::Stop => stop(scene, node, process),
        Trouble::CutOff => cut_off(scene, node),
        Trouble::Outage => {
            scene.net.out(true);
            scene.later(spell(scene), |scene| scene.net.out(false));
        }
        Trouble::Evict => {
            let which = scene.drawn(|rng| rng.usize(..100));
            scene.office.evict(&scene.space, which).await;
        }
        Trouble::Advance => advance(scene, process),
        Trouble::GoBack => go_back(scene),
    }
}

/// How long a trouble lasts: up to two leases, mostly less than one.
fn spell(scene: &Scene) -> Duration {
    let lease_ms = scene.weather.lease_ms;
    let most_ms = scene.drawn(|rng| pick(rng, &[lease_ms / 4, lease_ms, 2 * lease_ms]));
    Duration::from_millis(scene.drawn(|rng| rng.u64(1..=most_ms)))
}

/// Sets a clock forward or back.
fn set(wall: &Wall, rng: &mut Rng) {
    let most_ms = pick(rng, &[5, 50, 1_000, 5_000, 5_000, 3_600_000]);
    wall.step_ms(rng.i64(-most_ms..=most_ms));
}

fn run_at(scene: &Arc<Scene>, node: usize, millionths: i64) {
    scene.nodes[node].wall.run_at(millionths);
    scene.later(spell(scene), move |scene| scene.nodes[node].wall.run_at(1_000_000));
}

fn stall(scene: &Arc<Scene>, process: Option<Arc<Process>>, of: fn(&Process) -> Vec<Group>) {
    let Some(process) = process else { return };
    for group in of(&process) {
        scene.engine.stall(group);
        let duration = spell(scene);
        scene.later(duration, move |scene| scene.engine.resume(group));
    }
}

/// The process is gone at once, its leases are not.
fn crash(scene: &Arc<Scene>, node: usize, process: Option<Arc<Process>>) {
    let Some(process) = process else { return };
    scene.end(node, &process);
    let back_ms = scene.drawn(|rng| pick(rng, &[0, 1, 1_000, 3_600_000]));
    scene.nodes[node].wall.step_ms(-back_ms);
    start_later(scene, node);
    if back_ms > 60_000 {
        // By then somebody will have noticed.
        scene.later(spell(scene), move |scene| scene.nodes[node].wall.set_right(0));
    }
}

fn start_later(scene: &Arc<Scene>, node: usize) {
    let pause_ms = scene.drawn(|rng| pick(rng, &[1, 100, 2_000]));
    scene.later(Duration::from_millis(pause_ms), move |scene| scene.start(node));
}

/// Requests go on until the process is gone.
fn stop(scene: &Arc<Scene>, node: usize, process: Option<Arc<Process>>) {
    let Some(process) = process.filter(|process| process.may_stop()) else { return };
    let Some(runtime) = process.runtime() else { return };
    let (scene, load) = (Arc::clone(scene), process.load);
    let engine = scene.engine.clone();
    engine.spawn(
        load,
        Box::pin(async move {
            if scene.breakage == Some(Breakage::EarlyRelease) {
                scene.office.release_early(process.incarnation, &scene.space).await;
                scene.engine.sleep(Duration::from_millis(500)).await;
            }
            let report = runtime.stop().await;
            scene.note("stopped", || format!("process {}: {report:?}", process.incarnation));
            let (scene, of) = (Arc::clone(&scene), Arc::clone(&process));
            scene.later(Duration::ZERO, move |scene| {
                scene.end(node, &of);
                start_later(scene, node);
            });
        }),
    );
}

fn cut_off(scene: &Arc<Scene>, node: usize) {
    scene.net.cut_off(node, true);
    scene.later(spell(scene), move |scene| scene.net.cut_off(node, false));
}

/// In a task of its own: an operator waits for the answer, and troubles do not.
fn advance(scene: &Arc<Scene>, process: Option<Arc<Process>>) {
    let Some(runtime) = process.and_then(|process| process.runtime()) else { return };
    let above = scene.depot.highest() + scene.drawn(|rng| rng.u64(..100));
    let scene_of_task = Arc::clone(scene);
    scene.net.spawn(async move {
        let told = runtime.advance(&name(), above).await;
        scene_of_task.note("advanced", || format!("above {above}: {told:?}"));
    });
}

/// The store forgets what it granted of late. That is seen by those who had ids of it: so nobody
/// else may be there, and nobody comes before an operator has moved the store past all grants. It
/// does not go back once more while an order to thaw is on its way: what that names as the highest
/// grant would no longer be true, and no node could know.
fn go_back(scene: &Arc<Scene>) {
    let all_know = scene.running().iter().all(|(_, process)| process.knows_store());
    if !all_know || !scene.may_go_back() {
        return;
    }
    scene.bar(true);
    let (scene_of_task, lag) = (Arc::clone(scene), spell(scene).min(Duration::from_secs(1)));
    scene.net.spawn(async move {
        let scene = scene_of_task;
        scene.depot.copy().await.expect("the depot's own store answers");
        scene.engine.sleep(lag).await;
        scene.depot.go_back().await.expect("the depot's own store answers");
        scene.note("went back", String::new);
        scene.engine.sleep(spell(&scene)).await;
        let above = scene.depot.raise().await.expect("nothing lies above all that was granted");
        scene.note("raised", || format!("above {above}"));
        scene.bar(false);
        for (_, process) in scene.running() {
            if let Some(runtime) = process.runtime() {
                thaw(&scene, runtime).await;
            }
        }
        scene.has_recovered();
    });
}

/// What moved meanwhile makes an operator look once more.
async fn thaw(scene: &Scene, runtime: Runtime) {
    for _ in 0..5 {
        let above = scene.depot.highest();
        let told = runtime.thaw(&name(), above).await;
        scene.note("thawed", || format!("above {above}: {told:?}"));
        if told.is_ok() {
            return;
        }
        scene.engine.sleep(Duration::from_millis(50)).await;
    }
}
