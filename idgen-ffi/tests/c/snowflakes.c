/* Generators: leases, horizons, clocks, renewals, and every way in which they refuse. */

#include "crowd.h"

#define FLOOR 1760000000000
static const idgen_lease LEASE = {
    .worker = 5, .floor_unix_ms = FLOOR, .horizon_unix_ms = FLOOR + 1000, .serial = 8, .nonce = 3};

static idgen_snowflake ids;
static idgen_buckets buckets;
static idgen_layout standard, genid;

static void ids_are_of_their_time_and_worker(void)
{
    uint64_t id, before = 0;
    idgen_decoded parts;
    CHECK_STATUS(OK, idgen_layout_preset("standard", &standard));
    CHECK_STATUS(OK, idgen_layout_preset("genid", &genid));
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 10));
    for (uint64_t now = FLOOR; now < FLOOR + 900; now += 3) {
        CHECK_STATUS(OK, idgen_snowflake_next(&ids, now, &id, NULL));
        CHECK_STATUS(OK, idgen_layout_decode(&standard, id, &parts));
        CHECK(id > before && parts.unix_ms == now && parts.worker == 5);
        before = id;
    }
}

static void a_batch_is_a_run_of_one_tick(void)
{
    idgen_range range;
    idgen_layout_facts facts;
    uint64_t last, many[5000];
    size_t filled;
    idgen_decoded first, end;
    CHECK_STATUS(OK, idgen_layout_describe(&standard, &facts));
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 10));
    CHECK_STATUS(OK, idgen_snowflake_take(&ids, FLOOR + 1, 100, &range, NULL));
    CHECK(range.len == 100 && range.step == facts.sequence_place);
    CHECK_STATUS(OK, idgen_range_last(&range, &last));
    CHECK_STATUS(OK, idgen_layout_decode(&standard, range.start, &first));
    CHECK_STATUS(OK, idgen_layout_decode(&standard, last, &end));
    CHECK(first.tick == end.tick && end.sequence == first.sequence + 99);
    /* More than a tick has: the fill goes on in those it may borrow. */
    CHECK_STATUS(OK, idgen_snowflake_fill(&ids, FLOOR + 1, many, 5000, &filled, NULL));
    CHECK(filled == 5000 && many[0] > last);
    for (size_t at = 1; at < filled; at++)
        CHECK(many[at] > many[at - 1]);
}

static void a_burst_has_to_wait_and_then_goes_on(void)
{
    uint64_t id, wait_ms = 0, count = 0;
    static uint64_t many[60000];
    size_t filled;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 2));
    while (idgen_snowflake_next(&ids, FLOOR + 5, &id, &wait_ms) == IDGEN_STATUS_OK)
        count++;
    CHECK(count > 2 * 4096 && count <= 3 * 4096);
    CHECK_STATUS(NOT_YET, idgen_snowflake_next(&ids, FLOOR + 5, &id, &wait_ms));
    CHECK(wait_ms >= 1 && wait_ms <= 3);
    CHECK_STATUS(NOT_YET, idgen_snowflake_fill(&ids, FLOOR + 5, many, 60000, &filled, &wait_ms));
    CHECK_EQUAL(0, filled);
    CHECK_STATUS(OK, idgen_snowflake_next(&ids, FLOOR + 5 + wait_ms, &id, NULL));
    CHECK_STATUS(NOT_YET, idgen_snowflake_fill(&ids, FLOOR + 7, many, 60000, &filled, &wait_ms));
    CHECK(filled > 0 && filled < 60000);
    /* A clock that went back far. */
    CHECK_STATUS(NOT_YET, idgen_snowflake_next(&ids, FLOOR - 400, &id, &wait_ms));
    CHECK(wait_ms >= 400 && wait_ms <= 420);
}

static void issuing_stops_at_the_horizon_until_it_is_moved(void)
{
    uint64_t id, horizon;
    idgen_lease renewal = LEASE;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 10));
    CHECK_STATUS(OK, idgen_snowflake_next(&ids, FLOOR + 999, &id, NULL));
    uint64_t now = FLOOR + 1000, count = 0;
    while (idgen_snowflake_next(&ids, now, &id, NULL) == IDGEN_STATUS_OK)
        count++;
    CHECK(count <= 4096);
    CHECK_STATUS(EXHAUSTED, idgen_snowflake_next(&ids, now, &id, NULL));
    idgen_range range;
    CHECK_STATUS(EXHAUSTED, idgen_snowflake_take(&ids, now, 7, &range, NULL));
    renewal.horizon_unix_ms += 500;
    renewal.floor_unix_ms = 0;
    CHECK_STATUS(OK, idgen_snowflake_extend(&ids, &renewal));
    CHECK_STATUS(OK, idgen_snowflake_horizon(&ids, &horizon));
    CHECK_EQUAL(FLOOR + 1500, horizon);
    CHECK_STATUS(OK, idgen_snowflake_next(&ids, now, &id, NULL));
    renewal.horizon_unix_ms = FLOOR;
    CHECK_STATUS(OK, idgen_snowflake_extend(&ids, &renewal));
    CHECK_STATUS(OK, idgen_snowflake_horizon(&ids, &horizon));
    CHECK_EQUAL(FLOOR + 1500, horizon);
}

