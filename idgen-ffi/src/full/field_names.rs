//! Layouts with the names of their fields.
//!
//! An id space keeps in its registry the layout that it was begun with, names included, so that
//! programs in C, in Rust and the server agree on it. The generators know names that live for
//! ever: those of the presets do, and each other one is kept once.

use std::sync::{Mutex, PoisonError};

use idgen_snowflake::PRESETS;

use super::failure::{Failure, Told};
use crate::layout::Layout;
use crate::status::Status;

static KEPT: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// A caller's layout, checked.
pub(super) fn named(layout: &Layout) -> Told<idgen_snowflake::Layout> {
    layout
        .built_with(|_place, name| Some(kept(core::str::from_utf8(name).ok()?)))
        .map_err(|flaw| Failure::new(Status::BadLayout, flaw.to_string()))
}

fn kept(name: &str) -> &'static str {
    let mut presets = PRESETS.iter().flat_map(|preset| preset.layout.fields());
    if let Some(field) = presets.find(|field| field.name() == name) {
        return field.name();
    }
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = all.iter().find(|kept| **kept == name) {
        return same;
    }
    let new: &'static str = Box::leak(name.into());
    all.push(new);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_comes_back_as_it_was() {
        for preset in &PRESETS {
            let named = named(&Layout::from(&preset.layout)).ok().unwrap();
            assert!(named == preset.layout, "{}", preset.name);
        }
    }

    #[test]
    fn a_name_is_kept_once() {
        let first = kept("of this test");
        assert!(std::ptr::eq(first, kept(&String::from("of this test"))));
    }
}
