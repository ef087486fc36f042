// Durable ids with errors returned; built with -fno-exceptions.

#include <idgen.hpp>

#include <string>

#include "check.hpp"

#ifndef IDGEN_NO_EXCEPTIONS
#error "build this program with -fno-exceptions"
#endif

using idgen::status;
using namespace std::chrono_literals;

static void a_store_answers_results() {
    idgen::store ids("memory:");
    CHECK(ids.made() && ids.next("orders").value() == 1);
    auto orders = ids.open_sequence("orders");
    CHECK(orders && (*std::move(orders)).next().value() == 2);
    idgen::sequence again = *ids.open_sequence("orders", idgen::definition{}, 5s);
    CHECK(again.next(0ms).has_value() && again.take(2) && again.last() && again.definition());
    idgen::snowflakes events = *ids.open_snowflakes("events", 7);
    CHECK(events.next() && events.take(2) && events.worker().value() == 7);
    CHECK(ids.close() && again.next().error() == status::ended);
    CHECK(ids.next("orders").error() == status::null);
}

static void a_failure_names_its_cause() {
    std::string why;
    idgen::store none("nowhere://x", idgen::options{}, &why);
    CHECK(!none && none.made().error() == status::bad_url);
    CHECK(!why.empty() && why != idgen::message(status::bad_url));
    CHECK(none.open_sequence("orders").error() == status::null);
    idgen::store ids("memory:");
    why.clear();
    CHECK(ids.next("", 1s, &why).error() == status::bad_name && !why.empty());
}

int main() {
    test("a_store_answers_results", a_store_answers_results);
    test("a_failure_names_its_cause", a_failure_names_its_cause);
    return verdict();
}
