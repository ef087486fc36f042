//! Which bits of an id mean what, as a value of the caller's.

mod checked;

use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};

use idgen_snowflake::{self as snowflake, Needs, PRESETS, Preset, Role};

use crate::guard::guard;
use crate::pointer::{input, items, items_mut, output};
use crate::seal::check;
use crate::status::{Answer, Status};

/// The most fields below the time.
pub const IDGEN_MAX_FIELDS: usize = 9;
/// The size of a field's name, its NUL included.
pub const IDGEN_FIELD_NAME_SIZE: usize = 24;

/// A part of the worker id.
pub const IDGEN_ROLE_NODE: u32 = 0;
/// The number of a generator inside its process; at most one field, of 1 to 5 bits.
pub const IDGEN_ROLE_BUCKET: u32 = 1;
/// The sequence number inside a tick; exactly one field, of 1 to 32 bits.
pub const IDGEN_ROLE_SEQUENCE: u32 = 2;

/// One field below the time.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What it is called, as a string; for people.
    pub name: [c_char; IDGEN_FIELD_NAME_SIZE],
    /// How wide it is, in bits.
    pub bits: u32,
    /// One of the `IDGEN_ROLE_` numbers.
    pub role: u32,
}

/// Which bits of an id mean what: time on top, below it the fields, from high to low. A plain value
/// of yours: start from a preset or write your own; every function that takes one checks it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The moment of tick 0, in Unix milliseconds.
    pub epoch_unix_ms: u64,
    /// The length of a tick, in milliseconds; at least 1.
    pub tick_ms: u64,
    /// How many bits count ticks, 1 to 60.
    pub time_bits: u32,
    /// 0: ids fit 63 bits and are positive as signed numbers. 1: all 64 bits are used.
    pub is_unsigned: u32,
    /// How many fields there are.
    pub field_count: u32,
    /// 0.
    pub reserved: u32,
    /// The fields, from high to low.
    pub fields: [Field; IDGEN_MAX_FIELDS],
}

/// What follows from a layout.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LayoutFacts {
    /// Where the layout's time ends (exclusive), in Unix milliseconds.
    pub end_unix_ms: u64,
    /// The most ids per second of one worker, or of one bucket where there are buckets.
    pub ids_per_second: u64,
    /// How many worker ids there are: 0 to one below.
    pub workers: u64,
    /// How many buckets one worker has; 1 without a bucket field.
    pub buckets: u64,
    /// The step of a batch of ids: the place value of the sequence field.
    pub sequence_place: u64,
    /// How many bits an id has in all.
    pub bits: u32,
    /// 0.
    pub reserved: u32,
}

/// The parts of an id.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Decoded {
    /// The id's tick, counted from the layout's epoch.
    pub tick: u64,
    /// When that tick begins, in Unix milliseconds.
    pub unix_ms: u64,
    /// The worker id: all node fields together.
    pub worker: u64,
    /// The bucket; 0 without a bucket field.
    pub bucket: u64,
    /// The sequence number inside the tick.
    pub sequence: u64,
    /// The value of each field, in the order of the layout's; 0 behind the last.
    pub fields: [u64; IDGEN_MAX_FIELDS],
}

/// Writes text into a buffer of the caller's and cuts what does not fit, its NUL included.
struct Text<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len + 1 < self.buffer.len() {
                self.buffer[self.len] = byte;
                self.len += 1;
            }
        }
        Ok(())
    }
}

/// Writes the layout of a preset to `layout`: "standard" unless you have a reason for another.
///
///     idgen_layout layout;
///     idgen_layout_preset("standard", &layout);
///
/// UNKNOWN: there is none of this name; `idgen_layout_preset_at` lists them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_preset(name: *const c_char, layout: *mut Layout) -> Status {
    guard(|| {
        check(name)?;
        // SAFETY: the caller's promise; a name is a string.
        let (name, layout) = unsafe { (CStr::from_ptr(name), output(layout)?) };
        let name = name.to_str().map_err(|_| Status::Unknown)?;
        layout.put((&Preset::named(name).map_err(|_| Status::Unknown)?.layout).into())
    })
}

/// Writes the layout of the preset at `index`, counted from 0, to `layout`, and what it is called
/// and what it is for to `name` and `about`, of `name_size` and `about_size` bytes (64 and 128 do).
///
/// UNKNOWN: there are not so many; BUFFER_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_preset_at(
    index: usize,
    layout: *mut Layout,
    name: *mut c_char,
    name_size: usize,
    about: *mut c_char,
    about_size: usize,
) -> Status {
    guard(|| {
        let preset = PRESETS.get(index).ok_or(Status::Unknown)?;
        // SAFETY: the caller's promise.
        let layout = unsafe { output(layout)? };
        // SAFETY: the caller's promise.
        unsafe { write_text(preset.name, name, name_size)? };
        // SAFETY: the caller's promise.
        unsafe { write_text(preset.about, about, about_size)? };
        layout.put((&preset.layout).into())
    })
}

/// Writes a text and its NUL, whole.
///
/// # Safety
///
/// As for `items_mut`.
pub(crate) unsafe fn write_text(text: &str, buffer: *mut c_char, size: usize) -> Answer {
    // SAFETY: the caller's promise.
    let buffer = unsafe { items_mut(buffer.cast::<u8>(), size)? };
    let (place, end) = buffer.split_at_mut_checked(text.len()).ok_or(Status::BufferTooSmall)?;
    *end.first_mut().ok_or(Status::BufferTooSmall)? = 0;
    place.copy_from_slice(text.as_bytes());
    Ok(())
}

