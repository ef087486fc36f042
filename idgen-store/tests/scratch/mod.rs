//! Directories that are gone after a test, and leases told from one process to another.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use idgen_core::IdRange;

/// A directory of its own for one test, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("idgen-store-test-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        Self(directory)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("idgen.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Writes one lease on a line of its own, whatever the test harness has left on the last one.
pub(crate) fn tell(out: &mut impl Write, range: &IdRange) {
    let (start, step, len) = (range.start(), range.step(), range.len());
    writeln!(out, "\nlease {start} {step} {len} .").unwrap();
}

/// The leases that were told; a line cut off by a kill is none.
pub(crate) fn leases_in(told: &[u8]) -> Vec<IdRange> {
    let text = String::from_utf8_lossy(told);
    let lines = text.lines().filter(|line| line.starts_with("lease ") && line.ends_with(" ."));
    lines.map(lease_in).collect()
}

fn lease_in(line: &str) -> IdRange {
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [start, step, len] = numbers[..] else { panic!("not three numbers: {line}") };
    IdRange::new(start, step, len).unwrap()
}
