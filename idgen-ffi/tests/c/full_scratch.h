/* What the test programs for libidgen-full share: a scratch directory, and processes that tell
 * their ids through a pipe. Include it first, as crowd.h.
 */

#ifndef FULL_SCRATCH_H
#define FULL_SCRATCH_H

#include "crowd.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON 10000

static char scratch[64];
static char why[256];

static inline void scratch_make(void)
{
    strcpy(scratch, "/tmp/idgen-full-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        abort();
}

/* Removes what scratch_make made, and answers what finish answers. */
static inline int scratch_finish(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r '%s'", scratch);
    CHECK_EQUAL(0, (uint64_t)system(command));
    return finish();
}

/* "sqlite:" and a file of this name in the scratch directory. */
static inline const char *scratch_url(const char *name)
{
    static char url[128];
    snprintf(url, sizeof url, "sqlite:%s/%s", scratch, name);
    return url;
}

/* The file of that URL. */
static inline const char *scratch_path(const char *name)
{
    return scratch_url(name) + strlen("sqlite:");
}

static inline idgen_store *scratch_open(const char *name, const idgen_options *options)
{
    idgen_store *store;
    CHECK_STATUS(OK, idgen_open(scratch_url(name), options, &store, why, sizeof why));
    return store;
}

static inline void scratch_close(idgen_store **store)
{
    idgen_close_report report = {7, 7};
    CHECK_STATUS(OK, idgen_close(store, &report));
    CHECK(*store == NULL);
    CHECK_EQUAL(0, report.lost_ids);
    CHECK_EQUAL(0, report.unfinished);
}

struct teller {
    pid_t pid;
    int ids;
};

static inline void tell(int ids, uint64_t id)
{
    if (write(ids, &id, sizeof id) != (ssize_t)sizeof id)
        _exit(1);
}

/* Forks a process that runs `body`, which writes ids to the descriptor that it gets. */
static inline struct teller teller_start(void (*body)(int ids))
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    fflush(stdout);
    struct teller teller = {fork(), ends[0]};
    if (teller.pid < 0)
        abort();
    if (teller.pid == 0) {
        close(ends[0]);
        body(ends[1]);
        /* Told, for its exit status is Valgrind's where it looks for what threads left behind. */
        tell(ends[1], atomic_load(&check_failures));
        _exit(0);
    }
    close(ends[1]);
    return teller;
}

/* Reads up to `room` ids till the teller has no more; how many. */
static inline size_t teller_read(const struct teller *teller, uint64_t *ids, size_t room)
{
    size_t have = 0;
    while (have < room * sizeof *ids) {
        ssize_t got = read(teller->ids, (char *)ids + have, room * sizeof *ids - have);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have / sizeof *ids;
}

/* Waits for its end; `killed` says whether it was killed, else it must find all its checks so. */
static inline void teller_end(const struct teller *teller, int killed)
{
    int status = 0;
    uint64_t failures = 0;
    if (!killed) {
        CHECK_EQUAL(1, teller_read(teller, &failures, 1));
        CHECK_EQUAL(0, failures);
    }
    close(teller->ids);
    if (waitpid(teller->pid, &status, 0) != teller->pid)
        abort();
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) == killed);
}

#endif /* FULL_SCRATCH_H */
