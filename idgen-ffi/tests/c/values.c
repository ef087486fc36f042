/* Texts of ids, ranges, paces, sentences and versions. */

#include <ctype.h>

#include "check.h"

static const uint64_t IDS[] = {
    0, 1, 61, 62, 12345678901234567, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
#define COUNT (sizeof IDS / sizeof IDS[0])

static void texts_of_the_highest_id(void)
{
    const char *const TEXTS[] = {"18446744073709551615", "FZZZZZZZZZZZZ", "LygHa16AHYF",
                                 "ffffffffffffffff"};
    for (uint32_t form = IDGEN_FORM_DECIMAL; form <= IDGEN_FORM_HEX; form++) {
        char text[IDGEN_TEXT_SIZE];
        CHECK_STATUS(OK, idgen_text_encode(UINT64_MAX, form, text, sizeof text));
        CHECK(strcmp(text, TEXTS[form]) == 0);
    }
}

static void texts_go_there_and_back_and_sort(void)
{
    for (uint32_t form = IDGEN_FORM_DECIMAL; form <= IDGEN_FORM_HEX; form++) {
        char text[IDGEN_TEXT_SIZE], before[IDGEN_TEXT_SIZE] = "";
        for (size_t at = 0; at < COUNT; at++) {
            uint64_t id = 99;
            CHECK_STATUS(OK, idgen_text_encode(IDS[at], form, text, sizeof text));
            CHECK_STATUS(OK, idgen_text_decode(text, strlen(text), form, &id));
            CHECK_EQUAL(IDS[at], id);
            CHECK(form == IDGEN_FORM_DECIMAL || strcmp(before, text) < 0);
            memcpy(before, text, sizeof text);
        }
    }
}

static void a_buffer_holds_the_text_and_its_end_or_nothing(void)
{
    char text[IDGEN_TEXT_SIZE];
    memset(text, 'x', sizeof text);
    CHECK_STATUS(BUFFER_TOO_SMALL, idgen_text_encode(1234, IDGEN_FORM_DECIMAL, text, 4));
    CHECK_STATUS(BUFFER_TOO_SMALL, idgen_text_encode(1234, IDGEN_FORM_DECIMAL, NULL, 0));
    CHECK(text[0] == 'x');
    CHECK_STATUS(OK, idgen_text_encode(1234, IDGEN_FORM_DECIMAL, text, 5));
    CHECK(strcmp(text, "1234") == 0 && text[5] == 'x');
}

static void other_texts_are_no_ids(void)
{
    const char *const OTHERS[] = {"", " 1", "1 ", "+1", "-1", "01", "1.0", "18446744073709551616",
                                  "99999999999999999999", "abc", "\xff", "1\n"};
    uint64_t id = 5;
    for (size_t at = 0; at < sizeof OTHERS / sizeof OTHERS[0]; at++) {
        const char *text = OTHERS[at];
        CHECK_STATUS(BAD_TEXT, idgen_text_decode(text, strlen(text), IDGEN_FORM_DECIMAL, &id));
        CHECK_STATUS(BAD_TEXT, idgen_text_decode(text, strlen(text), IDGEN_FORM_BASE32, &id));
        CHECK_STATUS(BAD_TEXT, idgen_text_decode(text, strlen(text), IDGEN_FORM_BASE62, &id));
        CHECK_STATUS(BAD_TEXT, idgen_text_decode(text, strlen(text), IDGEN_FORM_HEX, &id));
    }
    CHECK_STATUS(BAD_TEXT, idgen_text_decode("fzzzzzzzzzzzz", 13, IDGEN_FORM_BASE32, &id));
    CHECK_STATUS(BAD_TEXT, idgen_text_decode("GZZZZZZZZZZZZ", 13, IDGEN_FORM_BASE32, &id));
    CHECK_STATUS(BAD_TEXT, idgen_text_decode("LygHa16AHYG", 11, IDGEN_FORM_BASE62, &id));
    CHECK_STATUS(BAD_TEXT, idgen_text_decode("FFFFFFFFFFFFFFFF", 16, IDGEN_FORM_HEX, &id));
    CHECK_EQUAL(5, id);
    /* Of so many bytes, whatever follows. */
    CHECK_STATUS(OK, idgen_text_decode("1234567", 3, IDGEN_FORM_DECIMAL, &id));
    CHECK_EQUAL(123, id);
}

static void ranges_have_a_last_id(void)
{
    uint64_t last;
    CHECK_STATUS(OK, idgen_range_last(&(idgen_range){10, 3, 4}, &last));
    CHECK_EQUAL(19, last);
    CHECK_STATUS(OK, idgen_range_last(&(idgen_range){UINT64_MAX, UINT64_MAX, 1}, &last));
    CHECK_EQUAL(UINT64_MAX, last);
}

static void a_pace_follows_the_rate_within_its_limits(void)
{
    idgen_pace pace;
    uint64_t len;
    CHECK_STATUS(OK, idgen_pace_init(&pace, NULL));
    CHECK_STATUS(OK, idgen_pace_step(&pace, &len));
    CHECK_EQUAL(1000, len);
    /* 100,000 a second for a reserve of 10 seconds. */
    for (int i = 0; i < 40; i++)
        CHECK_STATUS(OK, idgen_pace_observe(&pace, 100000, 1000, 2));
    CHECK_STATUS(OK, idgen_pace_step(&pace, &len));
    CHECK(len >= 900000 && len <= 1100000);
    for (int i = 0; i < 40; i++)
        CHECK_STATUS(OK, idgen_pace_observe(&pace, 1, 60000, 2));
    CHECK_STATUS(OK, idgen_pace_step(&pace, &len));
    CHECK_EQUAL(1000, len);
    const idgen_pace_limits LIMITS = {.min_len = 5, .max_len = 50, .reserve_ms = 1000, .safety = 2};
    CHECK_STATUS(OK, idgen_pace_init(&pace, &LIMITS));
    CHECK_STATUS(OK, idgen_pace_step(&pace, &len));
    CHECK_EQUAL(5, len);
    for (int i = 0; i < 40; i++)
        CHECK_STATUS(OK, idgen_pace_observe(&pace, UINT64_MAX, 1, UINT64_MAX));
    CHECK_STATUS(OK, idgen_pace_step(&pace, &len));
    CHECK_EQUAL(50, len);
    CHECK_STATUS(OK, idgen_pace_observe(&pace, 1, 0, 0));
}

static void every_status_has_a_sentence_of_its_own(void)
{
    for (int32_t status = 0; status <= IDGEN_STATUS_INTERNAL; status++) {
        CHECK(strlen(idgen_status_str(status)) >= 4);
        for (int32_t other = -1; other < status; other++)
            CHECK(strcmp(idgen_status_str(status), idgen_status_str(other)) != 0);
    }
}

static void the_library_is_that_of_the_header(void)
{
    CHECK_EQUAL(IDGEN_ABI_VERSION, idgen_abi_version());
    const char *version = idgen_version();
    CHECK(isdigit((unsigned char)version[0]) && strchr(version, '.') != NULL);
    CHECK(version == idgen_version());
}

int main(void)
{
    RUN(texts_of_the_highest_id);
    RUN(texts_go_there_and_back_and_sort);
    RUN(a_buffer_holds_the_text_and_its_end_or_nothing);
    RUN(other_texts_are_no_ids);
    RUN(ranges_have_a_last_id);
    RUN(a_pace_follows_the_rate_within_its_limits);
    RUN(every_status_has_a_sentence_of_its_own);
    RUN(the_library_is_that_of_the_header);
    return finish();
}
