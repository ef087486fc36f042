/* The ends of a store: closed while others wait, outlived by its objects, carried over a fork. */

#include "full_scratch.h"

#include <fcntl.h>

/* Held by a process that writes; without it nothing can be leased. */
#define WRITE_LOCK 120

static void holds_the_write_lock(int ids)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = WRITE_LOCK, .l_len = 1};
    int log_index = open(scratch_path("waits.db-shm"), O_RDWR);
    if (log_index < 0 || fcntl(log_index, F_SETLKW, &lock) != 0)
        _exit(2);
    tell(ids, 1);
    /* Till the parent ends it. */
    for (;;)
        pause();
}

static idgen_store *store;
static idgen_sequence *waited_for;
static atomic_int waiting;

static void waits(struct member *self)
{
    uint64_t id;
    idgen_status status;
    idgen_store *open = store;
    atomic_fetch_add(&waiting, 1);
    if (self->nth % 2)
        status = idgen_sequence_next(waited_for, IDGEN_FOREVER, &id, self->nth == 1 ? why : NULL,
                                     sizeof why);
    else
        status = idgen_next(open, self->nth % 4 ? "to be made" : "waited for", IDGEN_FOREVER, &id,
                            NULL, 0);
    self->sum = (uint64_t)status;
}

static void *closes(void *report)
{
    struct timespec pause = {0, 500000000};
    do
        nanosleep(&pause, NULL);
    while (atomic_load(&waiting) < CROWD);
    nanosleep(&pause, NULL);
    CHECK_STATUS(OK, idgen_close(&store, report));
    return NULL;
}

static void a_closing_wakes_who_waits(void)
{
    uint64_t told = 0;
    pthread_t closer;
    idgen_close_report report = {7, 7};
    store = scratch_open("waits.db", NULL);
    CHECK_STATUS(OK, idgen_sequence_open(store, "waited for", NULL, SOON, &waited_for, why,
                                         sizeof why));
    struct teller holder = teller_start(holds_the_write_lock);
    CHECK_EQUAL(1, teller_read(&holder, &told, 1));
    if (pthread_create(&closer, NULL, closes, &report) != 0)
        abort();
    crowd_run(waits, 0);
    pthread_join(closer, NULL);
    for (size_t nth = 0; nth < CROWD; nth++) {
        CHECK_STATUS(ENDED, (idgen_status)crowd[nth].sum);
        free(crowd[nth].ids);
    }
    CHECK(strstr(why, "closed") != NULL);
    CHECK(store == NULL);
    kill(holder.pid, SIGKILL);
    teller_end(&holder, 1);
    CHECK_STATUS(OK, idgen_sequence_close(&waited_for));
}

