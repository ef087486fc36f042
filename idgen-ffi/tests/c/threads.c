/* Eight threads on one cursor, on handles of one, and on one generator: no id comes out twice. */

#include "crowd.h"

/* A million ids for each thread; a part of that where every instruction is slow. */
static size_t ids_each(void)
{
    return sliced(1000000, 64);
}

static idgen_segment_cursor cursor;

/* A store that only counts up; the cursor lets one thread at a time ask. */
static idgen_status grant(void *context, uint64_t len, uint64_t above, idgen_range *segment)
{
    uint64_t *highest = context;
    CHECK(above <= *highest);
    *segment = (idgen_range){*highest + 1, 1, len};
    *highest += len;
    return IDGEN_STATUS_OK;
}

static uint64_t granted;

/* Segments of 10,000, so that threads meet at turns and on refills all the time. */
static void refill(void)
{
    idgen_status status = idgen_segment_refill(&cursor, grant, &granted, 10000, NULL);
    CHECK(status == IDGEN_STATUS_OK || status == IDGEN_STATUS_BUSY);
    if (status == IDGEN_STATUS_BUSY)
        sched_yield();
}

static void on_the_cursor(struct member *self)
{
    while (self->count < self->room) {
        uint64_t *id = &self->ids[self->count];
        idgen_status status = idgen_segment_next(&cursor, id);
        if (status == IDGEN_STATUS_OK) {
            uint32_t needed = 0;
            self->count++;
            CHECK_STATUS(OK, idgen_segment_needs_refill(&cursor, &needed));
            if (needed)
                refill();
        } else {
            CHECK_STATUS(EXHAUSTED, status);
            refill();
        }
    }
}

/* Runs of 1 to 64, exact ones among them. */
static void in_runs(struct member *self)
{
    uint64_t want = self->nth + 1;
    while (self->count < self->room) {
        idgen_range range = {0, 0, 0}, skipped = {0, 0, 0};
        want = want * 29 % 67;
        idgen_status status = want % 2 ? idgen_segment_take(&cursor, want, &range)
                                       : idgen_segment_take_exact(&cursor, want, &range, &skipped);
        if (want % 2 == 0 && status == IDGEN_STATUS_OK)
            CHECK_EQUAL(want, range.len);
        if (status == IDGEN_STATUS_EXHAUSTED)
            refill();
        else
            CHECK_STATUS(OK, status);
        self->sum += skipped.len;
        for (uint64_t i = 0; i < range.len && self->count < self->room; i++)
            self->ids[self->count++] = range.start + i * range.step;
    }
}

static void in_arrays(struct member *self)
{
    while (self->count < self->room) {
        size_t left = self->room - self->count, filled = 0;
        idgen_status status = idgen_segment_fill(&cursor, self->ids + self->count,
                                                 left < 300 ? left : 300, &filled);
        self->count += filled;
        if (status == IDGEN_STATUS_EXHAUSTED)
            refill();
        else
            CHECK_STATUS(OK, status);
    }
}

static void with_a_handle(struct member *self)
{
    idgen_segment_handle mine;
    idgen_range rest = {0, 0, 0};
    CHECK_STATUS(OK, idgen_segment_handle_init(&mine, &cursor, 1 + 100 * self->nth));
    while (self->count < self->room) {
        idgen_status status = idgen_segment_handle_next(&mine, &self->ids[self->count]);
        if (status == IDGEN_STATUS_OK) {
            self->count++;
        } else {
            CHECK_STATUS(EXHAUSTED, status);
            refill();
        }
    }
    CHECK_STATUS(OK, idgen_segment_handle_end(&mine, &rest));
    self->left[0] = rest;
}

static void share_the_cursor(void (*body)(struct member *))
{
    granted = 0;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    crowd_run(body, ids_each());
    size_t count;
    uint64_t *ids = crowd_ids(&count);
    CHECK_EQUAL(CROWD * ids_each(), count);
    CHECK_EQUAL(0, crowd_repeats(ids, count));
    CHECK(ids[0] == 1 && ids[count - 1] <= granted);
    free(ids);
}

/* Each id that the source granted came out once, lies in the tail, or was counted as a gap. */
static void nothing_is_lost(uint64_t apart)
{
    idgen_range tail, standby;
    uint64_t gaps = 0;
    CHECK_STATUS(OK, idgen_segment_gaps(&cursor, &gaps));
    CHECK_STATUS(OK, idgen_segment_retire(&cursor, &tail, &standby));
    CHECK_EQUAL(granted, CROWD * ids_each() + apart + tail.len + standby.len + gaps);
}

static void eight_share_a_cursor(void)
{
    share_the_cursor(on_the_cursor);
    nothing_is_lost(0);
}

static void eight_take_runs(void)
{
    share_the_cursor(in_runs);
}

static void eight_fill_arrays(void)
{
    share_the_cursor(in_arrays);
    nothing_is_lost(0);
}

