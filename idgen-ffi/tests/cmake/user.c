/* A user's program: ids come out, and the library is that of the header, and of the package. */

#include <stdio.h>
#include <string.h>

#include <idgen.h>

int main(int count, char **words)
{
    static idgen_segment_cursor orders;
    uint64_t id = 0;
    int is_ok = idgen_abi_version() == IDGEN_ABI_VERSION;
    is_ok &= count < 2 || strcmp(words[1], idgen_version()) == 0;
    is_ok &= idgen_segment_init(&orders) == IDGEN_STATUS_OK;
    is_ok &= idgen_segment_supply(&orders, (idgen_range){17, 1, 10}) == IDGEN_STATUS_OK;
    is_ok &= idgen_segment_next(&orders, &id) == IDGEN_STATUS_OK && id == 17;
    printf("test result: %s. %d passed; %d failed; 0 ignored\n", is_ok ? "ok" : "FAILED", is_ok,
           !is_ok);
    return is_ok ? 0 : 1;
}
