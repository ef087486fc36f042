//! What a seed decides before anything runs: who there is, and what may go wrong.
//!
//! Each run has some kinds of trouble and lacks others: trouble of all kinds at once would hide
//! what each of them does.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use idgen_runtime::snowflake::{Layout, preset};
use idgen_store::{Definition, Order};

use crate::wire::Faults;

/// Something that happens to a node, to the net or to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// A clock is set forward or back, by milliseconds up to hours.
    ClockStep,
    /// A clock is set right.
    ClockRight,
    /// A clock stands still for a while.
    ClockFreeze,
    /// A clock runs at another rate.
    ClockRate,
    /// The clock of the registry's machine is set.
    HostStep,
    /// The registry's machine is booted anew.
    HostBoot,
    /// A whole process is stopped for a while, as by SIGSTOP.
    Stall,
    /// The thread that renews and refills is stopped for a while.
    KeeperStall,
    /// The threads of requests are stopped for a while.
    LoadStall,
    /// A process dies, and another is started, mostly with the clock set back.
    Crash,
    /// A process is stopped in good order, and another is started.
    Stop,
    /// A node reaches no server for a while.
    CutOff,
    /// The servers are out for a while.
    Outage,
    /// An operator takes a worker id away.
    Evict,
    /// An operator moves the sequence up.
    Advance,
    /// The store of the sequence goes back, and an operator thaws it.
    GoBack,
}

const TROUBLES: [Trouble; 16] = [
    Trouble::ClockStep,
    Trouble::ClockRight,
    Trouble::ClockFreeze,
    Trouble::ClockRate,
    Trouble::HostStep,
    Trouble::HostBoot,
    Trouble::Stall,
    Trouble::KeeperStall,
    Trouble::LoadStall,
    Trouble::Crash,
    Trouble::Stop,
    Trouble::CutOff,
    Trouble::Outage,
    Trouble::Evict,
    Trouble::Advance,
    Trouble::GoBack,
];

/// The circumstances of a run.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) layout: Layout,
    pub(crate) nodes: usize,
    /// Barely enough worker ids for all nodes, so that they pass from hand to hand.
    pub(crate) ids: RangeInclusive<u64>,
    /// Of ten processes so many wish for an id of their node's own, and for no other.
    pub(crate) pinned: u32,
    pub(crate) lease_ms: u64,
    /// Where clocks are set by hours, few processes start under the usual limit.
    pub(crate) clock_limit_ms: u64,
    pub(crate) borrow_ms: u64,
    pub(crate) store_timeout: Duration,
    pub(crate) definition: Definition,
    pub(crate) max_step: u64,
    pub(crate) faults: Faults,
    pub(crate) troubles: Vec<Trouble>,
    /// Between two troubles.
    pub(crate) calm_ms: u64,
    pub(crate) lasts: Duration,
    /// One reading of a clock of so many finds its thread preempted.
    pub(crate) preemption_rarity: u32,
    /// Threads of requests, for each kind of id, and their longest pause.
    pub(crate) threads: usize,
    pub(crate) pause_ms: u64,
}

impl Weather {
    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        let layout = layout(rng);
        let nodes = rng.usize(2..=4);
        let spare = rng.u64(0..=2);
        let ids = rng.u64(0..=2);
        let lease_ms = match layout.tick_ms() {
            1000 => pick(rng, &[4_000, 6_000, 10_000]),
            _ => pick(rng, &[1_000, 2_000, 3_000, 10_000]),
        };
        let lasts_ms = lease_ms * rng.u64(6..=15);
        Self {
            layout,
            nodes,
            ids: ids..=ids + nodes as u64 - 2 + spare,
            pinned: pick(rng, &[0, 0, 5, 10]),
            lease_ms,
            clock_limit_ms: pick(rng, &[5_000, u64::MAX]),
            borrow_ms: pick(rng, &[0, 5, 10, 10]),
            store_timeout: Duration::from_millis(pick(rng, &[200, 500, 2000])),
            definition: definition(rng),
            max_step: pick(rng, &[50, 500, 5000]),
            faults: faults(rng, lease_ms),
            troubles: TROUBLES.into_iter().filter(|_| rng.u32(..5) < 2).collect(),
            calm_ms: pick(rng, &[200, 500, 1500]),
            lasts: Duration::from_millis(lasts_ms),
            preemption_rarity: pick(rng, &[20, 100, 1000]),
            threads: rng.usize(1..=2),
            pause_ms: lasts_ms / pick(rng, &[20, 50, 150]),
        }
    }
}

pub(crate) fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

fn layout(rng: &mut Rng) -> Layout {
    let name =
        pick(rng, &["standard", "standard", "js-safe", "genid", "sonyflake", "ksuid-seconds"]);
    preset(name).copied().expect("a preset of this name")
}

fn definition(rng: &mut Rng) -> Definition {
    let increment = pick(rng, &[1, 1, 2, 7]);
    let order = if rng.u32(..4) == 0 { Order::Strict } else { Order::Leased };
    let offset = rng.u64(..increment);
    Definition::new(1, increment, offset, u64::MAX, order).expect("there are such numbers")
}

fn faults(rng: &mut Rng, lease_ms: u64) -> Faults {
    let mut share = |most: u32| if rng.bool() { rng.u32(0..=most) } else { 0 };
    let (lost_requests, lost_answers) = (share(150), share(150));
    let (late, doubled, refused) = (share(150), share(200), share(150));
    Faults {
        lost_requests,
        lost_answers,
        late,
        doubled,
        refused,
        latest_ms: pick(rng, &[100, lease_ms, 2 * lease_ms]),
    }
}
