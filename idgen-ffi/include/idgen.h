/* idgen: unique 64-bit ids, safe by value.
 *
 * Made by cbindgen from the crate idgen-ffi: change its sources and run `cargo xtask header`.
 *
 * Numbers and time are leased. A cursor issues serial ids out of segments that a store granted; a
 * generator issues time-ordered ids inside a lease of time. Neither issues outside what it was
 * given, so no pause, crash or clock makes a duplicate. A gap is fine.
 *
 * Memory. Nothing is allocated and nothing has to be freed. Cursors, generators, handles and paces
 * are opaque blocks of yours, aligned to IDGEN_ALIGNMENT (the compiler does that for variables and
 * members; use aligned_alloc on the heap). A block is bound to the address and the process that it
 * was initialised in: copied by memcpy or carried over a fork it answers BAD_STATE, because a copy
 * would repeat ids. Three copies cannot be told from their originals and do repeat ids: one put
 * back where it came from, one in a child that `fork` did not make (`_Fork`, a bare system call),
 * one in a virtual machine that was cloned. End a block before its memory serves for something
 * else: what is left of it may pass for it. Ranges, leases and layouts are plain values; copy them
 * as you like.
 *
 * Threads. Cursors, generators and buckets: any number at once. Handles and paces: one at a time.
 * No function blocks, none calls back but idgen_segment_refill, none touches errno or a signal.
 *
 * Answers. Every function answers a status, and writes what it yields behind a pointer; nothing is
 * written unless the answer is IDGEN_STATUS_OK or the function says so. NULL, misaligned pointers,
 * memory that was never initialised and numbers out of range are answered, with NULL, MISALIGNED,
 * BAD_STATE and OUT_OF_RANGE; the comments name what else a function answers, without the prefix
 * IDGEN_STATUS_. A pointer that is neither must point at what its type says, of the length said,
 * and nothing that a call writes may overlap what else it is given.
 *
 * Time is Unix time in milliseconds everywhere.
 *
 * For C++ there is idgen.hpp beside this header.
 *
 * libidgen-full, with IDGEN_FULL defined (its pkg-config file does): what stands behind #if
 * defined(IDGEN_FULL) is there too. A store that is opened by URL leases, renews and hands back by
 * a thread of its own. Its objects are the library's: made by a call named open, freed by one named
 * close, for any number of threads at once. These calls may wait, as long as they are told.
 */

#ifndef IDGEN_H
#define IDGEN_H

#include <stddef.h>
#include <stdint.h>
#if defined(_MSC_VER)
#define IDGEN_ALIGNED(n) __declspec(align(n))
#else
#define IDGEN_ALIGNED(n) __attribute__((aligned(n)))
#endif

/**
 * The number of the binary interface. It rises when a program built for the old one would break.
 */
#define IDGEN_ABI_VERSION 0

/**
 * The most fields below the time.
 */
#define IDGEN_MAX_FIELDS 9

/**
 * The size of a field's name, its NUL included.
 */
#define IDGEN_FIELD_NAME_SIZE 24

/**
 * A part of the worker id.
 */
#define IDGEN_ROLE_NODE 0

/**
 * The number of a generator inside its process; at most one field, of 1 to 5 bits.
 */
#define IDGEN_ROLE_BUCKET 1

/**
 * The sequence number inside a tick; exactly one field, of 1 to 32 bits.
 */
#define IDGEN_ROLE_SEQUENCE 2

/**
 * Decimal, 1 to 20 digits.
 */
#define IDGEN_FORM_DECIMAL 0

/**
 * Crockford's base32 in upper case, 13 characters; sorts as the ids do.
 */
#define IDGEN_FORM_BASE32 1

/**
 * Base62 in the order of ASCII, 11 characters; sorts as the ids do.
 */
#define IDGEN_FORM_BASE62 2

/**
 * Hexadecimal in lower case, 16 digits; sorts as the ids do.
 */
#define IDGEN_FORM_HEX 3

/**
 * The size of a buffer that holds an id in any form, its NUL included.
 */
#define IDGEN_TEXT_SIZE 21

#if defined(IDGEN_FULL)
/**
 * Snowflakes are stamped by the system's clock, exact to the millisecond.
 */
#define IDGEN_CLOCK_EXACT 0
#endif

#if defined(IDGEN_FULL)
/**
 * By the system's coarse clock, some milliseconds behind and cheaper to read.
 */
#define IDGEN_CLOCK_COARSE 1
#endif

#if defined(IDGEN_FULL)
/**
 * By a number that a thread of the store's writes each millisecond while anybody asks: cheapest.
 */
#define IDGEN_CLOCK_PUBLISHED 2
#endif

#if defined(IDGEN_FULL)
/**
 * In place of a worker id: any that is free.
 */
#define IDGEN_ANY_WORKER 18446744073709551615ull
#endif

#if defined(IDGEN_FULL)
/**
 * In place of a time to wait: as long as it takes.
 */
#define IDGEN_FOREVER 18446744073709551615ull
#endif

/**
 * In place of a time: the system's clock, exact to the millisecond. Reading it takes about 20 ns.
 */
#define IDGEN_NOW 18446744073709551615ull

/**
 * In place of a time: the system's coarse clock where there is one (Linux: up to 4 ms behind,
 * read in about 3 ns), with the exact one wherever that would refuse; elsewhere the exact one.
 */
#define IDGEN_NOW_COARSE 18446744073709551614ull

/**
 * Times passed in lie below this, in Unix milliseconds; no layout reaches so far.
 */
#define IDGEN_MAX_UNIX_MS 2305843009213693952

/**
 * Where opaque blocks begin, in bytes: a multiple of this.
 */
#define IDGEN_ALIGNMENT 128

/**
 * What a call answers. The numbers never change their meaning; new ones may be added.
 */
