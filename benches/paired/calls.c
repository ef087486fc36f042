/* Calls into the shared library, timed from C: `calls RUNS PAIRS`.
 *
 * Everything is timed in turn with an empty call of the same library, sample by sample, and only
 * ratios count. The empty call is idgen_abi_version: it goes the same way through the same table,
 * and answers a constant; nothing smaller can be exported. The bare addition is compiled in here.
 *
 * Per subject and run a line `subject ratio`, the median of the pairs' ratios:
 *
 *     next      idgen_segment_next by (an empty call + 1.1 bare additions)
 *     handle    idgen_segment_handle_next by an empty call
 *     fill      idgen_segment_fill of 64, per id, by an empty call
 *
 * and `ns subject nanoseconds` for information. Samples in which the thread waited for a processor
 * are not counted, nor are their pairs.
 */

#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <idgen.h>

#define SAMPLE_NS 250000.0
#define PATIENCE 20
#define FILL 64

static idgen_segment_cursor cursor;
static idgen_segment_handle handle;
static struct {
    _Alignas(128) atomic_ullong word;
    char rest[120];
} bare;
static uint64_t granted, sink;

static idgen_status grant(void *context, uint64_t len, uint64_t above, idgen_range *segment)
{
    (void)context, (void)above;
    *segment = (idgen_range){granted + 1, 1, len};
    granted += len;
    return IDGEN_STATUS_OK;
}

static void keep_supplied(void)
{
    uint32_t needed = 0;
    idgen_segment_needs_refill(&cursor, &needed);
    if (needed && idgen_segment_refill(&cursor, grant, NULL, UINT64_C(1) << 32, NULL) != 0)
        exit(3);
}

static void failed(const char *what)
{
    fprintf(stderr, "%s refused an id\n", what);
    exit(3);
}

static uint64_t call_empty(uint64_t calls)
{
    uint64_t sum = 0;
    while (calls--)
        sum += idgen_abi_version();
    return sum;
}

static uint64_t add_bare(uint64_t calls)
{
    uint64_t sum = 0;
    while (calls--)
        sum += atomic_fetch_add_explicit(&bare.word, 1, memory_order_relaxed);
    return sum;
}

static uint64_t call_next(uint64_t calls)
{
    uint64_t sum = 0, id;
    while (calls--) {
        if (idgen_segment_next(&cursor, &id) != IDGEN_STATUS_OK)
            failed("next");
        sum += id;
    }
    return sum;
}

static uint64_t call_handle(uint64_t calls)
{
    uint64_t sum = 0, id;
    while (calls--) {
        if (idgen_segment_handle_next(&handle, &id) != IDGEN_STATUS_OK)
            failed("handle");
        sum += id;
    }
    return sum;
}

/* `calls` ids. */
static uint64_t call_fill(uint64_t calls)
{
    uint64_t sum = 0, ids[FILL];
    for (uint64_t done = 0; done < calls; done += FILL) {
        size_t filled;
        if (idgen_segment_fill(&cursor, ids, FILL, &filled) != IDGEN_STATUS_OK)
            failed("fill");
        sum += ids[0] + ids[FILL - 1];
    }
    return sum;
}

enum subject { EMPTY, BARE, NEXT, HANDLE, FILLED, SUBJECTS };
static const char *const NAMES[] = {"empty", "bare", "next", "handle", "fill"};
static uint64_t (*const BODIES[])(uint64_t) = {call_empty, add_bare, call_next, call_handle,
                                               call_fill};
static uint64_t calls[SUBJECTS];

static double now_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Nanoseconds of a call; below 0 if the thread had to wait for a processor. */
static double sample(enum subject subject)
{
    double own = now_ns(CLOCK_THREAD_CPUTIME_ID), all = now_ns(CLOCK_MONOTONIC);
    sink += BODIES[subject](calls[subject]);
    all = now_ns(CLOCK_MONOTONIC) - all;
    own = now_ns(CLOCK_THREAD_CPUTIME_ID) - own;
    return own < all * 0.98 ? -1 : all / (double)calls[subject];
}

static void calibrate(enum subject subject)
{
    calls[subject] = FILL;
    for (;;) {
        double best = 1e18;
        for (int i = 0; i < 5; i++) {
            double begun = now_ns(CLOCK_MONOTONIC);
            sink += BODIES[subject](calls[subject]);
            double span = now_ns(CLOCK_MONOTONIC) - begun;
            best = span < best ? span : best;
        }
        if (best > SAMPLE_NS / 4) {
            calls[subject] = (uint64_t)((double)calls[subject] * SAMPLE_NS / best);
            calls[subject] += FILL - calls[subject] % FILL;
            return;
        }
        calls[subject] *= 2;
    }
}

static int order(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, order);
    return values[count / 2];
}

/* One run of a subject; the order within a pair alternates. */
static void run(enum subject subject, size_t pairs)
{
    double *ratios = malloc(pairs * sizeof *ratios), *own = malloc(pairs * sizeof *own);
    size_t count = 0;
    if (ratios == NULL || own == NULL)
        exit(3);
    for (size_t tried = 0; tried < pairs * PATIENCE && count < pairs; tried++) {
        double it, empty, addition = 0;
        keep_supplied();
        it = tried % 2 ? 0 : sample(subject);
        empty = sample(EMPTY);
        if (subject == NEXT)
            addition = sample(BARE);
        if (tried % 2)
            it = sample(subject);
        if (it < 0 || empty < 0 || addition < 0)
            continue;
        own[count] = it;
        ratios[count++] = it / (empty + 1.1 * addition);
    }
    if (count < pairs / 4 + 1)
        printf("%s noisy\n", NAMES[subject]);
    else
        printf("%s %.4f\nns %s %.3f\n", NAMES[subject], median(ratios, count), NAMES[subject],
               median(own, count));
    free(ratios);
    free(own);
}

int main(int count, char **words)
{
    size_t runs = count > 1 ? strtoul(words[1], NULL, 10) : 5;
    size_t pairs = count > 2 ? strtoul(words[2], NULL, 10) : 201;
    if (runs == 0 || pairs == 0 || idgen_segment_init(&cursor) != IDGEN_STATUS_OK ||
        idgen_segment_handle_init(&handle, &cursor, 1024) != IDGEN_STATUS_OK)
        return 2;
    /* An empty cursor says that it needs nothing: the first segment waits till the first call. */
    uint64_t id;
    if (idgen_segment_refill(&cursor, grant, NULL, UINT64_C(1) << 32, NULL) != IDGEN_STATUS_OK ||
        idgen_segment_next(&cursor, &id) != IDGEN_STATUS_OK)
        return 3;
    keep_supplied();
    for (enum subject subject = EMPTY; subject < SUBJECTS; subject++)
        calibrate(subject);
    for (size_t nth = 0; nth < runs; nth++)
        for (enum subject subject = EMPTY; subject < SUBJECTS; subject++)
            if (subject != BARE)
                run(subject, pairs);
    fprintf(stderr, "%" PRIu64 "\n", sink);
    return 0;
}
