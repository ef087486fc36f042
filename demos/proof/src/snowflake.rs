//! Ids from leased time.

use core::num::NonZeroU64;

use idgen_core::{At, Floor, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{
    Buckets, Decoded, ExtendError, Layout, MAX_NODE_FIELDS, PRESETS, Role, Snowflake,
    SnowflakeHandle, preset,
};

use crate::Seen;

/// A moment of 2025, in Unix milliseconds.
const T: u64 = 1_750_000_000_000;
const WORKER: u64 = 5;
/// Numbers of a tick.
const PER_TICK: u64 = 64;
/// The node below the sequence, as Sonyflake has it: an id's number of the tick is not its end.
const LAYOUT: Layout =
    Layout::builder(41).epoch_unix_ms(T - 1000).sequence(6).node("worker", 4).build();

fn lease(for_ms: u64) -> WorkerLease {
    WorkerLease::assume(WORKER, Floor::at(T), T + for_ms).expect("a lease")
}

/// Without borrowed time, so that each tick is used up before the clock moves.
fn generator(lease: WorkerLease) -> Snowflake {
    Snowflake::with_borrow(&LAYOUT, lease, 0).expect("a generator")
}

/// Ids of [`LAYOUT`] of the 64 ticks from T on.
struct Numbers(Seen);

impl Numbers {
    fn new() -> Self {
        Self(Seen::from(0, 1))
    }

    fn of(decoded: &Decoded<'_>) -> u64 {
        assert_eq!(decoded.worker(), WORKER);
        (decoded.unix_ms() - T) * PER_TICK + decoded.sequence()
    }

    fn mark(&mut self, id: u64) {
        self.0.mark(Self::of(&LAYOUT.decode(id).expect("an id of the layout")));
    }

    /// Marks an id above all before it; composed of its parts it is the same.
    fn mark_rising(&mut self, id: u64) {
        let decoded = LAYOUT.decode(id).expect("an id of the layout");
        self.0.mark_rising(Self::of(&decoded));
        let composed = LAYOUT.compose(decoded.unix_ms(), &[("worker", WORKER)], decoded.sequence());
        assert_eq!(composed, Ok(id));
    }
}

/// Every tick of a lease used up, one id at a time.
pub(crate) fn ids_rise_and_decode() -> u32 {
    let (snowflake, mut numbers) = (generator(lease(64)), Numbers::new());
    for now in (0..64).map(|ms| At(T + ms)) {
        while let Ok(id) = snowflake.next_id(&now) {
            assert_eq!(LAYOUT.decode(id).map(|decoded| decoded.unix_ms()), Ok(now.0));
            numbers.mark_rising(id);
        }
    }
    // A tick starts at one of its first four numbers.
    assert!(numbers.0.count() > 64 * 60, "only {} ids", numbers.0.count());
    numbers.0.count()
}

/// Past the horizon the last tick is used up, and no more until the lease is renewed.
pub(crate) fn stops_at_its_horizon() -> u32 {
    let (snowflake, mut numbers) = (generator(lease(10)), Numbers::new());
    let late = At(T + 1_000_000);
    while let Ok(id) = snowflake.next_id(&late) {
        numbers.mark_rising(id);
    }
    assert_eq!(snowflake.next_id(&late), Err(Refusal::Exhausted));
    let stranger = Renewal::assume(WORKER + 1, T + 20);
    assert!(matches!(snowflake.extend(&stranger), Err(ExtendError::Foreign { .. })));
    assert_eq!(snowflake.next_id(&late), Err(Refusal::Exhausted));
    assert_eq!(snowflake.extend(&Renewal::assume(WORKER, T + 20)), Ok(()));
    assert_eq!(snowflake.horizon_unix_ms(), T + 20);
    numbers.mark_rising(snowflake.next_id(&late).expect("new ground"));
    numbers.0.count()
}

/// A clock that steps back is waited for; inside the borrow window nobody sees it.
pub(crate) fn waits_for_a_late_clock() -> u32 {
    let mut numbers = Numbers::new();
    let snowflake = Snowflake::new(&LAYOUT, lease(60)).expect("a generator");
    numbers.mark_rising(snowflake.next_id(&At(T + 30)).expect("a tick of the lease"));
    numbers.mark_rising(snowflake.next_id(&At(T + 20)).expect("borrowed time"));
    let early = snowflake.next_id(&At(T + 15));
    assert_eq!(early, Err(Refusal::NotYet { wait_ms: 5 }));
    numbers.mark_rising(snowflake.next_id(&At(T + 20)).expect("the clock has caught up"));
    numbers.0.count()
}

/// From the receipt on, in the very tick that it names.
pub(crate) fn successor_starts_above() -> u32 {
    let (first, mut numbers) = (generator(lease(20)), Numbers::new());
    let mut buffer = [0; 40];
    let now = At(T + 3);
    let filled = first.fill(&now, &mut buffer);
    assert_eq!(filled, buffer.len());
    buffer.iter().for_each(|&id| numbers.mark_rising(id));
    let receipt = first.end().expect("the first to end it");
    assert!(first.end().is_none() && first.is_ended());
    assert_eq!(first.next_id(&now), Err(Refusal::Ended));
    assert_eq!(receipt.floor().unix_ms, now.0);
    let renewal = Renewal::assume(WORKER, T + 20);
    let second = generator(WorkerLease::resume(receipt, &renewal).expect("the same lease"));
    let batch = second.take(&now, NonZeroU64::MIN.saturating_add(9)).expect("the tick's rest");
    assert_eq!((batch.len(), batch.step()), (10, LAYOUT.sequence_place()));
    batch.into_iter().for_each(|id| numbers.mark_rising(id));
    numbers.0.count()
}

/// Two handles and the generator itself in turn.
pub(crate) fn handles_are_disjoint() -> u32 {
    let (snowflake, mut numbers) = (generator(lease(64)), Numbers::new());
    let mut one = SnowflakeHandle::new(&snowflake);
    let mut two = SnowflakeHandle::new(&snowflake);
    for now in (0..64).map(|ms| At(T + ms)) {
        for _ in 0..9 {
            numbers.mark(one.next_id(&now).expect("numbers of this tick"));
            numbers.mark(snowflake.next_id(&now).expect("numbers of this tick"));
            numbers.mark(two.next_id(&now).expect("numbers of this tick"));
        }
    }
    numbers.0.count()
}

/// All 32 of a node, the ids of 64 bits.
pub(crate) fn buckets_are_disjoint() -> u32 {
    let layout = preset("genid").expect("a known name");
    let now = At(T);
    let lease = WorkerLease::assume(2047, Floor::at(T), T + 10_000).expect("a lease");
    let buckets = Buckets::new(layout, lease).expect("generators");
    let mut count = 0;
    for number in 0..buckets.len() {
        let bucket = buckets.bucket(number).expect("one of them");
        let mut last = None;
        for id in (0..20).map(|_| bucket.next_id(&now).expect("numbers of this tick")) {
            let decoded = layout.decode(id).expect("an id of the layout");
            assert_eq!((decoded.bucket(), decoded.worker()), (Some(number as u64), 2047));
            assert_eq!(decoded.unix_ms(), now.0);
            assert!(last < Some(id), "{id} does not lie above {last:?}");
            last = Some(id);
            count += 1;
        }
    }
    let receipt = buckets.end().expect("the first to end them");
    assert!(receipt.floor() > Floor::at(T) && buckets.end().is_none());
    assert_eq!(buckets.bucket(31).map(|last| last.next_id(&now)), Some(Err(Refusal::Ended)));
    count
}

/// The greatest id of each layout has all its bits; the first of its epoch has none.
pub(crate) fn layouts_compose_and_decode() -> u32 {
    let mut count = 0;
    for preset in &PRESETS {
        let layout = &preset.layout;
        let nodes = || layout.fields().iter().filter(|field| field.role() != Role::Sequence);
        let mut values = [("", 0); MAX_NODE_FIELDS];
        let len = values.iter_mut().zip(nodes()).map(|(value, f)| *value = (f.name(), 0)).count();
        let first = layout.compose(layout.epoch_unix_ms(), &values[..len], 0);
        assert_eq!(first, Ok(0), "{}", preset.name);
        values.iter_mut().zip(nodes()).for_each(|(value, field)| value.1 = field.max());
        let greatest = u64::MAX >> (64 - layout.bits());
        let (end_ms, sequence) = (layout.end_unix_ms() - 1, layout.sequence().max());
        assert_eq!(layout.compose(end_ms, &values[..len], sequence), Ok(greatest));
        assert!(layout.compose(end_ms + 1, &values[..len], sequence).is_err());
        let decoded = layout.decode(greatest).expect("an id of the layout");
        assert_eq!(decoded.unix_ms(), layout.end_unix_ms() - layout.tick_ms());
        assert_eq!((decoded.worker(), decoded.sequence()), (layout.workers() - 1, sequence));
        assert!(layout.bits() == 64 || layout.decode(greatest + 1).is_err());
        count += 2;
    }
    count
}
