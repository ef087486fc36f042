/* One check: a function that returns 0, or the line at which something did not hold. */
#ifndef CHECK_H
#define CHECK_H

#include <idgen.h>

#define HOLDS(what)          \
    do {                     \
        if (!(what))         \
            return __LINE__; \
    } while (0)
#define OK(call) HOLDS((call) == IDGEN_STATUS_OK)
#define ANSWERS(status, call) HOLDS((call) == IDGEN_STATUS_##status)

typedef int check(void);

/* Every block of the library's, one after the other in the same memory: there may be 16 KiB in all.
 * SMALL: no buckets then, which take 9 KiB, and twice that of the stack while they are made. */
extern union block {
    idgen_segment_cursor cursor;
    idgen_snowflake snowflake;
#ifndef SMALL
    idgen_buckets buckets;
#endif
    idgen_pace pace;
} block;
/* And one for a handle beside it. */
extern union handle {
    idgen_segment_handle segment;
    idgen_snowflake_handle snowflake;
} handle;

/* Fills memory with bytes that nobody meant. */
void paint(void *memory, uint32_t size);
/* Copies as memcpy does. */
void copy(void *to, const void *from, uint32_t size);

check cursor_issues_each_id_once, cursor_claims_all_or_nothing, cursor_refills_from_a_source,
    handle_gives_its_rest_back, pace_follows_the_rate, an_interrupt_mints_too,
    snowflakes_rise_and_decode, snowflake_waits_and_ends, snowflake_handle_rises,
    buckets_are_disjoint, layouts_are_checked, no_clock_is_told,
    structs_end_where_the_header_says, texts_read_back, copies_are_refused,
    memory_never_initialised_is_refused, bad_pointers_are_refused;

#endif
