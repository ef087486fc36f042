// The snowflake, its handles and buckets in C++, with exceptions.

#include <idgen.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "check.hpp"
#include "thrown.hpp"

using idgen::status;
using namespace std::chrono_literals;
using std::chrono::system_clock;

template <class T>
constexpr bool stays_put = !std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T> &&
                           !std::is_copy_assignable_v<T> && !std::is_move_assignable_v<T>;
static_assert(stays_put<idgen::snowflake> && stays_put<idgen::snowflake_handle>);
static_assert(stays_put<idgen::buckets>);
static_assert(std::is_trivially_copyable_v<idgen::lease> &&
              std::is_trivially_copyable_v<idgen::layout>);
static_assert(!std::is_constructible_v<idgen::snowflake_handle, idgen::snowflake>,
              "no handle of a temporary");
static_assert(noexcept(std::declval<idgen::snowflake&>().try_next()));

// A moment long after the epoch of every preset, so that nothing hangs on when tests run.
constexpr std::uint64_t start_ms = 1'800'000'000'000;
constexpr idgen::moment start{start_ms};
constexpr idgen::lease leased = idgen::lease::assume(7, start, start_ms + 10'000);

static void times_come_in_many_forms() {
    const idgen::moment number{start_ms};
    const idgen::moment since{std::chrono::milliseconds(start_ms)};
    const idgen::moment point{system_clock::time_point(std::chrono::milliseconds(start_ms))};
    CHECK(number.raw() == start_ms && since.raw() == start_ms && point.raw() == start_ms);
    CHECK(idgen::moment(2s).raw() == 2000 && idgen::moment(1999us).raw() == 1);
    CHECK(idgen::now.raw() == IDGEN_NOW && idgen::now_coarse.raw() == IDGEN_NOW_COARSE);
    // Cast blindly, these two would be the system's clocks.
    idgen::snowflake ids(idgen::layout::preset("standard"), leased);
    CHECK(ids.try_next(-1).error() == status::out_of_range);
    CHECK(ids.try_next(system_clock::time_point(-2ms)).error() == status::out_of_range);
}

static void ids_hold_time_worker_and_number() {
    const auto layout = idgen::layout::preset("standard");
    idgen::snowflake ids(layout, leased);
    const std::uint64_t first = ids.next(start_ms + 5);
    const idgen::decoded parts = layout.decode(first);
    CHECK(parts.worker == 7 && parts.unix_ms == start_ms + 5);
    CHECK(parts.time() == idgen::time_ms(std::chrono::milliseconds(start_ms + 5)));
    CHECK(ids.next(start_ms + 5) > first);
    CHECK(ids.horizon() == idgen::time_ms(std::chrono::milliseconds(start_ms + 10'000)));
}

static void the_system_clock_is_the_default() {
    const auto t = system_clock::now();
    idgen::snowflake ids(idgen::layout::preset("standard"),
                         idgen::lease::assume(7, t - 1s, t + 60s));
    const auto exact = ids.next();
    CHECK(exact < ids.next(idgen::now_coarse));
    const auto layout = idgen::layout::preset("standard");
    CHECK(layout.decode(exact).time() >= std::chrono::floor<std::chrono::milliseconds>(t));
}

static void a_batch_is_a_range_of_one_tick() {
    const auto layout = idgen::layout::preset("standard");
    idgen::snowflake ids(layout, leased);
    const idgen::range batch = ids.take(100, start);
    CHECK(batch.size() == 100 && batch.step == layout.describe().sequence_place);
    for (std::uint64_t id : batch) CHECK(layout.decode(id).unix_ms == start_ms);
    CHECK(thrown([&] { (void)ids.take(0, start); }) == status::out_of_range);
    std::vector<std::uint64_t> many(1000);
    CHECK(ids.fill(many, start) && std::is_sorted(many.begin(), many.end()));
    CHECK(many.front() > batch.back());
}

static void a_burst_says_how_long_to_wait() {
    idgen::snowflake ids(idgen::layout::preset("standard"), leased, 2ms);
    std::vector<std::uint64_t> many(1'000'000);
    const idgen::filling burst = ids.fill(many, start);
    CHECK(!burst && burst.why == status::not_yet && burst.count > 1000 && burst.wait_ms >= 1);
    const auto refused = ids.try_next(start);
    CHECK(refused.error() == status::not_yet && refused.wait_ms() == burst.wait_ms);
    CHECK(refused.wait() == std::chrono::milliseconds(burst.wait_ms));
    CHECK(ids.try_next(start_ms + refused.wait_ms()).has_value());
    try {
        for (;;) (void)ids.next(start);
    } catch (const idgen::error& error) {
        CHECK(error.status() == status::not_yet && error.wait_ms() >= 1);
        CHECK(std::string(error.what()) == idgen::message(status::not_yet));
    }
}

static void the_horizon_stops_and_a_renewal_moves_it() {
    idgen::snowflake ids(idgen::layout::preset("standard"), leased);
    // The last tick of the lease is issued whenever the clock is past it, and nothing after it.
    std::vector<std::uint64_t> many(1'000'000);
    CHECK(ids.fill(many, start_ms + 12'000).why == status::exhausted);
    CHECK(ids.try_next(start_ms + 12'000).error() == status::exhausted);
    ids.extend(leased.until(start_ms + 20'000));
    CHECK(ids.try_next(start_ms + 10'000).has_value());
    idgen::lease foreign = leased.until(start_ms + 30'000);
    foreign.serial = 9;
    CHECK(thrown([&] { ids.extend(foreign); }) == status::foreign_lease);
}

static void what_is_left_goes_on_where_it_ended() {
    const auto layout = idgen::layout::preset("standard");
    idgen::snowflake ids(layout, leased);
    const std::uint64_t last = ids.next(start_ms + 3);
    const idgen::lease left = ids.end();
    CHECK(left.worker == 7 && left.horizon_unix_ms == start_ms + 10'000);
    CHECK(thrown([&] { (void)ids.end(); }) == status::ended);
    CHECK(ids.try_next(start_ms + 3).error() == status::ended);
    idgen::snowflake next(layout, left);
    CHECK(next.next(start_ms + 3) > last);
}

static void what_cannot_be_a_generator_is_refused() {
    const auto layout = idgen::layout::preset("standard");
    const auto made = [&](const idgen::layout& of, const idgen::lease& lease, auto borrow) {
        return thrown([&] { idgen::snowflake ids(of, lease, borrow); });
    };
    CHECK(made(layout, leased.until(start_ms), 10ms) == status::bad_lease);
    CHECK(made(layout, leased, 11ms) == status::out_of_range);
    CHECK(made(layout, leased, -1ms) == status::out_of_range);
    CHECK(made(idgen::layout(), leased, 10ms) == status::bad_layout);
    CHECK(made(idgen::layout::preset("genid"), leased, 0ms) == status::bad_layout);
    const auto far = idgen::lease::assume(7, 1'000'000'000'000'000, 1'000'000'000'010'000);
    CHECK(made(layout, far, 10ms) == status::layout_ended);
}

static void buckets_share_a_lease() {
    const auto layout = idgen::layout::preset("genid");
    const auto facts = layout.describe();
    auto ids = std::make_unique<idgen::buckets>(layout, leased, 0ms);
    for (std::uint32_t bucket = 0; bucket < facts.buckets; bucket++) {
        const auto parts = layout.decode(ids->next(bucket, start));
        CHECK(parts.bucket == bucket && parts.worker == 7);
    }
    const auto none = static_cast<std::uint32_t>(facts.buckets);
    CHECK(thrown([&] { (void)ids->next(none, start); }) == status::out_of_range);
    CHECK(ids->take(3, 10, start).size() == 10);
    std::uint64_t few[5] = {};
    CHECK(ids->fill(3, few, start) && few[0] < few[4]);
    CHECK(ids->horizon().time_since_epoch().count() == start_ms + 10'000);
    ids->extend(leased.until(start_ms + 20'000));
    CHECK(ids->try_next(0, start_ms + 15'000).has_value());
    CHECK(ids->end().floor_unix_ms >= start_ms);
    CHECK(ids->try_take(0, 1, start).error() == status::ended);
    CHECK(thrown([] {
        idgen::buckets bad(idgen::layout::preset("standard"), leased);
    }) == status::bad_layout);
}

// Half the threads take from the generator, half from handles, by the system's clock.
static void eight_threads_share_a_generator() {
    const std::size_t threads = 8, each = sliced(10'000, 10);
    const auto t = system_clock::now();
    idgen::snowflake ids(idgen::layout::preset("standard"), idgen::lease::assume(7, t, t + 600s));
    std::vector<std::vector<std::uint64_t>> got(threads);
    const auto take = [each](auto& from, std::vector<std::uint64_t>& into) {
        while (into.size() < each) {
            if (const auto id = from.try_next()) {
                into.push_back(*id);
            } else if (id.error() == status::not_yet) {
                std::this_thread::sleep_for(id.wait());
            } else {
                std::abort();
            }
        }
    };
    std::vector<std::thread> running;
    for (std::size_t at = 0; at < threads; at++) {
        running.emplace_back([&, at] {
            if (at % 2 == 0) {
                take(ids, got[at]);
            } else {
                idgen::snowflake_handle mine(ids);
                take(mine, got[at]);
            }
        });
    }
    for (auto& thread : running) thread.join();
    std::vector<std::uint64_t> all;
    for (const auto& part : got) {
        CHECK(std::is_sorted(part.begin(), part.end()));
        all.insert(all.end(), part.begin(), part.end());
    }
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end() && all.size() == threads * each);
    idgen::snowflake_handle mine(ids);
    CHECK(mine.next() > all.front());
    CHECK(!ids.end().nonce && thrown([&] {
        for (;;) (void)mine.next();
    }) != status::ok);
}

int main() {
    test("times_come_in_many_forms", times_come_in_many_forms);
    test("ids_hold_time_worker_and_number", ids_hold_time_worker_and_number);
    test("the_system_clock_is_the_default", the_system_clock_is_the_default);
    test("a_batch_is_a_range_of_one_tick", a_batch_is_a_range_of_one_tick);
    test("a_burst_says_how_long_to_wait", a_burst_says_how_long_to_wait);
    test("the_horizon_stops_and_a_renewal_moves_it", the_horizon_stops_and_a_renewal_moves_it);
    test("what_is_left_goes_on_where_it_ended", what_is_left_goes_on_where_it_ended);
    test("what_cannot_be_a_generator_is_refused", what_cannot_be_a_generator_is_refused);
    test("buckets_share_a_lease", buckets_share_a_lease);
    test("eight_threads_share_a_generator", eight_threads_share_a_generator);
    return verdict();
}
