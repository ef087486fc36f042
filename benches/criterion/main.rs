//! The same generators one after the other, as users of criterion expect: `cargo bench`.
//!
//! Figures taken in sequence swing with the machine; goals are judged by the paired bench alone.

use std::hint::black_box;
use std::num::NonZeroU64;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ferroid::generator::{AtomicSnowflakeGenerator, BasicSnowflakeGenerator};
use idgen_benches::bare::{Bare, CasCursor, Locked};
use idgen_benches::subjects::{
    FerroidWide, WIDE, backoff, cursor, ferroid_clock, insist, snowflake, snowflake_me, snowid_wide,
};
use idgen_core::text::{Form, decode, encode};
use idgen_runtime::{CoarseClock, PublishedTick};
use idgen_segment::{MAX_SEGMENT_LEN, SegmentHandle};
use idgen_snowflake::SnowflakeHandle;

fn references(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reference");
    let (bare, locked, dull) =
        (Bare::default(), Locked::default(), CasCursor::new(MAX_SEGMENT_LEN));
    group.bench_function("fetch_add", |bencher| bencher.iter(|| bare.next_id()));
    group.bench_function("mutex", |bencher| bencher.iter(|| locked.next_id()));
    group.bench_function("compare-exchange cursor", |bencher| bencher.iter(|| dull.next_id()));
    group.bench_function("uuid v7", |bencher| bencher.iter(uuid::Uuid::now_v7));
}

fn segments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segment");
    let block = NonZeroU64::new(1024).expect("1024 is not 0");
    // Each its own: criterion may take more ids than one cursor holds.
    group.bench_function("cursor", |bencher| {
        let cursor = cursor();
        bencher.iter(|| cursor.next_id().expect("2^33 ids are in hand"));
    });
    group.bench_function("handle", |bencher| {
        let cursor = cursor();
        let mut handle = SegmentHandle::new(&cursor, block);
        bencher.iter(|| handle.next_id().expect("2^33 ids are in hand"));
    });
}

fn snowflakes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snowflake");
    let tick = PublishedTick::start().expect("a thread more");
    let (shared, coarse) = (snowflake(&WIDE, &tick), snowflake(&WIDE, &CoarseClock));
    let mut handle = SnowflakeHandle::new(&shared);
    group.bench_function("shared, published tick", |bencher| {
        bencher.iter(|| insist(|| shared.next_id(&tick)));
    });
    group.bench_function("shared, coarse clock", |bencher| {
        bencher.iter(|| insist(|| coarse.next_id(&CoarseClock)));
    });
    group.bench_function("handle, published tick", |bencher| {
        bencher.iter(|| insist(|| handle.next_id(&tick)));
    });
    let atomic = AtomicSnowflakeGenerator::<FerroidWide, _>::new(1, ferroid_clock());
    group.bench_function("ferroid Atomic", |bencher| bencher.iter(|| atomic.next_id(backoff)));
    let basic = BasicSnowflakeGenerator::<FerroidWide, _>::new(1, ferroid_clock());
    group.bench_function("ferroid Basic", |bencher| bencher.iter(|| basic.next_id(backoff)));
    let (snowid, snowflake_me) = (snowid_wide(), snowflake_me(22));
    group.bench_function("snowid", |bencher| bencher.iter(|| snowid.generate()));
    group.bench_function("snowflake_me", |bencher| bencher.iter(|| snowflake_me.next_id()));
}

fn bulks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1024 at once");
    group.throughput(Throughput::Elements(1024));
    let (cursor, snowflake) = (cursor(), snowflake(&WIDE, &CoarseClock));
    let mut ids = [0; 1024];
    group.bench_function("segment cursor", |bencher| {
        bencher.iter(|| cursor.fill(black_box(&mut ids)));
    });
    group.bench_function("snowflake", |bencher| {
        bencher.iter(|| snowflake.fill(&CoarseClock, black_box(&mut ids)));
    });
    let snowid = snowid_wide();
    group.bench_function("snowid", |bencher| {
        bencher.iter(|| snowid.generate_batch(black_box(&mut ids)));
    });
}

fn texts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text");
    const ID: u64 = 0x7a3d_92c4_11f0_8b6e;
    for form in [Form::Decimal, Form::Base32, Form::Base62, Form::Hex] {
        let text = encode(ID, form);
        group.bench_function(format!("{} encode", form.name()), |bencher| {
            bencher.iter(|| encode(black_box(ID), form));
        });
        group.bench_function(format!("{} decode", form.name()), |bencher| {
            bencher.iter(|| decode(black_box(&text), form));
        });
    }
    group.bench_function("itoa", |bencher| {
        let mut buffer = itoa::Buffer::new();
        bencher.iter(|| buffer.format(black_box(ID)).len());
    });
}

criterion_group!(benches, references, segments, snowflakes, bulks, texts);
criterion_main!(benches);
