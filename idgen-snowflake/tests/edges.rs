//! Where leases, layouts, windows and blocks begin and end.
#![cfg(not(idgen_loom))]

use std::cell::Cell;
use std::num::NonZeroU64;
use std::sync::Arc;

use idgen_core::{At, Clock, Floor, LeaseToken, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{
    Buckets, ClockBehind, ExtendError, Layout, NewError, Snowflake, SnowflakeHandle, preset,
};

const T: u64 = 1_750_000_000_000;

fn standard() -> &'static Layout {
    preset("standard").unwrap()
}

fn lease(from_ms: u64, to_ms: u64) -> WorkerLease {
    WorkerLease::assume(1, Floor::at(from_ms), to_ms).unwrap()
}

fn snowflake(layout: &Layout, from_ms: u64, to_ms: u64) -> Snowflake {
    Snowflake::new(layout, lease(from_ms, to_ms)).unwrap()
}

fn refused(layout: &Layout, lease: WorkerLease) -> NewError {
    let (worker, floor) = (lease.worker(), lease.floor());
    let (error, back) = Snowflake::new(layout, lease).unwrap_err();
    assert_eq!((back.worker(), back.floor()), (worker, floor), "the lease comes back");
    error
}

fn n(count: u64) -> NonZeroU64 {
    NonZeroU64::new(count).unwrap()
}

#[test]
fn a_lease_needs_three_whole_ticks() {
    let short = |ticks, tick_ms| NewError::LeaseTooShort { ticks, tick_ms };
    assert_eq!(refused(standard(), lease(T, T + 2)), short(2, 1));
    assert!(Snowflake::new(standard(), lease(T, T + 3)).is_ok());
    let seconds = Layout::builder(32).epoch_unix_ms(0).tick_ms(1000).sequence(8).build();
    let zero = |from_ms, to_ms| WorkerLease::assume(0, Floor::at(from_ms), to_ms).unwrap();
    assert_eq!(refused(&seconds, zero(T + 1, T + 3999)), short(2, 1000));
    assert_eq!(refused(&seconds, zero(T + 1, T + 2)), short(0, 1000));
    let whole = Snowflake::new(&seconds, zero(T + 1, T + 4999)).unwrap();
    assert_eq!(whole.floor(), Floor::at(T + 1000), "up to a tick");
    assert_eq!(whole.horizon_unix_ms(), T + 4000, "down to a tick");
}

