// Ranges, layouts, texts and results in C++, with exceptions.

#include <idgen.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"
#include "thrown.hpp"

using idgen::status;
using namespace std::chrono_literals;

static_assert(std::is_trivially_copyable_v<idgen::range> && sizeof(idgen::range) == 24);
static_assert(idgen::range(10, 5, 3).back() == 20 && idgen::range(10, 5, 3)[1] == 15);
static_assert(idgen::range().empty() && !idgen::range().contains(0));
#if defined(__cpp_lib_ranges)
static_assert(std::ranges::random_access_range<idgen::range>);
static_assert(std::ranges::sized_range<idgen::range>);
static_assert(std::ranges::borrowed_range<idgen::range>);
#endif

static void a_range_is_iterated_without_an_array() {
    const idgen::range ids(10, 5, 4);
    const std::vector<std::uint64_t> all(ids.begin(), ids.end());
    CHECK((all == std::vector<std::uint64_t>{10, 15, 20, 25}));
    CHECK(ids.size() == 4 && ids.front() == 10 && ids.back() == 25 && ids[2] == 20);
    CHECK(std::distance(ids.begin(), ids.end()) == 4);
    CHECK(*std::lower_bound(ids.begin(), ids.end(), 16U) == 20);
    std::vector<std::uint64_t> down(std::make_reverse_iterator(ids.end()),
                                    std::make_reverse_iterator(ids.begin()));
    CHECK(std::equal(down.rbegin(), down.rend(), ids.begin()));
    auto it = ids.begin();
    CHECK(*it++ == 10 && *it == 15 && *++it == 20 && *it-- == 20 && *--it == 10);
    it += 3;
    CHECK(*it == 25 && it[-3] == 10 && *(it - 1) == 20 && *(1 + ids.begin()) == 15);
    CHECK(ids.begin() < it && it > ids.begin() && it <= it && it >= it && it != ids.end());
    CHECK(it + 1 == ids.end());
    it -= 2;
    CHECK(*it == 15);
}

static void a_range_reaches_to_the_last_id() {
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    const idgen::range ids(top - 4, 2, 3);
    std::vector<std::uint64_t> all;
    for (std::uint64_t id : ids) all.push_back(id);
    CHECK((all == std::vector<std::uint64_t>{top - 4, top - 2, top}));
    std::uint64_t last = 0;
    CHECK(idgen_range_last(&ids, &last) == IDGEN_STATUS_OK && last == ids.back());
    CHECK(ids.contains(top) && !ids.contains(top - 1) && !ids.contains(top - 6));
}

static void presets_are_listed_and_named() {
    std::set<std::string> names;
    std::size_t at = 0;
    for (; const auto preset = idgen::layout::preset_at(at); at++) {
        names.insert(preset->name);
        CHECK(std::string(preset->about) != "");
        preset->layout.check();
        CHECK(idgen::layout::preset(preset->name).epoch_unix_ms == preset->layout.epoch_unix_ms);
    }
    CHECK(names.size() == at && names.count("standard") == 1);
    CHECK(idgen::layout::preset_at(at).error() == status::unknown);
    const std::string nul("standard\0", 9), endless(70, 'x');
    for (const auto& bad : {std::string("none"), endless, nul})
        CHECK(thrown([&] { (void)idgen::layout::preset(bad); }) == status::unknown);
}

