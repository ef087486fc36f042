/* Durable ids from an SQLite file in three calls, and time-ordered ids from the same file.
 *
 *     cc full_durable.c $(pkg-config --cflags --libs idgen-full) && ./a.out
 */

#include <inttypes.h>
#include <stdio.h>

#include <idgen.h>

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "sqlite:ids.db";
    char why[256];
    uint64_t id;
    idgen_store *store;
    idgen_snowflakes *events = NULL;
    idgen_status status = idgen_open(url, NULL, &store, why, sizeof why);

    /* Run it again: orders go on where they stood. */
    for (int count = 0; count < 3 && status == IDGEN_STATUS_OK; count++) {
        status = idgen_next(store, "orders", 1000, &id, why, sizeof why);
        if (status == IDGEN_STATUS_OK)
            printf("order %" PRIu64 "\n", id);
    }
    if (status == IDGEN_STATUS_OK)
        status = idgen_snowflakes_open(store, "events", NULL, IDGEN_ANY_WORKER, 5000, &events, why,
                                       sizeof why);
    if (status == IDGEN_STATUS_OK)
        status = idgen_snowflakes_next(events, 1000, &id, why, sizeof why);
    if (status == IDGEN_STATUS_OK)
        printf("event %" PRIu64 "\n", id);
    else
        fprintf(stderr, "%s: %s\n", url, why);

    /* Hands back what was not issued, and releases the worker id. NULL pointers are no matter. */
    idgen_snowflakes_close(&events);
    idgen_close(&store, NULL);
    return status != IDGEN_STATUS_OK;
}