#[test]
fn a_limited_lease_begins_with_less() {
    let limited = |limit_ms| lease(T, T + 1000).limited_to(limit_ms);
    let short = Snowflake::new(standard(), limited(T + 2)).unwrap();
    assert_eq!(short.horizon_unix_ms(), T + 2);
    assert!(short.take(&At(T + 500), n(u64::MAX)).is_ok());
    assert_eq!(short.next_id(&At(T + 500)), Err(Refusal::Exhausted));
    short.extend(&Renewal::assume(1, T + 600)).unwrap();
    let id = short.next_id(&At(T + 500)).unwrap();
    assert_eq!(standard().decode(id).unwrap().unix_ms(), T + 500);
    for limit_ms in [0, T - 1, T] {
        let none = Snowflake::new(standard(), limited(limit_ms)).unwrap();
        assert_eq!(none.next_id(&At(T + 500)), Err(Refusal::Exhausted));
        assert_eq!(none.horizon_unix_ms(), T);
        none.extend(&Renewal::assume(1, T + 600)).unwrap();
        assert!(none.next_id(&At(T + 500)).is_ok());
        let none = Snowflake::new(standard(), limited(limit_ms)).unwrap();
        assert_eq!(none.end().unwrap().floor(), Floor::at(T));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let worker = WorkerLease::assume(1024, Floor::at(T), T + 100).unwrap();
    let error = NewError::WorkerTooLarge { worker: 1024, workers: 1024 };
    assert_eq!(refused(standard(), worker), error);
    let (error, _) = Snowflake::with_borrow(standard(), lease(T, T + 100), 11).unwrap_err();
    assert_eq!(error, NewError::BorrowTooWide { borrow_ms: 11 });
    assert_eq!(refused(preset("genid").unwrap(), lease(T, T + 9000)), NewError::HasBuckets);
    let (error, _) = Buckets::new(standard(), lease(T, T + 100)).unwrap_err();
    assert_eq!(error, NewError::NoBuckets);
}

#[test]
fn a_floor_before_the_epoch_is_raised() {
    let epoch_ms = standard().epoch_unix_ms();
    let early = snowflake(standard(), 5, epoch_ms + 10);
    assert_eq!(early.floor(), Floor::at(epoch_ms));
    assert_eq!(early.next_id(&At(epoch_ms)), Ok(1 << 12));
    assert_eq!(early.next_id(&At(0)), Err(Refusal::NotYet { wait_ms: epoch_ms - 10 }));
    let error = refused(standard(), lease(5, epoch_ms));
    assert_eq!(error, NewError::LeaseTooShort { ticks: 0, tick_ms: 1 });
}

#[test]
fn a_floor_inside_a_tick_goes_on_there() {
    let floor = |unix_ms, sequence| {
        let lease = WorkerLease::assume(1, Floor { unix_ms, sequence }, T + 100).unwrap();
        Snowflake::new(standard(), lease).unwrap()
    };
    assert_eq!(floor(T, 4095).floor(), Floor { unix_ms: T, sequence: 4095 });
    assert_eq!(floor(T, 4096).floor(), Floor::at(T + 1), "no such number: the next tick");
    let last_of_tick = floor(T, 4095);
    let id = last_of_tick.next_id(&At(T)).unwrap();
    assert_eq!(standard().decode(id).unwrap().sequence(), 4095);
    let id = last_of_tick.next_id(&At(T)).unwrap();
    assert_eq!(standard().decode(id).unwrap().unix_ms(), T + 1);
}

#[test]
fn the_last_tick_of_the_layout_is_used_and_is_the_last() {
    for layout in [standard(), &Layout::builder(44).unsigned().node("w", 17).sequence(3).build()] {
        let end_ms = layout.end_unix_ms();
        let last = snowflake(layout, end_ms - 2, end_ms + 60_000);
        assert_eq!(last.horizon_unix_ms(), end_ms);
        let numbers = layout.sequence().max() + 1;
        let range = last.take(&At(end_ms + 5000), n(u64::MAX)).unwrap();
        let found = layout.decode(range.last()).unwrap();
        assert_eq!((found.unix_ms(), found.sequence()), (end_ms - 1, numbers - 1));
        for _ in 0..3 {
            assert_eq!(last.next_id(&At(end_ms)), Err(Refusal::Ended));
        }
        assert!(!last.is_ended(), "refused by the layout, not by an ender");
        let ended = last.end().unwrap();
        assert_eq!(ended.floor().unix_ms, end_ms);
        let again = WorkerLease::resume(ended, &Renewal::assume(1, end_ms + 90_000)).unwrap();
        assert_eq!(refused(layout, again), NewError::LayoutEnded { end_unix_ms: end_ms });
    }
}

#[test]
fn the_clock_alone_never_ends_a_generator() {
    let end_ms = standard().end_unix_ms();
    let far = snowflake(standard(), T, T + 3);
    let mut ids = [0; 5000];
    let had = far.fill(&At(end_ms + 1), &mut ids);
    assert!(had > 3800, "{had} of the last tick");
    assert_eq!(far.next_id(&At(end_ms + 1)), Err(Refusal::Exhausted));
    far.extend(&Renewal::assume(1, T + 10)).unwrap();
    assert!(far.next_id(&At(T + 5)).is_ok(), "the wild clock has not lifted the word");
}

#[test]
fn a_clock_past_the_horizon_wastes_one_number() {
    let late = snowflake(standard(), T, T + 3);
    let had = (0..5000).filter(|_| late.next_id(&At(T + 50)).is_ok()).count();
    // The first call adds in tick 0; all later ones claim without dropping any.
    assert!(had > 4096 - 256 && had <= 4096, "{had} ids");
    late.extend(&Renewal::assume(1, T + 60)).unwrap();
    let (a, b) = (late.next_id(&At(T + 50)).unwrap(), late.next_id(&At(T + 50)).unwrap());
    assert_eq!(b, a + 1, "the fast path is open again");
}

#[test]
fn extensions_are_of_the_same_lease() {
    let token = |serial| LeaseToken { serial, nonce: 77 };
    let lease = WorkerLease::granted(1, token(4), Floor::at(T), T + 100).unwrap();
    let snowflake = Snowflake::new(standard(), lease).unwrap();
    for (worker, serial) in [(1, 5), (2, 4)] {
        let renewal = Renewal::granted(worker, token(serial), T + 200);
        let foreign =
            ExtendError::Foreign { worker: 1, lease: 4, renewal_worker: worker, renewal: serial };
        assert_eq!(snowflake.extend(&renewal), Err(foreign));
    }
    let other_nonce = Renewal::granted(1, LeaseToken { serial: 4, nonce: 78 }, T + 200);
    assert!(snowflake.extend(&other_nonce).is_err());
    let extend = |to_ms| snowflake.extend(&Renewal::granted(1, token(4), to_ms));
    assert_eq!((extend(T + 200), snowflake.horizon_unix_ms()), (Ok(()), T + 200));
    assert_eq!((extend(T + 150), snowflake.horizon_unix_ms()), (Ok(()), T + 200));
    assert_eq!((extend(0), snowflake.horizon_unix_ms()), (Ok(()), T + 200));
    let end_ms = standard().end_unix_ms();
    assert_eq!((extend(u64::MAX), snowflake.horizon_unix_ms()), (Ok(()), end_ms));
    assert!(snowflake.end().is_some());
    assert_eq!(extend(T + 300), Err(ExtendError::Ended));
}

#[test]
fn the_word_counts_to_a_bound_and_a_receipt_goes_on() {
    let wide = Layout::builder(32).unsigned().sequence(32).build();
    let (from_ms, full_ticks) = (wide.epoch_unix_ms(), 1 << 30);
    let lease = |to_ms| WorkerLease::assume(0, Floor::at(from_ms), to_ms).unwrap();
    let error = NewError::LeaseTooLong { ticks: full_ticks, max_ticks: full_ticks - 1 };
    assert_eq!(refused(&wide, lease(from_ms + full_ticks)), error);
    let old = Snowflake::new(&wide, lease(from_ms + 100)).unwrap();
    let extend = |to_ms| old.extend(&Renewal::assume(0, to_ms));
    assert_eq!(extend(from_ms + full_ticks), Err(ExtendError::WordFull));
    assert_eq!(extend(from_ms + full_ticks - 1), Ok(()));
    let clock = At(from_ms + full_ticks - 2);
    let before = old.next_id(&clock).unwrap();
    let renewal = Renewal::assume(0, from_ms + full_ticks + 1000);
    let lease = WorkerLease::resume(old.end().unwrap(), &renewal).unwrap();
    let heir = Snowflake::new(&wide, lease).unwrap();
    assert_eq!(heir.next_id(&clock), Ok(before + 1), "the successor goes on in the tick");
}

#[test]
fn the_borrow_window_is_in_whole_ticks() {
    // Tick in ms, window asked for in ms, window in ticks.
    for (tick_ms, borrow_ms, ticks) in
        [(1, 10, 10), (1, 0, 0), (3, 10, 3), (10, 10, 1), (10, 9, 0), (1000, 10, 0)]
    {
        let layout = Layout::builder(32).epoch_unix_ms(T).tick_ms(tick_ms).sequence(2).build();
        let lease = WorkerLease::assume(0, Floor::at(T), T + 100 * tick_ms).unwrap();
        let snowflake = Snowflake::with_borrow(&layout, lease, borrow_ms).unwrap();
        let had = (0..200).filter(|_| snowflake.next_id(&At(T + tick_ms - 1)).is_ok()).count();
        assert_eq!(had, 4 * (ticks + 1), "ticks of {tick_ms} ms, window of {borrow_ms} ms");
        let wait = snowflake.next_id(&At(T + tick_ms - 1));
        assert_eq!(wait, Err(Refusal::NotYet { wait_ms: 1 }));
        assert_eq!(snowflake.next_id(&At(T)), Err(Refusal::NotYet { wait_ms: tick_ms }));
    }
}

#[test]
fn a_burst_meets_the_ceiling() {
    // 40,000 ids at one moment of a 12-bit layout: now and 10 ticks ahead are 45,056 numbers.
    let burst = snowflake(standard(), T, T + 1000);
    let ids: Vec<u64> = (0..40_000).map(|_| burst.next_id(&At(T)).unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1 || pair[1] >> 22 > pair[0] >> 22));
    // Then, saturated, each tick yields 4096.
    let mut had = 0;
    for ms in 1..=200 {
        had += (0..6000).filter(|_| burst.next_id(&At(T + ms)).is_ok()).count();
    }
    let ceiling = 200 * 4096 + 5_056;
    assert!(had <= ceiling && had * 100 >= 99 * ceiling, "{had} of {ceiling}");
}