static void only_its_own_lease_is_renewed(void)
{
    idgen_lease other = LEASE;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 10));
    other.horizon_unix_ms += 1000;
    other.serial++;
    CHECK_STATUS(FOREIGN_LEASE, idgen_snowflake_extend(&ids, &other));
    other.serial--;
    other.nonce++;
    CHECK_STATUS(FOREIGN_LEASE, idgen_snowflake_extend(&ids, &other));
    other.nonce--;
    other.worker++;
    CHECK_STATUS(FOREIGN_LEASE, idgen_snowflake_extend(&ids, &other));
    uint64_t horizon;
    CHECK_STATUS(OK, idgen_snowflake_horizon(&ids, &horizon));
    CHECK_EQUAL(FLOOR + 1000, horizon);
}

static idgen_status with(uint64_t worker, uint64_t floor, uint64_t horizon)
{
    idgen_lease lease = {.worker = worker, .floor_unix_ms = floor, .horizon_unix_ms = horizon};
    return idgen_snowflake_init(&ids, &standard, &lease, 10);
}

static void leases_that_are_none_are_refused(void)
{
    CHECK_STATUS(BAD_LEASE, with(1, FLOOR, FLOOR));
    CHECK_STATUS(BAD_LEASE, with(1, FLOOR + 1, FLOOR));
    CHECK_STATUS(BAD_LEASE, with(1, FLOOR, FLOOR + 2));
    CHECK_STATUS(OK, with(1, FLOOR, FLOOR + 3));
    CHECK_STATUS(OK, with(1023, FLOOR, FLOOR + 3));
    CHECK_STATUS(BAD_LEASE, with(1024, FLOOR, FLOOR + 3));
    CHECK_STATUS(BAD_LEASE, with(UINT64_MAX, FLOOR, FLOOR + 3));
    /* Nothing was made of the memory by those that were refused. */
    idgen_snowflake other;
    uint64_t id;
    idgen_lease none = LEASE;
    none.worker = 1024;
    memset(&other, 0, sizeof other);
    CHECK_STATUS(BAD_LEASE, idgen_snowflake_init(&other, &standard, &none, 10));
    CHECK_STATUS(BAD_STATE, idgen_snowflake_next(&other, FLOOR, &id, NULL));
}

static void layouts_end(void)
{
    idgen_layout baidu;
    CHECK_STATUS(OK, idgen_layout_preset("baidu", &baidu));
    CHECK_STATUS(LAYOUT_ENDED, idgen_snowflake_init(&ids, &baidu, &LEASE, 10));
    CHECK_STATUS(BAD_LAYOUT, idgen_snowflake_init(&ids, &genid, &LEASE, 10));
    CHECK_STATUS(BAD_LAYOUT, idgen_buckets_init(&buckets, &standard, &LEASE, 10));
}

/* 2^41 ticks of 2^22 numbers are more than a generator counts. */
static void a_word_is_full(void)
{
    const idgen_layout widest = {
        .epoch_unix_ms = 1735689600000,
        .tick_ms = 1,
        .time_bits = 41,
        .is_unsigned = 1,
        .field_count = 2,
        .fields = {{"worker", 1, IDGEN_ROLE_NODE}, {"sequence", 22, IDGEN_ROLE_SEQUENCE}},
    };
    idgen_lease lease = {.floor_unix_ms = FLOOR, .horizon_unix_ms = FLOOR + 1000};
    uint64_t id;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &widest, &lease, 10));
    CHECK_STATUS(OK, idgen_snowflake_next(&ids, FLOOR + 3, &id, NULL));
    idgen_lease renewal = lease, left;
    renewal.horizon_unix_ms = FLOOR + (UINT64_C(1) << 40);
    CHECK_STATUS(WORD_FULL, idgen_snowflake_extend(&ids, &renewal));
    CHECK_STATUS(BAD_LEASE, idgen_snowflake_init(&ids, &widest, &renewal, 10));
    CHECK_STATUS(OK, idgen_snowflake_next(&ids, FLOOR + 4, &id, NULL));
    CHECK_STATUS(OK, idgen_snowflake_end(&ids, &left));
    CHECK_EQUAL(FLOOR + 4, left.floor_unix_ms);
}

