/* Serial ids: the cursor, its handle, its pace, and an interrupt that mints from all of it. */
#include "board.h"
#include "check.h"

/* Above 2^32 on purpose: a number cut to a 32-bit size_t would show. */
#define FROM 0x100000000ull

static idgen_range range_of(uint64_t start, uint64_t len) {
    return (idgen_range){.start = start, .step = 1, .len = len};
}

int cursor_issues_each_id_once(void) {
    uint64_t id = 0, ids[8];
    size_t filled = 99;
    idgen_range tail, standby;
    OK(idgen_segment_init(&block.cursor));
    ANSWERS(EXHAUSTED, idgen_segment_next(&block.cursor, &id));
    HOLDS(id == 0);
    OK(idgen_segment_supply(&block.cursor, range_of(FROM, 5)));
    OK(idgen_segment_next(&block.cursor, &id));
    HOLDS(id == FROM);
    ANSWERS(EXHAUSTED, idgen_segment_fill(&block.cursor, ids, 8, &filled));
    HOLDS(filled == 4 && ids[0] == FROM + 1 && ids[3] == FROM + 4);
    ANSWERS(NOT_ABOVE, idgen_segment_supply(&block.cursor, range_of(1, 5)));
    ANSWERS(OVERLAPS, idgen_segment_supply(&block.cursor, range_of(FROM + 4, 5)));
    ANSWERS(OUT_OF_RANGE, idgen_segment_supply(&block.cursor, range_of(UINT64_MAX, 2)));
    OK(idgen_segment_supply(&block.cursor, range_of(FROM + 5, FROM)));
    OK(idgen_segment_next(&block.cursor, &id));
    HOLDS(id == FROM + 5);
    OK(idgen_segment_retire(&block.cursor, &tail, &standby));
    HOLDS(tail.start == FROM + 6 && tail.len == FROM - 1 && standby.len == 0);
    ANSWERS(ENDED, idgen_segment_next(&block.cursor, &id));
    return 0;
}

int cursor_claims_all_or_nothing(void) {
    idgen_range range, skipped;
    OK(idgen_segment_init(&block.cursor));
    OK(idgen_segment_supply(&block.cursor, range_of(FROM, 10)));
    OK(idgen_segment_take_exact(&block.cursor, 7, &range, NULL));
    HOLDS(range.start == FROM && range.len == 7);
    ANSWERS(EXHAUSTED, idgen_segment_take_exact(&block.cursor, 7, &range, NULL));
    OK(idgen_segment_supply(&block.cursor, range_of(FROM + 100, 10)));
    OK(idgen_segment_take_exact(&block.cursor, 7, &range, &skipped));
    HOLDS(range.start == FROM + 100 && skipped.start == FROM + 7 && skipped.len == 3);
    OK(idgen_segment_take(&block.cursor, 7, &range));
    HOLDS(range.start == FROM + 107 && range.len == 3);
    ANSWERS(OUT_OF_RANGE, idgen_segment_take(&block.cursor, 0, &range));
    return 0;
}

static int32_t grant(void *context, uint64_t len, uint64_t above, idgen_range *segment) {
    uint32_t *calls = context;
    *segment = range_of(above + 1, len);
    return ++*calls > 2 ? IDGEN_STATUS_INTERNAL : IDGEN_STATUS_OK;
}

int cursor_refills_from_a_source(void) {
    uint32_t calls = 0, needed = 0;
    uint64_t ids = 0, id = 0;
    OK(idgen_segment_init(&block.cursor));
    OK(idgen_segment_refill(&block.cursor, grant, &calls, 3, NULL));
    ANSWERS(BUSY, idgen_segment_refill(&block.cursor, grant, &calls, 3, NULL));
    OK(idgen_segment_next(&block.cursor, &id));
    OK(idgen_segment_needs_refill(&block.cursor, &needed));
    HOLDS(id == 1 && needed == 1 && calls == 1);
    OK(idgen_segment_refill(&block.cursor, grant, &calls, 3, NULL));
    OK(idgen_segment_remaining(&block.cursor, &ids));
    HOLDS(ids == 5 && calls == 2);
    for (uint64_t expected = 2; expected <= 6; expected++) {
        OK(idgen_segment_next(&block.cursor, &id));
        HOLDS(id == expected);
    }
    ANSWERS(SOURCE_FAILED, idgen_segment_refill(&block.cursor, grant, &calls, 3, NULL));
    return 0;
}

int handle_gives_its_rest_back(void) {
    uint64_t id = 0;
    idgen_range rest;
    OK(idgen_segment_init(&block.cursor));
    OK(idgen_segment_supply(&block.cursor, range_of(FROM, 100)));
    OK(idgen_segment_handle_init(&handle.segment, &block.cursor, 10));
    for (uint64_t expected = FROM; expected < FROM + 13; expected++) {
        OK(idgen_segment_handle_next(&handle.segment, &id));
        HOLDS(id == expected);
    }
    OK(idgen_segment_next(&block.cursor, &id));
    HOLDS(id == FROM + 20);
    OK(idgen_segment_handle_end(&handle.segment, &rest));
    HOLDS(rest.start == FROM + 13 && rest.len == 7);
    ANSWERS(BAD_STATE, idgen_segment_handle_next(&handle.segment, &id));
    return 0;
}

int pace_follows_the_rate(void) {
    uint64_t first = 0, later = 0;
    OK(idgen_pace_init(&block.pace, NULL));
    OK(idgen_pace_step(&block.pace, &first));
    OK(idgen_pace_observe(&block.pace, 1000000, 1000, 1));
    OK(idgen_pace_step(&block.pace, &later));
    HOLDS(first == 1000 && later > first);
    return 0;
}

/* Each id of the check below has a bit here; main program and handler write bytes of their own. */
#define IDS 512
static uint8_t in_main[IDS], in_handler[IDS];
static volatile uint32_t minted_in_handler, refused_in_handler;

void ticked(void) {
    uint64_t id = 0;
    if (idgen_segment_next(&block.cursor, &id) == IDGEN_STATUS_OK) {
        in_handler[(id - FROM) % IDS]++;
        minted_in_handler++;
    } else {
        refused_in_handler++;
    }
}

static int drain(void) {
    uint64_t id = 0;
    idgen_status status;
    while ((status = idgen_segment_next(&block.cursor, &id)) == IDGEN_STATUS_OK) {
        HOLDS(id >= FROM && id < FROM + IDS);
        in_main[id - FROM]++;
    }
    HOLDS(status == IDGEN_STATUS_EXHAUSTED);
    return 0;
}

int an_interrupt_mints_too(void) {
    int failed = 0;
    OK(idgen_segment_init(&block.cursor));
    tick_start(997); /* No multiple of what a call takes, so that they meet everywhere. */
    for (uint64_t start = FROM; start < FROM + IDS && !failed; start += 64) {
        if (idgen_segment_supply(&block.cursor, range_of(start, 64)) != IDGEN_STATUS_OK)
            failed = __LINE__;
        else
            failed = drain();
    }
    tick_stop();
    HOLDS(!failed);
    for (uint32_t at = 0; at < IDS; at++)
        HOLDS(in_main[at] + in_handler[at] == 1);
    HOLDS(minted_in_handler > 10 && minted_in_handler < IDS - 10);
    return 0;
}
