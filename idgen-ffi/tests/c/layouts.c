/* Layouts: presets, plans, flaws, and ids taken apart and put together as published. */

#include "check.h"

static idgen_layout preset(const char *name)
{
    idgen_layout layout;
    CHECK_STATUS(OK, idgen_layout_preset(name, &layout));
    return layout;
}

/* From Discord's documentation of its ids. */
static void discords_example(void)
{
    idgen_layout discord = preset("discord");
    idgen_decoded parts;
    CHECK_STATUS(OK, idgen_layout_decode(&discord, UINT64_C(175928847299117063), &parts));
    CHECK_EQUAL(UINT64_C(1462015105796), parts.unix_ms);
    CHECK_EQUAL(UINT64_C(41944705796), parts.tick);
    CHECK(parts.fields[0] == 1 && parts.fields[1] == 0 && parts.sequence == 7);
    CHECK_EQUAL(32, parts.worker);
    uint64_t id;
    CHECK_STATUS(OK, idgen_layout_compose(&discord, parts.unix_ms, parts.fields,
                                          discord.field_count, &id));
    CHECK_EQUAL(UINT64_C(175928847299117063), id);
}

/* The id of a post on Twitter of 2022-06-28. */
static void twitters_example(void)
{
    idgen_layout twitter = preset("twitter");
    idgen_decoded parts;
    CHECK_STATUS(OK, idgen_layout_decode(&twitter, UINT64_C(1541815603606036480), &parts));
    CHECK_EQUAL(UINT64_C(1656432460105), parts.unix_ms);
    CHECK_EQUAL(378, parts.worker);
    CHECK_EQUAL(0, parts.sequence);
}

static void every_preset_goes_there_and_back(void)
{
    idgen_layout layout, named;
    idgen_layout_facts facts;
    char name[64], about[128];
    size_t count = 0;
    while (idgen_layout_preset_at(count, &layout, name, sizeof name, about, sizeof about) ==
           IDGEN_STATUS_OK) {
        CHECK_STATUS(OK, idgen_layout_preset(name, &named));
        CHECK(memcmp(&layout, &named, sizeof layout) == 0 && about[0] != 0);
        CHECK_STATUS(OK, idgen_layout_check(&layout, NULL, 0));
        CHECK_STATUS(OK, idgen_layout_describe(&layout, &facts));
        CHECK(facts.workers > 0 && facts.buckets > 0 && facts.bits <= 64);
        uint64_t time = layout.epoch_unix_ms + 5 * layout.tick_ms, id, worker;
        uint64_t values[IDGEN_MAX_FIELDS];
        for (uint32_t at = 0; at < layout.field_count; at++)
            values[at] = (UINT64_C(1) << layout.fields[at].bits) - 1;
        idgen_decoded parts;
        CHECK_STATUS(OK, idgen_layout_compose(&layout, time, values, layout.field_count, &id));
        CHECK_STATUS(OK, idgen_layout_decode(&layout, id, &parts));
        CHECK(parts.unix_ms == time && parts.tick == 5);
        CHECK_EQUAL(facts.workers - 1, parts.worker);
        CHECK_EQUAL(facts.buckets - 1, parts.bucket);
        CHECK(memcmp(parts.fields, values, layout.field_count * sizeof values[0]) == 0);
        CHECK_STATUS(OK, idgen_layout_worker(&layout, values, layout.field_count, &worker));
        CHECK_EQUAL(parts.worker, worker);
        values[0] += 1;
        CHECK_STATUS(OUT_OF_RANGE,
                     idgen_layout_compose(&layout, time, values, layout.field_count, &id));
        count++;
    }
    CHECK(count >= 11);
    CHECK_STATUS(UNKNOWN, idgen_layout_preset_at(count, &layout, name, 64, about, 128));
    CHECK_STATUS(UNKNOWN, idgen_layout_preset_at(SIZE_MAX, &layout, name, 64, about, 128));
    CHECK_STATUS(UNKNOWN, idgen_layout_preset("no such layout", &layout));
    CHECK_STATUS(UNKNOWN, idgen_layout_preset("", &layout));
    CHECK_STATUS(UNKNOWN, idgen_layout_preset("\xff\xfe", &layout));
    CHECK_STATUS(BUFFER_TOO_SMALL, idgen_layout_preset_at(0, &layout, name, 3, about, 128));
    CHECK_STATUS(BUFFER_TOO_SMALL, idgen_layout_preset_at(0, &layout, name, 64, about, 0));
}

