/* Serial ids out of a file: each segment is on disk before an id of it is issued, so that no crash
 * repeats one.
 *
 *     serial [DIRECTORY]
 *
 * The directory holds the mark: the highest id that was ever granted. Run it twice with the same
 * one, and the second run goes on where the first ended. Without one it uses a directory that it
 * throws away. POSIX.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <idgen.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IDS = 2500, SEGMENT = 1000 };

/* Where the mark is kept. One process at a time has it: the lock goes with the process. */
struct store {
    int directory;
    int lock;
    uint64_t mark;
};

static void complain(const char *what)
{
    fprintf(stderr, "serial: %s: %s\n", what, strerror(errno));
}

/* Writes the text and makes it durable; whoever opens the file later finds all of it. */
static int write_durably(int file, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t written = write(file, text, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        len -= (size_t)written;
    }
    return fsync(file);
}

/* Replaces the mark. A crash leaves the old one or the new one, never a part of it; 0 is answered
 * only when the new one is sure to stay. */
static int save_mark(struct store *store, uint64_t mark)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "\n", mark);
    int file = openat(store->directory, "mark.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        return -1;
    int failed = write_durably(file, text);
    if (close(file) != 0 || failed)
        return -1;
    if (renameat(store->directory, "mark.new", store->directory, "mark") != 0)
        return -1;
    return fsync(store->directory);
}

/* No file: nothing was ever granted. A file that holds no mark is a defect, not a 0. */
static int load_mark(struct store *store)
{
    char text[32] = "";
    int file = openat(store->directory, "mark", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    if (len >= 2 && text[len - 1] == '\n' &&
        idgen_text_decode(text, (size_t)len - 1, IDGEN_FORM_DECIMAL, &store->mark) ==
            IDGEN_STATUS_OK)
        return 0;
    fprintf(stderr, "serial: the file mark holds no id; write one above all that were issued\n");
    errno = EINVAL;
    return -1;
}

static int open_store(struct store *store, const char *path)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    store->mark = 0;
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return -1;
    store->lock = openat(store->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock < 0)
        return -1;
    if (fcntl(store->lock, F_SETLK, &whole) != 0) {
        fprintf(stderr, "serial: another process has the lock; end it or name another directory\n");
        return -1;
    }
    return load_mark(store);
}

/* The source: what it answers with OK is durable. An error after the mark was written costs a gap
 * at most. */
static int32_t grant(void *context, uint64_t len, uint64_t above, idgen_range *segment)
{
    struct store *store = context;
    if (store->mark < above || len > UINT64_MAX - store->mark) {
        fprintf(stderr, "serial: the mark went back or has reached the last id\n");
        return IDGEN_STATUS_SOURCE_FAILED;
    }
    if (save_mark(store, store->mark + len) != 0) {
        complain("the mark");
        return IDGEN_STATUS_SOURCE_FAILED;
    }
    *segment = (idgen_range){ .start = store->mark + 1, .step = 1, .len = len };
    store->mark += len;
    return IDGEN_STATUS_OK;
}

/* Takes a range back if nothing above it was granted; else it stays a gap. */
static int hand_back(struct store *store, idgen_range rest)
{
    uint64_t last;
    if (idgen_range_last(&rest, &last) != IDGEN_STATUS_OK || last != store->mark)
        return 0;
    if (save_mark(store, rest.start - 1) != 0)
        return -1;
    store->mark = rest.start - 1;
    return 0;
}

/* The next id, with a refill ahead of need. A service does that on a thread of its own. */
static idgen_status next_id(idgen_segment_cursor *orders, struct store *store, uint64_t *id)
{
    uint32_t needed = 0;
    idgen_status status = idgen_segment_needs_refill(orders, &needed);
    if (status == IDGEN_STATUS_OK && needed) {
        status = idgen_segment_refill(orders, grant, store, SEGMENT, NULL);
        /* While ids are at hand, a store that is away for a moment is no reason to stop. */
        if (status != IDGEN_STATUS_OK)
            fprintf(stderr, "serial: refill: %s\n", idgen_status_str(status));
    }
    return idgen_segment_next(orders, id);
}

static int issue(struct store *store)
{
    /* The block stays here: it is bound to its address. */
    idgen_segment_cursor orders;
    idgen_status status = idgen_segment_init(&orders);
    uint64_t first = 0, last = 0;
    for (int at = 0; at < IDS && status == IDGEN_STATUS_OK; at++) {
        status = next_id(&orders, store, &last);
        if (at == 0)
            first = last;
    }
    if (status != IDGEN_STATUS_OK) {
        fprintf(stderr, "serial: %s\n", idgen_status_str(status));
        return -1;
    }
    printf("%d ids from %" PRIu64 " to %" PRIu64 "\n", (int)IDS, first, last);

    /* A clean stop leaves no gap: what is left goes back, the highest first. */
    idgen_range tail, standby;
    status = idgen_segment_retire(&orders, &tail, &standby);
    if (status != IDGEN_STATUS_OK || hand_back(store, standby) || hand_back(store, tail))
        return -1;
    printf("handed back %" PRIu64 ", the mark is %" PRIu64 "\n", tail.len + standby.len,
           store->mark);
    return 0;
}

static void remove_store(const struct store *store, const char *path)
{
    unlinkat(store->directory, "mark", 0);
    unlinkat(store->directory, "lock", 0);
    rmdir(path);
}

int main(int argc, char **argv)
{
    char thrown_away[] = "/tmp/idgen-serial-XXXXXX";
    const char *path = argc > 1 ? argv[1] : mkdtemp(thrown_away);
    struct store store;
    if (!path || open_store(&store, path) != 0) {
        complain(path ? path : "/tmp");
        return 1;
    }
    int failed = issue(&store);
    if (argc < 2)
        remove_store(&store, path);
    close(store.lock);
    close(store.directory);
    return failed ? 1 : 0;
}
