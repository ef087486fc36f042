/* Every refusal of a store: its status, and words that name the cause and the next step. */

#include "full_scratch.h"

static int says(const char *word)
{
    int is_so = strstr(why, word) != NULL;
    if (!is_so)
        fprintf(stderr, "'%s' does not say '%s'\n", why, word);
    return is_so;
}

static void urls(void)
{
    idgen_store *store = (idgen_store *)why;
    CHECK_STATUS(BAD_URL, idgen_open("pigeon://loft", NULL, &store, why, sizeof why));
    CHECK(store == NULL && says("pigeon") && says("sqlite:PATH"));
    CHECK_STATUS(BAD_URL, idgen_open("", NULL, &store, why, sizeof why));
    CHECK_STATUS(BAD_URL, idgen_open("sqlite:\xff", NULL, &store, why, sizeof why));
    static char endless[8000];
    memset(endless, 'a', sizeof endless - 1);
    CHECK_STATUS(BAD_URL, idgen_open(endless, NULL, &store, why, sizeof why));
    CHECK_STATUS(UNAVAILABLE, idgen_open("sqlite:/no/such/dir/x", NULL, &store, why, sizeof why));
    CHECK(says("/no/such/dir") && says("make it first"));
    CHECK_STATUS(UNAVAILABLE, idgen_open("sqlite:/tmp", NULL, &store, NULL, 9));
    CHECK_STATUS(NULL, idgen_open(NULL, NULL, &store, why, sizeof why));
    CHECK_STATUS(NULL, idgen_open("memory:", NULL, NULL, why, sizeof why));
    CHECK(says("NULL"));
    CHECK_STATUS(NULL, idgen_close(NULL, NULL));
}

static void options(void)
{
    idgen_store *store = NULL;
    idgen_options wrong[6] = {{.lease_ms = 5}, {.clock = 3},           {.must_exist = 2},
                              {.min_step = 9, .max_step = 8}, {.max_step = 1ULL << 33},
                              {.reserved = {0, 0, 0, 1}}};
    for (int at = 0; at < 6; at++) {
        CHECK_STATUS(OUT_OF_RANGE, idgen_open("memory:", &wrong[at], &store, why, sizeof why));
        CHECK(store == NULL && strlen(why) > 10);
    }
    const void *odd = (const char *)&wrong[0] + 1;
    CHECK_STATUS(MISALIGNED, idgen_open("memory:", odd, &store, why, sizeof why));
    idgen_options all = {.reserve_ms = 100, .min_step = 2, .max_step = 4, .lease_ms = 1000,
                         .store_timeout_ms = 500, .clock = IDGEN_CLOCK_PUBLISHED};
    CHECK_STATUS(OK, idgen_open("memory:", &all, &store, why, sizeof why));
    idgen_sequence *short_ones;
    idgen_range range = {0, 0, 0};
    CHECK_STATUS(OK, idgen_sequence_open(store, "s", NULL, SOON, &short_ones, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_take(short_ones, 2, SOON, &range, why, sizeof why));
    CHECK(range.len <= 4);
    CHECK_STATUS(OK, idgen_sequence_close(&short_ones));
    scratch_close(&store);
}

static void a_state_directory_has_one_store(void)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s/state", scratch);
    idgen_options with_dir = {.state_dir = dir}, in_a_file = {.state_dir = "/dev/null"};
    idgen_options no_text = {.state_dir = "\xff"}, empty = {.state_dir = ""};
    idgen_store *store = scratch_open("state.db", &with_dir), *second = NULL;
    const char *url = scratch_url("state.db");
    CHECK_STATUS(IN_USE, idgen_open(url, &with_dir, &second, why, sizeof why));
    CHECK(says("in use") && says("another directory"));
    CHECK_STATUS(UNAVAILABLE, idgen_open(url, &in_a_file, &second, why, sizeof why));
    CHECK_STATUS(BAD_NAME, idgen_open(url, &no_text, &second, why, sizeof why));
    CHECK_STATUS(BAD_NAME, idgen_open(url, &empty, &second, why, sizeof why));
    scratch_close(&store);
    store = scratch_open("state.db", &with_dir);
    scratch_close(&store);
}

