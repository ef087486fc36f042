#include <idgen.h>
#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    char why[256];
    idgen_store *store;
    uint64_t id;
    if (idgen_open("sqlite:ids.db", NULL, &store, why, sizeof why) != IDGEN_STATUS_OK) {
        fprintf(stderr, "ids.db: %s\n", why);
        return 1;
    }
    idgen_status status = idgen_next(store, "orders", 5000, &id, why, sizeof why);
    if (status == IDGEN_STATUS_OK)
        printf("%" PRIu64 "\n", id);
    else
        fprintf(stderr, "orders: %s\n", why);
    idgen_close(&store, NULL);
    return status == IDGEN_STATUS_OK ? 0 : 1;
}