enum idgen_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    IDGEN_STATUS_OK = 0,
    /**
     * The leased ground is used up: supply a segment, or renew the worker lease, and call again.
     */
    IDGEN_STATUS_EXHAUSTED = 1,
    /**
     * The clock has not reached the next free tick: wait as long as `wait_ms` says, call again.
     */
    IDGEN_STATUS_NOT_YET = 2,
    /**
     * Ended for ever: make a new one from new ground.
     */
    IDGEN_STATUS_ENDED = 3,
    /**
     * A pointer is NULL that may not be.
     */
    IDGEN_STATUS_NULL = 4,
    /**
     * A pointer is not aligned as its type demands.
     */
    IDGEN_STATUS_MISALIGNED = 5,
    /**
     * The block was never initialised, was copied to another address, was carried over a fork, or
     * has ended: initialise one here, with ground of its own.
     */
    IDGEN_STATUS_BAD_STATE = 6,
    /**
     * A number lies outside the range that the function names.
     */
    IDGEN_STATUS_OUT_OF_RANGE = 7,
    /**
     * Nothing to refill: a standby waits already, another refill is under way, or the cursor has
     * ended.
     */
    IDGEN_STATUS_BUSY = 8,
    /**
     * The segment does not lie above those supplied before: lease one above.
     */
    IDGEN_STATUS_NOT_ABOVE = 9,
    /**
     * The segment meets one supplied before; ids would repeat: find out why it was granted twice.
     */
    IDGEN_STATUS_OVERLAPS = 10,
    /**
     * No preset has this name or number.
     */
    IDGEN_STATUS_UNKNOWN = 11,
    /**
     * The text is no id in this form.
     */
    IDGEN_STATUS_BAD_TEXT = 12,
    /**
     * The buffer is too small; the function says what it needs.
     */
    IDGEN_STATUS_BUFFER_TOO_SMALL = 13,
    /**
     * The layout contradicts itself; `idgen_layout_check` writes why.
     */
    IDGEN_STATUS_BAD_LAYOUT = 14,
    /**
     * The lease is empty, shorter than three ticks or longer than a generator counts, or its
     * worker id is not below the layout's count.
     */
    IDGEN_STATUS_BAD_LEASE = 15,
    /**
     * The layout has no time left at or above the lease's floor: move to a later epoch.
     */
    IDGEN_STATUS_LAYOUT_ENDED = 16,
    /**
     * The renewal is of another lease: make a new generator from the new lease.
     */
    IDGEN_STATUS_FOREIGN_LEASE = 17,
    /**
     * The generator has counted its fill: end it, and make one from the lease that it leaves.
     */
    IDGEN_STATUS_WORD_FULL = 18,
    /**
     * The source granted no segment: ask it again later.
     */
    IDGEN_STATUS_SOURCE_FAILED = 19,
    /**
     * The library was built without a system clock: pass the time in.
     */
    IDGEN_STATUS_NO_CLOCK = 20,
    /**
     * A defect of the library, or the system refused it what it needs; nothing was issued.
     */
    IDGEN_STATUS_INTERNAL = 21,
    /**
     * The store cannot be reached or used now (libidgen-full, as all from here on): `why` tells
     * what ails it; mend that, and call again.
     */
    IDGEN_STATUS_UNAVAILABLE = 32,
    /**
     * Nothing was to be had in the time given: give more time, or call again.
     */
    IDGEN_STATUS_DEADLINE = 33,
    /**
     * The store has gone back behind what it granted before, and ids would repeat: find out why,
     * and thaw the sequence as `why` tells.
     */
    IDGEN_STATUS_FROZEN = 34,
    /**
     * The store has no such sequence, and may not create it: create it, or look at the name.
     */
    IDGEN_STATUS_UNKNOWN_SEQUENCE = 35,
    /**
     * The sequence or the id space exists with another definition or layout: use that, or another
     * name.
     */
    IDGEN_STATUS_CONFLICT = 36,
    /**
     * The URL names no store of this library: write one that `why` lists.
     */
    IDGEN_STATUS_BAD_URL = 37,
    /**
     * A name is not of 1 to 128 bytes of UTF-8, or a path is none: choose another.
     */
    IDGEN_STATUS_BAD_NAME = 38,
    /**
     * The sequence has issued its last id, for good: use another sequence.
     */
    IDGEN_STATUS_SEQUENCE_ENDED = 39,
    /**
     * All worker ids of the id space are taken, or the one that was asked for: wait till one is
     * free, or use a layout with more worker bits.
     */
    IDGEN_STATUS_WORKERS_TAKEN = 40,
    /**
     * The worker lease is lost, and another is being claimed: call again in a second.
     */
    IDGEN_STATUS_LEASE_LOST = 41,
    /**
     * Another process, or another store of this one, works in the state directory: close that, or
     * name another directory.
     */
    IDGEN_STATUS_IN_USE = 42,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum idgen_status idgen_status;
#else
typedef int32_t idgen_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

#if defined(IDGEN_FULL)
/**
 * A sequence of a store, supplied in the background.
 *
 * Made by `idgen_sequence_open`, freed by `idgen_sequence_close`. Any number of threads may use it
 * at once. It may outlive its store, and answers ENDED then.
 */
typedef struct idgen_sequence idgen_sequence;
#endif

#if defined(IDGEN_FULL)
/**
 * A generator of an id space under a leased worker id, which is renewed in the background.
 *
 * Made by `idgen_snowflakes_open`, freed by `idgen_snowflakes_close`. Any number of threads may
 * use it at once. It may outlive its store, and answers ENDED then.
 */
typedef struct idgen_snowflakes idgen_snowflakes;
#endif

#if defined(IDGEN_FULL)
/**
 * A store of leases with all that this process holds of it, and one thread in the background that
 * leases ahead, renews and hands back.
 *
 * Made by `idgen_open`, freed by `idgen_close`. Any number of threads may use it at once. After a
 * fork it is the parent's: calls of the child answer BAD_STATE, and the child cannot open one
 * itself, for it has half of what stands behind its parent's. Fork first, then open.
 */
typedef struct idgen_store idgen_store;
#endif

/**
 * A cursor: issues the ids of the segments that it is supplied, each once, to any number of
 * threads.
 *
 * Opaque memory of yours, on the stack, in a struct or from `aligned_alloc(IDGEN_ALIGNMENT,
 * sizeof(idgen_segment_cursor))`; nothing is allocated and nothing has to be freed. All functions
 * but `idgen_segment_init` may be called by any number of threads at once. It must stay where it
 * was initialised as long as any thread or handle uses it.
 */
typedef struct IDGEN_ALIGNED(128) idgen_segment_cursor {
    uint64_t opaque[64];
} idgen_segment_cursor;

/**
 * Ids `start`, `start + step`, ... : `len` of them. `step` and `len` are at least 1, and the last
 * id is at most 2^64 - 1.
 *
 *     for (uint64_t i = 0; i < range.len; i++)
 *         insert(range.start + i * range.step);
 */
typedef struct idgen_range {
    /**
     * The first and lowest id.
     */
    uint64_t start;
    /**
     * The distance of neighbours.
     */
    uint64_t step;
    /**
     * How many ids.
     */
    uint64_t len;
} idgen_range;

/**
 * Grants segments: writes about `len` ids to `segment`, all above `above`, the highest id that the
 * cursor was supplied so far (0: none yet), and answers IDGEN_STATUS_OK; anything else makes the
 * refill fail. The one law: no id is ever granted twice, to whomever. It must return: after
 * a `throw` or `longjmp` the refill would be under way for ever.
 */
typedef int32_t (*idgen_segment_source)(void *context,
                                        uint64_t len,
                                        uint64_t above,
                                        struct idgen_range *segment);

/**
 * A handle: one thread's own block of a cursor's ids, faster than the cursor, which all share.
 *
 * Opaque memory of yours, as a cursor is. One thread at a time may use it. Its cursor must stay
 * where it is until the handle has ended.
 */
