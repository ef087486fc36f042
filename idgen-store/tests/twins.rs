//! Memory and SQLite under the same random requests: the same answers, and no id granted twice.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::collections::HashSet;

use idgen_core::IdRange;
use idgen_store::conformance::block_on;
use idgen_store::memory::MemoryStore;
use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use idgen_store::{Alteration, Definition, Lease, Name, Order, SequenceStore};
use proptest::prelude::*;

mod scratch;

use scratch::Scratch;

#[derive(Clone, Debug)]
enum Step {
    Create {
        increment: u64,
        end: u64,
    },
    Lease {
        len: u64,
        above: u64,
    },
    /// Hands back the last `len` ids of a lease that is in hand.
    HandBack {
        lease: usize,
        len: u64,
    },
    AdvanceBy(u64),
    Alter {
        increment: u64,
        above: u64,
    },
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1_u64..5, 50_u64..800).prop_map(|(increment, end)| Step::Create { increment, end }),
        8 => (0_u64..20, prop_oneof![3 => Just(0_u64), 1 => 0_u64..500])
            .prop_map(|(len, above)| Step::Lease { len, above }),
        5 => (any::<prop::sample::Index>(), 1_u64..12)
            .prop_map(|(lease, len)| Step::HandBack { lease: lease.index(1 << 16), len }),
        1 => (0_u64..20).prop_map(Step::AdvanceBy),
        1 => (1_u64..5, 0_u64..600).prop_map(|(increment, above)| Step::Alter { increment, above }),
        1 => Just(Step::Delete),
    ]
}

/// A node that issues what it leased, but for the tails it hands back.
#[derive(Default)]
struct Node {
    leases: Vec<Lease>,
    issued: HashSet<u64>,
}

impl Node {
    fn tail(&self, lease: usize, len: u64) -> Option<Lease> {
        let lease = self.leases.get(lease.checked_rem(self.leases.len())?)?;
        let range = lease.range.part(lease.range.len().checked_sub(len)?, len)?;
        Some(Lease { range, serial: lease.serial })
    }

    fn issue(&mut self, range: &IdRange) -> Result<(), TestCaseError> {
        for id in range {
            prop_assert!(self.issued.insert(id), "{id} was granted twice");
        }
        Ok(())
    }

    fn forget(&mut self, tail: &Lease) {
        self.issued.retain(|id| !tail.range.contains(*id));
        self.leases.retain(|lease| lease.serial != tail.serial);
    }
}

/// Runs a step and says in words what came of it.
fn run(store: &dyn SequenceStore, step: &Step, tail: Option<&Lease>) -> (String, Option<Lease>) {
    let name = Name::new("orders").unwrap();
    let said = match step {
        Step::Create { increment, end } => {
            let made = Definition::new(1, *increment, 1, *end, Order::Leased).unwrap();
            format!("{:?}", block_on(store.create(&name, &made)))
        }
        Step::Lease { len, above } => match block_on(store.lease(&name, *len, *above)) {
            Ok(lease) => return (format!("{lease:?}"), Some(lease)),
            Err(error) => format!("{error:?}"),
        },
        Step::HandBack { .. } => {
            format!("{:?}", tail.map(|tail| block_on(store.hand_back(&name, tail))))
        }
        Step::AdvanceBy(by) => {
            let last = block_on(store.last(&name)).unwrap_or_default();
            format!("{:?}", block_on(store.advance_to(&name, last + by)))
        }
        Step::Alter { increment, above } => {
            let change =
                Alteration { increment: Some(*increment), above: *above, ..Alteration::default() };
            format!("{:?}", block_on(store.alter(&name, &change)))
        }
        Step::Delete => format!("{:?}", block_on(store.delete(&name))),
    };
    (said, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn twins_say_the_same(steps in prop::collection::vec(step(), 1..60)) {
        let scratch = Scratch::new();
        let kept = SqliteStore::open(scratch.file(), SqliteOptions::default()).unwrap();
        let memory = MemoryStore::new();
        let first = Step::Create { increment: 2, end: 700 };
        let mut node = Node::default();
        for step in std::iter::once(&first).chain(&steps) {
            let tail = match step {
                Step::HandBack { lease, len } => node.tail(*lease, *len),
                _ => None,
            };
            let (said, lease) = run(&memory, step, tail.as_ref());
            let (also_said, _) = run(&kept, step, tail.as_ref());
            prop_assert_eq!(&said, &also_said, "after {:?}", step);
            if said == "Some(Ok(()))" {
                node.forget(&tail.expect("only a hand-back says so"));
            }
            if let Some(lease) = lease {
                node.issue(&lease.range)?;
                node.leases.push(lease);
            }
        }
        let listed = block_on(SequenceStore::list(&memory)).unwrap();
        prop_assert_eq!(listed, block_on(SequenceStore::list(&kept)).unwrap());
    }
}
