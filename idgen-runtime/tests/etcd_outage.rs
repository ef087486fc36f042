//! Snowflakes with their worker ids in etcd, while that is away.

mod outage;

use outage::Outage;

const OUTAGE: Outage =
    Outage { service: "etcd", variable: "IDGEN_TEST_ETCD_URL", options: "", lease_ms: 2000 };

#[test]
fn cut_off() {
    OUTAGE.cut_off();
}

#[test]
fn silent() {
    OUTAGE.silent();
}

#[test]
fn killed() {
    OUTAGE.killed();
}

#[test]
fn taken_over() {
    OUTAGE.taken_over();
}
