#include <idgen.h>
#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    idgen_segment_cursor orders;
    idgen_range segment = { .start = 1, .step = 1, .len = 1000 }; /* leased from your store */
    uint64_t id;
    idgen_status status = idgen_segment_init(&orders);
    if (status == IDGEN_STATUS_OK)
        status = idgen_segment_supply(&orders, segment);
    if (status == IDGEN_STATUS_OK)
        status = idgen_segment_next(&orders, &id);
    if (status != IDGEN_STATUS_OK) {
        fprintf(stderr, "%s\n", idgen_status_str(status));
        return 1;
    }
    printf("%" PRIu64 "\n", id);
    return 0;
}
