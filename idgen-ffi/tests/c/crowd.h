/* Threads of the test programs, and the search for an id that came out twice.
 *
 * Include it first: it asks the system's headers for POSIX.
 */

#ifndef CROWD_H
#define CROWD_H

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

#define CROWD 8

struct member {
    pthread_t thread;
    size_t nth;
    void (*body)(struct member *);
    /* Its ids; room for `room` of them. */
    uint64_t *ids;
    size_t count, room;
    /* Of its own to use. */
    idgen_range left[2];
    uint64_t sum;
};

static struct member crowd[CROWD];
static pthread_barrier_t crowd_gate;

static inline void *crowd_member(void *member)
{
    struct member *self = member;
    pthread_barrier_wait(&crowd_gate);
    self->body(self);
    return NULL;
}

/* Starts eight threads at once, each with room for so many ids, and waits for them. */
static inline void crowd_run(void (*body)(struct member *), size_t room)
{
    pthread_barrier_init(&crowd_gate, NULL, CROWD);
    memset(crowd, 0, sizeof crowd);
    for (size_t nth = 0; nth < CROWD; nth++) {
        crowd[nth].nth = nth;
        crowd[nth].body = body;
        crowd[nth].room = room;
        crowd[nth].ids = malloc((room + 1) * sizeof(uint64_t));
        if (crowd[nth].ids == NULL)
            abort();
    }
    for (size_t nth = 0; nth < CROWD; nth++)
        if (pthread_create(&crowd[nth].thread, NULL, crowd_member, &crowd[nth]) != 0)
            abort();
    for (size_t nth = 0; nth < CROWD; nth++)
        pthread_join(crowd[nth].thread, NULL);
    pthread_barrier_destroy(&crowd_gate);
}

static inline int crowd_order(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* All their ids in order, to be freed; what each thread got must rise. */
static inline uint64_t *crowd_ids(size_t *count)
{
    size_t total = 0;
    for (size_t nth = 0; nth < CROWD; nth++)
        total += crowd[nth].count;
    uint64_t *all = malloc((total + 1) * sizeof(uint64_t));
    if (all == NULL)
        abort();
    *count = 0;
    for (size_t nth = 0; nth < CROWD; nth++) {
        size_t falls = 0;
        for (size_t at = 0; at < crowd[nth].count; at++) {
            falls += at > 0 && crowd[nth].ids[at] <= crowd[nth].ids[at - 1];
            all[(*count)++] = crowd[nth].ids[at];
        }
        CHECK_EQUAL(0, falls);
        free(crowd[nth].ids);
        crowd[nth].ids = NULL;
    }
    qsort(all, total, sizeof(uint64_t), crowd_order);
    return all;
}

/* How many of these, in order, equal the one before. */
static inline size_t crowd_repeats(const uint64_t *ids, size_t count)
{
    size_t repeats = 0;
    for (size_t at = 1; at < count; at++)
        repeats += ids[at] == ids[at - 1];
    return repeats;
}

static inline uint64_t crowd_now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

#endif /* CROWD_H */
