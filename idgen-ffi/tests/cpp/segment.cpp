// The segment cursor, its handles and the pace in C++, with exceptions.

#include <idgen.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "thrown.hpp"

using idgen::status;
using namespace std::chrono_literals;

template <class T>
constexpr bool stays_put = !std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T> &&
                           !std::is_copy_assignable_v<T> && !std::is_move_assignable_v<T>;
static_assert(stays_put<idgen::segment_cursor> && stays_put<idgen::segment_handle>);
static_assert(stays_put<idgen::pace>);
static_assert(alignof(idgen::segment_cursor) == IDGEN_ALIGNMENT);
static_assert(sizeof(idgen::segment_cursor) == sizeof(idgen_segment_cursor));
static_assert(!std::is_constructible_v<idgen::segment_handle, idgen::segment_cursor>,
              "no handle of a temporary");
static_assert(noexcept(std::declval<idgen::segment_cursor&>().try_next()));
static_assert(std::is_same_v<decltype(std::declval<idgen::segment_cursor&>().next()),
                             std::uint64_t>);

// A store that only counts up, as sources see one.
struct counter {
    std::uint64_t last = 0;
    idgen::range operator()(std::uint64_t len, std::uint64_t above) {
        const std::uint64_t start = std::max(last, above) + 1;
        last = start + len - 1;
        return {start, 1, len};
    }
};

static void ids_come_one_by_one() {
    idgen::segment_cursor orders;
    CHECK(thrown([&] { (void)orders.next(); }) == status::exhausted);
    CHECK(orders.try_next().error() == status::exhausted);
    CHECK(orders.needs_refill());
    orders.supply({5, 2, 3});
    CHECK(!orders.needs_refill());
    CHECK(orders.next() == 5 && orders.needs_refill());
    CHECK(orders.remaining() == 2);
    CHECK(orders.try_next().value() == 7);
    CHECK(orders.try_next().value_or(0U) == 9);
    CHECK(orders.try_next().value_or(0U) == 0);
    CHECK(orders.gaps() == 0);
}

static void ids_come_in_ranges() {
    idgen::segment_cursor orders;
    orders.supply({1, 1, 100});
    const idgen::range ten = orders.take(10);
    CHECK(ten == idgen::range(1, 1, 10));
    std::uint64_t sum = 0;
    for (std::uint64_t id : orders.take(10)) sum += id;
    CHECK(sum == 155);
    CHECK(thrown([&] { (void)orders.take(0); }) == status::out_of_range);
    CHECK(orders.try_take(1000)->size() == 80);
    CHECK(orders.try_take(1).error() == status::exhausted);
}

static void an_exact_run_tells_what_it_skipped() {
    idgen::segment_cursor orders;
    orders.supply({1, 1, 10});
    CHECK(orders.take_exact(4).ids == idgen::range(1, 1, 4));
    orders.supply({101, 1, 10});
    const idgen::exact run = orders.take_exact(8);
    CHECK(run.ids == idgen::range(101, 1, 8));
    CHECK(run.skipped == idgen::range(5, 1, 6));
    CHECK(orders.try_take_exact(8).error() == status::exhausted);
    CHECK(thrown([&] { (void)orders.take_exact((1 << 20) + 1); }) == status::out_of_range);
}

static void any_array_is_filled() {
    idgen::segment_cursor orders;
    orders.supply({1, 1, 20});
    std::uint64_t plain[4] = {};
    std::vector<std::uint64_t> grown(6);
    std::array<std::uint64_t, 2> fixed{};
    CHECK(orders.fill(plain) && orders.fill(grown) && orders.fill(fixed));
    CHECK(plain[0] == 1 && plain[3] == 4 && grown[0] == 5 && grown[5] == 10 && fixed[1] == 12);
    CHECK(orders.fill({grown.data(), 3}).count == 3);
    const idgen::filling short_of = orders.fill(grown);
    CHECK(!short_of && short_of.count == 5 && short_of.why == status::exhausted);
    CHECK(grown[4] == 20);
}