static void names_and_pointers(void)
{
    idgen_store *store = scratch_open("names.db", NULL);
    uint64_t id = 77;
    size_t filled = 77;
    char longest[130];
    memset(longest, 'n', sizeof longest);
    longest[129] = 0;
    CHECK_STATUS(BAD_NAME, idgen_next(store, longest, SOON, &id, why, sizeof why));
    longest[128] = 0;
    CHECK_STATUS(OK, idgen_next(store, longest, SOON, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_next(store, "\xc3\xa4 'quoted'; --", SOON, &id, why, sizeof why));
    id = 77;
    CHECK_STATUS(BAD_NAME, idgen_next(store, "", SOON, &id, why, sizeof why));
    CHECK_STATUS(BAD_NAME, idgen_next(store, "\xff", SOON, &id, why, sizeof why));
    CHECK_STATUS(NULL, idgen_next(store, NULL, SOON, &id, why, sizeof why));
    CHECK_STATUS(NULL, idgen_next(NULL, "a", SOON, &id, why, sizeof why));
    CHECK_STATUS(NULL, idgen_next(store, "a", SOON, NULL, why, sizeof why));
    CHECK_EQUAL(77, id);
    idgen_sequence *sequence = NULL;
    CHECK_STATUS(NULL, idgen_sequence_open(store, "a", NULL, SOON, NULL, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_open(store, "a", NULL, SOON, &sequence, why, sizeof why));
    CHECK_STATUS(NULL, idgen_sequence_next(NULL, SOON, &id, why, sizeof why));
    CHECK_STATUS(NULL, idgen_sequence_next(sequence, SOON, NULL, why, sizeof why));
    void *odd = (char *)&id + 1;
    CHECK_STATUS(MISALIGNED, idgen_sequence_next(sequence, SOON, odd, why, sizeof why));
    CHECK_STATUS(MISALIGNED, idgen_sequence_next(odd, SOON, &id, why, sizeof why));
    /* One object is not another. */
    void *other = store;
    CHECK_STATUS(BAD_STATE, idgen_sequence_next(other, SOON, &id, why, sizeof why));
    idgen_range range;
    CHECK_STATUS(OUT_OF_RANGE, idgen_sequence_take(sequence, 0, SOON, &range, why, sizeof why));
    CHECK_STATUS(NULL, idgen_sequence_fill(sequence, SOON, NULL, 3, &filled, why, sizeof why));
    CHECK_EQUAL(0, filled);
    CHECK_STATUS(OK, idgen_sequence_fill(sequence, 0, NULL, 0, &filled, why, sizeof why));
    CHECK_EQUAL(0, filled);
    CHECK_STATUS(NULL, idgen_sequence_definition(sequence, NULL));
    CHECK_STATUS(NULL, idgen_sequence_close(NULL));
    CHECK_STATUS(OK, idgen_sequence_close(&sequence));
    scratch_close(&store);
}

static void definitions(void)
{
    idgen_store *store = scratch_open("definitions.db", NULL);
    idgen_sequence *sequence = NULL;
    idgen_definition fives = {.increment = 5}, tens = {.increment = 10};
    idgen_definition empty = {.first = 9, .end = 8}, odd = {.is_strict = 2};
    idgen_definition later = {.reserved = 1};
    CHECK_STATUS(OK, idgen_sequence_open(store, "a", &fives, SOON, &sequence, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_close(&sequence));
    CHECK_STATUS(CONFLICT,
                 idgen_sequence_open(store, "a", &tens, SOON, &sequence, why, sizeof why));
    CHECK(sequence == NULL && says("increment 5"));
    idgen_definition *wrong[3] = {&empty, &odd, &later};
    for (int at = 0; at < 3; at++)
        CHECK_STATUS(OUT_OF_RANGE, idgen_sequence_open(store, "b", wrong[at], SOON, &sequence, why,
                                                       sizeof why));
    scratch_close(&store);
}

static void what_must_exist(void)
{
    uint64_t id;
    idgen_sequence *sequence = NULL;
    idgen_options must_exist = {.must_exist = 1};
    idgen_definition usual = {0};
    idgen_store *store = scratch_open("exists.db", &must_exist);
    CHECK_STATUS(UNKNOWN_SEQUENCE, idgen_next(store, "ordres", SOON, &id, why, sizeof why));
    CHECK(says("ordres") && says("create it"));
    CHECK_STATUS(UNKNOWN_SEQUENCE,
                 idgen_sequence_open(store, "ordres", NULL, SOON, &sequence, NULL, 0));
    CHECK_STATUS(OK, idgen_sequence_open(store, "orders", &usual, SOON, &sequence, NULL, 0));
    CHECK_STATUS(OK, idgen_next(store, "orders", SOON, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_close(&sequence));
    scratch_close(&store);
}

static void deadlines(void)
{
    uint64_t id;
    idgen_sequence *sequence;
    idgen_store *store = scratch_open("late.db", NULL);
    CHECK_STATUS(DEADLINE, idgen_next(store, "new", 0, &id, why, sizeof why));
    CHECK(says("give more"));
    CHECK_STATUS(OK, idgen_sequence_open(store, "new", NULL, IDGEN_FOREVER, &sequence, NULL, 0));
    idgen_status status = idgen_sequence_next(sequence, 0, &id, why, sizeof why);
    CHECK_STATUS(DEADLINE, status);
    /* Asked for once, it comes. */
    CHECK_STATUS(OK, idgen_sequence_next(sequence, IDGEN_FOREVER, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_next(sequence, 0, &id, why, sizeof why));
    CHECK_STATUS(OK, idgen_sequence_close(&sequence));
    scratch_close(&store);
}

static void a_store_that_is_gone(void)
{
    idgen_store *store = scratch_open("gone.db", NULL);
    uint64_t id;
    char aside[128];
    CHECK_STATUS(OK, idgen_next(store, "a", SOON, &id, why, sizeof why));
    snprintf(aside, sizeof aside, "%s.aside", scratch_path("gone.db"));
    CHECK_EQUAL(0, (uint64_t)rename(scratch_path("gone.db"), aside));
    /* What is at hand goes on; nothing new is granted. */
    CHECK_STATUS(OK, idgen_next(store, "a", 0, &id, why, sizeof why));
    CHECK_STATUS(UNAVAILABLE, idgen_next(store, "b", SOON, &id, why, sizeof why));
    CHECK(says("gone.db"));
    idgen_close_report report = {0, 0};
    CHECK_STATUS(OK, idgen_close(&store, &report));
    CHECK(report.lost_ids > 0);
}

static void copy_file(const char *name, const char *to)
{
    char command[300];
    int len = snprintf(command, sizeof command, "cp '%s' ", scratch_path(name));
    snprintf(command + len, sizeof command - (size_t)len, "'%s'", scratch_path(to));
    CHECK_EQUAL(0, (uint64_t)system(command));
}

static void a_store_that_was_set_back(void)
{
    char dir[128];
    uint64_t id = 0;
    snprintf(dir, sizeof dir, "%s/marks", scratch);
    idgen_options marked = {.state_dir = dir};
    idgen_store *store = scratch_open("back.db", &marked);
    CHECK_STATUS(OK, idgen_next(store, "a", SOON, &id, why, sizeof why));
    scratch_close(&store);
    copy_file("back.db", "backup.db");
    store = scratch_open("back.db", &marked);
    CHECK_STATUS(OK, idgen_next(store, "a", SOON, &id, why, sizeof why));
    scratch_close(&store);
    copy_file("backup.db", "back.db");
    store = scratch_open("back.db", &marked);
    CHECK_STATUS(FROZEN, idgen_next(store, "a", SOON, &id, why, sizeof why));
    CHECK(says("thaw"));
    CHECK_STATUS(OK, idgen_close(&store, NULL));
}

static void words_are_cut_to_their_buffer(void)
{
    idgen_store *store;
    char small[8];
    memset(small, '#', sizeof small);
    CHECK_STATUS(BAD_URL, idgen_open("x", NULL, &store, small, 6));
    CHECK(memcmp(small, "no st\0##", 8) == 0);
    CHECK_STATUS(BAD_URL, idgen_open("x", NULL, &store, small, 0));
    CHECK(memcmp(small, "no st\0##", 8) == 0);
}

static void each_status_has_a_sentence(void)
{
    for (int status = IDGEN_STATUS_UNAVAILABLE; status <= IDGEN_STATUS_IN_USE; status++)
        CHECK(strstr(idgen_status_str(status), "no status") == NULL);
    CHECK(strstr(idgen_status_str(31), "no status") != NULL);
    CHECK(strstr(idgen_status_str(43), "no status") != NULL);
}

int main(void)
{
    scratch_make();
    RUN(urls);
    RUN(options);
    RUN(a_state_directory_has_one_store);
    RUN(names_and_pointers);
    RUN(definitions);
    RUN(what_must_exist);
    RUN(deadlines);
    RUN(a_store_that_is_gone);
    RUN(a_store_that_was_set_back);
    RUN(words_are_cut_to_their_buffer);
    RUN(each_status_has_a_sentence);
    return scratch_finish();
}
