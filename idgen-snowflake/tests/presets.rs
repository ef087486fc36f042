//! Presets of other systems against ids and figures that those systems publish.

use idgen_core::{At, Floor, WorkerLease};
use idgen_snowflake::{Layout, NewError, Snowflake, preset};

fn layout(name: &str) -> &'static Layout {
    preset(name).unwrap()
}

#[test]
fn discord_example_of_the_developer_reference() {
    let id = 175_928_847_299_117_063;
    let decoded = layout("discord").decode(id).unwrap();
    // 2016-04-30T11:18:25.796Z, internal worker 1, process 0, increment 7.
    assert_eq!(decoded.unix_ms(), 1_462_015_105_796);
    assert_eq!(decoded.fields().collect::<Vec<_>>(), [("worker", 1), ("process", 0)]);
    assert_eq!(decoded.sequence(), 7);
}

#[test]
fn instagram_example_of_the_engineering_blog() {
    // User 31341 on shard 1341 of 2000, sequence 5001 mod 1024, 1387263000 ms after the epoch.
    let unix_ms = 1_314_220_021_721 + 1_387_263_000;
    let id = layout("instagram").compose(unix_ms, &[("shard", 1341)], 5001 % 1024).unwrap();
    assert_eq!(id, (1_387_263_000 << 23) | (1341 << 10) | 905);
}

#[test]
fn twitter_example_of_the_encyclopedia() {
    // Wikipedia, "Snowflake ID": 2022-06-28T16:07:40.105Z, machine 378 (11, 26), sequence 0.
    let decoded = layout("twitter").decode(1_541_815_603_606_036_480).unwrap();
    assert_eq!((decoded.unix_ms(), decoded.sequence()), (1_656_432_460_105, 0));
    assert_eq!(decoded.fields().collect::<Vec<_>>(), [("datacenter", 11), ("worker", 26)]);
}

#[test]
fn mastodon_ids_are_unix_milliseconds_and_sixteen_bits() {
    let id = layout("mastodon").compose(1_669_036_963_000, &[], 65_535).unwrap();
    assert_eq!(id, (1_669_036_963_000 << 16) | 65_535);
    assert_eq!(layout("mastodon").workers(), 1);
}

#[test]
fn sonyflake_keeps_its_sequence_above_its_machine() {
    // 1 tick of 10 ms after 2014-09-01T00:00:00Z, sequence 2, machine 3.
    let id = layout("sonyflake").compose(1_409_529_600_010, &[("machine", 3)], 2).unwrap();
    assert_eq!(id, (1 << 24) | (2 << 16) | 3);
}

#[test]
fn leaf_is_twitter_with_one_worker_field() {
    let (leaf, twitter) = (layout("leaf"), layout("twitter"));
    let id = leaf.compose(1_600_000_000_000, &[("worker", 33)], 5).unwrap();
    let fields = [("datacenter", 1), ("worker", 1)];
    assert_eq!(id, twitter.compose(1_600_000_000_000, &fields, 5).unwrap());
}

#[test]
fn baidu_has_run_out_and_says_so() {
    let layout = layout("baidu");
    assert_eq!(layout.end_unix_ms(), 1_732_109_056_000, "2024-11-20T13:24:16Z");
    let now = At(1_750_000_000_000);
    let lease = WorkerLease::assume(1, Floor::at(now.0), now.0 + 10_000).unwrap();
    let (error, _lease) = Snowflake::new(layout, lease).unwrap_err();
    assert_eq!(error, NewError::LayoutEnded { end_unix_ms: 1_732_109_056_000 });
    // What it issued while it lasted is still read.
    assert_eq!(layout.decode((5 << 35) | (7 << 13) | 9).unwrap().worker(), 7);
}

#[test]
fn ksuid_seconds_count_from_its_epoch() {
    let id = layout("ksuid-seconds").compose(1_400_000_001_999, &[("worker", 2)], 3).unwrap();
    assert_eq!(id, (1 << 32) | (2 << 20) | 3);
}
