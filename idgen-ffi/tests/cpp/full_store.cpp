// Durable ids in C++: the store, its sequences and id spaces, with exceptions.

#include <idgen.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "thrown.hpp"

using idgen::status;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<idgen::store>);
static_assert(std::is_nothrow_move_constructible_v<idgen::store>);
static_assert(std::is_nothrow_move_assignable_v<idgen::sequence>);

// A file of its own, which is gone at the end.
struct scratch {
    std::string path;
    scratch() {
        char name[] = "/tmp/idgen-store-XXXXXX";
        const int file = mkstemp(name);
        if (file < 0) std::abort();
        path = name;
        // The store makes its own.
        std::remove(name);
    }
    ~scratch() {
        for (const char* end : {"", "-wal", "-shm", "-journal"}) std::remove((path + end).c_str());
    }
    std::string url() const { return "sqlite:" + path; }
};

static void ids_are_durable_in_three_calls() {
    const scratch file;
    std::uint64_t last = 0;
    for (int round = 0; round < 3; round++) {
        idgen::store ids(file.url());
        const std::uint64_t id = ids.next("orders");
        CHECK(id > last);
        last = id;
    }
    // What was leased and not issued was handed back each time.
    CHECK(last == 3);
}

static void a_sequence_gives_ids_in_each_way() {
    idgen::store ids("memory:");
    auto orders = ids.open_sequence("orders", idgen::definition{});
    CHECK(orders && orders.next() == 1 && orders.try_next(0ms).value() == 2);
    const idgen::range three = orders.take(3);
    CHECK(three == idgen::range(3, 1, three.size()) && three.size() <= 3);
    std::vector<std::uint64_t> many(5000);
    CHECK(orders.fill(many, 5s) && std::is_sorted(many.begin(), many.end()));
    CHECK(orders.last() == many.back() && orders.definition().increment == 1);
    idgen::definition odd{};
    odd.increment = 2;
    odd.offset = 1;
    CHECK(thrown([&] { (void)ids.open_sequence("orders", odd); }) == status::conflict);
    CHECK(thrown([&] { (void)orders.take(0); }) == status::out_of_range);
}

static void an_id_space_gives_ids_in_each_way() {
    idgen::store ids("memory:");
    auto events = ids.open_snowflakes("events", 7);
    CHECK(events.worker() == 7);
    const std::uint64_t first = events.next();
    CHECK(idgen::layout::preset("standard").decode(first).worker == 7);
    CHECK(events.try_next().value() > first && events.take(10).size() >= 1);
    std::uint64_t few[10] = {};
    CHECK(events.fill(few) && few[9] > few[0]);
    auto wide = ids.open_snowflakes("wide", idgen::layout::preset("sonyflake"));
    CHECK(wide.next() > 0);
    CHECK(thrown([&] { (void)ids.open_snowflakes("events", idgen::layout::preset("sonyflake")); })
          == status::conflict);
}

static void a_failure_names_its_cause() {
    std::string told;
    try {
        idgen::store none("nowhere://x");
    } catch (const idgen::error& error) {
        CHECK(error.status() == status::bad_url);
        told = error.what();
    }
    CHECK(!told.empty() && told != idgen::message(status::bad_url));
    idgen::store ids("memory:");
    CHECK(thrown([&] { (void)ids.next(""); }) == status::bad_name);
}

static void what_was_moved_or_closed_is_none() {
    idgen::store first("memory:");
    auto orders = first.open_sequence("orders");
    idgen::store second(std::move(first));
    CHECK(!first && second && second.next("orders") == 1);
    CHECK(thrown([&] { (void)first.next("orders"); }) == status::null);
    idgen::sequence moved;
    CHECK(moved.try_next().error() == status::null);
    moved = std::move(orders);
    CHECK(moved.next() == 2);
    CHECK(second.close().lost_ids == 0 && !second);
    CHECK(moved.try_next().error() == status::ended);
    CHECK(thrown([&] { (void)second.close(); }) == status::null);
}

static void patience_is_a_duration() {
    CHECK(idgen::patience(2s).ms() == 2000 && idgen::patience(1us).ms() == 1);
    CHECK(idgen::patience(-5s).ms() == 0 && idgen::forever.ms() == IDGEN_FOREVER);
    CHECK(idgen::patience(std::chrono::hours::max()).ms() == IDGEN_FOREVER);
    CHECK(idgen::patience(std::chrono::duration<double>(0.5)).ms() == 500);
    idgen::store ids("memory:");
    CHECK(ids.next("orders", idgen::forever) == 1);
}

static void threads_share_a_sequence() {
    idgen::store ids("memory:");
    auto orders = ids.open_sequence("orders");
    const std::size_t each = sliced(5000, 10);
    std::vector<std::vector<std::uint64_t>> got(8);
    std::vector<std::thread> running;
    for (auto& part : got) {
        running.emplace_back([&] {
            while (part.size() < each) part.push_back(orders.next(10s));
        });
    }
    for (auto& thread : running) thread.join();
    std::vector<std::uint64_t> all;
    for (const auto& part : got) all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end() && all.size() == 8 * each);
}

int main() {
    test("ids_are_durable_in_three_calls", ids_are_durable_in_three_calls);
    test("a_sequence_gives_ids_in_each_way", a_sequence_gives_ids_in_each_way);
    test("an_id_space_gives_ids_in_each_way", an_id_space_gives_ids_in_each_way);
    test("a_failure_names_its_cause", a_failure_names_its_cause);
    test("what_was_moved_or_closed_is_none", what_was_moved_or_closed_is_none);
    test("patience_is_a_duration", patience_is_a_duration);
    test("threads_share_a_sequence", threads_share_a_sequence);
    return verdict();
}
