use super::*;
use crate::{DecodeError, FieldError, PRESETS, preset};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Layouts of every shape: the sequence at any height, a bucket or none, any tick.
fn layouts() -> impl Strategy<Value = Layout> {
    let shape = (1_u32..=42, 1_u32..=16, prop::collection::vec(1_u32..=6, 0..=8), any::<bool>());
    let rest = (1_u64..5000, 0_u64..2_000_000_000_000, 0_usize..=8, prop::option::of(0_usize..8));
    (shape, rest).prop_filter_map(
        "too wide",
        |((time, sequence, nodes, signed), (tick_ms, epoch_unix_ms, place, bucket))| {
            let mut builder = Layout::builder(time).tick_ms(tick_ms).epoch_unix_ms(epoch_unix_ms);
            let place = place.min(nodes.len());
            for (at, &bits) in nodes.iter().enumerate() {
                if at == place {
                    builder = builder.sequence(sequence);
                }
                builder = match bucket {
                    Some(bucket) if bucket == at => builder.bucket(NAMES[at], bits.min(5)),
                    _ => builder.node(NAMES[at], bits),
                };
            }
            if place == nodes.len() {
                builder = builder.sequence(sequence);
            }
            if !signed { builder.unsigned() } else { builder }.try_build().ok()
        },
    )
}

/// A value at an edge of its range or anywhere in it.
fn pick(choice: u64, max: u64) -> u64 {
    match choice % 4 {
        0 => 0,
        1 => max,
        _ if max == u64::MAX => choice,
        _ => choice % (max + 1),
    }
}

proptest! {
    #[test]
    fn what_is_composed_decodes(
        layout in layouts(),
        choices in prop::array::uniform10(any::<u64>()),
        within_tick in any::<u64>(),
    ) {
        let tick = pick(choices[8], layout.last_tick());
        let unix_ms = layout.tick_unix_ms(tick);
        let sequence = pick(choices[9], layout.sequence().max());
        let values: Vec<(&str, u64)> = layout
            .fields()
            .iter()
            .filter(|field| field.role() != Role::Sequence)
            .zip(choices)
            .map(|(field, choice)| (field.name(), pick(choice, field.max())))
            .collect();
        let late_ms = unix_ms + within_tick % layout.tick_ms();
        let id = layout.compose(late_ms, &values, sequence).unwrap();
        let decoded = layout.decode(id).unwrap();
        prop_assert_eq!(decoded.unix_ms(), unix_ms);
        prop_assert_eq!(decoded.tick(), tick);
        prop_assert_eq!(decoded.sequence(), sequence);
        prop_assert_eq!(decoded.fields().collect::<Vec<_>>(), values.clone());
        let bucket = layout.bucket().map(|bucket| bucket.name());
        let nodes: Vec<_> =
            values.iter().copied().filter(|&(name, _)| Some(name) != bucket).collect();
        let worker = layout.worker(&nodes).unwrap();
        prop_assert_eq!(decoded.worker(), worker);
        prop_assert!(worker < layout.workers());
        let number = decoded.bucket().unwrap_or(0);
        prop_assert!(number < layout.buckets());
        let number_bits = layout.bucket().map_or(0, |field| number << field.shift());
        let time_bits = tick << layout.time_shift();
        let sequence_bits = sequence * layout.sequence_place();
        prop_assert_eq!(id, time_bits | layout.spread(worker) | number_bits | sequence_bits);
        prop_assert!(!layout.signed() || id <= i64::MAX.cast_unsigned());
    }

    #[test]
    fn every_time_outside_is_refused(layout in layouts(), far in 0_u64..1 << 50) {
        let named: Vec<_> = layout
            .fields()
            .iter()
            .filter(|field| field.role() != Role::Sequence)
            .map(|field| (field.name(), 0))
            .collect();
        let end_ms = layout.end_unix_ms();
        prop_assert!(layout.compose(end_ms - 1, &named, 0).is_ok());
        prop_assert!(layout.compose(end_ms + far, &named, 0).is_err());
        if let Some(before_ms) = layout.epoch_unix_ms().checked_sub(1 + far) {
            prop_assert!(layout.compose(before_ms, &named, 0).is_err());
        }
        if layout.bits() < 64 {
            let id = 1 << layout.bits();
            prop_assert_eq!(layout.decode(id), Err(DecodeError { id, bits: layout.bits() }));
        }
    }
}

