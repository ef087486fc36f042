/* Segments: how they are supplied and refused, asked for from a source, taken and skipped. */

#include "check.h"

static idgen_segment_cursor cursor;

static void begin(idgen_range first)
{
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, first));
}

static void ids_come_in_order_and_then_no_more(void)
{
    uint64_t id, ids[6] = {0};
    size_t filled;
    idgen_range range;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(EXHAUSTED, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(EXHAUSTED, idgen_segment_take(&cursor, 5, &range));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){10, 5, 8}));
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(10, id);
    CHECK_STATUS(OK, idgen_segment_take(&cursor, 3, &range));
    CHECK(range.start == 15 && range.step == 5 && range.len == 3);
    CHECK_STATUS(EXHAUSTED, idgen_segment_fill(&cursor, ids, 6, &filled));
    CHECK_EQUAL(4, filled);
    CHECK(ids[0] == 30 && ids[3] == 45 && ids[4] == 0);
    CHECK_STATUS(EXHAUSTED, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(10, id);
}

static void the_highest_id_is_the_last(void)
{
    uint64_t id, last;
    idgen_range highest = {UINT64_MAX - 1, 1, 2};
    CHECK_STATUS(OK, idgen_range_last(&highest, &last));
    CHECK_EQUAL(UINT64_MAX, last);
    begin(highest);
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(UINT64_MAX, id);
    CHECK_STATUS(EXHAUSTED, idgen_segment_next(&cursor, &id));
}

static void segments_that_are_not_above_are_refused(void)
{
    uint64_t id, remaining;
    begin((idgen_range){1000, 1, 100});
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(OVERLAPS, idgen_segment_supply(&cursor, (idgen_range){1099, 1, 10}));
    CHECK_STATUS(OVERLAPS, idgen_segment_supply(&cursor, (idgen_range){1000, 1, 100}));
    CHECK_STATUS(NOT_ABOVE, idgen_segment_supply(&cursor, (idgen_range){1, 1, 10}));
    CHECK_STATUS(OUT_OF_RANGE,
                 idgen_segment_supply(&cursor, (idgen_range){2000, 1, (UINT64_C(1) << 32) + 1}));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){1100, 1, 10}));
    CHECK_STATUS(BUSY, idgen_segment_supply(&cursor, (idgen_range){1200, 1, 10}));
    CHECK_STATUS(OK, idgen_segment_remaining(&cursor, &remaining));
    CHECK_EQUAL(109, remaining);
}

static void a_turn_is_seen_by_nobody(void)
{
    uint64_t ids[9], gaps;
    size_t filled;
    uint32_t needed;
    begin((idgen_range){1, 1, 4});
    /* The first segment waits like any other till the first call. */
    CHECK_STATUS(OK, idgen_segment_needs_refill(&cursor, &needed));
    CHECK_EQUAL(0, needed);
    CHECK_STATUS(OK, idgen_segment_fill(&cursor, ids, 1, &filled));
    CHECK_STATUS(OK, idgen_segment_needs_refill(&cursor, &needed));
    CHECK_EQUAL(1, needed);
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){7, 1, 6}));
    CHECK_STATUS(OK, idgen_segment_needs_refill(&cursor, &needed));
    CHECK_EQUAL(0, needed);
    CHECK_STATUS(OK, idgen_segment_fill(&cursor, ids, 9, &filled));
    CHECK_EQUAL(9, filled);
    CHECK(ids[0] == 2 && ids[2] == 4 && ids[3] == 7 && ids[8] == 12);
    CHECK_STATUS(OK, idgen_segment_gaps(&cursor, &gaps));
    CHECK_EQUAL(0, gaps);
}

static void exactly_so_many_skip_what_is_too_short(void)
{
    idgen_range range, skipped;
    begin((idgen_range){1, 1, 10});
    CHECK_STATUS(OK, idgen_segment_take_exact(&cursor, 6, &range, &skipped));
    CHECK(range.start == 1 && range.len == 6 && skipped.len == 0);
    CHECK_STATUS(EXHAUSTED, idgen_segment_take_exact(&cursor, 6, &range, &skipped));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){101, 1, 10}));
    CHECK_STATUS(OK, idgen_segment_take_exact(&cursor, 6, &range, &skipped));
    CHECK(range.start == 101 && range.len == 6);
    CHECK(skipped.start == 7 && skipped.step == 1 && skipped.len == 4);
    /* The same where nobody asks what was skipped. */
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){201, 1, 10}));
    CHECK_STATUS(OK, idgen_segment_take_exact(&cursor, 10, &range, NULL));
    CHECK(range.start == 201 && range.len == 10);
}

/* What a source was asked, and what it is to answer. */
struct store {
    unsigned calls;
    uint64_t len, above;
    idgen_range grants;
    int32_t answers;
};

static int32_t ask(void *context, uint64_t len, uint64_t above, idgen_range *segment)
{
    struct store *store = context;
    store->calls++;
    store->len = len;
    store->above = above;
    *segment = store->grants;
    return store->answers;
}

