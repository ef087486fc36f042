//! Numbers that nobody would pass: layouts, leases, segments and times at the edges of 64 bits.
//!
//! Built with overflow checks, so that a sum that wraps is a panic, which a call answers with
//! INTERNAL. Whatever else is refused, what is issued must keep the promises of the header.

use std::collections::HashSet;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use idgen_ffi::*;

const NOW: u64 = 1_750_000_000_000;

/// Random numbers that love edges.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Near a power of two, near now, or anything.
    fn edge(&mut self) -> u64 {
        let off = self.below(5).wrapping_sub(2);
        match self.below(4) {
            0 => (1_u64 << self.below(64)).wrapping_add(off),
            1 => NOW.wrapping_add(self.below(40_000)).wrapping_sub(20_000),
            2 => off,
            _ => self.roll() >> self.below(64),
        }
    }

    fn bits(&mut self) -> u32 {
        let bits = match self.below(40) {
            0 => self.edge(),
            _ => self.below(14),
        };
        u32::try_from(bits).unwrap_or(u32::MAX)
    }

    /// A preset, or numbers at random, and often one of the two with the other's epoch.
    fn layout(&mut self) -> Layout {
        let mut layout = blank::<Layout>();
        let at = usize::try_from(self.below(12)).unwrap();
        let (mut name, mut about) = ([0; 64], [0; 128]);
        // SAFETY: buffers of their own sizes.
        let known = unsafe {
            let (name, about) = (name.as_mut_ptr(), about.as_mut_ptr());
            idgen_layout_preset_at(at, &raw mut layout, name, 64, about, 128)
        };
        if known != Status::Ok {
            layout.tick_ms = 1 + self.below(3) * self.below(2_000);
            layout.time_bits = self.bits().saturating_mul(3).saturating_add(20);
            layout.is_unsigned = u32::try_from(self.below(2)).unwrap();
            layout.field_count = 1 + u32::try_from(self.below(4)).unwrap();
            let sequence = self.below(u64::from(layout.field_count));
            for (at, field) in layout.fields.iter_mut().enumerate() {
                field.name[0] = b'a'.cast_signed();
                field.bits = self.bits();
                field.role =
                    if at as u64 == sequence { IDGEN_ROLE_SEQUENCE } else { IDGEN_ROLE_NODE };
            }
        }
        match self.below(4) {
            0 => layout.epoch_unix_ms = self.edge(),
            1 => layout.tick_ms = self.edge(),
            _ => {}
        }
        layout
    }

    fn lease(&mut self) -> Lease {
        let floor_unix_ms = self.edge();
        let len = if self.below(2) == 0 { self.edge() } else { 100_000 };
        Lease {
            worker: if self.below(4) == 0 { self.edge() } else { self.below(4) },
            floor_unix_ms,
            floor_sequence: if self.below(2) == 0 { self.edge() } else { 0 },
            horizon_unix_ms: floor_unix_ms.saturating_add(len),
            serial: 1,
            nonce: 1,
        }
    }

    /// A time: inside the lease, at its ends, or anywhere.
    fn time(&mut self, lease: &Lease) -> u64 {
        match self.below(6) {
            0 => self.edge(),
            1 => lease.horizon_unix_ms.wrapping_sub(self.below(2_000)),
            2 => lease.floor_unix_ms.wrapping_sub(self.below(20)),
            _ => lease.floor_unix_ms.wrapping_add(self.below(20_000)),
        }
    }
}

/// A value of the header's, all zeros.
fn blank<T>() -> T {
    // SAFETY: called for the header's types only, which are plain numbers.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn range() -> Range {
    Range { start: 0, step: 0, len: 0 }
}