#[test]
fn low_rate_ids_do_not_all_begin_at_zero() {
    let slow = snowflake(standard(), T, T + 100_000);
    let sequence = |id| standard().decode(id).unwrap().sequence();
    let starts: Vec<u64> =
        (1..100).map(|at| sequence(slow.next_id(&At(T + 100 * at)).unwrap())).collect();
    let odd = starts.iter().filter(|&&start| start % 2 == 1).count();
    assert!((30..70).contains(&odd), "{odd} of 99 odd");
    assert!(starts.iter().all(|&start| start < 256), "a start above a sixteenth");
}

#[test]
fn handles_share_a_quarter_of_a_tick() {
    let shared = Arc::new(snowflake(standard(), T, T + 1000));
    let mut handles: Vec<_> = (0..4).map(|_| SnowflakeHandle::new(Arc::clone(&shared))).collect();
    for handle in &mut handles {
        handle.next_id(&At(T)).unwrap();
    }
    assert_eq!(shared.end().unwrap().floor().sequence, 4 * 256);
    let rest = (0..300).filter(|_| handles[0].next_id(&At(T)).is_ok()).count();
    assert_eq!(rest, 255, "a block taken before the end stays valid");
    handles[1].drop_block();
    assert_eq!(handles[1].next_id(&At(T)), Err(Refusal::Ended));
}

