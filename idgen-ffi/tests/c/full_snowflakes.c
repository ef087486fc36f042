/* Time-ordered ids under worker ids that a store leases. */

#include "full_scratch.h"

#define IDS_OF_A_PROCESS 20000

/* Two worker ids; four ids in a tick of a second. */
static idgen_layout tiny_layout(void)
{
    idgen_layout layout = {.epoch_unix_ms = 1735689600000, .tick_ms = 1000, .time_bits = 32,
                           .field_count = 2};
    strcpy(layout.fields[0].name, "left or right");
    layout.fields[0].bits = 1;
    strcpy(layout.fields[1].name, "sequence");
    layout.fields[1].bits = 2;
    layout.fields[1].role = IDGEN_ROLE_SEQUENCE;
    return layout;
}

static idgen_snowflakes *space_open(idgen_store *store, const char *space,
                                    const idgen_layout *layout, uint64_t worker)
{
    idgen_snowflakes *snowflakes = NULL;
    CHECK_STATUS(OK, idgen_snowflakes_open(store, space, layout, worker, SOON, &snowflakes, why,
                                           sizeof why));
    return snowflakes;
}

static void ids_carry_time_and_worker(void)
{
    idgen_store *store = scratch_open("one.db", NULL);
    idgen_snowflakes *events = space_open(store, "events", NULL, 17);
    idgen_layout standard;
    idgen_decoded parts;
    idgen_range range;
    uint64_t before = crowd_now_ms(), id = 0, next = 0, worker = 0, ids[5000];
    size_t filled = 0;
    CHECK_STATUS(OK, idgen_layout_preset("standard", &standard));
    CHECK_STATUS(OK, idgen_snowflakes_next(events, SOON, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_snowflakes_worker(events, &worker));
    CHECK_EQUAL(17, worker);
    CHECK_STATUS(OK, idgen_layout_decode(&standard, id, &parts));
    CHECK_EQUAL(17, parts.worker);
    CHECK(parts.unix_ms + 100 >= before && parts.unix_ms <= crowd_now_ms() + 100);
    CHECK_STATUS(OK, idgen_snowflakes_take(events, 0, 10, SOON, &range, why, sizeof why));
    CHECK(range.start > id && range.len >= 1 && range.len <= 10);
    CHECK_STATUS(OK, idgen_snowflakes_fill(events, 0, SOON, ids, 5000, &filled, why, sizeof why));
    CHECK_EQUAL(5000, filled);
    CHECK(ids[0] > range.start);
    CHECK_EQUAL(0, crowd_repeats(ids, 5000));
    CHECK_STATUS(OK, idgen_snowflakes_next(events, SOON, &next, why, sizeof why));
    CHECK(next > ids[4999]);
    /* Opened again it is the same; another worker id or layout it cannot be. */
    idgen_snowflakes *again = space_open(store, "events", &standard, IDGEN_ANY_WORKER);
    CHECK_STATUS(OK, idgen_snowflakes_worker(again, &worker));
    CHECK_EQUAL(17, worker);
    CHECK_STATUS(OK, idgen_snowflakes_close(&again));
    CHECK_STATUS(CONFLICT, idgen_snowflakes_open(store, "events", NULL, 18, SOON, &again, why,
                                                 sizeof why));
    idgen_layout tiny = tiny_layout();
    CHECK_STATUS(CONFLICT, idgen_snowflakes_open(store, "events", &tiny, 0, SOON, &again, why,
                                                 sizeof why));
    CHECK_STATUS(OK, idgen_snowflakes_close(&events));
    scratch_close(&store);
    /* An id space keeps its layout. */
    store = scratch_open("one.db", NULL);
    CHECK_STATUS(CONFLICT, idgen_snowflakes_open(store, "events", &tiny, 0, SOON, &again, why,
                                                 sizeof why));
    CHECK(strstr(why, "another id space") != NULL);
    scratch_close(&store);
}

static void wrong_arguments(void)
{
    idgen_store *store = scratch_open("wrong.db", NULL);
    idgen_snowflakes *none = NULL;
    idgen_layout tiny = tiny_layout(), broken = tiny, ended = tiny, slow = tiny;
    broken.fields[0].name[0] = '\xff';
    ended.epoch_unix_ms = 1000;
    ended.time_bits = 10;
#define OPEN(space, layout, worker) \
    idgen_snowflakes_open(store, (space), (layout), (worker), SOON, &none, why, sizeof why)
    CHECK_STATUS(OUT_OF_RANGE, OPEN("a", &tiny, 2));
    CHECK(strstr(why, "0 to 1") != NULL);
    CHECK_STATUS(BAD_LAYOUT, OPEN("a", &broken, 0));
    CHECK_STATUS(LAYOUT_ENDED, OPEN("b", &ended, 0));
    CHECK(strstr(why, "later epoch") != NULL);
    slow.tick_ms = 10000;
    CHECK_STATUS(OUT_OF_RANGE, OPEN("b", &slow, 0));
    CHECK_STATUS(BAD_NAME, OPEN("", &tiny, 0));
    CHECK_STATUS(NULL, OPEN(NULL, &tiny, 0));
    CHECK(none == NULL);
    CHECK_STATUS(NULL, idgen_snowflakes_open(store, "a", NULL, 0, SOON, NULL, why, sizeof why));
    CHECK_STATUS(DEADLINE, idgen_snowflakes_open(store, "c", NULL, 0, 0, &none, why, sizeof why));
    idgen_snowflakes *open = space_open(store, "d", &tiny, 0);
    idgen_range range;
    uint64_t id;
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflakes_take(open, 1, 1, SOON, &range, why, sizeof why));
    CHECK_STATUS(OUT_OF_RANGE, idgen_snowflakes_take(open, 0, 0, SOON, &range, why, sizeof why));
    CHECK_STATUS(NULL, idgen_snowflakes_next(open, SOON, NULL, why, sizeof why));
    CHECK_STATUS(NULL, idgen_snowflakes_next(NULL, SOON, &id, why, sizeof why));
    CHECK_STATUS(NULL, idgen_snowflakes_worker(open, NULL));
    /* Four ids a second, and no waiting for the next. */
    int status = IDGEN_STATUS_OK;
    for (int count = 0; count < 10 && status == IDGEN_STATUS_OK; count++)
        status = idgen_snowflakes_next(open, 0, &id, why, sizeof why);
    CHECK_STATUS(NOT_YET, status);
    CHECK_STATUS(OK, idgen_snowflakes_next(open, 1500, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_snowflakes_close(&open));
    scratch_close(&store);
}

static void buckets_have_ids_of_their_own(void)
{
    idgen_store *store = scratch_open("buckets.db", NULL);
    idgen_layout genid;
    idgen_layout_facts facts;
    CHECK_STATUS(OK, idgen_layout_preset("genid", &genid));
    CHECK_STATUS(OK, idgen_layout_describe(&genid, &facts));
    idgen_snowflakes *open = space_open(store, "genid", &genid, 5);
    uint64_t ids[64];
    for (uint32_t bucket = 0; bucket < facts.buckets; bucket++) {
        idgen_range range;
        idgen_decoded parts;
        CHECK_STATUS(OK, idgen_snowflakes_take(open, bucket, 1, SOON, &range, why, sizeof why));
        CHECK_STATUS(OK, idgen_layout_decode(&genid, range.start, &parts));
        CHECK_EQUAL(bucket, parts.bucket);
        ids[bucket] = range.start;
    }
    qsort(ids, facts.buckets, sizeof *ids, crowd_order);
    CHECK_EQUAL(0, crowd_repeats(ids, facts.buckets));
    CHECK_STATUS(OK, idgen_snowflakes_close(&open));
    scratch_close(&store);
}

static void who_gives_up_holds_no_worker_id(void)
{
    static const idgen_options long_leases = {.lease_ms = 3600000};
    idgen_store *store = scratch_open("given-up.db", &long_leases);
    idgen_snowflakes *none = NULL;
    CHECK_STATUS(DEADLINE, idgen_snowflakes_open(store, "a", NULL, 5, 0, &none, why, sizeof why));
    /* What was claimed for the first call is released when its answer finds nobody. */
    idgen_snowflakes *open = space_open(store, "a", NULL, 5);
    CHECK_STATUS(OK, idgen_snowflakes_close(&open));
    scratch_close(&store);
}

static idgen_snowflakes *crowded;

static void takes_ids(struct member *self)
{
    while (self->count < self->room) {
        CHECK_STATUS(OK,
                     idgen_snowflakes_next(crowded, SOON, &self->ids[self->count], NULL, 0));
        self->count++;
    }
}

static void eight_threads_repeat_nothing(void)
{
    idgen_store *store = scratch_open("crowd.db", NULL);
    size_t count;
    crowded = space_open(store, "crowd", NULL, IDGEN_ANY_WORKER);
    crowd_run(takes_ids, sliced(50000, 64));
    uint64_t *ids = crowd_ids(&count);
    CHECK_EQUAL(8 * sliced(50000, 64), count);
    CHECK_EQUAL(0, crowd_repeats(ids, count));
    free(ids);
    CHECK_STATUS(OK, idgen_snowflakes_close(&crowded));
    scratch_close(&store);
}

static idgen_store *raced;

static void opens_the_same_space(struct member *self)
{
    idgen_snowflakes *mine = space_open(raced, "raced", NULL, IDGEN_ANY_WORKER);
    CHECK_STATUS(OK, idgen_snowflakes_worker(mine, &self->sum));
    CHECK_STATUS(OK, idgen_snowflakes_close(&mine));
}

static void one_worker_id_serves_all_openings(void)
{
    raced = scratch_open("raced.db", NULL);
    crowd_run(opens_the_same_space, 0);
    for (size_t nth = 0; nth < CROWD; nth++) {
        CHECK_EQUAL(crowd[0].sum, crowd[nth].sum);
        free(crowd[nth].ids);
    }
    scratch_close(&raced);
}

static void takes_its_share(int ids)
{
    idgen_store *store = scratch_open("processes.db", NULL);
    idgen_snowflakes *open = space_open(store, "shared", NULL, IDGEN_ANY_WORKER);
    for (size_t count = 0; count < sliced(IDS_OF_A_PROCESS, 16); count++) {
        uint64_t id = 0;
        CHECK_STATUS(OK, idgen_snowflakes_next(open, SOON, &id, why, sizeof why));
        tell(ids, id);
    }
    CHECK_STATUS(OK, idgen_snowflakes_close(&open));
    scratch_close(&store);
}

static void two_processes_repeat_nothing(void)
{
    size_t share = sliced(IDS_OF_A_PROCESS, 16);
    uint64_t *ids = malloc((2 * share + 1) * sizeof *ids);
    if (ids == NULL)
        abort();
    struct teller one = teller_start(takes_its_share), other = teller_start(takes_its_share);
    size_t count = teller_read(&one, ids, share);
    count += teller_read(&other, ids + count, share);
    teller_end(&one, 0);
    teller_end(&other, 0);
    CHECK_EQUAL(2 * share, count);
    qsort(ids, count, sizeof *ids, crowd_order);
    CHECK_EQUAL(0, crowd_repeats(ids, count));
    free(ids);
}

static const idgen_options SHORT_LEASES = {.lease_ms = 3000};

/* Tells its first id, is stopped for longer than its lease, and finds its worker id taken. */
static void sleeps_too_long(int ids)
{
    idgen_layout tiny = tiny_layout();
    tiny.tick_ms = 100;
    idgen_store *store = scratch_open("lost.db", &SHORT_LEASES);
    idgen_snowflakes *open = space_open(store, "lost", &tiny, 0);
    uint64_t id = 0, worker = 7;
    CHECK_STATUS(OK, idgen_snowflakes_next(open, SOON, &id, why, sizeof why));
    tell(ids, id);
    int status = IDGEN_STATUS_OK;
    /* Ids of the lease are its own, whoever holds the worker id by now. */
    for (int count = 0; count < 3000 && status != IDGEN_STATUS_LEASE_LOST; count++) {
        struct timespec pause = {0, 10000000};
        nanosleep(&pause, NULL);
        status = idgen_snowflakes_worker(open, &worker);
    }
    tell(ids, (uint64_t)status);
    CHECK_STATUS(WORKERS_TAKEN, idgen_snowflakes_next(open, 2000, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_snowflakes_close(&open));
    CHECK_STATUS(OK, idgen_close(&store, NULL));
}

static void a_lease_that_was_slept_away_is_lost(void)
{
    struct teller sleeper = teller_start(sleeps_too_long);
    idgen_layout tiny = tiny_layout();
    tiny.tick_ms = 100;
    uint64_t theirs = 0, told = 0, worker = 7, id = 0;
    CHECK_EQUAL(1, teller_read(&sleeper, &theirs, 1));
    idgen_store *store = scratch_open("lost.db", &SHORT_LEASES);
    idgen_snowflakes *none = NULL;
    CHECK_STATUS(WORKERS_TAKEN, idgen_snowflakes_open(store, "lost", &tiny, 0, 5000, &none, why,
                                                      sizeof why));
    CHECK(none == NULL && strstr(why, "held by") != NULL);
    kill(sleeper.pid, SIGSTOP);
    /* Free one lease after its last renewal. */
    idgen_snowflakes *open = space_open(store, "lost", &tiny, 0);
    CHECK_STATUS(OK, idgen_snowflakes_worker(open, &worker));
    CHECK_EQUAL(0, worker);
    CHECK_STATUS(OK, idgen_snowflakes_next(open, SOON, &id, why, sizeof why));
    CHECK(id > theirs);
    kill(sleeper.pid, SIGCONT);
    CHECK_EQUAL(1, teller_read(&sleeper, &told, 1));
    CHECK_STATUS(LEASE_LOST, (idgen_status)told);
    teller_end(&sleeper, 0);
    CHECK_STATUS(OK, idgen_snowflakes_close(&open));
    scratch_close(&store);
}

int main(void)
{
    scratch_make();
    /* Processes first: one that has a store open must not fork. */
    RUN(two_processes_repeat_nothing);
    RUN(a_lease_that_was_slept_away_is_lost);
    RUN(ids_carry_time_and_worker);
    RUN(wrong_arguments);
    RUN(who_gives_up_holds_no_worker_id);
    RUN(buckets_have_ids_of_their_own);
    RUN(eight_threads_repeat_nothing);
    RUN(one_worker_id_serves_all_openings);
    return scratch_finish();
}
