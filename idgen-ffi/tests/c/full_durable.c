/* Durable ids from an SQLite file: in three calls, over restarts, threads, processes and kills. */

#include "full_scratch.h"

#define IDS_OF_A_PROCESS 20000

static void three_calls_and_ids_go_on_after_a_restart(void)
{
    uint64_t first = 0, second = 0, other = 0;
    idgen_store *store = scratch_open("three.db", NULL);
    CHECK_STATUS(OK, idgen_next(store, "orders", SOON, &first, why, sizeof why));
    CHECK_STATUS(OK, idgen_next(store, "invoices", SOON, &other, NULL, 0));
    scratch_close(&store);
    CHECK_EQUAL(1, first);
    CHECK_EQUAL(1, other);
    store = scratch_open("three.db", NULL);
    CHECK_STATUS(OK, idgen_next(store, "orders", SOON, &second, why, sizeof why));
    scratch_close(&store);
    /* What was leased and not issued was handed back. */
    CHECK_EQUAL(2, second);
    CHECK_STATUS(OK, idgen_close(&store, NULL));
}

static void a_definition_is_kept(void)
{
    idgen_store *store = scratch_open("defined.db", NULL);
    idgen_sequence *tens, *again;
    idgen_definition definition = {.first = 100, .increment = 10, .offset = 3, .end = 145}, kept;
    CHECK_STATUS(OK, idgen_sequence_open(store, "tens", &definition, SOON, &tens, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_open(store, "tens", NULL, SOON, &again, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_definition(again, &kept));
    CHECK(memcmp(&definition, &kept, sizeof kept) == 0);
    uint64_t id = 0, ids[8] = {0};
    size_t filled = 0;
    CHECK_STATUS(OK, idgen_sequence_last(tens, SOON, &id, why, sizeof why));
    CHECK_EQUAL(99, id);
    CHECK_STATUS(OK, idgen_sequence_next(tens, SOON, &id, why, sizeof why));
    CHECK_EQUAL(103, id);
    idgen_range range = {0, 0, 0};
    CHECK_STATUS(OK, idgen_sequence_take(again, 2, SOON, &range, why, sizeof why));
    CHECK_EQUAL(113, range.start);
    CHECK_EQUAL(10, range.step);
    CHECK_EQUAL(2, range.len);
    CHECK_STATUS(OK, idgen_sequence_last(tens, SOON, &id, why, sizeof why));
    CHECK_EQUAL(123, id);
    /* Two are left, and they are the caller's although more were asked for. */
    CHECK_STATUS(SEQUENCE_ENDED,
                 idgen_sequence_fill(again, SOON, ids, 8, &filled, why, sizeof why));
    CHECK_EQUAL(2, filled);
    CHECK_EQUAL(133, ids[0]);
    CHECK_EQUAL(143, ids[1]);
    CHECK(strstr(why, "tens") != NULL && strstr(why, "use another") != NULL);
    CHECK_STATUS(OK, idgen_sequence_close(&tens));
    CHECK_STATUS(OK, idgen_sequence_close(&again));
    CHECK(tens == NULL);
    CHECK_STATUS(OK, idgen_sequence_close(&tens));
    scratch_close(&store);
}

static idgen_store *shared;
static idgen_sequence *shared_sequence;

static void by_name_and_by_handle(struct member *self)
{
    while (self->count < self->room) {
        uint64_t *id = &self->ids[self->count];
        if (self->count % 8 == self->nth)
            CHECK_STATUS(OK, idgen_next(shared, "shared", SOON, id, NULL, 0));
        else
            CHECK_STATUS(OK, idgen_sequence_next(shared_sequence, SOON, id, NULL, 0));
        self->count++;
    }
}

static void eight_threads_repeat_nothing(void)
{
    size_t count;
    shared = scratch_open("threads.db", NULL);
    CHECK_STATUS(OK, idgen_sequence_open(shared, "shared", NULL, SOON, &shared_sequence, why,
                                         sizeof why));
    crowd_run(by_name_and_by_handle, sliced(100000, 64));
    uint64_t *ids = crowd_ids(&count);
    CHECK_EQUAL(8 * sliced(100000, 64), count);
    CHECK_EQUAL(0, crowd_repeats(ids, count));
    free(ids);
    CHECK_STATUS(OK, idgen_sequence_close(&shared_sequence));
    scratch_close(&shared);
}

static void takes_its_share(int ids)
{
    idgen_store *store = scratch_open("processes.db", NULL);
    for (size_t count = 0; count < sliced(IDS_OF_A_PROCESS, 16); count++) {
        uint64_t id = 0;
        CHECK_STATUS(OK, idgen_next(store, "shared", SOON, &id, why, sizeof why));
        tell(ids, id);
    }
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

static void takes_for_ever(int ids)
{
    idgen_store *store = scratch_open("killed.db", NULL);
    uint64_t id = 0;
    while (idgen_next(store, "shared", SOON, &id, why, sizeof why) == IDGEN_STATUS_OK)
        tell(ids, id);
}

static void killed_in_the_middle_nothing_is_repeated(void)
{
    enum { ROUNDS = 4, MOST = 200000 };
    uint64_t *ids = malloc(MOST * sizeof *ids);
    if (ids == NULL)
        abort();
    size_t count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct teller killed = teller_start(takes_for_ever);
        count += teller_read(&killed, ids + count, 1500);
        kill(killed.pid, SIGKILL);
        /* What it told between the last look and its end. */
        count += teller_read(&killed, ids + count, MOST - count);
        teller_end(&killed, 1);
    }
    CHECK(count >= ROUNDS * 1500);
    idgen_store *store = scratch_open("killed.db", NULL);
    for (int left = 10; left > 0 && count < MOST; left--)
        CHECK_STATUS(OK, idgen_next(store, "shared", SOON, &ids[count++], why, sizeof why));
    scratch_close(&store);
    qsort(ids, count, sizeof *ids, crowd_order);
    CHECK_EQUAL(0, crowd_repeats(ids, count));
    free(ids);
}

static void a_strict_sequence_leaves_nothing_out(void)
{
    idgen_definition definition = {.is_strict = 1};
    idgen_store *one = scratch_open("strict.db", NULL), *other = scratch_open("strict.db", NULL);
    idgen_sequence *mine, *theirs;
    CHECK_STATUS(OK, idgen_sequence_open(one, "s", &definition, SOON, &mine, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_open(other, "s", NULL, SOON, &theirs, why, sizeof why));
    for (uint64_t want = 1; want <= 20; want++) {
        uint64_t id = 0;
        CHECK_STATUS(OK, idgen_sequence_next(want % 2 ? mine : theirs, SOON, &id, NULL, 0));
        CHECK_EQUAL(want, id);
    }
    CHECK_STATUS(OK, idgen_sequence_close(&mine));
    CHECK_STATUS(OK, idgen_sequence_close(&theirs));
    scratch_close(&one);
    scratch_close(&other);
}

int main(void)
{
    scratch_make();
    /* Processes first: one that has a store open must not fork. */
    RUN(two_processes_repeat_nothing);
    RUN(killed_in_the_middle_nothing_is_repeated);
    RUN(three_calls_and_ids_go_on_after_a_restart);
    RUN(a_definition_is_kept);
    RUN(eight_threads_repeat_nothing);
    RUN(a_strict_sequence_leaves_nothing_out);
    return scratch_finish();
}
