// A user's program in C++.

#include <cstdio>

#include <idgen.hpp>

int main()
{
    idgen_segment_cursor orders;
    std::uint64_t id = 0;
    bool is_ok = idgen_segment_init(&orders) == IDGEN_STATUS_OK;
    is_ok = is_ok && idgen_segment_supply(&orders, idgen_range{17, 1, 10}) == IDGEN_STATUS_OK;
    is_ok = is_ok && idgen_segment_next(&orders, &id) == IDGEN_STATUS_OK && id == 17;
    std::printf("test result: %s. %d passed; %d failed; 0 ignored\n", is_ok ? "ok" : "FAILED",
                is_ok ? 1 : 0, is_ok ? 0 : 1);
    return is_ok ? 0 : 1;
}