static void eight_have_handles(void)
{
    share_the_cursor(with_a_handle);
    uint64_t rests = 0;
    for (size_t nth = 0; nth < CROWD; nth++)
        rests += crowd[nth].left[0].len;
    nothing_is_lost(rests);
}

/* 4,194,304 numbers a millisecond: nobody waits for the format. */
static const idgen_layout WIDE = {
    .epoch_unix_ms = 1735689600000,
    .tick_ms = 1,
    .time_bits = 39,
    .field_count = 2,
    .fields = {{"worker", 2, IDGEN_ROLE_NODE}, {"sequence", 22, IDGEN_ROLE_SEQUENCE}},
};

static idgen_snowflake snowflake;
static idgen_lease lease;
static atomic_int is_done;

/* Renews a lease of 20 ms every millisecond. */
static void *renew(void *nothing)
{
    while (!atomic_load(&is_done)) {
        idgen_lease renewal = lease;
        renewal.horizon_unix_ms = crowd_now_ms() + 20;
        CHECK_STATUS(OK, idgen_snowflake_extend(&snowflake, &renewal));
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return nothing;
}

static int is_refusal(idgen_status status)
{
    if (status == IDGEN_STATUS_NOT_YET || status == IDGEN_STATUS_EXHAUSTED) {
        sched_yield();
        return 1;
    }
    CHECK_STATUS(OK, status);
    return 0;
}

/* By either of the system's clocks. */
static void on_the_snowflake(struct member *self)
{
    uint64_t now = self->nth % 2 ? IDGEN_NOW : IDGEN_NOW_COARSE;
    while (self->count < self->room) {
        uint64_t *id = &self->ids[self->count];
        self->count += !is_refusal(idgen_snowflake_next(&snowflake, now, id, NULL));
    }
}

static void in_batches(struct member *self)
{
    while (self->count < self->room) {
        size_t left = self->room - self->count, filled = 0;
        uint64_t wait_ms = 0;
        is_refusal(idgen_snowflake_fill(&snowflake, IDGEN_NOW, self->ids + self->count,
                                        left < 300 ? left : 300, &filled, &wait_ms));
        CHECK(wait_ms < 1000);
        self->count += filled;
    }
}

static void with_a_snowflake_handle(struct member *self)
{
    idgen_snowflake_handle mine;
    CHECK_STATUS(OK, idgen_snowflake_handle_init(&mine, &snowflake));
    while (self->count < self->room) {
        uint64_t *id = &self->ids[self->count];
        self->count += !is_refusal(idgen_snowflake_handle_next(&mine, IDGEN_NOW_COARSE, id, NULL));
    }
    CHECK_STATUS(OK, idgen_snowflake_handle_end(&mine));
}

static void share_the_snowflake(void (*body)(struct member *))
{
    uint64_t begun = crowd_now_ms();
    pthread_t renewer;
    lease = (idgen_lease){.worker = 2, .floor_unix_ms = begun, .serial = 5};
    lease.horizon_unix_ms = begun + 20;
    atomic_store(&is_done, 0);
    CHECK_STATUS(OK, idgen_snowflake_init(&snowflake, &WIDE, &lease, 10));
    if (pthread_create(&renewer, NULL, renew, NULL) != 0)
        abort();
    crowd_run(body, ids_each());
    atomic_store(&is_done, 1);
    pthread_join(renewer, NULL);
    size_t count;
    uint64_t *ids = crowd_ids(&count);
    CHECK_EQUAL(CROWD * ids_each(), count);
    CHECK_EQUAL(0, crowd_repeats(ids, count));
    idgen_decoded first, last;
    CHECK_STATUS(OK, idgen_layout_decode(&WIDE, ids[0], &first));
    CHECK_STATUS(OK, idgen_layout_decode(&WIDE, ids[count - 1], &last));
    CHECK(first.unix_ms >= begun && first.worker == 2 && last.worker == 2);
    idgen_lease left;
    CHECK_STATUS(OK, idgen_snowflake_end(&snowflake, &left));
    CHECK(left.floor_unix_ms > last.unix_ms ||
          (left.floor_unix_ms == last.unix_ms && left.floor_sequence > last.sequence));
    free(ids);
}

static void eight_share_a_snowflake(void)
{
    share_the_snowflake(on_the_snowflake);
}

static void eight_fill_from_a_snowflake(void)
{
    share_the_snowflake(in_batches);
}

static void eight_have_snowflake_handles(void)
{
    share_the_snowflake(with_a_snowflake_handle);
}

int main(void)
{
    RUN(eight_share_a_cursor);
    RUN(eight_take_runs);
    RUN(eight_fill_arrays);
    RUN(eight_have_handles);
    RUN(eight_share_a_snowflake);
    RUN(eight_fill_from_a_snowflake);
    RUN(eight_have_snowflake_handles);
    return finish();
}
