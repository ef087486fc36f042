//! A store under the same random requests as the one in memory: the same answers, and no id granted
//! twice.

use std::collections::HashSet;

use idgen_core::IdRange;
use idgen_store::memory::MemoryStore;
use idgen_store::{Alteration, Arrival, Definition, Lease, Name, Order, SequenceStore};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Step {
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
    MoveAway {
        far: bool,
    },
    MoveIn {
        increment: u64,
        bound: u64,
        far: bool,
    },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1_u64..5, 50_u64..800).prop_map(|(increment, end)| Step::Create { increment, end }),
        8 => (0_u64..20, prop_oneof![3 => Just(0_u64), 1 => 0_u64..500])
            .prop_map(|(len, above)| Step::Lease { len, above }),
        5 => (any::<prop::sample::Index>(), 1_u64..12)
            .prop_map(|(lease, len)| Step::HandBack { lease: lease.index(1 << 16), len }),
        1 => (0_u64..20).prop_map(Step::AdvanceBy),
        1 => (1_u64..5, 0_u64..600).prop_map(|(increment, above)| Step::Alter { increment, above }),
        1 => Just(Step::Delete),
        1 => any::<bool>().prop_map(|far| Step::MoveAway { far }),
        2 => (1_u64..4, 0_u64..600, any::<bool>())
            .prop_map(|(increment, bound, far)| Step::MoveIn { increment, bound, far }),
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

fn place(far: bool) -> &'static str {
    if far { "far:" } else { "near:" }
}

/// Runs a step and says in words what came of it.
async fn run(
    store: &dyn SequenceStore,
    step: &Step,
    tail: Option<&Lease>,
) -> (String, Option<Lease>) {
    let name = Name::new("orders").unwrap();
    let said = match step {
        Step::Create { increment, end } => {
            let made = Definition::new(1, *increment, 1, *end, Order::Leased).unwrap();
            format!("{:?}", store.create(&name, &made).await)
        }
        Step::Lease { len, above } => match store.lease(&name, *len, *above).await {
            Ok(lease) => return (format!("{lease:?}"), Some(lease)),
            Err(error) => format!("{error:?}"),
        },
        Step::HandBack { .. } => match tail {
            Some(tail) => format!("{:?}", Some(store.hand_back(&name, tail).await)),
            None => "no lease in hand".to_owned(),
        },
        Step::AdvanceBy(by) => {
            let last = store.last(&name).await.unwrap_or_default();
            format!("{:?}", store.advance_to(&name, last + by).await)
        }
        Step::Alter { increment, above } => {
            let change =
                Alteration { increment: Some(*increment), above: *above, ..Alteration::default() };
            format!("{:?}", store.alter(&name, &change).await)
        }
        Step::Delete => format!("{:?}", store.delete(&name).await),
        Step::MoveAway { far } => format!("{:?}", store.move_away(&name, place(*far)).await),
        Step::MoveIn { increment, bound, far } => {
            let definition = Definition::new(1, *increment, 1, 700, Order::Leased).unwrap();
            let from = place(*far).to_owned();
            let arrival = Arrival { definition, bound: *bound, from };
            format!("{:?}", store.move_in(&name, &arrival).await)
        }
    };
    (said, None)
}

/// Runs the steps on a new, empty store and on its twin in memory.
pub(crate) async fn compare(kept: &dyn SequenceStore, steps: &[Step]) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    let first = Step::Create { increment: 2, end: 700 };
    let mut node = Node::default();
    for step in std::iter::once(&first).chain(steps) {
        let tail = match step {
            Step::HandBack { lease, len } => node.tail(*lease, *len),
            _ => None,
        };
        let (said, lease) = run(&memory, step, tail.as_ref()).await;
        let (also_said, _) = run(kept, step, tail.as_ref()).await;
        prop_assert_eq!(&said, &also_said, "after {:?}", step);
        if said == "Some(Ok(()))" {
            node.forget(&tail.expect("only a hand-back says so"));
        }
        if let Some(lease) = lease {
            node.issue(&lease.range)?;
            node.leases.push(lease);
        }
    }
    prop_assert_eq!(memory.list().await.unwrap(), kept.list().await.unwrap());
    Ok(())
}