static void the_systems_clocks_are_the_time(void)
{
    uint64_t before = crowd_now_ms(), id;
    const uint64_t CLOCKS[] = {IDGEN_NOW, IDGEN_NOW_COARSE};
    idgen_lease lease = {.worker = 1};
    lease.floor_unix_ms = before - 1000;
    lease.horizon_unix_ms = before + 600000;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &lease, 10));
    for (size_t at = 0; at < 2; at++) {
        idgen_decoded parts;
        CHECK_STATUS(OK, idgen_snowflake_next(&ids, CLOCKS[at], &id, NULL));
        CHECK_STATUS(OK, idgen_layout_decode(&standard, id, &parts));
        /* The coarse one is a few milliseconds behind. */
        CHECK(parts.unix_ms + 50 >= before && parts.unix_ms <= crowd_now_ms() + 10);
    }
}

static void every_bucket_issues_its_own(void)
{
    uint64_t id, horizon, seen[32], many[10];
    size_t filled;
    idgen_range range;
    idgen_decoded parts;
    idgen_lease lease = LEASE, left;
    lease.horizon_unix_ms = FLOOR + 60000;
    CHECK_STATUS(OK, idgen_buckets_init(&buckets, &genid, &lease, 10));
    for (uint32_t number = 0; number < 32; number++) {
        CHECK_STATUS(OK, idgen_buckets_next(&buckets, number, FLOOR + 2000, &id, NULL));
        CHECK_STATUS(OK, idgen_layout_decode(&genid, id, &parts));
        CHECK(parts.bucket == number && parts.worker == 5);
        seen[number] = id;
        for (uint32_t other = 0; other < number; other++)
            CHECK(seen[other] != id);
    }
    CHECK_STATUS(OK, idgen_buckets_take(&buckets, 7, FLOOR + 2000, 10, &range, NULL));
    CHECK(range.len == 10 && range.start > seen[7]);
    CHECK_STATUS(OK, idgen_buckets_fill(&buckets, 7, FLOOR + 2000, many, 10, &filled, NULL));
    CHECK(filled == 10 && many[0] >= range.start + 10 * range.step);
    uint64_t wait_ms = 0;
    CHECK_STATUS(NOT_YET, idgen_buckets_next(&buckets, 7, FLOOR - 9000, &id, &wait_ms));
    CHECK(wait_ms > 0);
    /* The last tick below the horizon has 65536 numbers. */
    idgen_status status = IDGEN_STATUS_OK;
    for (int i = 0; i <= 65536 && status == IDGEN_STATUS_OK; i++)
        status = idgen_buckets_take(&buckets, 7, FLOOR + 70000, 65536, &range, NULL);
    CHECK_STATUS(EXHAUSTED, status);
    CHECK_STATUS(EXHAUSTED, idgen_buckets_next(&buckets, 7, FLOOR + 70000, &id, NULL));
    lease.horizon_unix_ms = FLOOR + 90000;
    CHECK_STATUS(OK, idgen_buckets_extend(&buckets, &lease));
    CHECK_STATUS(OK, idgen_buckets_horizon(&buckets, &horizon));
    CHECK(horizon <= FLOOR + 90000 && horizon > FLOOR + 88000);
    CHECK_STATUS(OK, idgen_buckets_next(&buckets, 7, FLOOR + 70000, &id, NULL));
    lease.serial++;
    CHECK_STATUS(FOREIGN_LEASE, idgen_buckets_extend(&buckets, &lease));
    CHECK_STATUS(OK, idgen_buckets_end(&buckets, &left));
    CHECK_STATUS(ENDED, idgen_buckets_end(&buckets, &left));
}

static void a_handle_goes_with_its_generator(void)
{
    idgen_snowflake_handle handle;
    uint64_t id, before = 0;
    idgen_lease left;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 10));
    CHECK_STATUS(OK, idgen_snowflake_handle_init(&handle, &ids));
    for (int i = 0; i < 3000; i++) {
        CHECK_STATUS(OK, idgen_snowflake_handle_next(&handle, FLOOR + 100, &id, NULL));
        CHECK(id > before);
        before = id;
    }
    CHECK_STATUS(OK, idgen_snowflake_end(&ids, &left));
    idgen_status status = IDGEN_STATUS_OK;
    for (int i = 0; i < 5000 && status == IDGEN_STATUS_OK; i++)
        status = idgen_snowflake_handle_next(&handle, FLOOR + 100, &id, NULL);
    CHECK_STATUS(ENDED, status);
    CHECK_STATUS(OK, idgen_snowflake_handle_end(&handle));
}

int main(void)
{
    RUN(ids_are_of_their_time_and_worker);
    RUN(a_batch_is_a_run_of_one_tick);
    RUN(a_burst_has_to_wait_and_then_goes_on);
    RUN(issuing_stops_at_the_horizon_until_it_is_moved);
    RUN(only_its_own_lease_is_renewed);
    RUN(leases_that_are_none_are_refused);
    RUN(layouts_end);
    RUN(a_word_is_full);
    RUN(the_systems_clocks_are_the_time);
    RUN(every_bucket_issues_its_own);
    RUN(a_handle_goes_with_its_generator);
    return finish();
}
