/* A system that refuses the library to watch for forks: nothing is made that a fork would copy. */

#include "check.h"

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

static unsigned refusals;

/* In place of the system's, which pthread_atfork calls. */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso)
{
    (void)prepare, (void)parent, (void)child, (void)dso;
    refusals++;
    return 12;
}

static void nothing_is_made(void)
{
    static idgen_segment_cursor cursor;
    static idgen_snowflake snowflake;
    static idgen_buckets buckets;
    static idgen_pace pace;
    idgen_layout standard, genid;
    idgen_lease lease = {.floor_unix_ms = 1760000000000, .horizon_unix_ms = 1760000009000};
    uint64_t id;
    CHECK_STATUS(OK, idgen_layout_preset("standard", &standard));
    CHECK_STATUS(OK, idgen_layout_preset("genid", &genid));
    CHECK_STATUS(INTERNAL, idgen_segment_init(&cursor));
    CHECK_STATUS(INTERNAL, idgen_snowflake_init(&snowflake, &standard, &lease, 10));
    CHECK_STATUS(INTERNAL, idgen_buckets_init(&buckets, &genid, &lease, 10));
    CHECK_STATUS(INTERNAL, idgen_pace_init(&pace, NULL));
    CHECK_STATUS(BAD_STATE, idgen_segment_next(&cursor, &id));
    CHECK_STATUS(BAD_STATE, idgen_snowflake_next(&snowflake, IDGEN_NOW, &id, NULL));
    CHECK_EQUAL(1, refusals);
}

int main(void)
{
    RUN(nothing_is_made);
    return finish();
}
