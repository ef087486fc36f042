//! A data directory that was copied from a running server's.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::harness::{Place, alone};
use crate::leases::{Watch, check, shared};
use crate::load::{Answered, Load};

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Both the copied server and its copy go on, each with an id of its own.
#[test]
fn a_copied_data_directory_repeats_nothing() {
    let _turn = alone();
    let (origin, copy, answered) = (Place::new(), Place::new(), Answered::default());
    let (registry, store) = (shared(&origin), Place::new());
    let store = format!("sqlite:{}", store.path().join("store.db").display());
    let args = ["--registry", &registry, "--store", &store, "--tcp", "off"];
    let watch = Watch::start(&registry);
    let first = origin.serve_with(&args, &[]);
    let load = Load::on(first.pid(), first.http(), &answered);
    assert!(answered.grows(first.pid(), Duration::from_secs(5)));
    copy_dir(&origin.data_dir(), &copy.data_dir());
    let mut second = copy.serve_with(&args, &[]);
    let beside = Load::on(second.pid(), second.http(), &answered);
    thread::sleep(Duration::from_millis(300));
    // The copy shows what the origin wrote long after it, and the other way round.
    for _ in 0..3 {
        second.kill();
        let fresh = Place::new();
        copy_dir(&origin.data_dir(), &fresh.data_dir());
        let third = fresh.serve_with(&args, &[]);
        let third_load = Load::on(third.pid(), third.http(), &answered);
        watch.sees(third.pid());
        thread::sleep(Duration::from_millis(200));
        drop((third_load, third));
        second = copy.serve_with(&args, &[]);
        let again = Load::on(second.pid(), second.http(), &answered);
        watch.sees(second.pid());
        thread::sleep(Duration::from_millis(200));
        drop(again);
    }
    drop((load, beside, first, second));
    let ids = answered.all();
    check(&ids, &watch.leases()).unwrap();
    println!("{} ids, all distinct", ids.len());
}
