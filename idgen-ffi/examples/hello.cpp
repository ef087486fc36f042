#include <idgen.hpp>
#include <iostream>

int main() {
    using namespace std::chrono_literals;
    try {
        const auto now = std::chrono::system_clock::now();
        const auto lease = idgen::lease::assume(7, now, now + 10s);  // on your word
        idgen::snowflake ids(idgen::layout::preset("standard"), lease);
        std::cout << ids.next() << '\n';
        for (std::uint64_t id : ids.take(10)) std::cout << id << '\n';
    } catch (const idgen::error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
