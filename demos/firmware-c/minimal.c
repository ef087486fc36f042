/* The least that mints: what libidgen adds to a firmware is the size of this one. */
#include <idgen.h>

#include "board.h"

static idgen_segment_cursor orders;

void ticked(void) {}

int main(void) {
    const idgen_range segment = {.start = 1, .step = 1, .len = 1000};
    uint64_t id = 0;
    idgen_segment_init(&orders);
    idgen_segment_supply(&orders, segment);
    return idgen_segment_next(&orders, &id) == IDGEN_STATUS_OK && id == 1 ? 0 : 1;
}