static void a_refused_fill_has_filled_nothing() {
    static idgen_segment_cursor none;
    static idgen_segment_handle none_either;
    static idgen_snowflake no_time;
    static idgen_buckets no_buckets;
    std::uint64_t ids[4] = {};
    for (auto fill : {+[](std::uint64_t* to, std::size_t* filled) {
                          return idgen_segment_fill(&none, to, 4, filled);
                      },
                      +[](std::uint64_t* to, std::size_t* filled) {
                          return idgen_segment_handle_fill(&none_either, to, 4, filled);
                      },
                      +[](std::uint64_t* to, std::size_t* filled) {
                          return idgen_snowflake_fill(&no_time, 0, to, 4, filled, nullptr);
                      },
                      +[](std::uint64_t* to, std::size_t* filled) {
                          return idgen_buckets_fill(&no_buckets, 0, 0, to, 4, filled, nullptr);
                      }}) {
        std::size_t filled = 99;
        CHECK(fill(ids, &filled) == IDGEN_STATUS_BAD_STATE && filled == 0);
        CHECK(fill(ids, nullptr) == IDGEN_STATUS_NULL);
    }
}

static void a_refused_segment_is_told() {
    idgen::segment_cursor orders;
    orders.supply({100, 1, 10});
    CHECK(orders.take(10).size() == 10);
    CHECK(orders.try_supply({200, 1, 10}).has_value());
    CHECK(orders.try_supply({300, 1, 10}).error() == status::busy);
    CHECK(orders.next() == 200);
    CHECK(thrown([&] { orders.supply({1, 1, 10}); }) == status::not_above);
    CHECK(thrown([&] { orders.supply({205, 1, 10}); }) == status::overlaps);
    CHECK(thrown([&] { orders.supply({300, 1, 0}); }) == status::out_of_range);
}

static void a_source_may_be_any_callable() {
    idgen::segment_cursor orders;
    counter store;
    CHECK(orders.refill(store, 10) && store.last == 10 && orders.next() == 1);
    CHECK(orders.refill([&](std::uint64_t len, std::uint64_t above) {
        CHECK(len == 5 && above == 10);
        return std::optional<idgen::range>({11, 1, len});
    }, 5));
    CHECK(!orders.refill(store, 10) && store.last == 10);
    CHECK(orders.take(10).back() == 10 && orders.take(10).back() == 15);
    CHECK(orders.refill(counter{20}, 10) && orders.next() == 21);
}

static void a_source_may_fail() {
    idgen::segment_cursor orders;
    const auto none = [](auto, auto) { return std::optional<idgen::range>(); };
    const auto broken = [](auto, auto) -> idgen::range { throw std::domain_error("away"); };
    const auto empty = [](auto, auto) { return idgen::range(); };
    const auto unknown = [](auto, auto) { return idgen::result<idgen::range>(status::unknown); };
    CHECK(thrown([&] { (void)orders.refill(none, 5); }) == status::source_failed);
    CHECK(orders.try_refill(empty, 5).error() == status::source_failed);
    CHECK(orders.try_refill(unknown, 5).error() == status::source_failed);
    CHECK(orders.try_refill(broken, 5).error() == status::source_failed);
    bool is_own = false;
    try {
        (void)orders.refill(broken, 5);
    } catch (const std::domain_error&) {
        is_own = true;
    }
    CHECK(is_own);
    CHECK(orders.refill(counter{}, 5) && orders.next() == 1);
}

static void what_a_source_granted_in_vain_comes_back() {
    idgen::segment_cursor orders;
    orders.supply({100, 1, 10});
    CHECK(orders.next() == 100);
    idgen::range refused;
    const auto twice = [](auto, auto) { return idgen::range(105, 1, 10); };
    CHECK(orders.try_refill(twice, 10, &refused).error() == status::overlaps);
    CHECK(refused == idgen::range(105, 1, 10));
    CHECK(orders.try_refill(counter{500}, 10, &refused).value() && refused.empty());
}

static void a_retired_cursor_leaves_what_it_had() {
    idgen::segment_cursor orders;
    orders.supply({1, 1, 10});
    CHECK(orders.next() == 1);
    orders.supply({11, 1, 10});
    const idgen::left_over left = orders.retire();
    CHECK(left.tail == idgen::range(2, 1, 9) && left.standby == idgen::range(11, 1, 10));
    CHECK(thrown([&] { (void)orders.retire(); }) == status::ended);
    CHECK(orders.try_next().error() == status::ended);
}

