/* Time-ordered ids from one generator, for several threads with a handle each.
 *
 *     snowflake [WORKER]
 *
 * The lease is assumed here: we promise that no other generator, on any machine, at any time, is
 * given a moment of it for this worker id. A service asks a registry, which records each lease
 * before it answers. POSIX threads.
 */

#define _POSIX_C_SOURCE 200809L

#include <idgen.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { THREADS = 4, IDS = 20000, LEASE_MS = 10000 };

struct job {
    pthread_t thread;
    idgen_snowflake *ids;
    idgen_status status;
    uint64_t first, last;
};

static uint64_t now_unix_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec time = { .tv_sec = (time_t)(ms / 1000) };
    time.tv_nsec = (long)(ms % 1000) * 1000000;
    nanosleep(&time, NULL);
}

/* The next id; waits where a burst is ahead of the clock. Everything else is the caller's. */
static idgen_status next_id(idgen_snowflake_handle *mine, uint64_t *id)
{
    for (;;) {
        uint64_t wait_ms;
        idgen_status status = idgen_snowflake_handle_next(mine, IDGEN_NOW, id, &wait_ms);
        if (status != IDGEN_STATUS_NOT_YET)
            return status;
        sleep_ms(wait_ms);
    }
}

static void *issue(void *argument)
{
    struct job *job = argument;
    /* One thread, one handle; on its stack, where it stays. */
    idgen_snowflake_handle mine;
    job->status = idgen_snowflake_handle_init(&mine, job->ids);
    if (job->status != IDGEN_STATUS_OK)
        return NULL;
    for (int at = 0; at < IDS && job->status == IDGEN_STATUS_OK; at++) {
        job->status = next_id(&mine, &job->last);
        if (at == 0)
            job->first = job->last;
    }
    /* The generator makes the blocks of those that stay larger. */
    idgen_snowflake_handle_end(&mine);
    return NULL;
}

/* Runs the threads and answers how many failed. */
static int run(idgen_snowflake *ids)
{
    struct job jobs[THREADS] = { 0 };
    int started = 0, failed = 0;
    for (; started < THREADS; started++) {
        jobs[started].ids = ids;
        if (pthread_create(&jobs[started].thread, NULL, issue, &jobs[started]) != 0)
            break;
    }
    for (int at = 0; at < started; at++) {
        pthread_join(jobs[at].thread, NULL);
        if (jobs[at].status == IDGEN_STATUS_OK) {
            printf("thread %d: %d ids from %" PRIu64 " to %" PRIu64 "\n", at, (int)IDS,
                   jobs[at].first, jobs[at].last);
        } else {
            fprintf(stderr, "thread %d: %s\n", at, idgen_status_str(jobs[at].status));
            failed++;
        }
    }
    return failed + THREADS - started;
}

int main(int argc, char **argv)
{
    idgen_layout layout;
    idgen_lease left, lease = { .worker = argc > 1 ? strtoull(argv[1], NULL, 10) : 7 };
    lease.floor_unix_ms = now_unix_ms();
    lease.horizon_unix_ms = lease.floor_unix_ms + LEASE_MS;

    /* Static: it outlives every thread and handle, and is never moved. */
    static idgen_snowflake ids;
    idgen_status status = idgen_layout_preset("standard", &layout);
    if (status == IDGEN_STATUS_OK)
        status = idgen_snowflake_init(&ids, &layout, &lease, 10);
    if (status != IDGEN_STATUS_OK) {
        fprintf(stderr, "snowflake: %s\n", idgen_status_str(status));
        return 1;
    }
    int failed = run(&ids);

    /* Whoever is given this worker id next starts at this floor: a registry records it. */
    status = idgen_snowflake_end(&ids, &left);
    if (status != IDGEN_STATUS_OK)
        return 1;
    printf("left of worker %" PRIu64 ": %" PRIu64 " (number %" PRIu64 ") up to %" PRIu64 "\n",
           left.worker, left.floor_unix_ms, left.floor_sequence, left.horizon_unix_ms);
    return failed ? 1 : 0;
}
