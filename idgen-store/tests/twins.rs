//! Memory and SQLite under the same random requests: the same answers, and no id granted twice.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use idgen_store::conformance::block_on;
use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use proptest::prelude::*;

mod scratch;
mod twin;

use scratch::Scratch;
use twin::{compare, step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn twins_say_the_same(steps in prop::collection::vec(step(), 1..60)) {
        let scratch = Scratch::new();
        let kept = SqliteStore::open(scratch.file(), SqliteOptions::default()).unwrap();
        block_on(compare(&kept, &steps))?;
    }
}