#[test]
fn a_block_is_kept_while_its_tick_may_be_stamped() {
    let tens = Layout::builder(39).epoch_unix_ms(T - 5).tick_ms(10).sequence(8).build();
    let lease = WorkerLease::assume(0, Floor::at(T), T + 10_000).unwrap();
    let shared = Snowflake::new(&tens, lease).unwrap();
    let mut handle = SnowflakeHandle::new(&shared);
    let mut tick_at = |unix_ms| {
        let id = handle.next_id(&At(unix_ms)).unwrap();
        (tens.decode(id).unwrap().unix_ms(), tens.decode(id).unwrap().sequence())
    };
    let (tick_ms, first) = tick_at(T + 105);
    assert_eq!(tick_ms, T + 105);
    assert_eq!(tick_at(T + 114), (tick_ms, first + 1), "to the end of the tick");
    assert_eq!(tick_at(T + 95), (tick_ms, first + 2), "one tick behind is borrowed");
    assert_eq!(tick_at(T + 115).0, T + 115, "a new tick, a new block");
    let behind = handle.next_id(&At(T + 104));
    assert_eq!(behind, Err(Refusal::NotYet { wait_ms: 1 }), "two ticks behind");
}

/// A clock whose publisher sleeps.
struct Parked(u64);

impl Clock for Parked {
    fn unix_ms(&self) -> u64 {
        self.0
    }

    fn hint_unix_ms(&self) -> u64 {
        0
    }
}

#[test]
fn without_a_hint_the_exact_clock_decides() {
    let shared = snowflake(standard(), T, T + 1000);
    let mut handle = SnowflakeHandle::new(&shared);
    let first = handle.next_id(&Parked(T + 5)).unwrap();
    assert_eq!(handle.next_id(&Parked(T + 5)), Ok(first + 1), "the block goes on");
    let later = standard().decode(handle.next_id(&Parked(T + 6)).unwrap()).unwrap();
    assert_eq!(later.unix_ms(), T + 6);
    let direct = standard().decode(shared.next_id(&Parked(T + 9)).unwrap()).unwrap();
    assert_eq!(direct.unix_ms(), T + 9);
}

