/* libidgen on a microcontroller: runs checks, reports as a test binary does, and ends the emulator
 * with 0 if all hold. */
#include "board.h"
#include "check.h"

union block block;
union handle handle;

void paint(void *memory, uint32_t size) {
    volatile uint8_t *bytes = memory;
    while (size-- > 0)
        *bytes++ = 0xA5;
}

void copy(void *to, const void *from, uint32_t size) {
    volatile uint8_t *target = to;
    const uint8_t *source = from;
    while (size-- > 0)
        *target++ = *source++;
}

#ifdef PLANTED
/* Hopes for the same id twice. */
static int planted(void) {
    const idgen_range segment = {.start = 1, .step = 1, .len = 2};
    uint64_t one = 0, two = 0;
    OK(idgen_segment_init(&block.cursor));
    OK(idgen_segment_supply(&block.cursor, segment));
    OK(idgen_segment_next(&block.cursor, &one));
    OK(idgen_segment_next(&block.cursor, &two));
    HOLDS(one == two);
    return 0;
}
#endif

static int library_and_header_agree(void) {
    HOLDS(idgen_abi_version() == IDGEN_ABI_VERSION);
    HOLDS(idgen_version()[0] >= '0' && idgen_version()[0] <= '9');
    HOLDS(idgen_status_str(IDGEN_STATUS_NO_CLOCK)[0] != 0);
    return 0;
}

#define NAMED(function) {#function, function}
static const struct {
    const char *name;
    check *run;
} checks[] = {
    NAMED(library_and_header_agree),
    NAMED(structs_end_where_the_header_says),
    NAMED(cursor_issues_each_id_once),
    NAMED(cursor_claims_all_or_nothing),
    NAMED(cursor_refills_from_a_source),
    NAMED(handle_gives_its_rest_back),
    NAMED(pace_follows_the_rate),
    NAMED(an_interrupt_mints_too),
    NAMED(snowflakes_rise_and_decode),
    NAMED(snowflake_waits_and_ends),
    NAMED(snowflake_handle_rises),
#ifndef SMALL
    NAMED(buckets_are_disjoint),
#endif
    NAMED(layouts_are_checked),
    NAMED(no_clock_is_told),
    NAMED(texts_read_back),
    NAMED(copies_are_refused),
    NAMED(memory_never_initialised_is_refused),
    NAMED(bad_pointers_are_refused),
#ifdef PLANTED
    NAMED(planted),
#endif
};

static void say_number(uint64_t number) {
    char text[IDGEN_TEXT_SIZE];
    if (idgen_text_encode(number, IDGEN_FORM_DECIMAL, text, sizeof text) == IDGEN_STATUS_OK)
        say(text);
}

int main(void) {
    uint32_t passed = 0, failed = 0;
    for (uint32_t at = 0; at < sizeof checks / sizeof *checks; at++) {
        const int line = checks[at].run();
        say("test ");
        say(checks[at].name);
        if (line == 0) {
            passed++;
            say(" ... ok\n");
        } else {
            failed++;
            say(" ... FAILED (line ");
            say_number((uint64_t)line);
            say(")\n");
        }
    }
    say(failed == 0 ? "test result: ok. " : "test result: FAILED. ");
    say_number(passed);
    say(" passed; ");
    say_number(failed);
    say(" failed; 0 ignored\n");
    return failed != 0;
}
