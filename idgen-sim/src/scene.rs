//! Nodes, servers and what lies between them: everything of one run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use idgen_store::memory::MemoryStore;
use idgen_store::{Name, OpenStore, StoreError};

use crate::books::Books;
use crate::breakage::Breakage;
use crate::clocks::{Host, Reading, Wall};
use crate::depot::{Depot, RemoteStore};
use crate::engine::Engine;
use crate::process::{Process, Start, locked, name};
use crate::registry::{Office, RemoteRegistry};
use crate::trace::Trace;
use crate::weather::Weather;
use crate::wire::Net;

/// A machine, and the process on it, if one runs.
pub(crate) struct Node {
    pub(crate) wall: Wall,
    process: Mutex<Option<Arc<Process>>>,
}

impl Node {
    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        locked(&self.process).clone()
    }
}

pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) weather: Arc<Weather>,
    pub(crate) net: Net,
    pub(crate) host: Host,
    pub(crate) office: Office,
    pub(crate) depot: Depot,
    pub(crate) nodes: Vec<Node>,
    pub(crate) space: Name,
    pub(crate) breakage: Option<Breakage>,
    books: Arc<Mutex<Books>>,
    rng: Mutex<Rng>,
    changing: Mutex<Changing>,
    pub(crate) trace: Trace,
    /// The highest id of the sequence that was answered at all.
    answered_serial: Arc<Mutex<Option<u64>>>,
}

#[derive(Default)]
struct Changing {
    incarnations: usize,
    /// No process is started while the store has gone back and nobody has thawed it.
    is_barred: bool,
    /// The store has gone back, and operators are busy with it.
    is_back: bool,
}

impl Scene {
    pub(crate) async fn new(
        engine: &Engine,
        rng: &mut Rng,
        breakage: Option<Breakage>,
        trace: Trace,
    ) -> Result<Arc<Self>, StoreError> {
        let weather = Arc::new(Weather::drawn(rng));
        let books = Arc::new(Mutex::new(Books::new(weather.layout, trace.clone())));
        let host = Host::new(Wall::new(engine, rng));
        let registry = MemoryStore::with_clock(Arc::new(host.clone()));
        let office = Office { registry, books: Arc::clone(&books), breakage, trace: trace.clone() };
        let nodes = (0..weather.nodes)
            .map(|_| Node { wall: Wall::new(engine, rng), process: Mutex::default() })
            .collect();
        Ok(Arc::new(Self {
            engine: engine.clone(),
            net: Net::new(engine, engine.group(), weather.faults, rng.fork()),
            host,
            office,
            depot: Depot::new(weather.definition, breakage, trace.clone()).await?,
            nodes,
            space: name(),
            breakage,
            books,
            rng: Mutex::new(rng.fork()),
            changing: Mutex::default(),
            trace,
            answered_serial: Arc::default(),
            weather,
        }))
    }

    /// A number of the scene's own row.
    pub(crate) fn drawn<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut locked(&self.rng))
    }

    pub(crate) fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        locked(&self.books)
    }

    pub(crate) fn note(&self, what: &str, more: impl FnOnce() -> String) {
        self.trace.note(what, more);
    }

    pub(crate) fn bar(&self, is_barred: bool) {
        locked(&self.changing).is_barred = is_barred;
    }

    pub(crate) fn is_barred(&self) -> bool {
        locked(&self.changing).is_barred
    }

    /// Whether the store has never gone back, or all is well again; then it is going back now.
    pub(crate) fn may_go_back(&self) -> bool {
        !std::mem::replace(&mut locked(&self.changing).is_back, true)
    }

    pub(crate) fn has_recovered(&self) {
        locked(&self.changing).is_back = false;
    }

    /// Does something after a while, whatever becomes of the processes.
    pub(crate) fn later(
        self: &Arc<Self>,
        pause: Duration,
        work: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) {
        let scene = Arc::clone(self);
        self.net.spawn(async move {
            scene.engine.sleep(pause).await;
            work(&scene);
        });
    }

    /// Starts the runtime on a node that has none.
    pub(crate) fn start(self: &Arc<Self>, node: usize) {
        let place = &self.nodes[node];
        if place.process().is_some() {
            return;
        }
        if self.is_barred() {
            return self.later(Duration::from_millis(100), move |scene| scene.start(node));
        }
        let incarnation = {
            let mut changing = locked(&self.changing);
            changing.incarnations += 1;
            changing.incarnations
        };
        self.note("start", || format!("node {node} as process {incarnation}"));
        let mut rng = self.drawn(Rng::fork);
        let longest = Duration::from_millis(2 * self.weather.lease_ms);
        let rarity = self.weather.preemption_rarity;
        let process = Process::start(Start {
            engine: self.engine.clone(),
            weather: Arc::clone(&self.weather),
            books: Arc::clone(&self.books),
            trace: self.trace.clone(),
            answered_by_all: Arc::clone(&self.answered_serial),
            store: self.reached_by(node, incarnation, &mut rng),
            reading: Reading::new(&place.wall, rng.fork(), rarity, longest, self.trace.clone()),
            node,
            incarnation,
            rng,
        });
        *locked(&place.process) = Some(process);
    }

    /// Both servers, as a process reaches them.
    fn reached_by(&self, node: usize, process: usize, rng: &mut Rng) -> OpenStore {
        let mut open = idgen_store::open("memory:").expect("it is built in");
        open.sequences = Arc::new(RemoteStore {
            depot: self.depot.clone(),
            net: self.net.clone(),
            engine: self.engine.clone(),
            node,
            rng: Arc::new(Mutex::new(rng.fork())),
        });
        open.workers = Some(Arc::new(RemoteRegistry {
            office: self.office.clone(),
            net: self.net.clone(),
            node,
            process,
        }));
        open
    }

    /// Ends a node's process where it stands, if it is still this one.
    pub(crate) fn end(&self, node: usize, process: &Arc<Process>) {
        let mut place = locked(&self.nodes[node].process);
        if place.as_ref().is_some_and(|running| Arc::ptr_eq(running, process)) {
            *place = None;
        }
        drop(place);
        process.die();
    }

    /// The processes that run, with their nodes.
    pub(crate) fn running(&self) -> Vec<(usize, Arc<Process>)> {
        let with_node = |(at, node): (usize, &Node)| Some((at, node.process()?));
        self.nodes.iter().enumerate().filter_map(with_node).collect()
    }
}