#[test]
fn waiting_is_bounded_and_only_for_the_clock() {
    let shared = snowflake(standard(), T, T + 1000);
    let ask = |behind: ClockBehind, from_ms: u64| {
        let (now, slept) = (Cell::new(from_ms), Cell::new(0));
        let answer = behind.insist(
            || shared.next_id(&At(now.get())),
            |ms| {
                now.set(now.get() + ms);
                slept.set(slept.get() + ms);
            },
        );
        (answer.map(|_| ()), slept.get())
    };
    let not_yet = |wait_ms| Err(Refusal::NotYet { wait_ms });
    assert_eq!(ask(ClockBehind::Refuse, T - 15), (not_yet(5), 0));
    assert_eq!(ask(ClockBehind::Wait { max_ms: 4 }, T - 15), (not_yet(5), 0));
    assert_eq!(ask(ClockBehind::Wait { max_ms: 5 }, T - 15), (Ok(()), 5));
    assert!(shared.end().is_some());
    assert_eq!(ask(ClockBehind::Wait { max_ms: 5 }, T), (Err(Refusal::Ended), 0));
    // A clock that stands still while it is waited for does not hold the caller for ever.
    let mut slept_ms = 0;
    let stuck: Result<(), _> =
        ClockBehind::Wait { max_ms: 20 }.insist(|| not_yet(6), |ms| slept_ms += ms);
    assert_eq!((stuck, slept_ms), (not_yet(6), 18));
}

#[test]
fn buckets_are_apart_and_end_as_one() {
    let genid = preset("genid").unwrap();
    let floor = Floor { unix_ms: T, sequence: 9 };
    let lease = WorkerLease::assume(2047, floor, T + 5000).unwrap();
    let buckets = Buckets::new(genid, lease).unwrap();
    assert_eq!((buckets.len(), buckets.bucket(32).is_none()), (32, true));
    for number in 0..32 {
        let id = buckets.bucket(number).unwrap().next_id(&At(T)).unwrap();
        let decoded = genid.decode(id).unwrap();
        assert_eq!(decoded.bucket(), Some(number as u64));
        assert_eq!((decoded.worker(), decoded.sequence()), (2047, 9));
    }
    let mut ids = [0; 70_000];
    assert_eq!(buckets.bucket(7).unwrap().fill(&At(T), &mut ids), 65_526);
    buckets.extend(&Renewal::assume(2047, T + 9500)).unwrap();
    assert_eq!((buckets.horizon_unix_ms(), buckets.floor()), (T + 9000, floor));
    let range = buckets.bucket(3).unwrap().take(&At(T + 8999), n(10)).unwrap();
    let greatest = genid.decode(range.last()).unwrap();
    let ended = buckets.end().unwrap();
    let above = Floor { unix_ms: greatest.unix_ms(), sequence: greatest.sequence() + 1 };
    assert_eq!((ended.floor(), ended.worker()), (above, 2047));
    assert!(buckets.is_ended() && buckets.end().is_none());
    let renewal = Renewal::assume(2047, T + 20_000);
    assert_eq!(buckets.extend(&renewal), Err(ExtendError::Ended));
    let few = Layout::builder(40).bucket("b", 2).sequence(8).build();
    let lease = WorkerLease::assume(0, Floor::at(T), T + 100).unwrap();
    let four = Buckets::new(&few, lease).unwrap();
    assert_eq!((four.len(), four.bucket(4).is_none()), (4, true));
    assert_eq!(four.end().unwrap().floor(), Floor::at(T));
}

#[test]
fn an_ended_generator_says_so_whatever_the_renewal() {
    let wide = Layout::builder(32).unsigned().sequence(32).build();
    let from_ms = wide.epoch_unix_ms();
    let lease = WorkerLease::assume(0, Floor::at(from_ms), from_ms + 100).unwrap();
    let snowflake = Snowflake::new(&wide, lease).unwrap();
    let too_far = Renewal::assume(0, from_ms + (1 << 30));
    assert_eq!(snowflake.extend(&too_far), Err(ExtendError::WordFull));
    assert!(snowflake.end().is_some());
    assert_eq!(snowflake.extend(&too_far), Err(ExtendError::Ended));
}
