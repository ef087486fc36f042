/* Time-ordered ids: generators with the time passed in, their handles, buckets and layouts. */
#include "check.h"

#define NOW 1750000000000ull

static idgen_lease lease_of(uint64_t worker) {
    return (idgen_lease){.worker = worker, .floor_unix_ms = NOW, .horizon_unix_ms = NOW + 1000};
}

int snowflakes_rise_and_decode(void) {
    idgen_layout layout;
    idgen_decoded parts;
    const idgen_lease lease = lease_of(7);
    uint64_t last = 0, id = 0;
    OK(idgen_layout_preset("standard", &layout));
    OK(idgen_snowflake_init(&block.snowflake, &layout, &lease, 10));
    for (uint64_t at = 0; at < 1000; at++) {
        OK(idgen_snowflake_next(&block.snowflake, NOW + at, &id, NULL));
        HOLDS(id > last);
        last = id;
        OK(idgen_layout_decode(&layout, id, &parts));
        HOLDS(parts.worker == 7 && parts.unix_ms == NOW + at);
    }
    return 0;
}

int snowflake_waits_and_ends(void) {
    idgen_layout layout;
    const idgen_lease lease = lease_of(7);
    idgen_lease renewal = lease, left;
    idgen_range range;
    uint64_t id = 0, wait_ms = 0;
    OK(idgen_layout_preset("standard", &layout));
    OK(idgen_snowflake_init(&block.snowflake, &layout, &lease, 10));
    OK(idgen_snowflake_next(&block.snowflake, NOW + 500, &id, NULL));
    ANSWERS(NOT_YET, idgen_snowflake_next(&block.snowflake, NOW + 400, &id, &wait_ms));
    HOLDS(wait_ms == 90);
    OK(idgen_snowflake_take(&block.snowflake, NOW + 999, UINT64_MAX, &range, NULL));
    ANSWERS(EXHAUSTED, idgen_snowflake_next(&block.snowflake, NOW + 1000, &id, &wait_ms));
    renewal.horizon_unix_ms += 1000;
    OK(idgen_snowflake_extend(&block.snowflake, &renewal));
    OK(idgen_snowflake_next(&block.snowflake, NOW + 1000, &id, &wait_ms));
    renewal.serial++;
    ANSWERS(FOREIGN_LEASE, idgen_snowflake_extend(&block.snowflake, &renewal));
    OK(idgen_snowflake_end(&block.snowflake, &left));
    HOLDS(left.worker == 7 && left.floor_unix_ms == NOW + 1000 && left.floor_sequence > 0);
    ANSWERS(ENDED, idgen_snowflake_next(&block.snowflake, NOW + 1500, &id, &wait_ms));
    return 0;
}

int snowflake_handle_rises(void) {
    idgen_layout layout;
    const idgen_lease lease = lease_of(1);
    uint64_t last = 0, id = 0;
    OK(idgen_layout_preset("standard", &layout));
    OK(idgen_snowflake_init(&block.snowflake, &layout, &lease, 10));
    OK(idgen_snowflake_handle_init(&handle.snowflake, &block.snowflake));
    for (uint32_t at = 0; at < 1000; at++) {
        OK(idgen_snowflake_handle_next(&handle.snowflake, NOW + at / 100, &id, NULL));
        HOLDS(id > last);
        last = id;
    }
    OK(idgen_snowflake_handle_end(&handle.snowflake));
    OK(idgen_snowflake_next(&block.snowflake, NOW + 10, &id, NULL));
    HOLDS(id > last);
    return 0;
}

#ifndef SMALL
int buckets_are_disjoint(void) {
    idgen_layout layout;
    idgen_layout_facts facts;
    idgen_decoded parts;
    idgen_lease lease = lease_of(3);
    uint64_t id = 0;
    lease.horizon_unix_ms = NOW + 10000; /* Ticks of seconds, at least 3. */
    OK(idgen_layout_preset("genid", &layout));
    OK(idgen_layout_describe(&layout, &facts));
    ANSWERS(BAD_LAYOUT, idgen_snowflake_init(&block.snowflake, &layout, &lease, 0));
    OK(idgen_buckets_init(&block.buckets, &layout, &lease, 0));
    HOLDS(facts.buckets == 32);
    for (uint32_t number = 0; number < 32; number++) {
        OK(idgen_buckets_next(&block.buckets, number, NOW, &id, NULL));
        OK(idgen_layout_decode(&layout, id, &parts));
        HOLDS(parts.bucket == number && parts.worker == 3);
    }
    ANSWERS(OUT_OF_RANGE, idgen_buckets_next(&block.buckets, 32, NOW, &id, NULL));
    return 0;
}
#endif

int layouts_are_checked(void) {
    idgen_layout layout;
    char why[200];
    ANSWERS(UNKNOWN, idgen_layout_preset("sand", &layout));
    OK(idgen_layout_plan(10, 1000, 50, 1, &layout));
    OK(idgen_layout_check(&layout, why, sizeof why));
    HOLDS(why[0] == 0);
    layout.tick_ms = 0;
    ANSWERS(BAD_LAYOUT, idgen_layout_check(&layout, why, sizeof why));
    HOLDS(why[0] != 0);
    return 0;
}

int no_clock_is_told(void) {
    idgen_layout layout;
    const idgen_lease lease = lease_of(7);
    uint64_t id = 5;
    OK(idgen_layout_preset("standard", &layout));
    OK(idgen_snowflake_init(&block.snowflake, &layout, &lease, 10));
    ANSWERS(NO_CLOCK, idgen_snowflake_next(&block.snowflake, IDGEN_NOW, &id, NULL));
    ANSWERS(NO_CLOCK, idgen_snowflake_next(&block.snowflake, IDGEN_NOW_COARSE, &id, NULL));
    ANSWERS(OUT_OF_RANGE, idgen_snowflake_next(&block.snowflake, IDGEN_MAX_UNIX_MS, &id, NULL));
    HOLDS(id == 5);
    OK(idgen_snowflake_next(&block.snowflake, NOW, &id, NULL));
    return 0;
}
