/* A block copied to another address, or carried over a fork, is refused; the original goes on. */

#define _POSIX_C_SOURCE 200809L

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Everything that may be copied, side by side. */
struct all {
    idgen_segment_cursor cursor;
    idgen_segment_handle handle;
    idgen_pace pace;
    idgen_snowflake snowflake;
    idgen_snowflake_handle snowflake_handle;
    idgen_buckets buckets;
};

static struct all live, copied;
static idgen_layout standard, genid;
static const idgen_lease LEASE = {
    .worker = 9, .floor_unix_ms = 1760000000000, .horizon_unix_ms = 1760000600000};
#define NOW 1760000001000

static void make_all(void)
{
    uint64_t id;
    CHECK_STATUS(OK, idgen_layout_preset("standard", &standard));
    CHECK_STATUS(OK, idgen_layout_preset("genid", &genid));
    CHECK_STATUS(OK, idgen_segment_init(&live.cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&live.cursor, (idgen_range){1, 1, 1000}));
    CHECK_STATUS(OK, idgen_segment_handle_init(&live.handle, &live.cursor, 100));
    CHECK_STATUS(OK, idgen_segment_handle_next(&live.handle, &id));
    CHECK_EQUAL(1, id);
    CHECK_STATUS(OK, idgen_pace_init(&live.pace, NULL));
    CHECK_STATUS(OK, idgen_snowflake_init(&live.snowflake, &standard, &LEASE, 10));
    CHECK_STATUS(OK, idgen_snowflake_handle_init(&live.snowflake_handle, &live.snowflake));
    CHECK_STATUS(OK, idgen_snowflake_handle_next(&live.snowflake_handle, NOW, &id, NULL));
    CHECK_STATUS(OK, idgen_buckets_init(&live.buckets, &genid, &LEASE, 10));
}

static void all_of(struct all *blocks, idgen_status wanted)
{
    uint64_t id, ids[3];
    size_t filled;
    idgen_range range;
    CHECK_ANSWER(wanted, idgen_segment_next(&blocks->cursor, &id));
    CHECK_ANSWER(wanted, idgen_segment_take(&blocks->cursor, 3, &range));
    CHECK_ANSWER(wanted, idgen_segment_take_exact(&blocks->cursor, 3, &range, NULL));
    CHECK_ANSWER(wanted, idgen_segment_fill(&blocks->cursor, ids, 3, &filled));
    CHECK_ANSWER(wanted, idgen_segment_remaining(&blocks->cursor, &id));
    CHECK_ANSWER(wanted, idgen_segment_gaps(&blocks->cursor, &id));
    CHECK_ANSWER(wanted, idgen_segment_handle_next(&blocks->handle, &id));
    CHECK_ANSWER(wanted, idgen_segment_handle_take(&blocks->handle, 3, &range));
    CHECK_ANSWER(wanted, idgen_segment_handle_fill(&blocks->handle, ids, 3, &filled));
    CHECK_ANSWER(wanted, idgen_pace_observe(&blocks->pace, 1, 1, 1));
    CHECK_ANSWER(wanted, idgen_pace_step(&blocks->pace, &id));
    CHECK_ANSWER(wanted, idgen_snowflake_next(&blocks->snowflake, NOW, &id, NULL));
    CHECK_ANSWER(wanted, idgen_snowflake_take(&blocks->snowflake, NOW, 3, &range, NULL));
    CHECK_ANSWER(wanted, idgen_snowflake_fill(&blocks->snowflake, NOW, ids, 3, &filled, NULL));
    CHECK_ANSWER(wanted, idgen_snowflake_extend(&blocks->snowflake, &LEASE));
    CHECK_ANSWER(wanted, idgen_snowflake_horizon(&blocks->snowflake, &id));
    CHECK_ANSWER(wanted, idgen_snowflake_handle_next(&blocks->snowflake_handle, NOW, &id, NULL));
    CHECK_ANSWER(wanted, idgen_buckets_next(&blocks->buckets, 31, NOW, &id, NULL));
    CHECK_ANSWER(wanted, idgen_buckets_take(&blocks->buckets, 0, NOW, 3, &range, NULL));
    CHECK_ANSWER(wanted, idgen_buckets_fill(&blocks->buckets, 0, NOW, ids, 3, &filled, NULL));
    CHECK_ANSWER(wanted, idgen_buckets_extend(&blocks->buckets, &LEASE));
    CHECK_ANSWER(wanted, idgen_buckets_horizon(&blocks->buckets, &id));
}

/* What ends a block or takes another one from it; none works on a copy. */
static void none_ends(struct all *blocks)
{
    idgen_range tail, standby;
    idgen_lease left;
    idgen_segment_handle handle;
    idgen_snowflake_handle snowflake_handle;
    CHECK_STATUS(BAD_STATE, idgen_segment_supply(&blocks->cursor, (idgen_range){5000, 1, 9}));
    CHECK_STATUS(BAD_STATE, idgen_segment_handle_init(&handle, &blocks->cursor, 10));
    CHECK_STATUS(BAD_STATE, idgen_segment_handle_give_back(&blocks->handle, &tail));
    CHECK_STATUS(BAD_STATE, idgen_segment_handle_end(&blocks->handle, &tail));
    CHECK_STATUS(BAD_STATE, idgen_segment_retire(&blocks->cursor, &tail, &standby));
    CHECK_STATUS(BAD_STATE, idgen_snowflake_handle_init(&snowflake_handle, &blocks->snowflake));
    CHECK_STATUS(BAD_STATE, idgen_snowflake_handle_end(&blocks->snowflake_handle));
    CHECK_STATUS(BAD_STATE, idgen_snowflake_end(&blocks->snowflake, &left));
    CHECK_STATUS(BAD_STATE, idgen_buckets_end(&blocks->buckets, &left));
}