/// What a generator of this lease may answer.
fn look(layout: &Layout, lease: &Lease, now: u64, borrow_ms: u64, id: u64) {
    let mut parts = blank::<Decoded>();
    // SAFETY: whole values.
    let status = unsafe { idgen_layout_decode(layout, id, &raw mut parts) };
    assert_eq!(status, Status::Ok);
    let case = || format!("{layout:?} {lease:?} now {now} {parts:?}");
    assert_eq!(parts.worker, lease.worker, "{}", case());
    assert!(parts.unix_ms >= lease.floor_unix_ms, "below the floor: {}", case());
    let end_ms = u128::from(parts.unix_ms) + u128::from(layout.tick_ms);
    assert!(end_ms <= u128::from(lease.horizon_unix_ms), "past the horizon: {}", case());
    assert!(now >= IDGEN_NOW_COARSE || parts.unix_ms <= now + borrow_ms, "too early: {}", case());
}

#[test]
fn generators_keep_inside_their_leases_at_the_edges_of_64_bits() {
    let mut dice = Dice(0x5EED_0001);
    let (mut generators, mut issued) = (0, 0);
    for _ in 0..60_000 {
        let (layout, lease, borrow_ms) = (dice.layout(), dice.lease(), dice.below(12));
        let mut snowflake = blank::<Snowflake>();
        // SAFETY: whole values.
        let status =
            unsafe { idgen_snowflake_init(&raw mut snowflake, &layout, &lease, borrow_ms) };
        assert_ne!(status, Status::Internal, "{layout:?} {lease:?} {borrow_ms}");
        if status == Status::Ok {
            generators += 1;
            issued += use_up(&mut dice, &mut snowflake, &layout, lease, borrow_ms);
        }
    }
    assert!(generators > 2_000 && issued > 20_000, "{generators} generators, {issued} ids");
}

/// A generator, its handle and what they were made from.
struct Holder<'a> {
    snowflake: *mut Snowflake,
    handle: *mut SnowflakeHandle,
    layout: &'a Layout,
    lease: Lease,
    borrow_ms: u64,
}

impl Holder<'_> {
    /// One call of any kind; the ids that it yields are looked at, and are new ones.
    fn call(&mut self, dice: &mut Dice, seen: &mut HashSet<u64>) {
        let (now, mut id, mut run, mut wait_ms) = (dice.time(&self.lease), 0, range(), 0);
        // SAFETY: whole values, and blocks that stay in place.
        let status = unsafe {
            match dice.below(8) {
                0 => idgen_snowflake_take(
                    self.snowflake,
                    now,
                    dice.edge(),
                    &raw mut run,
                    &raw mut wait_ms,
                ),
                1 => return self.extend(dice.edge()),
                2..5 => {
                    idgen_snowflake_handle_next(self.handle, now, &raw mut id, &raw mut wait_ms)
                }
                _ => idgen_snowflake_next(self.snowflake, now, &raw mut id, &raw mut wait_ms),
            }
        };
        let case = || format!("{:?} {:?} now {now}", self.layout, self.lease);
        assert_ne!(status, Status::Internal, "{}", case());
        assert!(status != Status::NotYet || wait_ms > 0, "{}", case());
        if status == Status::Ok {
            let run = if run.len == 0 { Range { start: id, step: 1, len: 1 } } else { run };
            for id in (0..run.len.min(20)).map(|at| run.start + at * run.step) {
                assert!(seen.insert(id), "{id} came twice: {}", case());
                look(self.layout, &self.lease, now, self.borrow_ms, id);
            }
        }
    }

    fn extend(&mut self, horizon_unix_ms: u64) {
        let renewal = Lease { horizon_unix_ms, ..self.lease };
        // SAFETY: whole values, and a block that stays in place.
        let status = unsafe { idgen_snowflake_extend(self.snowflake, &renewal) };
        assert_ne!(status, Status::Internal, "{:?} {renewal:?}", self.layout);
        if status == Status::Ok {
            self.lease.horizon_unix_ms = self.lease.horizon_unix_ms.max(horizon_unix_ms);
        }
    }

    /// Ends the generator and goes on with one of what is left, if that is long enough.
    fn succeed(&mut self, successor: *mut Snowflake) {
        let mut left = blank::<Lease>();
        // SAFETY: whole values, and blocks that stay in place.
        let status = unsafe { idgen_snowflake_end(self.snowflake, &raw mut left) };
        assert_eq!(status, Status::Ok, "{:?} {:?}", self.layout, self.lease);
        assert!(left.floor_unix_ms >= self.lease.floor_unix_ms, "{left:?} of {:?}", self.lease);
        assert!(left.horizon_unix_ms <= self.lease.horizon_unix_ms, "{left:?}, {:?}", self.lease);
        // SAFETY: as above.
        let status = unsafe { idgen_snowflake_init(successor, self.layout, &left, self.borrow_ms) };
        assert_ne!(status, Status::Internal, "{:?} {left:?}", self.layout);
        if status == Status::Ok {
            self.snowflake = successor;
        }
    }
}