typedef struct IDGEN_ALIGNED(128) idgen_segment_handle {
    uint64_t opaque[32];
} idgen_segment_handle;

/**
 * Decides how many ids to lease next from what the last ones lasted: rate x max(fetch x safety,
 * reserve), between two bounds; shrinks by halves when ids go slowly.
 *
 * Opaque memory of yours, as a cursor is. One thread at a time may use it.
 */
typedef struct IDGEN_ALIGNED(128) idgen_pace {
    uint64_t opaque[16];
} idgen_pace;

/**
 * Bounds and wishes of a pace.
 */
typedef struct idgen_pace_limits {
    /**
     * The shortest segment, in ids; at least 1.
     */
    uint64_t min_len;
    /**
     * The longest segment, in ids; at most 2^32.
     */
    uint64_t max_len;
    /**
     * How long one segment shall last with the store away, in milliseconds.
     */
    uint64_t reserve_ms;
    /**
     * How many fetches one segment shall outlast; at least 1.
     */
    uint64_t safety;
} idgen_pace_limits;

/**
 * A generator of time-ordered ids, each once, for any number of threads.
 *
 * Opaque memory of yours, as a cursor is. All functions but `idgen_snowflake_init` may be called
 * by any number of threads at once. It must stay where it was initialised as long as any thread or
 * handle uses it.
 */
typedef struct IDGEN_ALIGNED(128) idgen_snowflake {
    uint64_t opaque[144];
} idgen_snowflake;

/**
 * One field below the time.
 */
typedef struct idgen_field {
    /**
     * What it is called, as a string; for people.
     */
    char name[IDGEN_FIELD_NAME_SIZE];
    /**
     * How wide it is, in bits.
     */
    uint32_t bits;
    /**
     * One of the `IDGEN_ROLE_` numbers.
     */
    uint32_t role;
} idgen_field;

/**
 * Which bits of an id mean what: time on top, below it the fields, from high to low. A plain value
 * of yours: start from a preset or write your own; every function that takes one checks it.
 */
typedef struct idgen_layout {
    /**
     * The moment of tick 0, in Unix milliseconds.
     */
    uint64_t epoch_unix_ms;
    /**
     * The length of a tick, in milliseconds; at least 1.
     */
    uint64_t tick_ms;
    /**
     * How many bits count ticks, 1 to 60.
     */
    uint32_t time_bits;
    /**
     * 0: ids fit 63 bits and are positive as signed numbers. 1: all 64 bits are used.
     */
    uint32_t is_unsigned;
    /**
     * How many fields there are.
     */
    uint32_t field_count;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The fields, from high to low.
     */
    struct idgen_field fields[IDGEN_MAX_FIELDS];
} idgen_layout;

/**
 * The right to stamp one worker id on times from a floor up to, not including, a horizon.
 *
 * Whoever passes a lease to a generator promises that no other generator, on any machine, at any
 * time, was or will be given any moment of it for this worker id. A broken promise is a duplicate
 * id. A registry that records each lease before it answers keeps it.
 */
typedef struct idgen_lease {
    /**
     * The worker id: the number that the layout's node fields together hold.
     */
    uint64_t worker;
    /**
     * Where the lease begins, in Unix milliseconds. A layout rounds it up to a tick.
     */
    uint64_t floor_unix_ms;
    /**
     * The first free sequence number of the tick that begins exactly at the floor; 0 unless the
     * lease goes on where another generator ended.
     */
    uint64_t floor_sequence;
    /**
     * Where the lease ends (exclusive), in Unix milliseconds. A layout rounds it down to a tick.
     */
    uint64_t horizon_unix_ms;
    /**
     * What tells this grant from every other of the worker id: the registry's count of grants, or
     * 0 where there is none. A renewal has the same.
     */
    uint64_t serial;
    /**
     * The claimer's own number for this grant, or 0. A renewal has the same.
     */
    uint64_t nonce;
} idgen_lease;

/**
 * A handle: one thread's own block of a generator's numbers, several times faster than the
 * generator under contention.
 *
 * Opaque memory of yours, as a cursor is. One thread at a time may use it. Its generator must stay
 * where it is until the handle has ended.
 */
typedef struct IDGEN_ALIGNED(128) idgen_snowflake_handle {
    uint64_t opaque[32];
} idgen_snowflake_handle;

/**
 * The generators of all buckets of one worker id, for layouts with a bucket field such as "genid".
 *
 * Opaque memory of yours, about 10 KiB, as a generator is; made from one lease, and ended as one.
 */
typedef struct IDGEN_ALIGNED(128) idgen_buckets {
    uint64_t opaque[1152];
} idgen_buckets;

/**
 * What follows from a layout.
 */
typedef struct idgen_layout_facts {
    /**
     * Where the layout's time ends (exclusive), in Unix milliseconds.
     */
    uint64_t end_unix_ms;
    /**
     * The most ids per second of one worker, or of one bucket where there are buckets.
     */
    uint64_t ids_per_second;
    /**
     * How many worker ids there are: 0 to one below.
     */
    uint64_t workers;
    /**
     * How many buckets one worker has; 1 without a bucket field.
     */
    uint64_t buckets;
    /**
     * The step of a batch of ids: the place value of the sequence field.
     */
    uint64_t sequence_place;
    /**
     * How many bits an id has in all.
     */
    uint32_t bits;
    /**
     * 0.
     */
    uint32_t reserved;
} idgen_layout_facts;

/**
 * The parts of an id.
 */
typedef struct idgen_decoded {
    /**
     * The id's tick, counted from the layout's epoch.
     */
    uint64_t tick;
    /**
     * When that tick begins, in Unix milliseconds.
     */
    uint64_t unix_ms;
    /**
     * The worker id: all node fields together.
     */
    uint64_t worker;
    /**
     * The bucket; 0 without a bucket field.
     */
    uint64_t bucket;
    /**
     * The sequence number inside the tick.
     */
    uint64_t sequence;
    /**
     * The value of each field, in the order of the layout's; 0 behind the last.
     */
    uint64_t fields[IDGEN_MAX_FIELDS];
} idgen_decoded;

#if defined(IDGEN_FULL)
/**
 * How a store is opened. Begin with zeros, which are the defaults, and set what you want:
 *
 *     idgen_options options = {0};
 *     options.state_dir = "ids";
 */