static void copies_are_refused(void)
{
    memcpy(&copied, &live, sizeof live);
    all_of(&copied, IDGEN_STATUS_BAD_STATE);
    none_ends(&copied);
    all_of(&live, IDGEN_STATUS_OK);
}

/* Bytes that go away and come back are the same block: nothing else was issued meanwhile. */
static void a_block_that_comes_back_goes_on(void)
{
    idgen_segment_cursor kept;
    uint64_t before, after;
    CHECK_STATUS(OK, idgen_segment_next(&live.cursor, &before));
    memcpy(&kept, &live.cursor, sizeof kept);
    memset(&live.cursor, 0, sizeof live.cursor);
    CHECK_STATUS(BAD_STATE, idgen_segment_next(&live.cursor, &after));
    memcpy(&live.cursor, &kept, sizeof kept);
    CHECK_STATUS(OK, idgen_segment_next(&live.cursor, &after));
    CHECK_EQUAL(before + 1, after);
}

static void a_handle_without_its_cursor_stops(void)
{
    idgen_segment_cursor *cursor = aligned_alloc(IDGEN_ALIGNMENT, sizeof *cursor);
    idgen_segment_handle handle;
    uint64_t id;
    idgen_range rest;
    CHECK(cursor != NULL);
    CHECK_STATUS(OK, idgen_segment_init(cursor));
    CHECK_STATUS(OK, idgen_segment_supply(cursor, (idgen_range){1, 1, 3}));
    CHECK_STATUS(OK, idgen_segment_handle_init(&handle, cursor, 2));
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    /* Another cursor at the same address. */
    CHECK_STATUS(OK, idgen_segment_init(cursor));
    CHECK_STATUS(OK, idgen_segment_supply(cursor, (idgen_range){101, 1, 100}));
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    CHECK_EQUAL(2, id);
    CHECK_STATUS(BAD_STATE, idgen_segment_handle_next(&handle, &id));
    CHECK_STATUS(BAD_STATE, idgen_segment_handle_take(&handle, 1, &rest));
    CHECK_STATUS(OK, idgen_segment_handle_give_back(&handle, &rest));
    CHECK_EQUAL(0, rest.len);
    CHECK_STATUS(OK, idgen_segment_next(cursor, &id));
    CHECK_EQUAL(101, id);
    free(cursor);
}

static void a_snowflake_handle_without_its_generator_stops(void)
{
    static idgen_snowflake ids;
    idgen_snowflake_handle handle;
    uint64_t id;
    CHECK_STATUS(OK, idgen_snowflake_init(&ids, &standard, &LEASE, 10));
    CHECK_STATUS(OK, idgen_snowflake_handle_init(&handle, &ids));
    CHECK_STATUS(OK, idgen_snowflake_handle_next(&handle, NOW, &id, NULL));
    memset(&ids, 0, sizeof ids);
    CHECK_STATUS(BAD_STATE, idgen_snowflake_handle_next(&handle, NOW, &id, NULL));
    CHECK_STATUS(OK, idgen_snowflake_handle_end(&handle));
    CHECK_STATUS(BAD_STATE, idgen_snowflake_handle_end(&handle));
}

/* 0 if the child was refused everything. */
static int in_child(void)
{
    unsigned before = atomic_load(&check_failures);
    uint64_t id;
    all_of(&live, IDGEN_STATUS_BAD_STATE);
    none_ends(&live);
    /* What it makes itself works. */
    CHECK_STATUS(OK, idgen_segment_init(&copied.cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&copied.cursor, (idgen_range){5000, 1, 10}));
    CHECK_STATUS(OK, idgen_segment_next(&copied.cursor, &id));
    CHECK_EQUAL(5000, id);
    return atomic_load(&check_failures) != before;
}

static void a_child_is_refused_and_its_parent_goes_on(void)
{
    uint64_t before, after;
    CHECK_STATUS(OK, idgen_segment_next(&live.cursor, &before));
    pid_t child = fork();
    if (child == 0) {
        int failed = in_child();
        pid_t grandchild = fork();
        if (grandchild == 0) {
            CHECK_STATUS(BAD_STATE, idgen_segment_next(&copied.cursor, &after));
            CHECK_STATUS(BAD_STATE, idgen_segment_next(&live.cursor, &after));
            _exit(failed + (atomic_load(&check_failures) != 0));
        }
        int status = 1;
        _exit(grandchild > 0 && waitpid(grandchild, &status, 0) == grandchild && status == 0 ? 0
                                                                                             : 1);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    CHECK_STATUS(OK, idgen_segment_next(&live.cursor, &after));
    CHECK_EQUAL(before + 1, after);
    all_of(&live, IDGEN_STATUS_OK);
}

int main(void)
{
    RUN(make_all);
    RUN(copies_are_refused);
    RUN(a_block_that_comes_back_goes_on);
    RUN(a_handle_without_its_cursor_stops);
    RUN(a_snowflake_handle_without_its_generator_stops);
    RUN(a_child_is_refused_and_its_parent_goes_on);
    return finish();
}
