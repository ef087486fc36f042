// Checks for test programs in C++: each prints its verdict, and the whole is told at the end.
//
//     int main() {
//         test("orders_rise", [] { CHECK(1 < 2); });
//         return verdict();
//     }

#ifndef IDGEN_TESTS_CHECK_HPP
#define IDGEN_TESTS_CHECK_HPP

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#if defined(__cpp_exceptions)
#include <exception>
#endif

inline int passed = 0;
inline int failed = 0;
inline bool is_good = true;

// Of the test at hand; it goes on, and fails at its end.
#define CHECK(what)                                                        \
    do {                                                                   \
        if (!(what)) {                                                     \
            is_good = false;                                               \
            std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
        }                                                                  \
    } while (false)

template <class Body>
bool ran(Body&& body) {
#if defined(__cpp_exceptions)
    try {
        body();
    } catch (const std::exception& thrown) {
        std::printf("thrown: %s\n", thrown.what());
        return false;
    }
#else
    body();
#endif
    return true;
}

template <class Body>
void test(const char* name, Body&& body) {
    is_good = true;
    const bool done = ran(std::forward<Body>(body));
    const bool good = done && is_good;
    std::printf("test %s ... %s\n", name, good ? "ok" : "FAILED");
    ++(good ? passed : failed);
}

// `whole`, or a part of it where every instruction is slow: IDGEN_SLICE=small says so.
inline std::size_t sliced(std::size_t whole, std::size_t part) {
    const char* slice = std::getenv("IDGEN_SLICE");
    return slice != nullptr && std::string_view(slice) == "small" ? whole / part : whole;
}

inline int verdict() {
    std::printf("test result: %s. %d passed; %d failed; 0 ignored\n", failed == 0 ? "ok" : "FAILED",
                passed, failed);
    return failed == 0 ? 0 : 1;
}

#endif