typedef struct idgen_options {
    /**
     * A directory for what this process must remember over its own death, made if need be; one
     * process works in it at a time. With one, a store that was set back is noticed after a
     * restart too (FROZEN), and a worker id is used again within a tenth of a second of a crash.
     * NULL: none.
     */
    const char *state_dir;
    /**
     * For how long a sequence shall go on without its store, in milliseconds at its recent rate;
     * 10,000 by default. The ids of one lease last so long: as many are lost by a crash.
     */
    uint64_t reserve_ms;
    /**
     * The shortest lease of a sequence, in ids; 1,000 by default.
     */
    uint64_t min_step;
    /**
     * The longest lease of a sequence, in ids, at most 2^32, which is the default.
     */
    uint64_t max_step;
    /**
     * How long a worker lease lasts, 1,000 to 3,600,000 milliseconds; 10,000 by default.
     */
    uint64_t lease_ms;
    /**
     * How long one call to the store may take, in milliseconds; 2,000 by default.
     */
    uint64_t store_timeout_ms;
    /**
     * Which clock snowflakes are stamped by: one of the `IDGEN_CLOCK_` numbers.
     */
    uint32_t clock;
    /**
     * 1: a sequence that is opened without a definition must exist (UNKNOWN_SEQUENCE). 0: it is
     * created with the default one.
     */
    uint32_t must_exist;
    /**
     * 0.
     */
    uint64_t reserved[4];
} idgen_options;
#endif

#if defined(IDGEN_FULL)
/**
 * What a closing could not hand back.
 */
typedef struct idgen_close_report {
    /**
     * Serial ids that were leased, not issued, and could not be handed back: a gap.
     */
    uint64_t lost_ids;
    /**
     * Sequences and worker leases that were not done when the time was up: a gap each, and a
     * worker id that is free only after its lease.
     */
    uint64_t unfinished;
} idgen_close_report;
#endif

#if defined(IDGEN_FULL)
/**
 * What a sequence counts: the numbers n with n mod increment = offset mod increment, from `first`
 * to `end`, in rising order. Zeros are the defaults: 1, 2, 3, ... up to 2^64 - 1.
 */
typedef struct idgen_definition {
    /**
     * No id lies below; 0 is taken for 1.
     */
    uint64_t first;
    /**
     * The distance of neighbours; 0 is taken for 1.
     */
    uint64_t increment;
    /**
     * What is left of every id divided by the increment.
     */
    uint64_t offset;
    /**
     * No id lies above; 0 is taken for 2^64 - 1.
     */
    uint64_t end;
    /**
     * 0: processes lease segments; ids rise within a process. 1: every id or batch is one durable
     * step; ids rise over all processes, as slowly as the store.
     */
    uint32_t is_strict;
    /**
     * 0.
     */
    uint32_t reserved;
} idgen_definition;
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The interface that the library at hand has, to be compared with `IDGEN_ABI_VERSION` of the
 * header: if they differ, the program was built for another library.
 */
uint32_t idgen_abi_version(void);

/**
 * The library's version, such as "0.1.0". The text lives as long as the program.
 */
const char *idgen_version(void);

/**
 * Tells in an English sentence what a status means and what to do next. The text lives as long as
 * the program; a number that is no status gets a text that says so. Never NULL.
 *
 *     idgen_status status = idgen_segment_next(&orders, &id);
 *     if (status != IDGEN_STATUS_OK)
 *         fprintf(stderr, "orders: %s\n", idgen_status_str(status));
 */
const char *idgen_status_str(int32_t status);

/**
 * Makes an empty cursor of your memory: every call is EXHAUSTED until a segment is supplied.
 *
 *     static idgen_segment_cursor orders;
 *     idgen_segment_init(&orders);
 *     idgen_range segment = { .start = 1, .step = 1, .len = 1000 };
 *     idgen_segment_supply(&orders, segment);
 *     uint64_t id;
 *     if (idgen_segment_next(&orders, &id) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *
 * Nobody else may use the memory meanwhile; what a cursor there had left is lost, a gap.
 */
idgen_status idgen_segment_init(struct idgen_segment_cursor *cursor);

/**
 * Writes the next id to `id`. Ids rise for each thread, and over threads whenever one call ends
 * before another begins.
 *
 * EXHAUSTED until a segment is supplied; ENDED after `idgen_segment_retire`.
 */
idgen_status idgen_segment_next(struct idgen_segment_cursor *cursor, uint64_t *id);

/**
 * Writes 1 to `max` ids of one segment to `range`; `max` is at least 1, and what is above 2^20 is
 * not given at once.
 *
 * EXHAUSTED, ENDED as `idgen_segment_next`; OUT_OF_RANGE: `max` is 0.
 */
idgen_status idgen_segment_take(struct idgen_segment_cursor *cursor,
                                uint64_t max,
                                struct idgen_range *range);

/**
 * Writes exactly `n` ids in one run to `range`, or none. Where the segment at hand has too few and
 * a standby waits, the cursor turns early; what it skips is written to `skipped` (unless that is
 * NULL; `len` 0: nothing), yours to hand back to the store.
 *
 * EXHAUSTED: supply a segment of at least `n` ids and call again; ENDED; OUT_OF_RANGE: `n` is 0 or
 * above 2^20.
 */
idgen_status idgen_segment_take_exact(struct idgen_segment_cursor *cursor,
                                      uint64_t n,
                                      struct idgen_range *range,
                                      struct idgen_range *skipped);

/**
 * Fills `ids` from the front with rising ids and writes to `filled` how many there are; these are
 * yours whatever the answer.
 *
 * OK: all `len` of them. Else why there are fewer: EXHAUSTED, ENDED.
 */
idgen_status idgen_segment_fill(struct idgen_segment_cursor *cursor,
                                uint64_t *ids,
                                size_t len,
                                size_t *filled);

/**
 * Gives the cursor a segment as its standby. The segment must lie above those supplied before, in
 * the order of a store that only counts up. A new cursor's first segment waits as a standby too,
 * until the first id is asked for.
 *
 * BUSY: a standby waits already, another refill is under way, or the cursor has ended; NOT_ABOVE,
 * OVERLAPS; ENDED: the cursor ended meanwhile; OUT_OF_RANGE: no range, or more than 2^32 ids. The
 * cursor has not taken the segment then, and it is yours to hand back.
 */
idgen_status idgen_segment_supply(struct idgen_segment_cursor *cursor, struct idgen_range segment);

/**
 * Asks `source` for about `len` ids and supplies them, if the cursor has no standby and no other
 * refill is under way; `context` is handed through. Call it whenever `idgen_segment_needs_refill`
 * says so, ahead of need on a thread of its own, or when a call is EXHAUSTED.
 *
 * BUSY: nothing to do; SOURCE_FAILED: the source did not answer OK, or no range; NOT_ABOVE,
 * OVERLAPS, ENDED, OUT_OF_RANGE as `idgen_segment_supply`, and then what the source granted is
 * written to `refused` (unless NULL), yours to hand back. NULL: no source.
 */
idgen_status idgen_segment_refill(struct idgen_segment_cursor *cursor,
                                  idgen_segment_source source,
                                  void *context,
                                  uint64_t len,
                                  struct idgen_range *refused);

/**
 * Writes to `needed` 1 if the cursor has no standby and takes one, else 0. The hint that it is
 * time for a refill: cheap enough to ask after every call.
 */
idgen_status idgen_segment_needs_refill(const struct idgen_segment_cursor *cursor,
                                        uint32_t *needed);

