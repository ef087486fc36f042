/* What the header says, as a C compiler understands it: `name value` a line. */

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>

#include <idgen.h>

#define PRINT(name, value) printf("%s %" PRIu64 "\n", name, (uint64_t)(value))
#define NUMBER(name) PRINT(#name, name)
#define TYPE(type) PRINT("sizeof " #type, sizeof(type)), PRINT("alignof " #type, alignof(type))
#define PLACE(type, member) PRINT(#type "." #member, offsetof(type, member))

static void numbers(void)
{
    NUMBER(IDGEN_ABI_VERSION);
    NUMBER(IDGEN_MAX_FIELDS);
    NUMBER(IDGEN_FIELD_NAME_SIZE);
    NUMBER(IDGEN_ROLE_NODE);
    NUMBER(IDGEN_ROLE_BUCKET);
    NUMBER(IDGEN_ROLE_SEQUENCE);
    NUMBER(IDGEN_FORM_DECIMAL);
    NUMBER(IDGEN_FORM_BASE32);
    NUMBER(IDGEN_FORM_BASE62);
    NUMBER(IDGEN_FORM_HEX);
    NUMBER(IDGEN_TEXT_SIZE);
    NUMBER(IDGEN_NOW);
    NUMBER(IDGEN_NOW_COARSE);
    NUMBER(IDGEN_MAX_UNIX_MS);
    NUMBER(IDGEN_ALIGNMENT);
}

static void statuses(void)
{
    NUMBER(IDGEN_STATUS_OK);
    NUMBER(IDGEN_STATUS_EXHAUSTED);
    NUMBER(IDGEN_STATUS_NOT_YET);
    NUMBER(IDGEN_STATUS_ENDED);
    NUMBER(IDGEN_STATUS_NULL);
    NUMBER(IDGEN_STATUS_MISALIGNED);
    NUMBER(IDGEN_STATUS_BAD_STATE);
    NUMBER(IDGEN_STATUS_OUT_OF_RANGE);
    NUMBER(IDGEN_STATUS_BUSY);
    NUMBER(IDGEN_STATUS_NOT_ABOVE);
    NUMBER(IDGEN_STATUS_OVERLAPS);
    NUMBER(IDGEN_STATUS_UNKNOWN);
    NUMBER(IDGEN_STATUS_BAD_TEXT);
    NUMBER(IDGEN_STATUS_BUFFER_TOO_SMALL);
    NUMBER(IDGEN_STATUS_BAD_LAYOUT);
    NUMBER(IDGEN_STATUS_BAD_LEASE);
    NUMBER(IDGEN_STATUS_LAYOUT_ENDED);
    NUMBER(IDGEN_STATUS_FOREIGN_LEASE);
    NUMBER(IDGEN_STATUS_WORD_FULL);
    NUMBER(IDGEN_STATUS_SOURCE_FAILED);
    NUMBER(IDGEN_STATUS_NO_CLOCK);
    NUMBER(IDGEN_STATUS_INTERNAL);
}

static void types(void)
{
    TYPE(idgen_status);
    TYPE(idgen_segment_cursor);
    TYPE(idgen_segment_handle);
    TYPE(idgen_pace);
    TYPE(idgen_snowflake);
    TYPE(idgen_snowflake_handle);
    TYPE(idgen_buckets);
    TYPE(idgen_range);
    TYPE(idgen_pace_limits);
    TYPE(idgen_lease);
    TYPE(idgen_field);
    TYPE(idgen_layout);
    TYPE(idgen_layout_facts);
    TYPE(idgen_decoded);
}

static void places(void)
{
    PLACE(idgen_range, step);
    PLACE(idgen_range, len);
    PLACE(idgen_pace_limits, max_len);
    PLACE(idgen_pace_limits, reserve_ms);
    PLACE(idgen_pace_limits, safety);
    PLACE(idgen_lease, floor_unix_ms);
    PLACE(idgen_lease, floor_sequence);
    PLACE(idgen_lease, horizon_unix_ms);
    PLACE(idgen_lease, serial);
    PLACE(idgen_lease, nonce);
    PLACE(idgen_field, bits);
    PLACE(idgen_field, role);
    PLACE(idgen_layout, tick_ms);
    PLACE(idgen_layout, time_bits);
    PLACE(idgen_layout, is_unsigned);
    PLACE(idgen_layout, field_count);
    PLACE(idgen_layout, fields);
    PLACE(idgen_layout_facts, ids_per_second);
    PLACE(idgen_layout_facts, sequence_place);
    PLACE(idgen_layout_facts, bits);
    PLACE(idgen_decoded, unix_ms);
    PLACE(idgen_decoded, worker);
    PLACE(idgen_decoded, bucket);
    PLACE(idgen_decoded, sequence);
    PLACE(idgen_decoded, fields);
}

int main(void)
{
    numbers();
    statuses();
    types();
    places();
    return 0;
}
