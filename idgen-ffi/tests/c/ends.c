/* Ends come once, whoever calls first, and what they leave is all that was not issued. */

#include "crowd.h"

#define ROUNDS 200
#define SEGMENT 400

static idgen_segment_cursor cursor;
static atomic_uint ended;

/* Takes until the cursor has ended; every second thread ends it on its way. */
static void take_and_retire(struct member *self)
{
    for (;;) {
        idgen_range range, tail, standby;
        idgen_status status = idgen_segment_take(&cursor, 1 + self->nth % 3, &range);
        if (status == IDGEN_STATUS_ENDED)
            break;
        if (status == IDGEN_STATUS_OK)
            for (uint64_t i = 0; i < range.len && self->count < self->room; i++)
                self->ids[self->count++] = range.start + i * range.step;
        int is_enough = self->count > 20 + self->nth || status == IDGEN_STATUS_EXHAUSTED;
        if (self->nth % 2 && is_enough) {
            status = idgen_segment_retire(&cursor, &tail, &standby);
            if (status == IDGEN_STATUS_OK) {
                atomic_fetch_add(&ended, 1);
                self->left[0] = tail;
                self->left[1] = standby;
            } else {
                CHECK_STATUS(ENDED, status);
            }
            break;
        }
        sched_yield();
    }
}

/* What was issued and what is left are 1 to the last, each once. */
static void is_complete(uint64_t last)
{
    static unsigned char seen[4 * SEGMENT + 1];
    memset(seen, 0, sizeof seen);
    for (size_t nth = 0; nth < CROWD; nth++)
        for (size_t part = 0; part < 2; part++)
            for (uint64_t i = 0; i < crowd[nth].left[part].len; i++)
                seen[crowd[nth].left[part].start + i]++;
    size_t count;
    uint64_t *ids = crowd_ids(&count);
    for (size_t at = 0; at < count; at++)
        seen[ids[at]]++;
    for (uint64_t id = 1; id <= last; id++)
        CHECK_EQUAL(1, seen[id]);
    free(ids);
}

static void a_cursor_is_retired_once_and_nothing_is_lost(void)
{
    for (size_t round = 0; round < sliced(ROUNDS, 20); round++) {
        uint64_t gaps = 0;
        atomic_store(&ended, 0);
        CHECK_STATUS(OK, idgen_segment_init(&cursor));
        CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){1, 1, SEGMENT}));
        crowd_run(take_and_retire, SEGMENT);
        CHECK_EQUAL(1, atomic_load(&ended));
        CHECK_STATUS(OK, idgen_segment_gaps(&cursor, &gaps));
        CHECK_EQUAL(0, gaps);
        is_complete(SEGMENT);
    }
}

static void a_standby_comes_back_too(void)
{
    idgen_range tail, standby;
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){1, 1, 100}));
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){201, 2, 50}));
    CHECK_STATUS(OK, idgen_segment_retire(&cursor, &tail, &standby));
    CHECK(tail.start == 2 && tail.step == 1 && tail.len == 99);
    CHECK(standby.start == 201 && standby.step == 2 && standby.len == 50);
    memset(&tail, 7, sizeof tail);
    CHECK_STATUS(ENDED, idgen_segment_retire(&cursor, &tail, &standby));
    CHECK_EQUAL(0x0707070707070707, tail.len);
    CHECK_STATUS(ENDED, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(ENDED, idgen_segment_take(&cursor, 1, &tail));
    CHECK_STATUS(ENDED, idgen_segment_take_exact(&cursor, 1, &tail, NULL));
    CHECK_STATUS(BUSY, idgen_segment_supply(&cursor, (idgen_range){1000, 1, 10}));
}

static void a_handles_block_outlives_its_cursor(void)
{
    idgen_segment_handle handle;
    idgen_range tail, standby, rest;
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){1, 1, 100}));
    CHECK_STATUS(OK, idgen_segment_handle_init(&handle, &cursor, 10));
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    CHECK_STATUS(OK, idgen_segment_retire(&cursor, &tail, &standby));
    CHECK(tail.start == 11 && tail.len == 90 && standby.len == 0);
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    CHECK_EQUAL(2, id);
    CHECK_STATUS(OK, idgen_segment_handle_give_back(&handle, &rest));
    CHECK(rest.start == 3 && rest.len == 8);
    CHECK_STATUS(BAD_STATE, idgen_segment_handle_next(&handle, &id));
}

static void a_handle_gives_its_rest_back(void)
{
    idgen_segment_handle handle;
    idgen_range rest;
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){1, 1, 100}));
    CHECK_STATUS(OK, idgen_segment_handle_init(&handle, &cursor, 10));
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    CHECK_STATUS(OK, idgen_segment_handle_give_back(&handle, &rest));
    CHECK_EQUAL(0, rest.len);
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(2, id);
    CHECK_STATUS(OK, idgen_segment_handle_init(&handle, &cursor, 10));
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    CHECK_STATUS(OK, idgen_segment_handle_end(&handle, &rest));
    CHECK(id == 3 && rest.start == 4 && rest.len == 9);
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(13, id);
}

static idgen_snowflake snowflake;
static idgen_buckets buckets;
static idgen_layout layout;
static idgen_lease left;
#define FLOOR 1760000000000

/* Time stands still at the floor's tick and those borrowed; all race for an end. */
static void mint_and_end(struct member *self)
{
    for (;;) {
        idgen_status status =
            idgen_snowflake_next(&snowflake, FLOOR, &self->ids[self->count], NULL);
        if (status == IDGEN_STATUS_ENDED)
            break;
        if (status == IDGEN_STATUS_OK)
            self->count += self->count + 1 < self->room;
        if (self->count > 30 || status == IDGEN_STATUS_NOT_YET) {
            idgen_lease own;
            status = idgen_snowflake_end(&snowflake, &own);
            if (status == IDGEN_STATUS_OK) {
                atomic_fetch_add(&ended, 1);
                left = own;
            } else {
                CHECK_STATUS(ENDED, status);
            }
            break;
        }
    }
}

