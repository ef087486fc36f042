// Errors returned in a program that has exceptions: what a source throws stays inside.

#define IDGEN_NO_EXCEPTIONS 1
#include <idgen.hpp>

#include <stdexcept>

#include "check.hpp"

static void what_a_source_throws_is_a_failure() {
    idgen::segment_cursor orders;
    const auto broken = [](auto, auto) -> idgen::range { throw std::runtime_error("away"); };
    CHECK(orders.refill(broken, 5).error() == idgen::status::source_failed);
    CHECK(orders.try_refill(broken, 5).error() == idgen::status::source_failed);
    // The refill is over: the next one finds its way.
    const auto store = [](auto len, auto above) { return idgen::range(above + 1, 1, len); };
    CHECK(orders.refill(store, 5).value() && orders.next().value() == 1);
}

static void a_call_answers_a_result() {
    idgen::snowflake ids(idgen::layout{}, idgen::lease{});
    CHECK(ids.made().error() == idgen::status::bad_layout);
    CHECK(ids.next().error() == idgen::status::bad_state);
}

int main() {
    test("what_a_source_throws_is_a_failure", what_a_source_throws_is_a_failure);
    test("a_call_answers_a_result", a_call_answers_a_result);
    return verdict();
}