/// Calls in any order, of a generator and then of its successor beside the old handle, whose block
/// stays good; returns how many ids there were.
fn use_up(
    dice: &mut Dice,
    snowflake: &mut Snowflake,
    layout: &Layout,
    lease: Lease,
    borrow_ms: u64,
) -> usize {
    let (mut handle, mut successor) = (blank::<SnowflakeHandle>(), blank::<Snowflake>());
    let mut seen = HashSet::new();
    let (snowflake, handle) = (&raw mut *snowflake, &raw mut handle);
    // SAFETY: both whole and in place until this function ends.
    let status = unsafe { idgen_snowflake_handle_init(handle, snowflake) };
    assert_eq!(status, Status::Ok);
    let mut holder = Holder { snowflake, handle, layout, lease, borrow_ms };
    for _ in 0..24 {
        holder.call(dice, &mut seen);
    }
    holder.succeed(&raw mut successor);
    for _ in 0..12 {
        holder.call(dice, &mut seen);
    }
    seen.len()
}

#[test]
fn buckets_are_disjoint_at_the_edges_of_64_bits() {
    let mut dice = Dice(0x5EED_0005);
    let mut issued = 0;
    let mut buckets = Box::new(blank::<Buckets>());
    for _ in 0..60_000 {
        let (layout, lease) = (dice.layout(), dice.lease());
        let mut seen = HashSet::new();
        // SAFETY: whole values; nobody else uses the block.
        let status = unsafe { idgen_buckets_init(&raw mut *buckets, &layout, &lease, 10) };
        assert_ne!(status, Status::Internal, "{layout:?} {lease:?}");
        for _ in 0..if status == Status::Ok { 40 } else { 0 } {
            let (now, number, mut id) = (dice.time(&lease), dice.bits(), 0);
            // SAFETY: whole values, and the block above.
            let status = unsafe {
                idgen_buckets_next(&raw mut *buckets, number, now, &raw mut id, null_mut())
            };
            assert_ne!(status, Status::Internal, "{layout:?} {lease:?} {number} {now}");
            if status == Status::Ok {
                assert!(seen.insert(id), "{id} came twice: {layout:?} {lease:?}");
                look(&layout, &lease, now, 10, id);
                issued += 1;
            }
        }
    }
    assert!(issued > 1_000, "{issued} ids");
}

#[test]
fn cursors_issue_what_they_had_and_once_at_the_edges_of_64_bits() {
    let mut dice = Dice(0x5EED_0002);
    let mut issued = 0;
    for _ in 0..4_000 {
        let (mut cursor, mut supplied, mut seen) = (blank::<Cursor>(), vec![], HashSet::new());
        // SAFETY: whole.
        assert_eq!(unsafe { idgen_segment_init(&raw mut cursor) }, Status::Ok);
        for _ in 0..40 {
            let mut run = range();
            let call = dice.below(4);
            // SAFETY: whole values, and the cursor above.
            let status = unsafe {
                match call {
                    0 => {
                        let step = if dice.below(5) == 0 { dice.edge() } else { 1 };
                        run = Range { start: dice.edge(), step, len: dice.edge() };
                        idgen_segment_supply(&raw mut cursor, run)
                    }
                    1 => idgen_segment_take_exact(
                        &raw mut cursor,
                        dice.below(40),
                        &raw mut run,
                        null_mut(),
                    ),
                    _ => idgen_segment_take(&raw mut cursor, dice.edge(), &raw mut run),
                }
            };
            assert_ne!(status, Status::Internal, "{call} {run:?}");
            match (status, call) {
                (Status::Ok, 0) => supplied.push(run),
                (Status::Ok, _) => {
                    let first_and_last = [run.start, run.start + run.step * (run.len - 1)];
                    for id in (0..run.len.min(40)).map(|at| run.start + at * run.step) {
                        assert!(seen.insert(id), "{id} came twice: {supplied:?}");
                    }
                    assert!(supplied.iter().any(|of| first_and_last.iter().all(|id| {
                        let at = id.wrapping_sub(of.start) / of.step;
                        at < of.len && of.start + at * of.step == *id
                    })));
                }
                _ => {}
            }
        }
        issued += seen.len();
    }
    assert!(issued > 20_000, "{issued} ids");
}