static void a_source_is_asked_for_what_is_needed(void)
{
    struct store store = {.grants = {1, 1, 50}};
    idgen_range refused = {9, 9, 9};
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(OK, idgen_segment_refill(&cursor, ask, &store, 77, &refused));
    CHECK(store.calls == 1 && store.len == 77 && store.above == 0 && refused.len == 0);
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(1, id);
    store.grants = (idgen_range){51, 1, 50};
    CHECK_STATUS(OK, idgen_segment_refill(&cursor, ask, &store, 50, NULL));
    CHECK(store.calls == 2 && store.above == 50);
    CHECK_STATUS(BUSY, idgen_segment_refill(&cursor, ask, &store, 50, NULL));
    CHECK_EQUAL(2, store.calls);
}

static void a_source_that_fails_changes_nothing(void)
{
    struct store store = {.answers = IDGEN_STATUS_EXHAUSTED};
    idgen_range refused;
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(SOURCE_FAILED, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    store.answers = -7;
    CHECK_STATUS(SOURCE_FAILED, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    /* OK, and yet no range. */
    store.answers = IDGEN_STATUS_OK;
    CHECK_STATUS(SOURCE_FAILED, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    CHECK_EQUAL(0, refused.len);
    CHECK_STATUS(EXHAUSTED, idgen_segment_next(&cursor, &id));
    store.grants = (idgen_range){5, 1, 5};
    CHECK_STATUS(OK, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(5, id);
}

static void what_a_source_granted_and_is_refused_comes_back(void)
{
    struct store store = {.grants = {3, 1, 4}};
    idgen_range refused;
    begin((idgen_range){1000, 1, 10});
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(NOT_ABOVE, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    CHECK(refused.start == 3 && refused.step == 1 && refused.len == 4);
    store.grants = (idgen_range){1005, 1, 4};
    CHECK_STATUS(OVERLAPS, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    CHECK_EQUAL(1005, refused.start);
    store.grants = (idgen_range){2000, 1, (UINT64_C(1) << 32) + 1};
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_refill(&cursor, ask, &store, 10, &refused));
    CHECK_EQUAL((UINT64_C(1) << 32) + 1, refused.len);
}

/* Ends the cursor while its source is asked: the segment comes too late. */
static int32_t end_meanwhile(void *context, uint64_t len, uint64_t above, idgen_range *segment)
{
    idgen_range tail, standby;
    CHECK_STATUS(BUSY, idgen_segment_supply(context, (idgen_range){500, 1, 5}));
    CHECK_STATUS(OK, idgen_segment_retire(context, &tail, &standby));
    *segment = (idgen_range){above + 1, 1, len};
    return IDGEN_STATUS_OK;
}

static void a_segment_that_comes_too_late_comes_back(void)
{
    idgen_range refused;
    begin((idgen_range){1, 1, 10});
    uint64_t id;
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(ENDED, idgen_segment_refill(&cursor, end_meanwhile, &cursor, 20, &refused));
    CHECK(refused.start == 11 && refused.len == 20);
    CHECK_STATUS(BUSY, idgen_segment_refill(&cursor, end_meanwhile, &cursor, 20, &refused));
}

static void a_handle_takes_runs_and_fills(void)
{
    idgen_segment_handle handle;
    idgen_range range;
    uint64_t ids[20], id;
    size_t filled;
    begin((idgen_range){1, 1, 25});
    CHECK_STATUS(OK, idgen_segment_handle_init(&handle, &cursor, 10));
    CHECK_STATUS(OK, idgen_segment_handle_take(&handle, 3, &range));
    CHECK(range.start == 1 && range.len == 3);
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(11, id);
    CHECK_STATUS(OK, idgen_segment_handle_fill(&handle, ids, 12, &filled));
    CHECK(filled == 12 && ids[0] == 4 && ids[6] == 10 && ids[7] == 12);
    CHECK_STATUS(EXHAUSTED, idgen_segment_handle_fill(&handle, ids, 20, &filled));
    CHECK(filled == 9 && ids[8] == 25);
    CHECK_STATUS(EXHAUSTED, idgen_segment_handle_next(&handle, &id));
    CHECK_STATUS(EXHAUSTED, idgen_segment_handle_take(&handle, 1, &range));
    CHECK_STATUS(OK, idgen_segment_handle_end(&handle, &range));
    CHECK_EQUAL(0, range.len);
}

int main(void)
{
    RUN(ids_come_in_order_and_then_no_more);
    RUN(the_highest_id_is_the_last);
    RUN(segments_that_are_not_above_are_refused);
    RUN(a_turn_is_seen_by_nobody);
    RUN(exactly_so_many_skip_what_is_too_short);
    RUN(a_source_is_asked_for_what_is_needed);
    RUN(a_source_that_fails_changes_nothing);
    RUN(what_a_source_granted_and_is_refused_comes_back);
    RUN(a_segment_that_comes_too_late_comes_back);
    RUN(a_handle_takes_runs_and_fills);
    return finish();
}
