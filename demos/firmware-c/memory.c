/* The caller's memory: sizes, copies, rubbish, and texts in buffers. */
#include "check.h"

/* The compiler of a microcontroller makes enums as short as it can: a status is not one of them. */
_Static_assert(sizeof(idgen_status) == 4, "a status has 32 bits");
_Static_assert(sizeof(size_t) == 4, "these are 32-bit machines");
_Static_assert(_Alignof(idgen_segment_cursor) == IDGEN_ALIGNMENT, "blocks are aligned");

#define PAINT 0xA5

/* Whether `len` painted bytes stand behind what was written. */
static int is_painted(const uint8_t *bytes, uint32_t len) {
    for (uint32_t at = 0; at < len; at++)
        if (bytes[at] != PAINT)
            return 0;
    return 1;
}

/* A value, and behind it paint that nobody may touch. */
#define PAINTED(type, name)     \
    static struct {             \
        type value;             \
        uint8_t behind[32];     \
    } name;                     \
    paint(&name, sizeof name)
#define ENDS(name, last) HOLDS((last) && is_painted((name).behind, sizeof (name).behind))

int structs_end_where_the_header_says(void) {
    const idgen_lease lease = {.floor_unix_ms = 1750000000000, .horizon_unix_ms = 1750000001000};
    PAINTED(idgen_layout, layout);
    PAINTED(idgen_layout_facts, facts);
    PAINTED(idgen_decoded, parts);
    PAINTED(idgen_lease, left);
    PAINTED(idgen_range, range);
    PAINTED(idgen_segment_handle, serial);
    OK(idgen_layout_preset("standard", &layout.value));
    ENDS(layout, layout.value.fields[IDGEN_MAX_FIELDS - 1].role == 0);
    OK(idgen_layout_describe(&layout.value, &facts.value));
    ENDS(facts, facts.value.reserved == 0);
    OK(idgen_layout_decode(&layout.value, 1, &parts.value));
    ENDS(parts, parts.value.fields[IDGEN_MAX_FIELDS - 1] == 0);
    OK(idgen_snowflake_init(&block.snowflake, &layout.value, &lease, 0));
    OK(idgen_snowflake_end(&block.snowflake, &left.value));
    ENDS(left, left.value.nonce == 0);
    OK(idgen_segment_init(&block.cursor));
    OK(idgen_segment_handle_init(&serial.value, &block.cursor, 1));
    OK(idgen_segment_handle_end(&serial.value, &range.value));
    ENDS(range, range.value.len == 0);
    ENDS(serial, 1);
    return 0;
}

int texts_read_back(void) {
    const uint64_t ids[] = {0, 1, 0xFFFFFFFF, 0x100000000, 0x0123456789ABCDEF, UINT64_MAX};
    char text[IDGEN_TEXT_SIZE];
    for (uint32_t form = IDGEN_FORM_DECIMAL; form <= IDGEN_FORM_HEX; form++) {
        for (uint32_t at = 0; at < sizeof ids / sizeof *ids; at++) {
            uint64_t read = ~ids[at];
            size_t len = 0;
            OK(idgen_text_encode(ids[at], form, text, sizeof text));
            while (text[len] != 0)
                len++;
            OK(idgen_text_decode(text, len, form, &read));
            HOLDS(read == ids[at]);
            ANSWERS(BUFFER_TOO_SMALL, idgen_text_encode(ids[at], form, text, len));
        }
    }
    ANSWERS(OUT_OF_RANGE, idgen_text_encode(1, 4, text, sizeof text));
    return 0;
}

int copies_are_refused(void) {
    const idgen_range segment = {.start = 1, .step = 1, .len = 100};
    /* Memory of the same union, behind the cursor, which is less than half of it. */
    idgen_segment_cursor *other_place = &block.cursor + 1;
    uint64_t id = 0;
    OK(idgen_segment_init(&block.cursor));
    OK(idgen_segment_supply(&block.cursor, segment));
    copy(other_place, &block.cursor, sizeof *other_place);
    ANSWERS(BAD_STATE, idgen_segment_next(other_place, &id));
    OK(idgen_segment_next(&block.cursor, &id));
    HOLDS(id == 1);
    return 0;
}

int memory_never_initialised_is_refused(void) {
    uint64_t id = 0;
    for (uint32_t byte = 0; byte < 256; byte += 51) {
        uint8_t *bytes = (uint8_t *)&block;
        for (uint32_t at = 0; at < sizeof block; at++)
            bytes[at] = (uint8_t)byte;
        ANSWERS(BAD_STATE, idgen_segment_next(&block.cursor, &id));
        ANSWERS(BAD_STATE, idgen_snowflake_next(&block.snowflake, 1, &id, NULL));
#ifndef SMALL
        ANSWERS(BAD_STATE, idgen_buckets_next(&block.buckets, 0, 1, &id, NULL));
#endif
    }
    OK(idgen_segment_init(&block.cursor));
    ANSWERS(BAD_STATE, idgen_snowflake_next(&block.snowflake, 1, &id, NULL));
    return 0;
}

int bad_pointers_are_refused(void) {
    uint64_t ids[2];
    OK(idgen_segment_init(&block.cursor));
    ANSWERS(NULL, idgen_segment_init(0));
    ANSWERS(NULL, idgen_segment_next(&block.cursor, 0));
    ANSWERS(MISALIGNED, idgen_segment_next(&block.cursor, (uint64_t *)((uintptr_t)ids + 4)));
    ANSWERS(MISALIGNED, idgen_segment_init((idgen_segment_cursor *)((uintptr_t)&block + 64)));
    return 0;
}