static void a_plan_is_a_layout() {
    const auto layout = idgen::layout::plan(100, 10'000, 50, true);
    layout.check();
    const auto facts = layout.describe();
    CHECK(facts.workers >= 100 && facts.ids_per_second >= 10'000 && facts.bits <= 53);
    CHECK(thrown([] { (void)idgen::layout::plan(0, 1, 1); }) == status::out_of_range);
}

static void a_layout_is_built_from_the_top() {
    const auto own = idgen::layout::of(1'735'689'600'000, 10ms, 39)
                         .node("site", 4).node("machine", 12).sequence(8);
    own.check();
    CHECK(own.flaw().empty() && own.describe().workers == 65'536 && own.describe().bits == 63);
    const std::uint64_t id = own.compose(1'800'000'000'000, {3, 2, 1});
    const auto parts = own.decode(id);
    CHECK(parts.fields[0] == 3 && parts.fields[1] == 2 && parts.sequence == 1);
    CHECK(parts.worker == own.worker({3, 2, 0}) && parts.worker == (3 << 12) + 2);
    CHECK(parts.time() == idgen::time_ms(std::chrono::milliseconds(1'800'000'000'000)));
    const std::vector<std::uint64_t> values{3, 2, 1};
    CHECK(own.compose(parts.time(), values) == id);
    CHECK(own.compose(parts.time(), {values.data(), values.size()}) == id);
    CHECK(thrown([&] { (void)own.compose(0, values); }) == status::out_of_range);
    CHECK(thrown([&] { (void)own.compose(parts.time(), {16, 0, 0}); }) == status::out_of_range);
    CHECK(thrown([&] { (void)own.compose(parts.time(), {1, 1}); }) == status::out_of_range);
    const auto narrow = idgen::layout::preset("js-safe");
    CHECK(thrown([&] { (void)narrow.decode(1ULL << 60); }) == status::out_of_range);
}

static void a_flaw_is_told() {
    const auto check = [](const idgen::layout& layout, const char* part) {
        const bool is_told = layout.flaw().find(part) != std::string::npos;
        if (!is_told) std::printf("told: %s\n", layout.flaw().c_str());
        return is_told && thrown([&] { layout.check(); }) == status::bad_layout;
    };
    const auto begun = idgen::layout::of(0, 1ms, 41);
    CHECK(check(begun.node(std::string(24, 'n'), 10).sequence(12), "fields[0].name"));
    CHECK(check(begun.node("", 10).sequence(12), "fields[0].name"));
    auto many = begun;
    for (int at = 0; at < 11; at++) many = many.node("n", 1);
    CHECK(check(many, "11 fields"));
    CHECK(check(idgen::layout::of(0, 0ms, 41).node("n", 10).sequence(12), "tick"));
    CHECK(thrown([&] { idgen::layout::of(0, -1ms, 41).node("n", 10).sequence(12).check(); }) ==
          status::bad_layout);
    try {
        begun.check();
    } catch (const idgen::error& error) {
        CHECK(error.what() == begun.flaw());
    }
}

static void texts_are_written_and_read() {
    using idgen::form;
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    CHECK(idgen::to_string(top) == "18446744073709551615" && idgen::to_string(0) == "0");
    CHECK(idgen::to_string(top, form::base32) == "FZZZZZZZZZZZZ");
    CHECK(idgen::to_string(top, form::base62) == "LygHa16AHYF");
    CHECK(idgen::to_string(255, form::hex) == "00000000000000ff");
    for (auto as : {form::decimal, form::base32, form::base62, form::hex})
        for (std::uint64_t id : {std::uint64_t(0), std::uint64_t(1) << 53, top})
            CHECK(idgen::parse(idgen::to_string(id, as), as) == id);
    CHECK(idgen::parse(std::string_view("1234567", 3)) == 123);
    for (const char* bad : {"", "-1", "+7", "007", "18446744073709551616", "1 "})
        CHECK(thrown([&] { (void)idgen::parse(bad); }) == status::bad_text);
    CHECK(thrown([] { (void)idgen::parse(std::string_view()); }) == status::bad_text);
    CHECK(thrown([] { (void)idgen::parse("fzzzzzzzzzzzz", form::base32); }) == status::bad_text);
    CHECK(thrown([] { (void)idgen::parse("1", static_cast<form>(9)); }) == status::out_of_range);
}

static void a_result_holds_a_value_or_says_why_not() {
    const idgen::result<int> good(7);
    const idgen::result<int> bad(status::not_yet, 5);
    CHECK(good && *good == 7 && good.value() == 7 && good.value_or(1) == 7);
    CHECK(good.error() == status::ok && good.wait_ms() == 0);
    CHECK(!bad && bad.error() == status::not_yet && bad.wait_ms() == 5 && bad.value_or(1) == 1);
    CHECK(thrown([&] { (void)bad.value(); }) == status::not_yet);
    CHECK(idgen::result<int>(status::ok).error() == status::internal);
    CHECK(idgen::result<std::string>("moved").value() == "moved");
    CHECK(idgen::result<std::string>("seen")->size() == 4);
    CHECK(idgen::result<void>().has_value());
    CHECK(thrown([] { idgen::result<void>(status::ended).value(); }) == status::ended);
}

static void the_library_tells_which_it_is() {
    CHECK(idgen::abi_matches());
    CHECK(std::string(idgen::version()).find('.') != std::string::npos);
    std::set<std::string> sentences;
    for (auto at = 0; at <= static_cast<int>(status::internal); at++)
        sentences.insert(idgen::message(static_cast<status>(at)));
    for (auto at = 32; at <= static_cast<int>(status::in_use); at++)
        sentences.insert(idgen::message(static_cast<status>(at)));
    sentences.insert(idgen::message(static_cast<status>(31)));
    // Each its own, and one for what is none.
    CHECK(sentences.size() == 22 + 11 + 1);
}

int main() {
    test("a_range_is_iterated_without_an_array", a_range_is_iterated_without_an_array);
    test("a_range_reaches_to_the_last_id", a_range_reaches_to_the_last_id);
    test("presets_are_listed_and_named", presets_are_listed_and_named);
    test("a_plan_is_a_layout", a_plan_is_a_layout);
    test("a_layout_is_built_from_the_top", a_layout_is_built_from_the_top);
    test("a_flaw_is_told", a_flaw_is_told);
    test("texts_are_written_and_read", texts_are_written_and_read);
    test("a_result_holds_a_value_or_says_why_not", a_result_holds_a_value_or_says_why_not);
    test("the_library_tells_which_it_is", the_library_tells_which_it_is);
    return verdict();
}
