//! The header means to a C compiler what the sources mean to Rust's: numbers, sizes, places.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::Command;

use idgen_ffi::*;

/// What `constants/print.c` prints, by name.
fn said_by_c() -> BTreeMap<String, u64> {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("print-constants");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"]);
    cc.arg(crate_root.join("include")).arg(crate_root.join("tests/constants/print.c"));
    let built = cc.arg("-o").arg(&program).status().expect("a C compiler named cc");
    assert!(built.success(), "the header does not compile");
    let output = Command::new(&program).output().expect("built just now");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    let pair = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("name and value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    text.lines().map(pair).collect()
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("64 bits hold a usize")
}

fn numbers() -> Vec<(&'static str, u64)> {
    vec![
        ("IDGEN_ABI_VERSION", IDGEN_ABI_VERSION.into()),
        ("IDGEN_MAX_FIELDS", wide(IDGEN_MAX_FIELDS)),
        ("IDGEN_FIELD_NAME_SIZE", wide(IDGEN_FIELD_NAME_SIZE)),
        ("IDGEN_ROLE_NODE", IDGEN_ROLE_NODE.into()),
        ("IDGEN_ROLE_BUCKET", IDGEN_ROLE_BUCKET.into()),
        ("IDGEN_ROLE_SEQUENCE", IDGEN_ROLE_SEQUENCE.into()),
        ("IDGEN_FORM_DECIMAL", IDGEN_FORM_DECIMAL.into()),
        ("IDGEN_FORM_BASE32", IDGEN_FORM_BASE32.into()),
        ("IDGEN_FORM_BASE62", IDGEN_FORM_BASE62.into()),
        ("IDGEN_FORM_HEX", IDGEN_FORM_HEX.into()),
        ("IDGEN_TEXT_SIZE", wide(IDGEN_TEXT_SIZE)),
        ("IDGEN_NOW", IDGEN_NOW),
        ("IDGEN_NOW_COARSE", IDGEN_NOW_COARSE),
        ("IDGEN_MAX_UNIX_MS", IDGEN_MAX_UNIX_MS),
        ("IDGEN_ALIGNMENT", wide(IDGEN_ALIGNMENT)),
    ]
}

const STATUSES: [(&str, Status); 22] = [
    ("IDGEN_STATUS_OK", Status::Ok),
    ("IDGEN_STATUS_EXHAUSTED", Status::Exhausted),
    ("IDGEN_STATUS_NOT_YET", Status::NotYet),
    ("IDGEN_STATUS_ENDED", Status::Ended),
    ("IDGEN_STATUS_NULL", Status::Null),
    ("IDGEN_STATUS_MISALIGNED", Status::Misaligned),
    ("IDGEN_STATUS_BAD_STATE", Status::BadState),
    ("IDGEN_STATUS_OUT_OF_RANGE", Status::OutOfRange),
    ("IDGEN_STATUS_BUSY", Status::Busy),
    ("IDGEN_STATUS_NOT_ABOVE", Status::NotAbove),
    ("IDGEN_STATUS_OVERLAPS", Status::Overlaps),
    ("IDGEN_STATUS_UNKNOWN", Status::Unknown),
    ("IDGEN_STATUS_BAD_TEXT", Status::BadText),
    ("IDGEN_STATUS_BUFFER_TOO_SMALL", Status::BufferTooSmall),
    ("IDGEN_STATUS_BAD_LAYOUT", Status::BadLayout),
    ("IDGEN_STATUS_BAD_LEASE", Status::BadLease),
    ("IDGEN_STATUS_LAYOUT_ENDED", Status::LayoutEnded),
    ("IDGEN_STATUS_FOREIGN_LEASE", Status::ForeignLease),
    ("IDGEN_STATUS_WORD_FULL", Status::WordFull),
    ("IDGEN_STATUS_SOURCE_FAILED", Status::SourceFailed),
    ("IDGEN_STATUS_NO_CLOCK", Status::NoClock),
    ("IDGEN_STATUS_INTERNAL", Status::Internal),
];

macro_rules! types {
    ($($c:literal is $rust:ty,)*) => {
        vec![$(($c, wide(size_of::<$rust>()), wide(align_of::<$rust>()))),*]
    };
}

fn types() -> Vec<(&'static str, u64, u64)> {
    types![
        "idgen_status" is Status,
        "idgen_segment_cursor" is Cursor,
        "idgen_segment_handle" is Handle,
        "idgen_pace" is Pace,
        "idgen_snowflake" is Snowflake,
        "idgen_snowflake_handle" is SnowflakeHandle,
        "idgen_buckets" is Buckets,
        "idgen_range" is Range,
        "idgen_pace_limits" is PaceLimits,
        "idgen_lease" is Lease,
        "idgen_field" is Field,
        "idgen_layout" is Layout,
        "idgen_layout_facts" is LayoutFacts,
        "idgen_decoded" is Decoded,
    ]
}

macro_rules! places {
    ($($c:literal is $rust:ident.$member:ident,)*) => {
        vec![$((concat!($c, ".", stringify!($member)), wide(offset_of!($rust, $member)))),*]
    };
}

fn places() -> Vec<(&'static str, u64)> {
    places![
        "idgen_range" is Range.step,
        "idgen_range" is Range.len,
        "idgen_pace_limits" is PaceLimits.max_len,
        "idgen_pace_limits" is PaceLimits.reserve_ms,
        "idgen_pace_limits" is PaceLimits.safety,
        "idgen_lease" is Lease.floor_unix_ms,
        "idgen_lease" is Lease.floor_sequence,
        "idgen_lease" is Lease.horizon_unix_ms,
        "idgen_lease" is Lease.serial,
        "idgen_lease" is Lease.nonce,
        "idgen_field" is Field.bits,
        "idgen_field" is Field.role,
        "idgen_layout" is Layout.tick_ms,
        "idgen_layout" is Layout.time_bits,
        "idgen_layout" is Layout.is_unsigned,
        "idgen_layout" is Layout.field_count,
        "idgen_layout" is Layout.fields,
        "idgen_layout_facts" is LayoutFacts.ids_per_second,
        "idgen_layout_facts" is LayoutFacts.sequence_place,
        "idgen_layout_facts" is LayoutFacts.bits,
        "idgen_decoded" is Decoded.unix_ms,
        "idgen_decoded" is Decoded.worker,
        "idgen_decoded" is Decoded.bucket,
        "idgen_decoded" is Decoded.sequence,
        "idgen_decoded" is Decoded.fields,
    ]
}

#[test]
fn c_and_rust_agree() {
    let mut of_rust: BTreeMap<String, u64> = BTreeMap::new();
    for (name, value) in numbers().into_iter().chain(places()) {
        of_rust.insert(name.to_owned(), value);
    }
    for (name, status) in STATUSES {
        of_rust.insert(name.to_owned(), u64::from((status as i32).unsigned_abs()));
    }
    for (name, size, align) in types() {
        of_rust.insert(format!("sizeof {name}"), size);
        of_rust.insert(format!("alignof {name}"), align);
    }
    assert_eq!(said_by_c(), of_rust);
}

/// Programs that are built already know these numbers.
#[test]
fn what_is_frozen_stays() {
    for (number, (name, status)) in STATUSES.into_iter().enumerate() {
        assert_eq!(usize::try_from(status as i32), Ok(number), "{name}");
    }
    let sizes: Vec<u64> = types().into_iter().map(|(_, size, _)| size).collect();
    let first = "another size is another interface: IDGEN_ABI_VERSION rises";
    assert_eq!(sizes, [4, 512, 256, 128, 1152, 256, 9216, 24, 32, 48, 32, 320, 48, 112], "{first}");
}