/**
 * Writes to `ids` how many ids are at hand, in the segment and the standby. Out of date as soon as
 * it is read, if others take.
 */
idgen_status idgen_segment_remaining(const struct idgen_segment_cursor *cursor, uint64_t *ids);

/**
 * Writes to `ids` how many ids were dropped and will never be issued: gaps.
 */
idgen_status idgen_segment_gaps(const struct idgen_segment_cursor *cursor, uint64_t *ids);

/**
 * Ends the cursor for ever. What it has left is written to `tail` and `standby` (`len` 0:
 * nothing), yours to hand back to the store; ids taken before stay good, blocks of handles too.
 *
 * ENDED: it had ended before, and the one call that did it got what was left.
 */
idgen_status idgen_segment_retire(struct idgen_segment_cursor *cursor,
                                  struct idgen_range *tail,
                                  struct idgen_range *standby);

/**
 * Makes a handle of your memory that claims `block` ids of the cursor at a time, 1 to 2^20; 1024
 * is a good number. Nothing is claimed yet.
 *
 *     idgen_segment_handle mine;
 *     idgen_segment_handle_init(&mine, &orders, 1024);
 *     uint64_t id;
 *     if (idgen_segment_handle_next(&mine, &id) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *     idgen_range rest;
 *     idgen_segment_handle_give_back(&mine, &rest);
 *
 * What a handle in this memory had left is lost, a gap.
 */
idgen_status idgen_segment_handle_init(struct idgen_segment_handle *handle,
                                       struct idgen_segment_cursor *cursor,
                                       uint64_t block);

/**
 * Writes the next id of the handle's block, or of a new one, to `id`. Ids of one handle rise.
 *
 * EXHAUSTED, ENDED as `idgen_segment_next`, once the block is used up; BAD_STATE: the handle, or
 * then the cursor, is not there any more.
 */
idgen_status idgen_segment_handle_next(struct idgen_segment_handle *handle, uint64_t *id);

/**
 * Writes 1 to `max` ids in one run to `range`: of the block while it lasts, else of the cursor.
 *
 * As `idgen_segment_take`.
 */
idgen_status idgen_segment_handle_take(struct idgen_segment_handle *handle,
                                       uint64_t max,
                                       struct idgen_range *range);

/**
 * Fills `ids` from the front and writes to `filled` how many there are, as `idgen_segment_fill`.
 */
idgen_status idgen_segment_handle_fill(struct idgen_segment_handle *handle,
                                       uint64_t *ids,
                                       size_t len,
                                       size_t *filled);

/**
 * Ends the handle and gives the rest of its block back to the cursor where that is possible; where
 * it is not, the rest is written to `rest` (`len` 0: nothing), yours to hand back to the store.
 * The memory is no handle from then on.
 */
idgen_status idgen_segment_handle_give_back(struct idgen_segment_handle *handle,
                                            struct idgen_range *rest);

/**
 * Ends the handle and writes the rest of its block to `rest` (`len` 0: nothing), yours to hand
 * back to the store. The memory is no handle from then on.
 */
idgen_status idgen_segment_handle_end(struct idgen_segment_handle *handle,
                                      struct idgen_range *rest);

/**
 * Makes a pace of your memory that starts with the shortest segment. `limits` NULL: 1000 to 2^32
 * ids, a reserve of 10 s, four fetches.
 *
 *     idgen_pace pace;
 *     idgen_pace_init(&pace, NULL);
 *     idgen_pace_observe(&pace, issued, elapsed_ms, fetch_ms);
 *     uint64_t len;
 *     idgen_pace_step(&pace, &len);
 *     idgen_segment_refill(&orders, my_store, my_context, len, NULL);
 *
 * OUT_OF_RANGE: the limits contradict one another.
 */
idgen_status idgen_pace_init(struct idgen_pace *pace, const struct idgen_pace_limits *limits);

/**
 * Tells the pace that `issued` ids went in `elapsed_ms` milliseconds and that the last fetch took
 * `fetch_ms`. Once before each lease, with what went since the one before.
 */
idgen_status idgen_pace_observe(struct idgen_pace *pace,
                                uint64_t issued,
                                uint64_t elapsed_ms,
                                uint64_t fetch_ms);

/**
 * Writes how many ids to lease next to `len`.
 */
idgen_status idgen_pace_step(const struct idgen_pace *pace, uint64_t *len);

/**
 * Makes a generator of your memory, for one lease. Its ids are up to `borrow_ms` milliseconds
 * ahead of the clock in a burst, 0 to 10; 10 is usual.
 *
 *     static idgen_snowflake ids;
 *     idgen_layout layout;
 *     idgen_layout_preset("standard", &layout);
 *     idgen_lease lease = { .worker = 7, .floor_unix_ms = now, .horizon_unix_ms = now + 10000 };
 *     idgen_snowflake_init(&ids, &layout, &lease, 10);
 *     uint64_t id;
 *     if (idgen_snowflake_next(&ids, IDGEN_NOW, &id, NULL) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *
 * BAD_LAYOUT (also: it has a bucket field, see `idgen_buckets`), BAD_LEASE, LAYOUT_ENDED;
 * OUT_OF_RANGE: the borrow window.
 */
idgen_status idgen_snowflake_init(struct idgen_snowflake *snowflake,
                                  const struct idgen_layout *layout,
                                  const struct idgen_lease *lease,
                                  uint64_t borrow_ms);

/**
 * Writes the next id to `id`. Ids rise for each thread, and over threads whenever one call ends
 * before another begins. `now_unix_ms` is the time, or IDGEN_NOW or IDGEN_NOW_COARSE.
 *
 * EXHAUSTED: the lease is used up to its horizon, extend it; NOT_YET: the clock is behind by
 * more than the borrow window, or a burst has used it up, and `wait_ms` (unless NULL) says how
 * many milliseconds to wait; ENDED; OUT_OF_RANGE: a time at or above IDGEN_MAX_UNIX_MS; NO_CLOCK.
 */
idgen_status idgen_snowflake_next(struct idgen_snowflake *snowflake,
                                  uint64_t now_unix_ms,
                                  uint64_t *id,
                                  uint64_t *wait_ms);

/**
 * Writes 1 to `max` ids of one tick to `range`; `max` is at least 1.
 *
 * As `idgen_snowflake_next`; OUT_OF_RANGE: `max` is 0.
 */
idgen_status idgen_snowflake_take(struct idgen_snowflake *snowflake,
                                  uint64_t now_unix_ms,
                                  uint64_t max,
                                  struct idgen_range *range,
                                  uint64_t *wait_ms);

/**
 * Fills `ids` from the front with rising ids and writes to `filled` how many there are; these are
 * yours whatever the answer.
 *
 * OK: all `len` of them. Else why there are fewer, as `idgen_snowflake_next`.
 */
idgen_status idgen_snowflake_fill(struct idgen_snowflake *snowflake,
                                  uint64_t now_unix_ms,
                                  uint64_t *ids,
                                  size_t len,
                                  size_t *filled,
                                  uint64_t *wait_ms);

