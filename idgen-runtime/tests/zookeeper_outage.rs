//! Snowflakes with their worker ids in ZooKeeper, while that is away and their session ends.

mod outage;

use outage::Outage;

const OUTAGE: Outage = Outage {
    service: "zookeeper",
    variable: "IDGEN_TEST_ZOOKEEPER_URL",
    options: "/?session_timeout_ms=2000",
    lease_ms: 2000,
};

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
