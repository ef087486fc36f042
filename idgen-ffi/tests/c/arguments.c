/* NULL, misaligned, uninitialised, zeroed and out-of-range arguments of every function. */

#include "check.h"

/* Room for the largest block, and a place in it that is aligned for none. */
static union {
    idgen_buckets buckets;
    unsigned char bytes[sizeof(idgen_buckets) + IDGEN_ALIGNMENT];
} room;

#define CROOKED(type) ((type *)(void *)(room.bytes + 1))

static idgen_segment_cursor cursor;
static idgen_segment_handle handle;
static idgen_pace pace;
static idgen_snowflake snowflake;
static idgen_snowflake_handle snowflake_handle;
static idgen_buckets buckets;
static idgen_layout standard, genid;
static const idgen_lease LEASE = {.worker = 1,
                                  .floor_unix_ms = 1760000000000,
                                  .horizon_unix_ms = 1760000100000,
                                  .serial = 3};
#define NOW 1760000000500

static uint64_t id, wait_ms, ids[4];
static uint32_t needed;
static size_t filled;
static idgen_range range, rest;
static idgen_lease left;

static void make_all(void)
{
    CHECK_STATUS(OK, idgen_layout_preset("standard", &standard));
    CHECK_STATUS(OK, idgen_layout_preset("genid", &genid));
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    CHECK_STATUS(OK, idgen_segment_supply(&cursor, (idgen_range){1, 1, 1000}));
    CHECK_STATUS(OK, idgen_segment_handle_init(&handle, &cursor, 10));
    CHECK_STATUS(OK, idgen_pace_init(&pace, NULL));
    CHECK_STATUS(OK, idgen_snowflake_init(&snowflake, &standard, &LEASE, 10));
    CHECK_STATUS(OK, idgen_snowflake_handle_init(&snowflake_handle, &snowflake));
    CHECK_STATUS(OK, idgen_buckets_init(&buckets, &genid, &LEASE, 10));
}

static idgen_status granting(void *context, uint64_t len, uint64_t above, idgen_range *segment)
{
    (void)context;
    *segment = (idgen_range){above + 1, 1, len};
    return IDGEN_STATUS_OK;
}

/* Each function that opens a block, given this one. */
#define EACH_OF_CURSOR(status, block) \
    do { \
        CHECK_ANSWER(status, idgen_segment_next(block, &id)); \
        CHECK_ANSWER(status, idgen_segment_take(block, 1, &range)); \
        CHECK_ANSWER(status, idgen_segment_take_exact(block, 1, &range, NULL)); \
        CHECK_ANSWER(status, idgen_segment_fill(block, ids, 4, &filled)); \
        CHECK_ANSWER(status, idgen_segment_fill(block, NULL, 0, &filled)); \
        CHECK_ANSWER(status, idgen_segment_supply(block, (idgen_range){9000, 1, 10})); \
        CHECK_ANSWER(status, idgen_segment_refill(block, granting, NULL, 10, NULL)); \
        CHECK_ANSWER(status, idgen_segment_needs_refill(block, &needed)); \
        CHECK_ANSWER(status, idgen_segment_remaining(block, &id)); \
        CHECK_ANSWER(status, idgen_segment_gaps(block, &id)); \
        CHECK_ANSWER(status, idgen_segment_handle_init(&handle, block, 10)); \
        CHECK_ANSWER(status, idgen_segment_retire(block, &range, &rest)); \
    } while (0)

#define EACH_OF_HANDLE(status, block) \
    do { \
        CHECK_ANSWER(status, idgen_segment_handle_next(block, &id)); \
        CHECK_ANSWER(status, idgen_segment_handle_take(block, 1, &range)); \
        CHECK_ANSWER(status, idgen_segment_handle_fill(block, ids, 4, &filled)); \
        CHECK_ANSWER(status, idgen_segment_handle_give_back(block, &rest)); \
        CHECK_ANSWER(status, idgen_segment_handle_end(block, &rest)); \
    } while (0)

#define EACH_OF_PACE(status, block) \
    do { \
        CHECK_ANSWER(status, idgen_pace_observe(block, 1, 1, 1)); \
        CHECK_ANSWER(status, idgen_pace_step(block, &id)); \
    } while (0)