/**
 * Moves the horizon of the generator's lease up to that of `renewal`, which has the same worker,
 * serial and nonce; a lower horizon changes nothing. The floor is not looked at.
 *
 * FOREIGN_LEASE; WORD_FULL: end the generator and make one from the lease it leaves; ENDED.
 */
idgen_status idgen_snowflake_extend(struct idgen_snowflake *snowflake,
                                    const struct idgen_lease *renewal);

/**
 * Writes to `unix_ms` where issuing stops (exclusive), in Unix milliseconds.
 */
idgen_status idgen_snowflake_horizon(const struct idgen_snowflake *snowflake, uint64_t *unix_ms);

/**
 * Ends the generator for ever and writes to `left` what is left of its lease: everything issued,
 * blocks of handles included, lies below its floor. A registry takes that as the next floor, cut
 * to the horizon in its record: a floor at or above it means that nothing is left.
 *
 * ENDED: it had ended before, and the one call that did it got what was left.
 */
idgen_status idgen_snowflake_end(struct idgen_snowflake *snowflake, struct idgen_lease *left);

/**
 * Makes a handle of your memory. No block is claimed yet. What handle was there must have ended,
 * or its generator counts it as live for ever.
 *
 *     idgen_snowflake_handle mine;
 *     idgen_snowflake_handle_init(&mine, &ids);
 *     uint64_t id;
 *     if (idgen_snowflake_handle_next(&mine, now, &id, NULL) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *     idgen_snowflake_handle_end(&mine);
 *
 * The more handles of one generator live, the smaller their blocks: end those you need no more,
 * and one before you make another of its memory, or it counts as live for ever.
 */
idgen_status idgen_snowflake_handle_init(struct idgen_snowflake_handle *handle,
                                         struct idgen_snowflake *snowflake);

/**
 * Writes the next id to `id`, of the handle's block while its tick may be stamped, else of a new
 * one. Ids of one handle rise. The time and the answers are those of `idgen_snowflake_next`.
 *
 * BAD_STATE: the handle or its generator is not there any more.
 */
idgen_status idgen_snowflake_handle_next(struct idgen_snowflake_handle *handle,
                                         uint64_t now_unix_ms,
                                         uint64_t *id,
                                         uint64_t *wait_ms);

/**
 * Ends the handle; the numbers left in its block are dropped, a gap. The memory is no handle from
 * then on.
 */
idgen_status idgen_snowflake_handle_end(struct idgen_snowflake_handle *handle);

/**
 * Makes the generators of all buckets of your memory, for one lease; as `idgen_snowflake_init`.
 *
 *     static idgen_buckets ids;
 *     idgen_layout layout;
 *     idgen_layout_preset("genid", &layout);
 *     idgen_buckets_init(&ids, &layout, &lease, 10);
 *     uint64_t id;
 *     if (idgen_buckets_next(&ids, 31, IDGEN_NOW, &id, NULL) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *
 * BAD_LAYOUT also: it has no bucket field.
 */
idgen_status idgen_buckets_init(struct idgen_buckets *buckets,
                                const struct idgen_layout *layout,
                                const struct idgen_lease *lease,
                                uint64_t borrow_ms);

/**
 * Writes the next id of a bucket, counted from 0, to `id`; as `idgen_snowflake_next`.
 *
 * OUT_OF_RANGE also: there are not so many buckets.
 */
idgen_status idgen_buckets_next(struct idgen_buckets *buckets,
                                uint32_t number,
                                uint64_t now_unix_ms,
                                uint64_t *id,
                                uint64_t *wait_ms);

/**
 * Writes 1 to `max` ids of one tick of a bucket to `range`; as `idgen_snowflake_take`.
 */
idgen_status idgen_buckets_take(struct idgen_buckets *buckets,
                                uint32_t number,
                                uint64_t now_unix_ms,
                                uint64_t max,
                                struct idgen_range *range,
                                uint64_t *wait_ms);

/**
 * Fills `ids` with rising ids of a bucket; as `idgen_snowflake_fill`.
 */
idgen_status idgen_buckets_fill(struct idgen_buckets *buckets,
                                uint32_t number,
                                uint64_t now_unix_ms,
                                uint64_t *ids,
                                size_t len,
                                size_t *filled,
                                uint64_t *wait_ms);

/**
 * Moves the horizon of all buckets up; as `idgen_snowflake_extend`. Where it is refused, buckets
 * that were extended before stay so: their time is leased.
 */
idgen_status idgen_buckets_extend(struct idgen_buckets *buckets, const struct idgen_lease *renewal);

/**
 * Writes to `unix_ms` where issuing stops (exclusive), in Unix milliseconds.
 */
idgen_status idgen_buckets_horizon(const struct idgen_buckets *buckets, uint64_t *unix_ms);

/**
 * Ends all buckets for ever and writes to `left` what is left of their lease; as
 * `idgen_snowflake_end`.
 */
idgen_status idgen_buckets_end(struct idgen_buckets *buckets, struct idgen_lease *left);

/**
 * Writes the layout of a preset to `layout`: "standard" unless you have a reason for another.
 *
 *     idgen_layout layout;
 *     idgen_layout_preset("standard", &layout);
 *
 * UNKNOWN: there is none of this name; `idgen_layout_preset_at` lists them.
 */
idgen_status idgen_layout_preset(const char *name, struct idgen_layout *layout);

/**
 * Writes the layout of the preset at `index`, counted from 0, to `layout`, and what it is called
 * and what it is for to `name` and `about`, of `name_size` and `about_size` bytes (64 and 128 do).
 *
 * UNKNOWN: there are not so many; BUFFER_TOO_SMALL.
 */
idgen_status idgen_layout_preset_at(size_t index,
                                    struct idgen_layout *layout,
                                    char *name,
                                    size_t name_size,
                                    char *about,
                                    size_t about_size);

/**
 * Proposes a layout for `nodes` generators of `ids_per_second` each, for `years` years from 2025;
 * with `is_js_safe` 1, below 2^53. All numbers at least 1.
 *
 * OUT_OF_RANGE: a number is 0, or no layout does all that.
 */
idgen_status idgen_layout_plan(uint64_t nodes,
                               uint64_t ids_per_second,
                               uint64_t years,
                               uint32_t is_js_safe,
                               struct idgen_layout *layout);

/**
 * Checks a layout, and if it is none writes why to `why`, a buffer of `size` bytes (200 do; NULL
 * and 0: not wanted).
 *
 * BAD_LAYOUT: it is none.
 */
idgen_status idgen_layout_check(const struct idgen_layout *layout, char *why, size_t size);

/**
 * Writes what follows from a layout to `facts`.
 *
 * BAD_LAYOUT.
 */
idgen_status idgen_layout_describe(const struct idgen_layout *layout,
                                   struct idgen_layout_facts *facts);