static void times_and_ids_have_bounds(void)
{
    idgen_layout standard = preset("standard");
    idgen_layout_facts facts;
    uint64_t values[] = {1, 2}, id;
    idgen_decoded parts;
    CHECK_STATUS(OK, idgen_layout_describe(&standard, &facts));
    CHECK_STATUS(OK, idgen_layout_compose(&standard, facts.end_unix_ms - 1, values, 2, &id));
    CHECK(id >> 62 == 1);
    CHECK_STATUS(OUT_OF_RANGE,
                 idgen_layout_compose(&standard, facts.end_unix_ms, values, 2, &id));
    CHECK_STATUS(OUT_OF_RANGE,
                 idgen_layout_compose(&standard, standard.epoch_unix_ms - 1, values, 2, &id));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_compose(&standard, UINT64_MAX, values, 2, &id));
    CHECK_STATUS(OUT_OF_RANGE,
                 idgen_layout_compose(&standard, facts.end_unix_ms - 1, values, 1, &id));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_worker(&standard, values, 1, &id));
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_decode(&standard, UINT64_C(1) << 63, &parts));
    CHECK_STATUS(OK, idgen_layout_decode(&standard, (UINT64_C(1) << 63) - 1, &parts));
}

/* Changes a good layout by one thing, that is told. */
static void is_flawed(void (*change)(idgen_layout *))
{
    idgen_layout layout = preset("standard");
    idgen_layout_facts facts;
    idgen_decoded parts;
    uint64_t values[] = {1, 2}, id;
    char why[200] = "";
    change(&layout);
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_check(&layout, why, sizeof why));
    CHECK(strlen(why) > 10);
    char part[8];
    memset(part, 7, sizeof part);
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_check(&layout, part, sizeof part));
    CHECK(strlen(part) == 7 && strncmp(part, why, 7) == 0);
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_check(&layout, NULL, 0));
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_describe(&layout, &facts));
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_decode(&layout, 1, &parts));
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_compose(&layout, 1, values, 2, &id));
    CHECK_STATUS(BAD_LAYOUT, idgen_layout_worker(&layout, values, 2, &id));
}

static void too_wide(idgen_layout *layout) { layout->time_bits = 42; }
static void no_time(idgen_layout *layout) { layout->time_bits = 0; }
static void no_tick(idgen_layout *layout) { layout->tick_ms = 0; }
static void odd_sign(idgen_layout *layout) { layout->is_unsigned = 2; }
static void reserved(idgen_layout *layout) { layout->reserved = 1; }
static void too_many(idgen_layout *layout) { layout->field_count = IDGEN_MAX_FIELDS + 1; }
static void countless(idgen_layout *layout) { layout->field_count = UINT32_MAX; }
static void no_sequence(idgen_layout *layout) { layout->field_count = 1; }
static void no_role(idgen_layout *layout) { layout->fields[0].role = 3; }
static void no_bits(idgen_layout *layout) { layout->fields[0].bits = 0; }
static void wide_field(idgen_layout *layout) { layout->fields[1].bits = UINT32_MAX; }
static void no_name(idgen_layout *layout) { layout->fields[0].name[0] = 0; }
static void endless(idgen_layout *layout)
{
    memset(layout->fields[0].name, 'x', IDGEN_FIELD_NAME_SIZE);
}
static void two_sequences(idgen_layout *layout) { layout->fields[0].role = IDGEN_ROLE_SEQUENCE; }
static void late_epoch(idgen_layout *layout) { layout->epoch_unix_ms = UINT64_MAX; }

static void flaws_are_told(void)
{
    void (*const FLAWS[])(idgen_layout *) = {
        too_wide, no_time, no_tick, odd_sign, reserved, too_many, countless, no_sequence,
        no_role, no_bits, wide_field, no_name, endless, two_sequences, late_epoch};
    for (size_t at = 0; at < sizeof FLAWS / sizeof FLAWS[0]; at++)
        is_flawed(FLAWS[at]);
}

static void plans_hold_what_was_asked(void)
{
    idgen_layout layout;
    idgen_layout_facts facts;
    CHECK_STATUS(OK, idgen_layout_plan(1000, 1000000, 50, 0, &layout));
    CHECK_STATUS(OK, idgen_layout_describe(&layout, &facts));
    CHECK(facts.workers >= 1000 && facts.ids_per_second >= 1000000);
    CHECK_STATUS(OK, idgen_layout_plan(16, 1000, 50, 1, &layout));
    CHECK_STATUS(OK, idgen_layout_describe(&layout, &facts));
    CHECK(facts.bits <= 53 && facts.workers >= 16 && facts.ids_per_second >= 1000);
    CHECK_STATUS(OUT_OF_RANGE, idgen_layout_plan(1 << 20, 1 << 30, 100, 1, &layout));
}

int main(void)
{
    RUN(discords_example);
    RUN(twitters_example);
    RUN(every_preset_goes_there_and_back);
    RUN(times_and_ids_have_bounds);
    RUN(flaws_are_told);
    RUN(plans_hold_what_was_asked);
    return finish();
}
