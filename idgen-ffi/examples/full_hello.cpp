#include <idgen.hpp>
#include <iostream>

int main() {
    try {
        idgen::store store("sqlite:ids.db");
        idgen::sequence orders = store.open_sequence("orders");
        for (std::uint64_t id : orders.take(10)) std::cout << id << '\n';
        idgen::snowflakes events = store.open_snowflakes("events");
        std::cout << events.next() << '\n';
    } catch (const idgen::error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
