//! Row 17: ids as text, against itoa and against ferroid's base32.

use std::hint::black_box;

use ferroid::base32::Base32SnowExt;
use idgen_benches::subjects::FerroidWide;
use idgen_benches::{Method, Run};
use idgen_core::text::{Form, decode, encode};

/// Ids of 18 to 20 digits in no order, below 2^63 as ferroid's are.
fn ids() -> impl FnMut() -> u64 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state >> 1
    }
}

/// 256 texts in turn.
fn texts() -> impl FnMut() -> String {
    let mut ids = ids();
    move || encode(ids(), Form::Base32).to_string()
}

/// A subject that writes id after id and shows the bytes.
fn writing(write: impl Fn(u64) -> u64) -> impl FnMut() -> u64 {
    let mut ids = ids();
    move || write(ids())
}

fn seen(text: &[u8]) -> u64 {
    black_box(text).len() as u64
}

fn ferroid_base32(id: u64) -> u64 {
    let mut buffer = FerroidWide::base32_array();
    seen(FerroidWide::from_raw(id).encode_to_buf(&mut buffer).as_bytes())
}

fn itoa_decimal(id: u64) -> u64 {
    seen(itoa::Buffer::new().format(id).as_bytes())
}

pub(crate) fn decimal(method: &Method) -> Run {
    let candidate = || writing(|id| seen(encode(id, Form::Decimal).as_bytes()));
    method.compare(1, candidate, || writing(itoa_decimal))
}

pub(crate) fn decimal_str(method: &Method) -> Run {
    let candidate = || writing(|id| seen(encode(id, Form::Decimal).as_str().as_bytes()));
    method.compare(1, candidate, || writing(itoa_decimal))
}

pub(crate) fn base32_encode(method: &Method) -> Run {
    let candidate = || writing(|id| seen(encode(id, Form::Base32).as_bytes()));
    method.compare(1, candidate, || writing(ferroid_base32))
}

pub(crate) fn base32_encode_str(method: &Method) -> Run {
    let candidate = || writing(|id| seen(encode(id, Form::Base32).as_str().as_bytes()));
    method.compare(1, candidate, || writing(ferroid_base32))
}

pub(crate) fn base32_decode(method: &Method) -> Run {
    fn reading(read: impl Fn(&str) -> u64) -> impl FnMut() -> u64 {
        let mut texts = texts();
        let (texts, mut at): ([String; 256], u8) = (std::array::from_fn(|_| texts()), 0);
        move || {
            at = at.wrapping_add(1);
            read(black_box(&texts[usize::from(at)]))
        }
    }
    let candidate = || reading(|text| decode(text, Form::Base32).expect("it was encoded"));
    let reference = || reading(|text| FerroidWide::decode(text).expect("it was encoded").to_raw());
    method.compare(1, candidate, reference)
}
