//! The SQLite store passes the laws, and what is its own: errors, files, bounds.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use idgen_store::{Definition, Name, SequenceStore};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_lease_is_there_after_a_reopen() {
    let path = std::env::temp_dir().join(format!("idgen-store-{}.db", std::process::id()));
    drop(std::fs::remove_file(&path));
    let name = Name::new("orders").unwrap();
    for round in 0..3 {
        let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
        block_on(store.create(&name, &Definition::default())).unwrap();
        let lease = block_on(store.lease(&name, 100, 0)).unwrap();
        assert_eq!((lease.range.start(), lease.serial), (1 + 100 * round, 1 + round));
    }
    std::fs::remove_file(&path).unwrap();
}