#define EACH_OF_SNOWFLAKE(status, block) \
    do { \
        CHECK_ANSWER(status, idgen_snowflake_next(block, NOW, &id, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_take(block, NOW, 1, &range, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_fill(block, NOW, ids, 4, &filled, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_extend(block, &LEASE)); \
        CHECK_ANSWER(status, idgen_snowflake_horizon(block, &id)); \
        CHECK_ANSWER(status, idgen_snowflake_handle_init(&snowflake_handle, block)); \
        CHECK_ANSWER(status, idgen_snowflake_end(block, &left)); \
    } while (0)

#define EACH_OF_SNOWFLAKE_HANDLE(status, block) \
    do { \
        CHECK_ANSWER(status, idgen_snowflake_handle_next(block, NOW, &id, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_handle_end(block)); \
    } while (0)

#define EACH_OF_BUCKETS(status, block) \
    do { \
        CHECK_ANSWER(status, idgen_buckets_next(block, 0, NOW, &id, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_take(block, 0, NOW, 1, &range, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_fill(block, 0, NOW, ids, 4, &filled, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_extend(block, &LEASE)); \
        CHECK_ANSWER(status, idgen_buckets_horizon(block, &id)); \
        CHECK_ANSWER(status, idgen_buckets_end(block, &left)); \
    } while (0)

static void blocks_that_are_null(void)
{
    CHECK_STATUS(NULL, idgen_segment_init(NULL));
    CHECK_STATUS(NULL, idgen_segment_handle_init(NULL, &cursor, 10));
    CHECK_STATUS(NULL, idgen_pace_init(NULL, NULL));
    CHECK_STATUS(NULL, idgen_snowflake_init(NULL, &standard, &LEASE, 10));
    CHECK_STATUS(NULL, idgen_snowflake_handle_init(NULL, &snowflake));
    CHECK_STATUS(NULL, idgen_buckets_init(NULL, &genid, &LEASE, 10));
    EACH_OF_CURSOR(IDGEN_STATUS_NULL, NULL);
    EACH_OF_HANDLE(IDGEN_STATUS_NULL, NULL);
    EACH_OF_PACE(IDGEN_STATUS_NULL, NULL);
    EACH_OF_SNOWFLAKE(IDGEN_STATUS_NULL, NULL);
    EACH_OF_SNOWFLAKE_HANDLE(IDGEN_STATUS_NULL, NULL);
    EACH_OF_BUCKETS(IDGEN_STATUS_NULL, NULL);
}

static void blocks_that_are_misaligned(void)
{
    CHECK_STATUS(MISALIGNED, idgen_segment_init(CROOKED(idgen_segment_cursor)));
    CHECK_STATUS(MISALIGNED, idgen_segment_handle_init(CROOKED(idgen_segment_handle), &cursor, 1));
    CHECK_STATUS(MISALIGNED, idgen_pace_init(CROOKED(idgen_pace), NULL));
    CHECK_STATUS(MISALIGNED, idgen_snowflake_init(CROOKED(idgen_snowflake), &standard, &LEASE, 1));
    CHECK_STATUS(MISALIGNED,
                 idgen_snowflake_handle_init(CROOKED(idgen_snowflake_handle), &snowflake));
    CHECK_STATUS(MISALIGNED, idgen_buckets_init(CROOKED(idgen_buckets), &genid, &LEASE, 1));
    EACH_OF_CURSOR(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_segment_cursor));
    EACH_OF_HANDLE(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_segment_handle));
    EACH_OF_PACE(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_pace));
    EACH_OF_SNOWFLAKE(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_snowflake));
    EACH_OF_SNOWFLAKE_HANDLE(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_snowflake_handle));
    EACH_OF_BUCKETS(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_buckets));
}

static void all_blocks_are_refused(void)
{
    void *block = &room;
    EACH_OF_CURSOR(IDGEN_STATUS_BAD_STATE, (idgen_segment_cursor *)block);
    EACH_OF_HANDLE(IDGEN_STATUS_BAD_STATE, (idgen_segment_handle *)block);
    EACH_OF_PACE(IDGEN_STATUS_BAD_STATE, (idgen_pace *)block);
    EACH_OF_SNOWFLAKE(IDGEN_STATUS_BAD_STATE, (idgen_snowflake *)block);
    EACH_OF_SNOWFLAKE_HANDLE(IDGEN_STATUS_BAD_STATE, (idgen_snowflake_handle *)block);
    EACH_OF_BUCKETS(IDGEN_STATUS_BAD_STATE, (idgen_buckets *)block);
}

static void blocks_that_nobody_made(void)
{
    for (int byte = 0; byte < 256; byte += 5) {
        memset(&room, byte, sizeof room);
        all_blocks_are_refused();
    }
}

/* Ones on the stack and on the heap, as they come. */
static void blocks_of_other_kinds(void)
{
    void *others[] = {&cursor, &handle, &pace, &snowflake, &snowflake_handle, &buckets};
    for (size_t at = 0; at < sizeof others / sizeof others[0]; at++) {
        if (others[at] != (void *)&cursor)
            EACH_OF_CURSOR(IDGEN_STATUS_BAD_STATE, (idgen_segment_cursor *)others[at]);
        if (others[at] != (void *)&handle)
            EACH_OF_HANDLE(IDGEN_STATUS_BAD_STATE, (idgen_segment_handle *)others[at]);
        if (others[at] != (void *)&pace)
            EACH_OF_PACE(IDGEN_STATUS_BAD_STATE, (idgen_pace *)others[at]);
        if (others[at] != (void *)&snowflake)
            EACH_OF_SNOWFLAKE(IDGEN_STATUS_BAD_STATE, (idgen_snowflake *)others[at]);
        if (others[at] != (void *)&snowflake_handle)
            EACH_OF_SNOWFLAKE_HANDLE(IDGEN_STATUS_BAD_STATE, (idgen_snowflake_handle *)others[at]);
        if (others[at] != (void *)&buckets)
            EACH_OF_BUCKETS(IDGEN_STATUS_BAD_STATE, (idgen_buckets *)others[at]);
    }
}

/* The answers' places: NULL, and an address that no number of 8 bytes can have. */
#define EACH_PLACE(status, U64, U32, SIZE, RANGE, LEFT) \
    do { \
        CHECK_ANSWER(status, idgen_segment_next(&cursor, U64)); \
        CHECK_ANSWER(status, idgen_segment_take(&cursor, 1, RANGE)); \
        CHECK_ANSWER(status, idgen_segment_take_exact(&cursor, 1, RANGE, NULL)); \
        CHECK_ANSWER(status, idgen_segment_fill(&cursor, U64, 4, &filled)); \
        CHECK_ANSWER(status, idgen_segment_fill(&cursor, ids, 4, SIZE)); \
        CHECK_ANSWER(status, idgen_segment_needs_refill(&cursor, U32)); \
        CHECK_ANSWER(status, idgen_segment_remaining(&cursor, U64)); \
        CHECK_ANSWER(status, idgen_segment_gaps(&cursor, U64)); \
        CHECK_ANSWER(status, idgen_segment_retire(&cursor, RANGE, &rest)); \
        CHECK_ANSWER(status, idgen_segment_retire(&cursor, &rest, RANGE)); \
        CHECK_ANSWER(status, idgen_segment_handle_next(&handle, U64)); \
        CHECK_ANSWER(status, idgen_segment_handle_take(&handle, 1, RANGE)); \
        CHECK_ANSWER(status, idgen_segment_handle_fill(&handle, U64, 4, &filled)); \
        CHECK_ANSWER(status, idgen_segment_handle_fill(&handle, ids, 4, SIZE)); \
        CHECK_ANSWER(status, idgen_segment_handle_give_back(&handle, RANGE)); \
        CHECK_ANSWER(status, idgen_segment_handle_end(&handle, RANGE)); \
        CHECK_ANSWER(status, idgen_pace_step(&pace, U64)); \
        CHECK_ANSWER(status, idgen_snowflake_next(&snowflake, NOW, U64, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_take(&snowflake, NOW, 1, RANGE, &wait_ms)); \
        CHECK_ANSWER(status, \
                     idgen_snowflake_fill(&snowflake, NOW, U64, 4, &filled, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_fill(&snowflake, NOW, ids, 4, SIZE, &wait_ms)); \
        CHECK_ANSWER(status, idgen_snowflake_horizon(&snowflake, U64)); \
        CHECK_ANSWER(status, idgen_snowflake_end(&snowflake, LEFT)); \
        CHECK_ANSWER(status, idgen_snowflake_extend(&snowflake, LEFT)); \
        CHECK_ANSWER(status, idgen_snowflake_init(&snowflake, &standard, LEFT, 10)); \
        CHECK_ANSWER(status, \
                     idgen_snowflake_handle_next(&snowflake_handle, NOW, U64, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_next(&buckets, 0, NOW, U64, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_take(&buckets, 0, NOW, 1, RANGE, &wait_ms)); \
        CHECK_ANSWER(status, \
                     idgen_buckets_fill(&buckets, 0, NOW, U64, 4, &filled, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_fill(&buckets, 0, NOW, ids, 4, SIZE, &wait_ms)); \
        CHECK_ANSWER(status, idgen_buckets_horizon(&buckets, U64)); \
        CHECK_ANSWER(status, idgen_buckets_end(&buckets, LEFT)); \
        CHECK_ANSWER(status, idgen_buckets_extend(&buckets, LEFT)); \
        CHECK_ANSWER(status, idgen_buckets_init(&buckets, &genid, LEFT, 10)); \
        CHECK_ANSWER(status, idgen_range_last(RANGE, &id)); \
        CHECK_ANSWER(status, idgen_range_last(&(idgen_range){1, 1, 1}, U64)); \
        CHECK_ANSWER(status, idgen_text_decode("17", 2, IDGEN_FORM_DECIMAL, U64)); \
        CHECK_ANSWER(status, idgen_layout_worker(&standard, U64, 2, &id)); \
        CHECK_ANSWER(status, idgen_layout_worker(&standard, ids, 2, U64)); \
        CHECK_ANSWER(status, idgen_layout_compose(&standard, NOW, U64, 2, &id)); \
        CHECK_ANSWER(status, idgen_layout_compose(&standard, NOW, ids, 2, U64)); \
    } while (0)

static void places_of_answers(void)
{
    memset(ids, 0, sizeof ids);
    EACH_PLACE(IDGEN_STATUS_NULL, NULL, NULL, NULL, NULL, NULL);
    EACH_PLACE(IDGEN_STATUS_MISALIGNED, CROOKED(uint64_t), CROOKED(uint32_t), CROOKED(size_t),
               CROOKED(idgen_range), CROOKED(idgen_lease));
}

/* Where NULL means that no answer is wanted, another crooked place is still none. */
static void places_that_may_be_null(void)
{
    idgen_range *crooked = CROOKED(idgen_range);
    uint64_t *wait = CROOKED(uint64_t);
    CHECK_STATUS(MISALIGNED, idgen_segment_take_exact(&cursor, 1, &range, crooked));
    CHECK_STATUS(MISALIGNED, idgen_segment_refill(&cursor, granting, NULL, 10, crooked));
    CHECK_STATUS(MISALIGNED, idgen_snowflake_take(&snowflake, NOW, 1, &range, wait));
    CHECK_STATUS(MISALIGNED, idgen_snowflake_fill(&snowflake, NOW, ids, 4, &filled, wait));
    CHECK_STATUS(MISALIGNED, idgen_buckets_next(&buckets, 0, NOW, &id, wait));
    CHECK_STATUS(MISALIGNED, idgen_buckets_take(&buckets, 0, NOW, 1, &range, wait));
    CHECK_STATUS(MISALIGNED, idgen_buckets_fill(&buckets, 0, NOW, ids, 4, &filled, wait));
    CHECK_STATUS(MISALIGNED, idgen_pace_init(&pace, CROOKED(idgen_pace_limits)));
    CHECK_STATUS(NULL, idgen_segment_refill(&cursor, NULL, NULL, 10, NULL));
    /* Looked at only when there is a wait to be written. */
    CHECK_STATUS(MISALIGNED, idgen_snowflake_next(&snowflake, 0, &id, wait));
    CHECK_STATUS(MISALIGNED, idgen_snowflake_handle_next(&snowflake_handle, 0, &id, wait));
    CHECK_STATUS(NOT_YET, idgen_snowflake_next(&snowflake, 0, &id, NULL));
}

#define LAYOUTS(status, LAYOUT) \
    do { \
        idgen_layout_facts facts; \
        idgen_decoded decoded; \
        char why[200]; \
        CHECK_ANSWER(status, idgen_layout_preset("standard", LAYOUT)); \
        CHECK_ANSWER(status, idgen_layout_preset_at(0, LAYOUT, why, 64, why + 64, 128)); \
        CHECK_ANSWER(status, idgen_layout_plan(1, 1, 1, 0, LAYOUT)); \
        CHECK_ANSWER(status, idgen_layout_check(LAYOUT, why, sizeof why)); \
        CHECK_ANSWER(status, idgen_layout_describe(LAYOUT, &facts)); \
        CHECK_ANSWER(status, idgen_layout_decode(LAYOUT, 1, &decoded)); \
        CHECK_ANSWER(status, idgen_layout_compose(LAYOUT, NOW, ids, 2, &id)); \
        CHECK_ANSWER(status, idgen_layout_worker(LAYOUT, ids, 2, &id)); \
        CHECK_ANSWER(status, idgen_snowflake_init(&snowflake, LAYOUT, &LEASE, 10)); \
        CHECK_ANSWER(status, idgen_buckets_init(&buckets, LAYOUT, &LEASE, 10)); \
    } while (0)

static void layouts_texts_and_names(void)
{
    char buffer[64];
    LAYOUTS(IDGEN_STATUS_NULL, NULL);
    LAYOUTS(IDGEN_STATUS_MISALIGNED, CROOKED(idgen_layout));
    CHECK_STATUS(NULL, idgen_layout_preset(NULL, &standard));
    CHECK_STATUS(NULL, idgen_layout_preset_at(0, &standard, NULL, 64, buffer, 64));
    CHECK_STATUS(NULL, idgen_layout_preset_at(0, &standard, buffer, 64, NULL, 64));
    CHECK_STATUS(NULL, idgen_layout_check(&standard, NULL, 200));
    CHECK_STATUS(NULL, idgen_layout_describe(&standard, NULL));
    CHECK_STATUS(NULL, idgen_layout_decode(&standard, 1, NULL));
    CHECK_STATUS(MISALIGNED, idgen_layout_describe(&standard, CROOKED(idgen_layout_facts)));
    CHECK_STATUS(MISALIGNED, idgen_layout_decode(&standard, 1, CROOKED(idgen_decoded)));
    CHECK_STATUS(NULL, idgen_text_encode(1, IDGEN_FORM_HEX, NULL, 21));
    CHECK_STATUS(NULL, idgen_text_decode(NULL, 2, IDGEN_FORM_HEX, &id));
    CHECK_STATUS(BAD_TEXT, idgen_text_decode(NULL, 0, IDGEN_FORM_DECIMAL, &id));
    CHECK(idgen_status_str(-1) != NULL && idgen_status_str(31) != NULL);
    CHECK(strcmp(idgen_status_str(-1), idgen_status_str(INT32_MIN)) == 0);
    CHECK(strcmp(idgen_status_str(-1), idgen_status_str(INT32_MAX)) == 0);
}

static void numbers_out_of_range(void)
{
    const uint64_t LATE = IDGEN_MAX_UNIX_MS;
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_take(&cursor, 0, &range));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_take_exact(&cursor, 0, &range, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_take_exact(&cursor, (1 << 20) + 1, &range, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_fill(&cursor, ids, SIZE_MAX, &filled));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_fill(&cursor, ids, SIZE_MAX / 8, &filled));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_refill(&cursor, granting, NULL, 0, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_handle_init(&handle, &cursor, 0));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_handle_init(&handle, &cursor, (1 << 20) + 1));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_handle_take(&handle, 0, &range));
    CHECK_STATUS(OUT_OF_RANGE, idgen_segment_handle_fill(&handle, ids, SIZE_MAX, &filled));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_take(&snowflake, NOW, 0, &range, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_next(&snowflake, LATE, &id, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_next(&snowflake, IDGEN_NOW - 2, &id, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_take(&snowflake, LATE, 1, &range, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_fill(&snowflake, LATE, ids, 4, &filled, NULL));
    CHECK_STATUS(OUT_OF_RANGE,
                 idgen_snowflake_fill(&snowflake, NOW, ids, SIZE_MAX, &filled, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_handle_next(&snowflake_handle, LATE, &id, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_next(&buckets, 32, NOW, &id, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_next(&buckets, UINT32_MAX, NOW, &id, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_take(&buckets, 0, NOW, 0, &range, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_take(&buckets, 32, NOW, 1, &range, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_fill(&buckets, 32, NOW, ids, 4, &filled, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_next(&buckets, 0, LATE, &id, NULL));
    CHECK_STATUS(OUT_OF_RANGE, idgen_text_encode(1, 4, (char *)&room, 64));
    CHECK_STATUS(OUT_OF_RANGE, idgen_text_decode("1", 1, 4, &id));
    CHECK_STATUS(OUT_OF_RANGE, idgen_text_decode("1", SIZE_MAX, IDGEN_FORM_DECIMAL, &id));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_worker(&standard, ids, SIZE_MAX, &id));
}

static idgen_snowflake other;
static idgen_buckets others;

static void ranges_paces_plans_and_borrow_windows(void)
{
    const idgen_range NONE[] = {{1, 1, 0}, {1, 0, 1}, {2, 1, UINT64_MAX}, {UINT64_MAX, 1, 2}};
    for (size_t at = 0; at < sizeof NONE / sizeof NONE[0]; at++) {
        CHECK_STATUS(OUT_OF_RANGE, idgen_range_last(&NONE[at], &id));
        CHECK_STATUS(OUT_OF_RANGE, idgen_segment_supply(&cursor, NONE[at]));
    }
    const idgen_pace_limits LIMITS[] = {
        {0, 10, 1, 1}, {11, 10, 1, 1}, {1, (UINT64_C(1) << 32) + 1, 1, 1}, {1, 10, 1, 0}};
    for (size_t at = 0; at < sizeof LIMITS / sizeof LIMITS[0]; at++)
        CHECK_STATUS(OUT_OF_RANGE, idgen_pace_init(&pace, &LIMITS[at]));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_plan(0, 1, 1, 0, &standard));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_plan(1, 0, 1, 0, &standard));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_plan(1, 1, 0, 0, &standard));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_plan(1, 1, 1, 2, &standard));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_plan(UINT64_MAX, UINT64_MAX, 1, 0, &standard));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflake_init(&other, &standard, &LEASE, 11));
    CHECK_STATUS(OUT_OF_RANGE, idgen_buckets_init(&others, &genid, &LEASE, UINT64_MAX));
}

/* After all that the blocks still work, and nothing was issued meanwhile. */
static void refused_calls_change_nothing(void)
{
    CHECK_STATUS(OK, idgen_segment_next(&cursor, &id));
    CHECK_EQUAL(1, id);
    CHECK_STATUS(OK, idgen_segment_handle_next(&handle, &id));
    CHECK_EQUAL(2, id);
    CHECK_STATUS(OK, idgen_pace_step(&pace, &id));
    CHECK_EQUAL(1000, id);
    CHECK_STATUS(OK, idgen_snowflake_handle_next(&snowflake_handle, NOW, &id, &wait_ms));
    CHECK_STATUS(OK, idgen_buckets_next(&buckets, 31, NOW, &id, NULL));
}

int main(void)
{
    RUN(make_all);
    RUN(blocks_that_are_null);
    RUN(blocks_that_are_misaligned);
    RUN(blocks_that_nobody_made);
    RUN(blocks_of_other_kinds);
    RUN(places_of_answers);
    RUN(places_that_may_be_null);
    RUN(layouts_texts_and_names);
    RUN(numbers_out_of_range);
    RUN(ranges_paces_plans_and_borrow_windows);
    RUN(refused_calls_change_nothing);
    return finish();
}
