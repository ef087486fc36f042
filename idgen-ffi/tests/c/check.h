/* What the test programs in C share: checks that count, and the closing lines.
 *
 *     static void ids_rise(void) { CHECK(first < second); CHECK_STATUS(OK, idgen_...); }
 *     int main(void) { RUN(ids_rise); return finish(); }
 *
 * A failed check is told and the test goes on. Checks may be made on any thread. `statuses:` names
 * the answers that checks expected and got, so that the tests can be seen to reach each of them.
 */

#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <idgen.h>

static atomic_uint check_failures;
static atomic_ullong check_statuses;
static unsigned check_passed, check_failed;

static inline void check_that(int is_so, const char *what, const char *file, int line)
{
    if (!is_so) {
        atomic_fetch_add(&check_failures, 1);
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    }
}

static inline void check_status(idgen_status wanted, idgen_status got, const char *call,
                                const char *file, int line)
{
    if (got == wanted) {
        atomic_fetch_or(&check_statuses, 1ULL << (unsigned)got % 64);
        return;
    }
    atomic_fetch_add(&check_failures, 1);
    fprintf(stderr, "%s:%d: %s answers %d (%s), not %d\n", file, line, call, (int)got,
            idgen_status_str(got), (int)wanted);
}

static inline void check_equal(uint64_t wanted, uint64_t got, const char *what, const char *file,
                               int line)
{
    if (got != wanted) {
        atomic_fetch_add(&check_failures, 1);
        fprintf(stderr, "%s:%d: %s is %" PRIu64 ", not %" PRIu64 "\n", file, line, what, got,
                wanted);
    }
}

static inline void check_run(void (*test)(void), const char *name)
{
    unsigned before = atomic_load(&check_failures);
    test();
    int is_ok = atomic_load(&check_failures) == before;
    printf("test %s ... %s\n", name, is_ok ? "ok" : "FAILED");
    fflush(stdout);
    if (is_ok)
        check_passed++;
    else
        check_failed++;
}

/* Closes the program: its exit status. */
static inline int finish(void)
{
    printf("statuses:");
    for (int status = 0; status < 64; status++)
        if (atomic_load(&check_statuses) >> status & 1)
            printf(" %d", status);
    printf("\ntest result: %s. %u passed; %u failed; 0 ignored\n",
           check_failed == 0 ? "ok" : "FAILED", check_passed, check_failed);
    return check_failed == 0 ? 0 : 1;
}

/* `whole`, or a part of it where every instruction is slow: IDGEN_SLICE=small says so. */
static inline size_t sliced(size_t whole, size_t part)
{
    const char *slice = getenv("IDGEN_SLICE");
    return slice != NULL && strcmp(slice, "small") == 0 ? whole / part : whole;
}

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_ANSWER(wanted, call) check_status((wanted), (call), #call, __FILE__, __LINE__)
#define CHECK_STATUS(wanted, call) \
    check_status(IDGEN_STATUS_##wanted, (call), #call, __FILE__, __LINE__)
#define CHECK_EQUAL(wanted, value) check_equal((wanted), (value), #value, __FILE__, __LINE__)
#define RUN(test) check_run(test, #test)

#endif /* CHECK_H */