#[test]
fn layouts_plans_and_paces_answer_any_numbers() {
    let mut dice = Dice(0x5EED_0003);
    let (mut layouts, mut read_back) = (0, 0);
    for _ in 0..60_000 {
        let (mut layout, mut facts, mut id) = (dice.layout(), blank::<LayoutFacts>(), 0);
        let values: [u64; IDGEN_MAX_FIELDS] = std::array::from_fn(|_| dice.below(3));
        let (at, any) = (dice.edge(), dice.edge());
        let count = layout.field_count as usize;
        let mut parts = blank::<Decoded>();
        // SAFETY: whole values; there are at least `count` of them wherever that is looked at.
        let all = unsafe {
            [
                idgen_layout_describe(&layout, &raw mut facts),
                idgen_layout_decode(&layout, any, &raw mut parts),
                idgen_layout_worker(&layout, values.as_ptr(), count.min(9), &raw mut id),
                idgen_layout_compose(&layout, at, values.as_ptr(), count.min(9), &raw mut id),
            ]
        };
        assert!(!all.contains(&Status::Internal), "{all:?} {layout:?} {at} {any}");
        layouts += u32::from(all[0] == Status::Ok);
        if all[3] == Status::Ok {
            // SAFETY: whole values.
            let status = unsafe { idgen_layout_decode(&layout, id, &raw mut parts) };
            let ends = u128::from(parts.unix_ms) + u128::from(layout.tick_ms);
            assert_eq!(
                (status, &parts.fields[..count]),
                (Status::Ok, &values[..count]),
                "{layout:?} {at} {parts:?}"
            );
            assert!(parts.unix_ms <= at && u128::from(at) < ends, "{layout:?} {at} {parts:?}");
            read_back += 1;
        }
        let (nodes, rate, years) = (dice.edge(), dice.edge(), dice.edge());
        // SAFETY: a whole value.
        let status = unsafe { idgen_layout_plan(nodes, rate, years, 1, &raw mut layout) };
        assert_ne!(status, Status::Internal, "{nodes} {rate} {years}");
    }
    assert!(layouts > 5_000 && read_back > 1_000, "{layouts} layouts, {read_back} ids");
}

#[test]
fn paces_stay_inside_their_limits() {
    let mut dice = Dice(0x5EED_0004);
    let mut paces = 0;
    for _ in 0..20_000 {
        let (mut pace, mut len) = (blank::<Pace>(), 0);
        let limits = PaceLimits {
            min_len: dice.edge(),
            max_len: dice.edge(),
            reserve_ms: dice.edge(),
            safety: dice.edge(),
        };
        // SAFETY: whole values.
        let status = unsafe { idgen_pace_init(&raw mut pace, &limits) };
        assert_ne!(status, Status::Internal, "{limits:?}");
        for _ in 0..if status == Status::Ok { 8 } else { 0 } {
            let seen = [dice.edge(), dice.edge(), dice.edge()];
            // SAFETY: whole values, and the pace above.
            let status = unsafe {
                let _ = idgen_pace_observe(&raw mut pace, seen[0], seen[1], seen[2]);
                idgen_pace_step(&pace, &raw mut len)
            };
            assert_eq!(status, Status::Ok, "{limits:?} {seen:?}");
            assert!(len >= limits.min_len && len <= limits.max_len, "{len} {limits:?} {seen:?}");
            paces += 1;
        }
    }
    assert!(paces > 1_000, "{paces}");
}
