// Ids in C++: ranges in a for loop, a source as a lambda, refusals on the hot path.
//
// The store is a counter in memory here: a service asks one that is durable before it answers.

#include <idgen.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void serial() {
    idgen::segment_cursor orders;
    std::uint64_t mark = 0;
    const auto store = [&mark](std::uint64_t len, std::uint64_t) {
        const idgen::range segment(mark + 1, 1, len);
        mark = segment.back();
        return segment;
    };

    // Ahead of need; what the store throws comes out here.
    if (orders.needs_refill()) orders.refill(store, 1000);
    std::cout << "one: " << orders.next() << "\nten:";
    for (std::uint64_t id : orders.take(10)) std::cout << ' ' << id;

    // A batch is a few numbers, however long it is; arrays are filled where one is needed.
    const idgen::range batch = orders.take(900);
    std::vector<std::uint64_t> rows(50);
    const idgen::filling filled = orders.fill(rows);
    std::cout << "\nbatch: " << batch.front() << " to " << batch.back() << ", then "
              << filled.count << " rows up to " << rows.back() << '\n';

    // A clean stop hands back what was not issued.
    const idgen::left_over left = orders.retire();
    std::cout << "left: " << left.tail.size() + left.standby.size() << '\n';
}

// Refusals are ordinary answers on a hot path: try_next() does not throw.
static std::uint64_t next_of(idgen::snowflake& ids) {
    for (;;) {
        const auto id = ids.try_next();
        if (id) return *id;
        if (id.error() != idgen::status::not_yet) throw idgen::error(id.error());
        std::this_thread::sleep_for(id.wait());
    }
}

static void by_time() {
    // The promise: nobody else has worker 7 in these ten seconds, on any machine.
    const auto now = std::chrono::system_clock::now();
    const auto layout = idgen::layout::preset("standard");
    idgen::snowflake ids(layout, idgen::lease::assume(7, now, now + 10s));

    const std::uint64_t id = next_of(ids);
    const idgen::decoded parts = layout.decode(id);
    std::cout << id << " is " << idgen::to_string(id, idgen::form::base32) << ", of worker "
              << parts.worker << ", " << (parts.time() - now) / 1ms << " ms from the start\n";

    std::cout << "a tick's batch:";
    for (std::uint64_t one : ids.take(3)) std::cout << ' ' << one;
    const idgen::lease left = ids.end();
    std::cout << "\nthe next generator of worker 7 starts at " << left.floor_unix_ms << '\n';
}

int main() {
    try {
        serial();
        by_time();
    } catch (const std::exception& error) {
        std::cerr << "ids: " << error.what() << '\n';
        return 1;
    }
}
