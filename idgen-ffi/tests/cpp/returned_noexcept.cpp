// Every wrapper with errors returned; built with -fno-exceptions.

#define IDGEN_NO_EXCEPTIONS 1
#include <idgen.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"

#if defined(__cpp_exceptions)
#error "build this program with -fno-exceptions"
#endif

using idgen::status;
using namespace std::chrono_literals;

constexpr std::uint64_t start_ms = 1'800'000'000'000;
constexpr idgen::moment start{start_ms};
constexpr idgen::lease leased = idgen::lease::assume(7, start, start_ms + 10'000);

static_assert(!std::is_move_constructible_v<idgen::segment_cursor>);
static_assert(!std::is_copy_constructible_v<idgen::snowflake>);
static_assert(std::is_same_v<decltype(std::declval<idgen::snowflake&>().next()),
                             idgen::result<std::uint64_t>>);

static void a_cursor_answers_results() {
    idgen::segment_cursor orders;
    CHECK(orders.made());
    CHECK(orders.next().error() == status::exhausted && orders.needs_refill().value());
    CHECK(orders.supply({1, 1, 100}).has_value());
    CHECK(orders.supply({200, 1, 100}).error() == status::busy);
    CHECK(orders.next().value() == 1 && orders.take(9)->back() == 10);
    CHECK(orders.take_exact(10)->ids == idgen::range(11, 1, 10));
    CHECK(orders.take(0).error() == status::out_of_range);
    std::uint64_t ids[100] = {};
    const idgen::filling done = orders.fill(ids);
    CHECK(!done && done.count == 80 && done.why == status::exhausted && ids[79] == 100);
    CHECK(orders.remaining().value() == 0 && orders.gaps().value() == 0);
    CHECK(orders.retire().has_value() && orders.retire().error() == status::ended);
}

static void a_source_answers_results_too() {
    idgen::segment_cursor orders;
    const auto away = [](auto, auto) { return idgen::result<idgen::range>(status::unknown); };
    CHECK(orders.refill(away, 10).error() == status::source_failed);
    const auto store = [](std::uint64_t len, std::uint64_t above) {
        return idgen::result<idgen::range>({above + 1, 1, len});
    };
    CHECK(orders.refill(store, 10).value() && !orders.refill(store, 10).value());
    CHECK(orders.next().value() == 1);
    idgen::range refused;
    const auto twice = [](auto, auto) { return idgen::range(1, 1, 10); };
    CHECK(orders.try_refill(twice, 10, &refused).error() == status::overlaps);
    CHECK(refused.size() == 10);
}

static void a_handle_answers_results() {
    idgen::segment_cursor orders;
    CHECK(orders.supply({1, 1, 100}));
    idgen::segment_handle mine(orders, 10);
    CHECK(mine.made() && mine.next().value() == 1 && mine.take(2)->back() == 3);
    std::uint64_t two[2] = {};
    CHECK(mine.fill(two) && two[1] == 5);
    CHECK(mine.give_back()->empty() && mine.next().error() == status::bad_state);
    CHECK(orders.next().value() == 6);
    idgen::segment_handle other(orders, 10);
    CHECK(other.next().value() == 7 && other.end()->size() == 9);
}

static void a_generator_answers_results() {
    const auto layout = idgen::layout::preset("standard");
    CHECK(layout && idgen::layout::preset("none").error() == status::unknown);
    idgen::snowflake ids(*layout, leased, 2ms);
    CHECK(ids.made());
    const auto first = ids.next(start);
    CHECK(first && layout->decode(*first)->worker == 7);
    CHECK(ids.take(10, start)->size() == 10);
    std::vector<std::uint64_t> many(1'000'000);
    const idgen::filling burst = ids.fill(many, start);
    CHECK(burst.why == status::not_yet && burst.wait_ms >= 1);
    CHECK(ids.next(start).wait_ms() == burst.wait_ms);
    CHECK(ids.horizon()->time_since_epoch().count() == start_ms + 10'000);
    CHECK(ids.extend(leased.until(start_ms + 20'000)));
    {
        idgen::snowflake_handle mine(ids);
        CHECK(mine.made() && mine.next(start_ms + 100).value() > *first);
    }
    const auto left = ids.end();
    CHECK(left && left->horizon_unix_ms == start_ms + 20'000);
    CHECK(ids.end().error() == status::ended);
}

static void buckets_answer_results() {
    auto ids = std::make_unique<idgen::buckets>(*idgen::layout::preset("genid"), leased, 0ms);
    CHECK(ids->made() && ids->next(31, start) && ids->take(31, 5, start)->size() == 5);
    std::uint64_t few[5] = {};
    CHECK(ids->fill(0, few, start) && ids->horizon() && ids->extend(leased.until(start_ms + 1)));
    CHECK(ids->next(32, start).error() == status::out_of_range && ids->end());
}

static void what_was_not_made_says_so() {
    idgen::snowflake ids(idgen::layout(), leased);
    CHECK(ids.made().error() == status::bad_layout);
    CHECK(ids.next().error() == status::bad_state && ids.end().error() == status::bad_state);
    idgen::snowflake_handle mine(ids);
    CHECK(mine.made().error() == status::bad_state && mine.next().error() == status::bad_state);
    idgen::segment_cursor orders;
    idgen::segment_handle none(orders, 0);
    CHECK(none.made().error() == status::out_of_range);
    std::optional<idgen::pace> pace(std::in_place, idgen::pace_limits{2, 1, 1, 1});
    CHECK(pace->made().error() == status::out_of_range);
    pace.emplace();
    CHECK(pace->made() && pace->step().value() == 1000);
    CHECK(pace->observe(10, -1ms, 1ms).error() == status::out_of_range);
    CHECK(pace->observe(10'000, 1s, 5ms) && pace->step().value() == 100'000);
}

static void layouts_and_texts_answer_results() {
    const auto own = idgen::layout::of(1'735'689'600'000, 10ms, 39).node("n", 16).sequence(8);
    CHECK(own.check() && own.describe()->workers == 65'536 && own.flaw().empty());
    CHECK(own.worker({9, 0}).value() == 9);
    const auto id = own.compose(start, {9, 5});
    CHECK(id && own.decode(*id)->sequence == 5);
    CHECK(idgen::layout().check().error() == status::bad_layout && !idgen::layout().flaw().empty());
    CHECK(idgen::layout::plan(10, 1000, 20)->check() && !idgen::layout::plan(0, 0, 0));
    CHECK(idgen::layout::preset_at(0) && !idgen::layout::preset_at(1000));
    const auto text = idgen::to_string(*id, idgen::form::base62);
    CHECK(text && idgen::parse(*text, idgen::form::base62).value() == *id);
    CHECK(idgen::parse("x").error() == status::bad_text);
}

static void threads_share_without_exceptions() {
    idgen::segment_cursor orders;
    CHECK(orders.supply({1, 1, 40'000}));
    std::vector<std::thread> running;
    std::vector<std::uint64_t> sums(4);
    for (auto& sum : sums) {
        running.emplace_back([&] {
            idgen::segment_handle mine(orders, 100);
            while (const auto id = mine.try_next()) sum += *id;
        });
    }
    for (auto& thread : running) thread.join();
    CHECK(sums[0] + sums[1] + sums[2] + sums[3] == 40'000ULL * 40'001 / 2);
}

int main() {
    test("a_cursor_answers_results", a_cursor_answers_results);
    test("a_source_answers_results_too", a_source_answers_results_too);
    test("a_handle_answers_results", a_handle_answers_results);
    test("a_generator_answers_results", a_generator_answers_results);
    test("buckets_answer_results", buckets_answer_results);
    test("what_was_not_made_says_so", what_was_not_made_says_so);
    test("layouts_and_texts_answer_results", layouts_and_texts_answer_results);
    test("threads_share_without_exceptions", threads_share_without_exceptions);
    return verdict();
}