/**
 * Takes an id apart.
 *
 *     idgen_decoded parts;
 *     idgen_layout_decode(&layout, id, &parts);
 *     time_t seconds = (time_t)(parts.unix_ms / 1000);
 *
 * OUT_OF_RANGE: the id has bits above the layout's highest; BAD_LAYOUT.
 */
idgen_status idgen_layout_decode(const struct idgen_layout *layout,
                                 uint64_t id,
                                 struct idgen_decoded *decoded);

/**
 * Puts an id together for the tick that holds `unix_ms`, from one value for each field, in the
 * order of the layout's. It lies in no lease: for searches by time and for tests, not for issue.
 *
 * OUT_OF_RANGE: a value does not fit its field, the time is outside the layout's, or `count` is
 * not the number of fields; BAD_LAYOUT.
 */
idgen_status idgen_layout_compose(const struct idgen_layout *layout,
                                  uint64_t unix_ms,
                                  const uint64_t *values,
                                  size_t count,
                                  uint64_t *id);

/**
 * Writes the worker id that the values of the node fields make together to `worker`; one value for
 * each field, in the order of the layout's, of which those of other fields are not looked at.
 *
 * OUT_OF_RANGE: a value does not fit its field, or `count` is not the number of fields;
 * BAD_LAYOUT.
 */
idgen_status idgen_layout_worker(const struct idgen_layout *layout,
                                 const uint64_t *values,
                                 size_t count,
                                 uint64_t *worker);

/**
 * Writes an id as a string into `buffer` of `size` bytes; IDGEN_TEXT_SIZE holds every form.
 *
 *     char text[IDGEN_TEXT_SIZE];
 *     idgen_text_encode(id, IDGEN_FORM_BASE32, text, sizeof text);
 *
 * OUT_OF_RANGE: `form` is no form; BUFFER_TOO_SMALL: nothing is written.
 */
idgen_status idgen_text_encode(uint64_t id, uint32_t form, char *buffer, size_t size);

/**
 * Reads an id from `text` of `len` bytes, which need not end with a NUL. Strict: just what
 * encoding writes is read, so one id has one text in each form.
 *
 * BAD_TEXT; OUT_OF_RANGE: `form` is no form.
 */
idgen_status idgen_text_decode(const char *text, size_t len, uint32_t form, uint64_t *id);

/**
 * Writes the last and highest id of a range to `last`.
 *
 * OUT_OF_RANGE: the range has no ids, a step of 0, or reaches past 2^64 - 1.
 */
idgen_status idgen_range_last(const struct idgen_range *range, uint64_t *last);

#if defined(IDGEN_FULL)
/**
 * Opens the store that `url` names and starts the thread behind it: durable ids in three calls.
 *
 *     char why[256];
 *     idgen_store *store;
 *     if (idgen_open("sqlite:ids.db", NULL, &store, why, sizeof why) != IDGEN_STATUS_OK)
 *         fprintf(stderr, "ids.db: %s\n", why);
 *     uint64_t id;
 *     if (idgen_next(store, "orders", 1000, &id, why, sizeof why) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *     idgen_close(&store, NULL);
 *
 * `sqlite:PATH`: the file PATH, made if it is not there; any number of processes on this machine
 * may use it at once; what it grants is on disk before it is told. `memory:` forgets all when it
 * is closed, and will issue the same ids again: for tests. `options` NULL: the defaults. May
 * wait some seconds for another process that is making the file.
 *
 * Here and below: where the answer is not OK, `why`, a buffer of `why_size` bytes (256 do; NULL:
 * not wanted), gets a sentence that names the cause and the next step, and what the call would
 * have opened is set to NULL.
 *
 * BAD_URL; UNAVAILABLE: the file cannot be made, read or written, or is none of ours;
 * OUT_OF_RANGE: an option; BAD_NAME: the directory; IN_USE: the directory is another's; BAD_STATE:
 * forked from a process that had a store open.
 */