static void a_late_store_is_told_from_a_broken_one(void)
{
    uint64_t id, told = 0;
    store = scratch_open("waits.db", NULL);
    CHECK_STATUS(OK, idgen_sequence_open(store, "late", NULL, SOON, &waited_for, why, sizeof why));
    struct teller holder = teller_start(holds_the_write_lock);
    CHECK_EQUAL(1, teller_read(&holder, &told, 1));
    uint64_t begun = crowd_now_ms();
    CHECK_STATUS(DEADLINE, idgen_sequence_next(waited_for, 200, &id, why, sizeof why));
    uint64_t waited = crowd_now_ms() - begun;
    CHECK(waited >= 190 && waited < 2000);
    /* The call to the store itself has a time limit; then it is known what ails it. */
    CHECK_STATUS(UNAVAILABLE, idgen_sequence_next(waited_for, 4000, &id, why, sizeof why));
    kill(holder.pid, SIGKILL);
    teller_end(&holder, 1);
    CHECK_STATUS(OK, idgen_sequence_next(waited_for, SOON, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_close(&waited_for));
    CHECK_STATUS(OK, idgen_close(&store, NULL));
}

static void objects_outlive_their_store(void)
{
    uint64_t id, worker;
    idgen_sequence *sequence;
    idgen_snowflakes *snowflakes;
    size_t filled = 7;
    uint64_t ids[2];
    idgen_range range;
    store = scratch_open("outlive.db", NULL);
    CHECK_STATUS(OK, idgen_sequence_open(store, "a", NULL, SOON, &sequence, why, sizeof why));
    CHECK_STATUS(OK, idgen_snowflakes_open(store, "a", NULL, IDGEN_ANY_WORKER, SOON, &snowflakes,
                                           why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_next(sequence, SOON, &id, why, sizeof why));
    idgen_store *copy = store;
    scratch_close(&store);
    CHECK_STATUS(BAD_STATE, idgen_next(copy, "a", SOON, &id, why, sizeof why));
    CHECK_STATUS(BAD_STATE, idgen_close(&copy, NULL));
    CHECK_STATUS(ENDED, idgen_sequence_next(sequence, SOON, &id, why, sizeof why));
    CHECK_STATUS(ENDED, idgen_sequence_take(sequence, 5, SOON, &range, why, sizeof why));
    CHECK_STATUS(ENDED, idgen_sequence_fill(sequence, SOON, ids, 2, &filled, why, sizeof why));
    CHECK_EQUAL(0, filled);
    CHECK_STATUS(ENDED, idgen_snowflakes_next(snowflakes, SOON, &id, why, sizeof why));
    CHECK_STATUS(ENDED, idgen_snowflakes_take(snowflakes, 0, 5, SOON, &range, why, sizeof why));
    CHECK_STATUS(ENDED, idgen_snowflakes_worker(snowflakes, &worker));
    CHECK_STATUS(OK, idgen_sequence_close(&sequence));
    CHECK_STATUS(OK, idgen_snowflakes_close(&snowflakes));
}

static idgen_snowflakes *inherited;

static void a_child(int ids)
{
    uint64_t id = 77;
    idgen_range range;
    idgen_close_report report = {7, 7};
    idgen_store *own = NULL;
    CHECK_STATUS(BAD_STATE, idgen_next(store, "a", SOON, &id, why, sizeof why));
    CHECK_STATUS(BAD_STATE, idgen_sequence_next(waited_for, SOON, &id, why, sizeof why));
    CHECK_STATUS(BAD_STATE, idgen_sequence_take(waited_for, 3, SOON, &range, why, sizeof why));
    CHECK_STATUS(BAD_STATE, idgen_snowflakes_next(inherited, SOON, &id, why, sizeof why));
    CHECK_STATUS(BAD_STATE, idgen_open(scratch_url("forks.db"), NULL, &own, why, sizeof why));
    CHECK(strstr(why, "fork first") != NULL);
    CHECK_STATUS(BAD_STATE, idgen_sequence_close(&waited_for));
    CHECK_STATUS(BAD_STATE, idgen_snowflakes_close(&inherited));
    CHECK_STATUS(BAD_STATE, idgen_close(&store, &report));
    CHECK(store == NULL && waited_for == NULL && inherited == NULL);
    CHECK_STATUS(OK, idgen_close(&store, &report));
    CHECK_EQUAL(77, id);
    /* Blocks of its own work in a child as anywhere. */
    idgen_segment_cursor cursor;
    CHECK_STATUS(OK, idgen_segment_init(&cursor));
    tell(ids, 1);
}

static void a_child_is_refused_and_the_parent_goes_on(void)
{
    uint64_t told = 0, first = 0, second = 0;
    store = scratch_open("forks.db", NULL);
    CHECK_STATUS(OK, idgen_sequence_open(store, "a", NULL, SOON, &waited_for, why, sizeof why));
    CHECK_STATUS(OK, idgen_snowflakes_open(store, "a", NULL, IDGEN_ANY_WORKER, SOON, &inherited,
                                           why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_next(waited_for, SOON, &first, why, sizeof why));
    struct teller child = teller_start(a_child);
    CHECK_EQUAL(1, teller_read(&child, &told, 1));
    teller_end(&child, 0);
    CHECK_STATUS(OK, idgen_sequence_next(waited_for, SOON, &second, why, sizeof why));
    CHECK_EQUAL(first + 1, second);
    CHECK_STATUS(OK, idgen_sequence_close(&waited_for));
    CHECK_STATUS(OK, idgen_snowflakes_close(&inherited));
    scratch_close(&store);
}

static void opens_its_own(int ids)
{
    uint64_t id = 0;
    store = scratch_open("forks.db", NULL);
    CHECK_STATUS(OK, idgen_next(store, "a", SOON, &id, why, sizeof why));
    scratch_close(&store);
    tell(ids, id);
}

static void who_is_forked_with_none_open_opens_its_own(void)
{
    uint64_t id = 0;
    struct teller child = teller_start(opens_its_own);
    CHECK_EQUAL(1, teller_read(&child, &id, 1));
    teller_end(&child, 0);
    CHECK_EQUAL(3, id);
}

static void is_refused(int ids)
{
    idgen_store *own = NULL;
    CHECK_STATUS(BAD_STATE, idgen_open(scratch_url("waits.db"), NULL, &own, why, sizeof why));
    tell(ids, 1);
}

static void *closes_at_once(void *report)
{
    CHECK_STATUS(OK, idgen_close(&store, report));
    return NULL;
}

/* A store that is being closed is still there, although no pointer leads to it. */
static void a_child_of_a_closing_is_refused(void)
{
    uint64_t told = 0, id = 0;
    pthread_t closer;
    idgen_close_report report;
    store = scratch_open("waits.db", NULL);
    CHECK_STATUS(OK, idgen_next(store, "slowly closed", SOON, &id, why, sizeof why));
    struct teller holder = teller_start(holds_the_write_lock);
    CHECK_EQUAL(1, teller_read(&holder, &told, 1));
    if (pthread_create(&closer, NULL, closes_at_once, &report) != 0)
        abort();
    struct timespec pause = {0, 300000000};
    nanosleep(&pause, NULL);
    struct teller child = teller_start(is_refused);
    CHECK_EQUAL(1, teller_read(&child, &told, 1));
    teller_end(&child, 0);
    pthread_join(closer, NULL);
    kill(holder.pid, SIGKILL);
    teller_end(&holder, 1);
}

static int told_at_exit;

static void closes_at_exit(void)
{
    uint64_t id = 0;
    idgen_close_report report = {7, 7};
    CHECK_STATUS(OK, idgen_next(store, "another", SOON, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_close(&store, &report));
    CHECK_EQUAL(0, report.lost_ids + report.unfinished);
    tell(told_at_exit, atomic_load(&check_failures));
    _exit(0);
}

static void ends_with_exit(int ids)
{
    uint64_t id = 0;
    told_at_exit = ids;
    store = scratch_open("exit.db", NULL);
    CHECK_STATUS(OK, idgen_next(store, "a", SOON, &id, why, sizeof why));
    if (atexit(closes_at_exit) != 0)
        abort();
    exit(0);
}

/* Static objects of C++ end so: behind the end of what is local to the thread. */
static void a_store_is_closed_in_an_exit_handler(void)
{
    struct teller child = teller_start(ends_with_exit);
    teller_end(&child, 0);
}

static void stores_open_and_close_again_and_again(void)
{
    for (int round = 0; round < 20; round++) {
        uint64_t id = 0;
        idgen_snowflakes *snowflakes;
        store = scratch_open("again.db", NULL);
        CHECK_STATUS(OK, idgen_next(store, "a", SOON, &id, why, sizeof why));
        CHECK_EQUAL((uint64_t)round + 1, id);
        CHECK_STATUS(OK, idgen_snowflakes_open(store, "a", NULL, 3, SOON, &snowflakes, why,
                                               sizeof why));
        CHECK_STATUS(OK, idgen_snowflakes_next(snowflakes, SOON, &id, why, sizeof why));
        CHECK_STATUS(OK, idgen_snowflakes_close(&snowflakes));
        scratch_close(&store);
    }
}

int main(void)
{
    scratch_make();
    RUN(a_closing_wakes_who_waits);
    RUN(a_late_store_is_told_from_a_broken_one);
    RUN(objects_outlive_their_store);
    RUN(a_child_is_refused_and_the_parent_goes_on);
    RUN(a_child_of_a_closing_is_refused);
    RUN(a_store_is_closed_in_an_exit_handler);
    RUN(who_is_forked_with_none_open_opens_its_own);
    RUN(stores_open_and_close_again_and_again);
    return scratch_finish();
}