#[test]
fn widths_are_checked() {
    let width = |name, bits, max| Err(LayoutError::Width { name, bits, max });
    assert_eq!(Layout::builder(0).sequence(12).try_build(), width("time", 0, 60));
    assert_eq!(Layout::builder(61).sequence(3).try_build(), width("time", 61, 60));
    assert_eq!(Layout::builder(41).sequence(0).try_build(), width("sequence", 0, 32));
    assert_eq!(Layout::builder(20).sequence(33).try_build(), width("sequence", 33, 32));
    let wide_bucket = Layout::builder(20).bucket("b", 6).sequence(9).try_build();
    assert_eq!(wide_bucket, width("b", 6, 5));
    let too_wide = Layout::builder(41).node("w", 11).sequence(12);
    assert_eq!(too_wide.try_build(), Err(LayoutError::TooWide { bits: 64, usable: 63 }));
    assert_eq!(too_wide.unsigned().try_build().map(|layout| layout.bits()), Ok(64));
    let wider = Layout::builder(41).node("w", 62).node("v", 62).sequence(12).unsigned();
    assert_eq!(wider.try_build(), Err(LayoutError::TooWide { bits: 177, usable: 64 }));
}

#[test]
fn fields_are_checked() {
    let base = Layout::builder(30);
    assert_eq!(base.node("w", 3).try_build(), Err(LayoutError::Sequences { count: 0 }));
    let two = base.sequence(3).sequence(3);
    assert_eq!(two.try_build(), Err(LayoutError::Sequences { count: 2 }));
    let two = base.bucket("b", 2).bucket("c", 2).sequence(3);
    assert_eq!(two.try_build(), Err(LayoutError::Buckets));
    let eight = NAMES.iter().fold(base, |builder, name| builder.node(name, 1)).sequence(1);
    assert_eq!(eight.try_build().map(|layout| layout.workers()), Ok(256));
    let nine = eight.node("i", 1);
    assert_eq!(nine.try_build(), Err(LayoutError::TooManyFields { count: 10 }));
    for name in ["", "time", "sequence"] {
        let named = base.node(name, 1).sequence(3).try_build();
        assert!(matches!(named, Err(LayoutError::Name { .. })), "{name}");
    }
    let twice = base.node("w", 1).sequence(3).node("w", 1).try_build();
    assert_eq!(twice, Err(LayoutError::Name { name: "w" }));
}

#[test]
fn time_is_checked() {
    let base = Layout::builder(41).sequence(3);
    assert_eq!(base.tick_ms(0).try_build(), Err(LayoutError::NoTick));
    assert_eq!(base.tick_ms(1 << 20).try_build(), Err(LayoutError::EndsTooLate));
    assert_eq!(base.epoch_unix_ms(u64::MAX).try_build(), Err(LayoutError::EndsTooLate));
    assert_eq!(base.tick_ms(u64::MAX).try_build(), Err(LayoutError::EndsTooLate));
}

#[test]
fn names_and_values_are_checked() {
    let layout = preset("twitter").unwrap();
    let worker = |values: &[(&str, u64)]| layout.worker(values);
    assert_eq!(worker(&[("worker", 1)]), Err(FieldError::Missing { name: "datacenter" }));
    let unknown = [("datacenter", 1), ("machine", 1), ("worker", 1)];
    assert_eq!(worker(&unknown), Err(FieldError::Unknown { at: 1 }));
    let twice = [("worker", 1), ("datacenter", 1), ("worker", 1)];
    assert_eq!(worker(&twice), Err(FieldError::Twice { name: "worker" }));
    let large = FieldError::TooLarge { name: "worker", value: 32, max: 31 };
    assert_eq!(worker(&[("worker", 32), ("datacenter", 1)]), Err(large));
    let genid = preset("genid").unwrap();
    let buckets = [("zone", 1), ("dc", 1), ("machine", 1), ("bucket", 1)];
    assert_eq!(genid.worker(&buckets), Err(FieldError::Unknown { at: 3 }));
    assert_eq!(genid.worker(&buckets[..3]), Ok((1 << 6) | (1 << 3) | 1));
    assert!(genid.compose(1000, &buckets, 65_536).is_err());
    assert!(genid.compose(1000, &buckets, 65_535).is_ok());
}