idgen_status idgen_open(const char *url,
                        const struct idgen_options *options,
                        struct idgen_store **store,
                        char *why,
                        size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes the next id of the sequence `name` to `id`, waiting `timeout_ms` milliseconds at most for
 * the store (IDGEN_FOREVER: as long as it takes; 0: only what is at hand). `name` is any UTF-8
 * string of 1 to 128 bytes. A sequence that is not there is created: 1, 2, 3, ...
 *
 * The first call for a name asks the store for it, so give it time. A thread that takes many ids
 * opens the sequence once and calls `idgen_sequence_next`, which looks up no name.
 *
 * DEADLINE; UNAVAILABLE; BAD_NAME; ENDED: the store was closed meanwhile; SEQUENCE_ENDED; FROZEN;
 * UNKNOWN_SEQUENCE: with `must_exist`, or somebody deleted it.
 */
idgen_status idgen_next(struct idgen_store *store,
                        const char *sequence,
                        uint64_t timeout_ms,
                        uint64_t *id,
                        char *why,
                        size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Closes the store: calls that wait are answered ENDED, what was leased and not issued is handed
 * back, worker ids are released, in 2 seconds at most unless a call to the store hangs. Then frees
 * it and sets your pointer to NULL; what could not be handed back is written to `report` (unless
 * NULL).
 *
 * Sequences and snowflakes of the store answer ENDED from then on; close them too, before or
 * after. A call with this store that another thread begins too late answers BAD_STATE, as does a
 * second closing by a pointer that was copied; but a store that is opened later may be given the
 * same address. A pointer that is NULL already is OK.
 *
 * A program that ends without closing loses no more than ids: what was not handed back is a gap.
 *
 * BAD_STATE: carried over a fork. The child's pointer is set to NULL; what belongs to the parent
 * is left alone.
 */
idgen_status idgen_close(struct idgen_store **store, struct idgen_close_report *report);
#endif

#if defined(IDGEN_FULL)
/**
 * Opens a sequence of the store, and creates it if it is not there. With a `definition` it must
 * be defined so; with NULL it is taken as it is, or created as 1, 2, 3, ...
 *
 *     char why[256];
 *     idgen_sequence *orders;
 *     idgen_sequence_open(store, "orders", NULL, 1000, &orders, why, sizeof why);
 *     uint64_t id;
 *     if (idgen_sequence_next(orders, 1000, &id, why, sizeof why) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *     idgen_sequence_close(&orders);
 *
 * Waits `timeout_ms` milliseconds at most for the store. Opened twice, it is the same sequence.
 *
 * CONFLICT: it has another definition; OUT_OF_RANGE: the definition has no ids; else as
 * `idgen_next`.
 */
idgen_status idgen_sequence_open(struct idgen_store *store,
                                 const char *sequence,
                                 const struct idgen_definition *definition,
                                 uint64_t timeout_ms,
                                 struct idgen_sequence **opened_sequence,
                                 char *why,
                                 size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes the next id to `id`, waiting `timeout_ms` milliseconds at most if there is none at hand
 * (IDGEN_FOREVER: as long as it takes; 0: not at all). Ids rise for each thread, and over the
 * threads of this process whenever one call ends before another begins.
 *
 * DEADLINE: the store was too slow; it is being asked, so call again. UNAVAILABLE: the store said
 * why. ENDED: the store was closed. SEQUENCE_ENDED; FROZEN; UNKNOWN_SEQUENCE: somebody deleted it.
 */
idgen_status idgen_sequence_next(struct idgen_sequence *sequence,
                                 uint64_t timeout_ms,
                                 uint64_t *id,
                                 char *why,
                                 size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes 1 to `max` ids in one run to `range`, waiting as `idgen_sequence_next`; `max` is at least
 * 1.
 *
 * OUT_OF_RANGE: `max` is 0; else as `idgen_sequence_next`.
 */
idgen_status idgen_sequence_take(struct idgen_sequence *sequence,
                                 uint64_t max,
                                 uint64_t timeout_ms,
                                 struct idgen_range *range,
                                 char *why,
                                 size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Fills `ids` from the front with rising ids and writes to `filled` how many there are; these are
 * yours whatever the answer. Waits `timeout_ms` milliseconds at most in all.
 *
 * OK: all `len` of them. Else why there are fewer, as `idgen_sequence_next`.
 */
idgen_status idgen_sequence_fill(struct idgen_sequence *sequence,
                                 uint64_t timeout_ms,
                                 uint64_t *ids,
                                 size_t len,
                                 size_t *filled,
                                 char *why,
                                 size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes to `id` the number just before the next one that this process would issue: its own last
 * id, and before its first lease, or in strict order, the highest that the store ever granted.
 *
 * As `idgen_sequence_next`.
 */
idgen_status idgen_sequence_last(const struct idgen_sequence *sequence,
                                 uint64_t timeout_ms,
                                 uint64_t *id,
                                 char *why,
                                 size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes what the sequence counts to `definition`, as this process knows it.
 */
idgen_status idgen_sequence_definition(const struct idgen_sequence *sequence,
                                       struct idgen_definition *definition);
#endif

#if defined(IDGEN_FULL)
/**
 * Frees what `idgen_sequence_open` made and sets your pointer to NULL. The store goes on supplying
 * the sequence, and hands its ids back when it is closed. No other thread may use it: to wake
 * those that wait, close the store first. A pointer that is NULL already is OK.
 *
 * BAD_STATE: carried over a fork; the pointer is set to NULL all the same.
 */
idgen_status idgen_sequence_close(struct idgen_sequence **sequence);
#endif

#if defined(IDGEN_FULL)
/**
 * Opens an id space of the store: leases a worker id of it, `worker` or IDGEN_ANY_WORKER, and
 * renews the lease until the store is closed. Generators of one id space never repeat an id, in
 * whatever process. `layout` NULL: the preset "standard". An id space keeps the layout that it was
 * begun with.
 *
 *     char why[256];
 *     idgen_snowflakes *events;
 *     idgen_snowflakes_open(store, "events", NULL, IDGEN_ANY_WORKER, 5000, &events, why,
 *                           sizeof why);
 *     uint64_t id;
 *     if (idgen_snowflakes_next(events, 1000, &id, why, sizeof why) == IDGEN_STATUS_OK)
 *         printf("%" PRIu64 "\n", id);
 *     idgen_snowflakes_close(&events);
 *
 * Waits `timeout_ms` milliseconds at most. Opened twice, it is the same generator.
 *
 * WORKERS_TAKEN; CONFLICT: another layout, or open here with another worker id; OUT_OF_RANGE:
 * there is no such worker id, or `lease_ms` is less than three ticks of the layout; BAD_LAYOUT;
 * BAD_NAME; LAYOUT_ENDED; NOT_YET: this clock is behind what was issued; FROZEN; DEADLINE;
 * UNAVAILABLE; ENDED: the store was closed meanwhile.
 */
idgen_status idgen_snowflakes_open(struct idgen_store *store,
                                   const char *id_space,
                                   const struct idgen_layout *layout,
                                   uint64_t worker,
                                   uint64_t timeout_ms,
                                   struct idgen_snowflakes **snowflakes,
                                   char *why,
                                   size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes the next id to `id`, of bucket 0, waiting `timeout_ms` milliseconds at most for the
 * clock or the lease (IDGEN_FOREVER: as long as it takes; 0: not at all). Ids of one thread rise.
 *
 * NOT_YET: the ids of this moment are used up, or the clock was set back or runs ahead;
 * UNAVAILABLE: the lease could not be renewed; LEASE_LOST, WORKERS_TAKEN: it is being claimed
 * anew; LAYOUT_ENDED; ENDED: the store was closed.
 */
idgen_status idgen_snowflakes_next(struct idgen_snowflakes *snowflakes,
                                   uint64_t timeout_ms,
                                   uint64_t *id,
                                   char *why,
                                   size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes 1 to `max` ids of one tick to `range`, waiting as `idgen_snowflakes_next`. `bucket` is
 * counted from 0, and is 0 for layouts without buckets; `max` is at least 1.
 *
 * OUT_OF_RANGE: there are not so many buckets, or `max` is 0; else as `idgen_snowflakes_next`.
 */
idgen_status idgen_snowflakes_take(struct idgen_snowflakes *snowflakes,
                                   uint32_t bucket,
                                   uint64_t max,
                                   uint64_t timeout_ms,
                                   struct idgen_range *range,
                                   char *why,
                                   size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Fills `ids` from the front with rising ids of a bucket and writes to `filled` how many there
 * are; these are yours whatever the answer. Waits `timeout_ms` milliseconds at most in all.
 *
 * OK: all `len` of them. Else why there are fewer, as `idgen_snowflakes_take`.
 */
idgen_status idgen_snowflakes_fill(struct idgen_snowflakes *snowflakes,
                                   uint32_t bucket,
                                   uint64_t timeout_ms,
                                   uint64_t *ids,
                                   size_t len,
                                   size_t *filled,
                                   char *why,
                                   size_t why_size);
#endif

#if defined(IDGEN_FULL)
/**
 * Writes the worker id that is held now to `worker`. It may change when a lease was lost.
 *
 * LEASE_LOST: none is; ENDED: the store was closed.
 */
idgen_status idgen_snowflakes_worker(const struct idgen_snowflakes *snowflakes, uint64_t *worker);
#endif

#if defined(IDGEN_FULL)
/**
 * Frees what `idgen_snowflakes_open` made and sets your pointer to NULL. The worker id stays
 * leased until the store is closed, and serves whoever opens the id space again. No other thread
 * may use it: to wake those that wait, close the store first. A pointer that is NULL already is
 * OK.
 *
 * BAD_STATE: carried over a fork; the pointer is set to NULL all the same.
 */
idgen_status idgen_snowflakes_close(struct idgen_snowflakes **snowflakes);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IDGEN_H */