static void a_generator_ends_once_above_all_it_issued(void)
{
    idgen_lease lease = {.worker = 3, .floor_unix_ms = FLOOR, .horizon_unix_ms = FLOOR + 1000};
    CHECK_STATUS(OK, idgen_layout_preset("standard", &layout));
    for (size_t round = 0; round < sliced(ROUNDS, 20); round++) {
        atomic_store(&ended, 0);
        CHECK_STATUS(OK, idgen_snowflake_init(&snowflake, &layout, &lease, 10));
        crowd_run(mint_and_end, 4096);
        CHECK_EQUAL(1, atomic_load(&ended));
        size_t count;
        uint64_t *ids = crowd_ids(&count);
        idgen_decoded last;
        CHECK_EQUAL(0, crowd_repeats(ids, count));
        CHECK_STATUS(OK, idgen_layout_decode(&layout, ids[count - 1], &last));
        CHECK(left.floor_unix_ms > last.unix_ms ||
              (left.floor_unix_ms == last.unix_ms && left.floor_sequence > last.sequence));
        free(ids);
        /* The successor takes what is left as its lease, in the same tick. */
        uint64_t id, highest = last.tick << 22 | last.worker << 12 | last.sequence;
        CHECK_EQUAL(lease.horizon_unix_ms, left.horizon_unix_ms);
        CHECK_STATUS(OK, idgen_snowflake_init(&snowflake, &layout, &left, 10));
        CHECK_STATUS(OK, idgen_snowflake_next(&snowflake, FLOOR + 20, &id, NULL));
        CHECK(id > highest);
    }
}

static void end_buckets(struct member *self)
{
    uint32_t number = (uint32_t)self->nth;
    for (size_t i = 0; i < 40; i++) {
        uint64_t *id = &self->ids[self->count];
        idgen_status status = idgen_buckets_next(&buckets, number, FLOOR + 5000, id, NULL);
        if (status == IDGEN_STATUS_OK)
            self->count++;
        else
            CHECK_STATUS(ENDED, status);
    }
    idgen_lease own;
    idgen_status status = idgen_buckets_end(&buckets, &own);
    if (status == IDGEN_STATUS_OK) {
        atomic_fetch_add(&ended, 1);
        left = own;
    } else {
        CHECK_STATUS(ENDED, status);
    }
}

static void buckets_end_once_and_together(void)
{
    idgen_lease lease = {.worker = 3, .floor_unix_ms = FLOOR, .horizon_unix_ms = FLOOR + 60000};
    CHECK_STATUS(OK, idgen_layout_preset("genid", &layout));
    for (size_t round = 0; round < sliced(ROUNDS, 20); round++) {
        atomic_store(&ended, 0);
        CHECK_STATUS(OK, idgen_buckets_init(&buckets, &layout, &lease, 10));
        crowd_run(end_buckets, 40);
        CHECK_EQUAL(1, atomic_load(&ended));
        size_t count;
        uint64_t *ids = crowd_ids(&count);
        CHECK_EQUAL(0, crowd_repeats(ids, count));
        for (size_t at = 0; at < count; at++) {
            idgen_decoded parts;
            CHECK_STATUS(OK, idgen_layout_decode(&layout, ids[at], &parts));
            CHECK(left.floor_unix_ms > parts.unix_ms ||
                  (left.floor_unix_ms == parts.unix_ms && left.floor_sequence > parts.sequence));
        }
        free(ids);
        for (uint32_t number = 0; number < 32; number++) {
            uint64_t id;
            CHECK_STATUS(ENDED, idgen_buckets_next(&buckets, number, FLOOR + 5000, &id, NULL));
        }
    }
}

static void an_ended_generator_stays_ended(void)
{
    uint64_t id, ids[4];
    size_t filled = 9;
    idgen_range range;
    idgen_lease lease = {.worker = 3, .floor_unix_ms = FLOOR, .horizon_unix_ms = FLOOR + 1000};
    CHECK_STATUS(OK, idgen_layout_preset("standard", &layout));
    CHECK_STATUS(OK, idgen_snowflake_init(&snowflake, &layout, &lease, 10));
    CHECK_STATUS(OK, idgen_snowflake_end(&snowflake, &left));
    CHECK_STATUS(ENDED, idgen_snowflake_end(&snowflake, &left));
    CHECK_STATUS(ENDED, idgen_snowflake_next(&snowflake, FLOOR + 1, &id, NULL));
    CHECK_STATUS(ENDED, idgen_snowflake_take(&snowflake, FLOOR + 1, 4, &range, NULL));
    CHECK_STATUS(ENDED, idgen_snowflake_fill(&snowflake, FLOOR + 1, ids, 4, &filled, NULL));
    CHECK_EQUAL(0, filled);
    lease.horizon_unix_ms += 1000;
    CHECK_STATUS(ENDED, idgen_snowflake_extend(&snowflake, &lease));
}

int main(void)
{
    RUN(a_cursor_is_retired_once_and_nothing_is_lost);
    RUN(a_standby_comes_back_too);
    RUN(a_handles_block_outlives_its_cursor);
    RUN(a_handle_gives_its_rest_back);
    RUN(a_generator_ends_once_above_all_it_issued);
    RUN(buckets_end_once_and_together);
    RUN(an_ended_generator_stays_ended);
    return finish();
}