/// Proposes a layout for `nodes` generators of `ids_per_second` each, for `years` years from 2025;
/// with `is_js_safe` 1, below 2^53. All numbers at least 1.
///
/// OUT_OF_RANGE: a number is 0, or no layout does all that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_plan(
    nodes: u64,
    ids_per_second: u64,
    years: u64,
    is_js_safe: u32,
    layout: *mut Layout,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let layout = unsafe { output(layout)? };
        let js_safe = match is_js_safe {
            0 => false,
            1 => true,
            _ => return Err(Status::OutOfRange),
        };
        let needs = Needs { nodes, ids_per_second, years, js_safe };
        let plan = snowflake::plan(&needs).map_err(|_| Status::OutOfRange)?;
        layout.put((&plan.layout).into())
    })
}

/// Checks a layout, and if it is none writes why to `why`, a buffer of `size` bytes (200 do; NULL
/// and 0: not wanted).
///
/// BAD_LAYOUT: it is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_check(
    layout: *const Layout,
    why: *mut c_char,
    size: usize,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (layout, buffer) = unsafe { (input(layout)?, items_mut(why.cast::<u8>(), size)?) };
        let mut text = Text { buffer, len: 0 };
        let flaw = layout.built().err();
        if let Some(flaw) = &flaw {
            // Never fails: what does not fit is cut.
            let _ = write!(text, "{flaw}");
        }
        if let Some(end) = text.buffer.get_mut(text.len) {
            *end = 0;
        }
        if flaw.is_some() { Err(Status::BadLayout) } else { Ok(()) }
    })
}

/// Writes what follows from a layout to `facts`.
///
/// BAD_LAYOUT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_describe(
    layout: *const Layout,
    facts: *mut LayoutFacts,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (layout, facts) = unsafe { (input(layout)?.checked()?, output(facts)?) };
        facts.put(LayoutFacts {
            end_unix_ms: layout.end_unix_ms(),
            ids_per_second: layout.ids_per_second(),
            workers: layout.workers(),
            buckets: layout.buckets(),
            sequence_place: layout.sequence_place(),
            bits: layout.bits(),
            reserved: 0,
        })
    })
}

/// Takes an id apart.
///
///     idgen_decoded parts;
///     idgen_layout_decode(&layout, id, &parts);
///     time_t seconds = (time_t)(parts.unix_ms / 1000);
///
/// OUT_OF_RANGE: the id has bits above the layout's highest; BAD_LAYOUT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_decode(
    layout: *const Layout,
    id: u64,
    decoded: *mut Decoded,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (layout, out) = unsafe { (input(layout)?.checked()?, output(decoded)?) };
        let parts = layout.decode(id).map_err(|_| Status::OutOfRange)?;
        let (mut fields, mut named) = ([0; IDGEN_MAX_FIELDS], parts.fields());
        for (value, field) in fields.iter_mut().zip(layout.fields()) {
            *value = match field.role() {
                Role::Sequence => parts.sequence(),
                Role::Node | Role::Bucket => named.next().map_or(0, |(_, of)| of),
            };
        }
        out.put(Decoded {
            tick: parts.tick(),
            unix_ms: parts.unix_ms(),
            worker: parts.worker(),
            bucket: parts.bucket().unwrap_or(0),
            sequence: parts.sequence(),
            fields,
        })
    })
}

/// Puts an id together for the tick that holds `unix_ms`, from one value for each field, in the
/// order of the layout's. It lies in no lease: for searches by time and for tests, not for issue.
///
/// OUT_OF_RANGE: a value does not fit its field, the time is outside the layout's, or `count` is
/// not the number of fields; BAD_LAYOUT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_compose(
    layout: *const Layout,
    unix_ms: u64,
    values: *const u64,
    count: usize,
    id: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (layout, values, id) =
            unsafe { (input(layout)?.checked()?, items(values, count)?, output(id)?) };
        let (named, sequence) = by_place(&layout, values)?;
        let rest = &named[..layout.fields().len() - 1];
        id.put(layout.compose(unix_ms, rest, sequence).map_err(|_| Status::OutOfRange)?)
    })
}

/// Writes the worker id that the values of the node fields make together to `worker`; one value for
/// each field, in the order of the layout's, of which those of other fields are not looked at.
///
/// OUT_OF_RANGE: a value does not fit its field, or `count` is not the number of fields;
/// BAD_LAYOUT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_layout_worker(
    layout: *const Layout,
    values: *const u64,
    count: usize,
    worker: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (layout, values, worker) =
            unsafe { (input(layout)?.checked()?, items(values, count)?, output(worker)?) };
        let (named, _) = by_place(&layout, values)?;
        let mut nodes = [("", 0); IDGEN_MAX_FIELDS];
        let mut len = 0;
        for &pair in &named[..layout.fields().len() - 1] {
            if layout.bucket().is_none_or(|bucket| bucket.name() != pair.0) {
                nodes[len] = pair;
                len += 1;
            }
        }
        worker.put(layout.worker(&nodes[..len]).map_err(|_| Status::OutOfRange)?)
    })
}

/// Values with the names of their fields, and apart from them the sequence's.
fn by_place(
    layout: &snowflake::Layout,
    values: &[u64],
) -> Answer<([(&'static str, u64); IDGEN_MAX_FIELDS], u64)> {
    if values.len() != layout.fields().len() {
        return Err(Status::OutOfRange);
    }
    let (mut named, mut len, mut sequence) = ([("", 0); IDGEN_MAX_FIELDS], 0, 0);
    for (field, &value) in layout.fields().iter().zip(values) {
        if field.role() == Role::Sequence {
            sequence = value;
        } else {
            named[len] = (field.name(), value);
            len += 1;
        }
    }
    Ok((named, sequence))
}
