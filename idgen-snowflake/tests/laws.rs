//! A generator and its successors against a dull twin, under clocks that do anything.
//!
//! With a clock that has no hint every call takes the slow path, and the twin, a mutex around
//! plain numbers, must answer the same to the letter. With hints numbers may be dropped, so there
//! the laws are tested: nothing twice, nothing outside the lease, nothing outside the window.

#![cfg(not(idgen_loom))]

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::sync::Mutex;

use idgen_core::{Clock, Ended, Floor, LeaseToken, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{ExtendError, Layout, Snowflake};
use proptest::prelude::*;

const T: u64 = 1_750_000_000_000;
const WORKER: u64 = 2;
const LAYOUTS: [Layout; 4] = [
    Layout::builder(41).node("worker", 10).sequence(3).build(),
    Layout::builder(39).epoch_unix_ms(T - 7_777).tick_ms(10).sequence(4).node("w", 16).build(),
    Layout::builder(41).node("hi", 3).sequence(6).node("lo", 5).tick_ms(3).build(),
    Layout::builder(32).epoch_unix_ms(0).tick_ms(1000).node("w", 8).sequence(5).unsigned().build(),
];

#[derive(Clone, Copy)]
struct Now {
    unix_ms: u64,
    hinted: bool,
}

impl Clock for Now {
    fn unix_ms(&self) -> u64 {
        self.unix_ms
    }

    fn hint_unix_ms(&self) -> u64 {
        if self.hinted { self.unix_ms } else { 0 }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Next,
    Take(u64),
    Fill(usize),
    Step(i64),
    Jump(u64),
    Extend(u64),
    Foreign,
    Resume,
    Release,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let jumps = prop_oneof![Just(0), Just(1), Just(T - 100_000), Just(T + 5_000), Just(u64::MAX)];
    let act = prop_oneof![
        8 => Just(Act::Next),
        3 => (1_u64..50).prop_map(Act::Take),
        2 => (0_usize..90).prop_map(Act::Fill),
        6 => (-3_i64..6).prop_map(Act::Step),
        2 => (-60_i64..90).prop_map(Act::Step),
        1 => (-4_000_i64..4_000).prop_map(Act::Step),
        1 => jumps.prop_map(Act::Jump),
        1 => Just(Act::Jump(T)),
        3 => (0_u64..40).prop_map(Act::Extend),
        1 => Just(Act::Foreign),
        1 => Just(Act::Resume),
        1 => Just(Act::Release),
    ];
    prop::collection::vec(act, 1..120)
}

/// Plain numbers in a mutex; ticks counted from the epoch and far from every edge of their type.
struct Twin {
    layout: Layout,
    borrow: i128,
    state: Mutex<Plain>,
}

#[derive(Clone, Copy)]
struct Plain {
    tick: i128,
    sequence: u64,
    horizon: i128,
}

impl Twin {
    fn new(layout: &Layout, borrow_ms: u64, floor: Floor, horizon_ms: u64) -> Self {
        let twin = Self {
            layout: *layout,
            borrow: i128::from(borrow_ms / layout.tick_ms()),
            state: Mutex::new(Plain { tick: 0, sequence: 0, horizon: 0 }),
        };
        let begins = twin.tick(floor.unix_ms);
        let exact = twin.unix_ms(begins) == i128::from(floor.unix_ms);
        let (tick, sequence) = if exact { (begins, floor.sequence) } else { (begins + 1, 0) };
        *twin.state.lock().unwrap() = Plain { tick, sequence, horizon: twin.tick(horizon_ms) };
        twin
    }

    fn tick(&self, unix_ms: u64) -> i128 {
        (i128::from(unix_ms) - i128::from(self.layout.epoch_unix_ms()))
            .div_euclid(i128::from(self.layout.tick_ms()))
    }

    fn unix_ms(&self, tick: i128) -> i128 {
        i128::from(self.layout.epoch_unix_ms()) + tick * i128::from(self.layout.tick_ms())
    }

    /// What `take(n)` answers: where the block starts and how long it is. A tick that the clock
    /// opens starts where the subject says, within the first sixteenth.
    fn take(&self, unix_ms: u64, n: u64, said: Option<u64>) -> Result<(i128, u64, u64), Refusal> {
        let mut state = self.state.lock().unwrap();
        let now = self.tick(unix_ms);
        if state.tick >= state.horizon {
            return Err(Refusal::Exhausted);
        }
        if state.tick > now + self.borrow {
            let wait_ms = self.unix_ms(state.tick - self.borrow) - i128::from(unix_ms);
            return Err(Refusal::NotYet { wait_ms: u64::try_from(wait_ms).unwrap() });
        }
        let numbers = self.layout.sequence().max() + 1;
        let present = now.min(state.horizon - 1);
        if state.tick < present {
            state.tick = present;
            state.sequence = said.unwrap_or(0);
            assert!(state.sequence < (numbers / 16).max(1), "a tick starts too high");
        }
        let (tick, sequence) = (state.tick, state.sequence);
        let len = n.min(numbers - sequence);
        state.sequence += len;
        if state.sequence == numbers {
            (state.tick, state.sequence) = (tick + 1, 0);
        }
        Ok((tick, sequence, len))
    }
}

/// A generator, its registry's record, and everything that was issued under it.
struct Chain {
    snowflake: Snowflake,
    twin: Twin,
    now: Now,
    serial: u64,
    record_ms: u64,
    borrow_ms: u64,
    issued: HashSet<u64>,
    highest: Option<u64>,
    exhausted: bool,
}

fn token(serial: u64) -> LeaseToken {
    LeaseToken { serial, nonce: u128::from(serial) * 7 }
}

impl Chain {
    fn new(layout: &Layout, borrow_ms: u64, hinted: bool) -> Self {
        let record_ms = T + 20 * layout.tick_ms();
        let floor = Floor { unix_ms: T + 1, sequence: 3 };
        let lease = WorkerLease::granted(WORKER, token(1), floor, record_ms).unwrap();
        let snowflake = Snowflake::with_borrow(layout, lease, borrow_ms).unwrap();
        let twin = Twin::new(layout, borrow_ms, floor, record_ms);
        let now = Now { unix_ms: T + 1, hinted };
        let (issued, highest) = (HashSet::new(), None);
        Self {
            snowflake,
            twin,
            now,
            serial: 1,
            record_ms,
            borrow_ms,
            issued,
            highest,
            exhausted: false,
        }
    }

    /// The laws of one id.
    fn accept(&mut self, id: u64) {
        assert!(self.issued.insert(id), "{id} was issued before");
        assert!(self.highest.replace(id).is_none_or(|before| before < id), "ids do not rise");
        let decoded = self.twin.layout.decode(id).unwrap();
        assert_eq!(decoded.worker(), WORKER);
        let at = Floor { unix_ms: decoded.unix_ms(), sequence: decoded.sequence() };
        assert!(at >= self.snowflake.floor() && at.unix_ms < self.record_ms, "outside the lease");
        let (tick, now) = (i128::from(decoded.tick()), self.twin.tick(self.now.unix_ms));
        let horizon = self.twin.tick(self.record_ms);
        assert!(tick < horizon && tick >= now.min(horizon - 1), "older than the clock");
        assert!(tick <= now + self.twin.borrow, "ahead of the window");
    }

    /// The laws of a refusal, and a word about the next call.
    fn refused(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Ended => panic!("nobody ended it"),
            Refusal::Exhausted => self.exhausted = true,
            Refusal::NotYet { wait_ms } => {
                assert!(wait_ms >= 1);
                let early = Now { unix_ms: self.now.unix_ms + wait_ms - 1, ..self.now };
                let one = NonZeroU64::MIN;
                let again = self.snowflake.take(&early, one);
                assert_eq!(again, Err(Refusal::NotYet { wait_ms: 1 }), "the wait is too long");
                self.now.unix_ms += wait_ms;
                let Ok(range) = self.snowflake.take(&self.now, one) else {
                    panic!("the wait is too short");
                };
                let sequence = self.twin.layout.decode(range.start()).unwrap().sequence();
                if !self.now.hinted {
                    let block = self.twin.take(self.now.unix_ms, 1, Some(sequence));
                    assert_eq!(block.map(|(_, sequence, len)| (sequence, len)), Ok((sequence, 1)));
                }
                self.accept(range.start());
            }
        }
    }

    fn check(&mut self, answer: Result<Vec<u64>, Refusal>, asked: u64) {
        if !self.now.hinted {
            let decoded = answer.as_ref().ok().map(|ids| self.twin.layout.decode(ids[0]).unwrap());
            let said = decoded.map(|decoded| decoded.sequence());
            let expected = self.twin.take(self.now.unix_ms, asked, said);
            let found = answer.as_ref().map_err(|&refusal| refusal).map(|ids| {
                let first = decoded.unwrap();
                (i128::from(first.tick()), first.sequence(), ids.len() as u64)
            });
            assert_eq!(found, expected);
        }
        match answer {
            Ok(ids) => ids.into_iter().for_each(|id| self.accept(id)),
            Err(refusal) => self.refused(refusal),
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Next => {
                let answer = self.snowflake.next_id(&self.now).map(|id| vec![id]);
                self.check(answer, 1);
            }
            Act::Take(n) => {
                let range = self.snowflake.take(&self.now, NonZeroU64::new(n).unwrap());
                self.check(range.map(|range| range.iter().collect()), n);
            }
            Act::Fill(n) => self.fill(n),
            Act::Step(ms) => {
                self.now.unix_ms = self.now.unix_ms.min(1 << 60).saturating_add_signed(ms);
            }
            Act::Jump(unix_ms) => self.now.unix_ms = unix_ms,
            Act::Extend(ticks) => self.extend(ticks),
            Act::Foreign => {
                let foreign = Renewal::granted(WORKER, token(self.serial + 1), u64::MAX);
                let answer = self.snowflake.extend(&foreign);
                assert!(matches!(answer, Err(ExtendError::Foreign { .. })));
            }
            Act::Resume => {
                let ended = self.end();
                self.record_ms = self.record_ms.max(ended.floor().unix_ms) + self.ms(20);
                let renewal = Renewal::granted(WORKER, token(self.serial), self.record_ms);
                let lease = WorkerLease::resume(ended, &renewal).unwrap();
                self.succeed(lease);
            }
            Act::Release => {
                let floor = self.end().floor().min(Floor::at(self.record_ms));
                self.serial += 1;
                self.record_ms = floor.unix_ms + self.ms(20);
                let token = token(self.serial);
                let lease = WorkerLease::granted(WORKER, token, floor, self.record_ms);
                self.succeed(lease.unwrap());
            }
        }
    }

    fn ms(&self, ticks: u64) -> u64 {
        ticks * self.twin.layout.tick_ms()
    }

    fn fill(&mut self, n: usize) {
        let mut ids = vec![0; n];
        let had = self.snowflake.fill(&self.now, &mut ids);
        let mut rest = &ids[..had];
        // The twin hands out the same stretch tick by tick.
        while let Some(&first) = rest.first().filter(|_| !self.now.hinted) {
            let first = self.twin.layout.decode(first).unwrap();
            let wanted = (n - (had - rest.len())) as u64;
            let block = self.twin.take(self.now.unix_ms, wanted, Some(first.sequence())).unwrap();
            assert_eq!((block.0, block.1), (i128::from(first.tick()), first.sequence()));
            rest = &rest[usize::try_from(block.2).unwrap()..];
        }
        ids[..had].iter().for_each(|&id| self.accept(id));
        if had < n {
            let refusal = self.snowflake.take(&self.now, NonZeroU64::MIN).unwrap_err();
            self.check(Err(refusal), 1);
        }
    }

    fn extend(&mut self, ticks: u64) {
        let moved_ms = (self.record_ms + self.ms(ticks)).saturating_sub(self.ms(5));
        self.record_ms = self.record_ms.max(moved_ms);
        let renewal = Renewal::granted(WORKER, token(self.serial), moved_ms);
        self.snowflake.extend(&renewal).unwrap();
        let horizon = self.twin.tick(self.record_ms);
        self.twin.state.lock().unwrap().horizon = horizon;
        let horizon_ms = i128::from(self.snowflake.horizon_unix_ms());
        assert_eq!(horizon_ms, self.twin.unix_ms(horizon));
        self.exhausted = false;
    }

    fn end(&mut self) -> Ended {
        let ended = self.snowflake.end().unwrap();
        assert!(self.snowflake.end().is_none() && self.snowflake.is_ended());
        assert_eq!(self.snowflake.next_id(&self.now), Err(Refusal::Ended));
        if let Some(highest) = self.highest {
            let last = self.twin.layout.decode(highest).unwrap();
            let last = Floor { unix_ms: last.unix_ms(), sequence: last.sequence() };
            assert!(last < ended.floor(), "an id at or above the receipt");
        }
        if !self.now.hinted {
            let state = *self.twin.state.lock().unwrap();
            let unix_ms = u64::try_from(self.twin.unix_ms(state.tick)).unwrap();
            assert_eq!(ended.floor(), Floor { unix_ms, sequence: state.sequence });
        }
        if self.exhausted {
            let horizon_ms = self.snowflake.horizon_unix_ms();
            assert!(ended.floor().unix_ms >= horizon_ms, "exhausted with ground left");
        }
        ended
    }

    fn succeed(&mut self, lease: WorkerLease) {
        let (layout, floor) = (self.twin.layout, lease.floor());
        self.twin = Twin::new(&layout, self.borrow_ms, floor, self.record_ms);
        self.snowflake = Snowflake::with_borrow(&layout, lease, self.borrow_ms).unwrap();
        self.exhausted = false;
    }
}

fn run(layout: usize, borrow_ms: u64, hinted: bool, acts: &[Act]) {
    let mut chain = Chain::new(&LAYOUTS[layout], borrow_ms, hinted);
    acts.iter().for_each(|act| chain.act(act));
    chain.act(&Act::Release);
}

fn cases() -> u32 {
    if std::env::var_os("IDGEN_FULL").is_some() { 200_000 } else { 3_000 }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn without_hints_it_is_the_twin(layout in 0_usize..4, borrow in 0_u64..=10, acts in acts()) {
        run(layout, borrow, false, &acts);
    }

    #[test]
    fn with_hints_it_keeps_the_laws(layout in 0_usize..4, borrow in 0_u64..=10, acts in acts()) {
        run(layout, borrow, true, &acts);
    }
}