static void a_handle_takes_and_gives_back() {
    idgen::segment_cursor orders;
    orders.supply({1, 1, 100});
    {
        idgen::segment_handle mine(orders, 10);
        CHECK(mine.next() == 1 && mine.try_next().value() == 2 && mine.take(3).back() == 5);
        std::uint64_t two[2] = {};
        CHECK(mine.fill(two) && two[1] == 7);
    }
    CHECK(orders.next() == 8);
    idgen::segment_handle mine(orders, 10);
    CHECK(mine.next() == 9);
    CHECK(orders.next() == 19);
    CHECK(mine.give_back() == idgen::range(10, 1, 9));
    CHECK(thrown([&] { (void)mine.next(); }) == status::bad_state);
    idgen::segment_handle other(orders, 10);
    CHECK(other.next() == 20 && other.end() == idgen::range(21, 1, 9));
    CHECK(thrown([&] { idgen::segment_handle none(orders, 0); }) == status::out_of_range);
}

static void a_destroyed_cursor_ends() {
    std::optional<idgen::segment_cursor> orders(std::in_place);
    orders->supply({1, 1, 10});
    idgen_segment_cursor* block = orders->native();
    CHECK(orders->next() == 1);
    orders.emplace();
    CHECK(orders->native() == block && orders->try_next().error() == status::exhausted);
    auto kept = std::make_unique<idgen::segment_cursor>();
    CHECK(reinterpret_cast<std::uintptr_t>(kept.get()) % IDGEN_ALIGNMENT == 0);
}

static void a_pace_follows_the_rate() {
    idgen::pace pace;
    CHECK(pace.step() == 1000);
    pace.observe(10'000, 1s, 5ms);
    CHECK(pace.step() == 100'000);
    CHECK(thrown([&] { pace.observe(1, -1ms, 0ms); }) == status::out_of_range);
    idgen::pace bounded(idgen::pace_limits{10, 20, 1000, 4});
    bounded.observe(1'000'000, 1ms, 1ms);
    CHECK(bounded.step() == 20);
    CHECK(thrown([] { idgen::pace bad(idgen::pace_limits{20, 10, 1000, 4}); }) ==
          status::out_of_range);
}

// Half the threads take from the cursor, half from handles; whoever is exhausted refills.
static void eight_threads_share_a_cursor() {
    const std::size_t threads = 8, each = sliced(20'000, 10);
    idgen::segment_cursor orders;
    counter store;
    std::vector<std::vector<std::uint64_t>> got(threads);
    const auto take = [&](auto& from, std::vector<std::uint64_t>& into) {
        while (into.size() < each) {
            if (const auto id = from.try_next()) {
                into.push_back(*id);
            } else if (!orders.try_refill(store, 5000)) {
                std::abort();
            }
        }
    };
    std::vector<std::thread> running;
    for (std::size_t at = 0; at < threads; at++) {
        running.emplace_back([&, at] {
            if (at % 2 == 0) {
                take(orders, got[at]);
            } else {
                idgen::segment_handle mine(orders, 64);
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
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
    CHECK(all.size() == threads * each && all.back() <= store.last);
}

int main() {
    test("ids_come_one_by_one", ids_come_one_by_one);
    test("ids_come_in_ranges", ids_come_in_ranges);
    test("an_exact_run_tells_what_it_skipped", an_exact_run_tells_what_it_skipped);
    test("any_array_is_filled", any_array_is_filled);
    test("a_refused_fill_has_filled_nothing", a_refused_fill_has_filled_nothing);
    test("a_refused_segment_is_told", a_refused_segment_is_told);
    test("a_source_may_be_any_callable", a_source_may_be_any_callable);
    test("a_source_may_fail", a_source_may_fail);
    test("what_a_source_granted_in_vain_comes_back", what_a_source_granted_in_vain_comes_back);
    test("a_retired_cursor_leaves_what_it_had", a_retired_cursor_leaves_what_it_had);
    test("a_handle_takes_and_gives_back", a_handle_takes_and_gives_back);
    test("a_destroyed_cursor_ends", a_destroyed_cursor_ends);
    test("a_pace_follows_the_rate", a_pace_follows_the_rate);
    test("eight_threads_share_a_cursor", eight_threads_share_a_cursor);
    return verdict();
}