#[test]
fn errors_say_what_to_do() {
    let error = Layout::builder(41).node("worker", 11).sequence(12).try_build().unwrap_err();
    let text = "the layout has 64 bits and an id 63; take bits from some field";
    assert_eq!(error.to_string(), text);
    let error = preset("standard").unwrap().worker(&[("worker", 1024)]).unwrap_err();
    let text = "field `worker` holds 0 to 1023, not 1024; give it a smaller value";
    assert_eq!(error.to_string(), text);
    let error = preset("js-safe").unwrap().decode(1 << 53).unwrap_err();
    let text = "id 9007199254740992 has more than the 53 bits of the layout; \
                decode it with the one it is from";
    assert_eq!(error.to_string(), text);
}

#[test]
fn presets_have_their_figures() {
    // Name, bits, workers, buckets, ids per second, end: `date -ud @SECONDS` gives the dates.
    let figures = [
        ("standard", 63, 1024, 1, 4_096_000, 3_934_712_855_552),
        ("js-safe", 53, 32, 1, 128_000, 3_934_712_855_552),
        ("twitter", 63, 1024, 1, 4_096_000, 3_487_858_230_209),
        ("genid", 64, 2048, 32, 65_536, 4_294_967_296_000),
        ("discord", 64, 1024, 1, 4_096_000, 5_818_116_911_104),
        ("instagram", 64, 8192, 1, 1_024_000, 3_513_243_277_273),
        ("mastodon", 64, 1, 1, 65_536_000, 281_474_976_710_656),
        ("sonyflake", 63, 65_536, 1, 25_600, 6_907_087_738_880),
        ("leaf", 63, 1024, 1, 4_096_000, 3_487_858_230_209),
        ("baidu", 63, 4_194_304, 1, 8192, 1_732_109_056_000),
        ("ksuid-seconds", 64, 4096, 1, 1_048_576, 5_694_967_296_000),
    ];
    for ((name, bits, workers, buckets, rate, end_ms), found) in figures.into_iter().zip(&PRESETS) {
        let layout = preset(name).unwrap();
        assert_eq!((name, layout), (found.name, &found.layout));
        assert_eq!((layout.bits(), layout.workers(), layout.buckets()), (bits, workers, buckets));
        assert_eq!((layout.ids_per_second(), layout.end_unix_ms()), (rate, end_ms));
        assert_eq!(layout.lifetime_ms(), end_ms - layout.epoch_unix_ms());
    }
    assert_eq!(PRESETS.len(), figures.len());
}

/// The tweet of June 2022 that Wikipedia's article "Snowflake ID" takes apart.
#[test]
fn published_tweets_decode() {
    let layout = preset("twitter").unwrap();
    let decoded = layout.decode(1_541_815_603_606_036_480).unwrap();
    assert_eq!((decoded.unix_ms(), decoded.worker()), (1_656_432_460_105, 378));
    assert_eq!(decoded.sequence(), 0);
    let values = [("datacenter", 11), ("worker", 26)];
    assert_eq!(layout.compose(1_656_432_460_105, &values, 0), Ok(1_541_815_603_606_036_480));
}

#[test]
fn the_genid_layout_is_its_documents() {
    // second | zone 5 | dc 3 | machine 3 | bucket 5 | counter 16, all 64 bits.
    let layout = preset("genid").unwrap();
    let shifts: Vec<_> = layout.fields().iter().map(|field| field.shift()).collect();
    assert_eq!((layout.time_shift(), shifts), (32, std::vec![27, 24, 21, 16, 0]));
    let values = [("zone", 31), ("dc", 7), ("machine", 7), ("bucket", 31)];
    assert_eq!(layout.compose(4_294_967_295_999, &values, 65_535), Ok(u64::MAX));
}
