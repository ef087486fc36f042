//! What is told of a fail-over while it goes on: every step, in events with fields.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::network::{orders, wait};
use crate::stage::Stage;

/// Keeps the events of one thread, a line each.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("idgen_store")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The events that come of some work on this thread.
fn heard(work: impl FnOnce()) -> Vec<String> {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), work);
    listener.0.lock().unwrap().clone()
}

#[test]
fn a_node_that_names_another_is_told() {
    let stage = Stage::new();
    stage.stocked();
    let store = stage.store(&[3], "&peers=listed");
    let lines = heard(|| assert!(wait(store.lease(&orders(), 1, 0)).is_ok()));
    let [line] = &lines[..] else { panic!("one step: {lines:?}") };
    assert!(line.starts_with("INFO") && line.contains("named another"), "{line}");
    assert!(line.contains(&format!("node=http://{}", stage.address(3))), "{line}");
    assert!(line.contains(&format!("other=http://{}", stage.address(1))), "{line}");
    let more = heard(|| assert!(wait(store.lease(&orders(), 1, 0)).is_ok()));
    assert_eq!(more, [""; 0], "no word while all is well");
}

#[test]
fn each_round_without_a_leader_is_told_and_counted() {
    let stage = Stage::new();
    let store = stage.store(&[1], "&retries=3");
    wait(store.create(&orders(), &Default::default())).unwrap();
    stage.order("node?node=1&up=false");
    stage.order("leader?node=none");
    let lines = heard(|| assert!(wait(store.lease(&orders(), 1, 0)).is_err()));
    let rounds: Vec<&String> =
        lines.iter().filter(|line| line.contains("the peers are asked again")).collect();
    assert_eq!(rounds.len(), 3, "{lines:?}");
    for (line, attempt) in rounds.iter().zip(1..) {
        assert!(line.starts_with("WARN") && line.contains("of=3"), "{line}");
        assert!(line.contains(&format!("attempt={attempt}")), "{line}");
    }
    let gone = |line: &&String| line.contains("cannot be reached") && line.contains("node=http");
    assert_eq!(lines.iter().filter(gone).count(), 4, "the dead node, in each round: {lines:?}");
}
