// Workers as processes. Owner: the supervisor. A worker that dies early again and again is started at growing
// intervals, at most RESTART_MS_MAX apart.
//
// Workers die with their supervisor (PR_SET_PDEATHSIG): their journals are safe at any moment, and a worker
// without a supervisor would answer by an old catalog for ever.

#include "tracker/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tracker/worker.h"

#define RESTART_MS_MIN  50
#define RESTART_MS_MAX  5000
#define SETTLED_MS      10000 // a worker that lived so long is started again at once
#define CHILD_LISTEN_FD 3     // the first of a worker's sockets; the others follow

// Everything of the supervisor but the worker's own sockets is closed: its loop, its link to Redis, the
// others' sockets. Returns how many sockets there are, 0 when they cannot be had.
static unsigned child_sockets(const struct children *children, unsigned index, int own[TRACKER_WORKERS_MAX])
{
    unsigned n = 0;

    for (unsigned i = index; i < children->n_sockets;
         i += children->n) // aside first: nobody may be overwritten
        own[n++] = fcntl(children->socket[i], F_DUPFD, CHILD_LISTEN_FD + TRACKER_WORKERS_MAX);
    for (unsigned i = 0; i < n; i++) {
        int fd = CHILD_LISTEN_FD + (int)i;
        if (own[i] < 0 || dup2(own[i], fd) != fd)
            return 0;
        own[i] = fd;
    }
    closefrom(CHILD_LISTEN_FD + (int)n);
    return n;
}

static _Noreturn void child_main(const struct children *children, unsigned index, uint64_t generation,
                                 pid_t parent, const sigset_t *mask)
{
    int sockets[TRACKER_WORKERS_MAX];
    const struct worker_options options = {.settings = children->settings,
                                           .reference = children->reference,
                                           .shared = children->shared,
                                           .generation = generation,
                                           .index = index,
                                           .listen_fds = sockets,
                                           .n_listen_fds = child_sockets(children, index, sockets)};

    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGINT, SIG_IGN); // the supervisor says when
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (options.n_listen_fds == 0 || getppid() != parent)
        _exit(EXIT_FAILURE);
    sigprocmask(SIG_SETMASK, mask, NULL);
    log_open("tracker", (enum log_level)children->settings->config.log.level);
    int r = worker_run(&options);
    if (r)
        log_event(LOG_ERROR, "worker.failed", log_uint("worker", index), log_errno(r));
    _exit(r ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void child_start(struct children *children, unsigned index, uint64_t now_ms)
{
    struct child *child = &children->child[index];
    struct counters *counters = &children->shared->worker[index].counters;
    sigset_t all, mask;
    pid_t parent = getpid();
    uint64_t generation = children->shared->settings.turn / 2; // the child gets a copy of these settings

    metric_set(&counters->beat_ms, 0);
    metric_set(&counters->listening, 0);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0)
        child_main(children, index, generation, parent, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    child->started_ms = now_ms;
    if (pid < 0) {
        log_event(LOG_ERROR, "supervisor.fork_failed", log_errno(errno));
        child->start_ms = now_ms + RESTART_MS_MAX;
        return;
    }
    child->pid = pid;
}

static void child_ended(struct children *children, struct child *child, int status)
{
    uint64_t now_ms = clock_monotonic_ms(), wait_ms = 0;

    child->pid = 0;
    if (children->stopping)
        return;
    child->failures = now_ms - child->started_ms >= SETTLED_MS ? 0 : child->failures + 1;
    if (child->failures > 0)
        wait_ms = min_of((uint64_t)RESTART_MS_MIN << min_of(child->failures, 16u), (uint64_t)RESTART_MS_MAX);
    child->start_ms = now_ms + wait_ms;
    children->deaths++;
    log_event(LOG_ERROR, "supervisor.worker_died", log_int("worker", child - children->child),
              log_int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
              log_int("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0), log_uint("start_in_ms", wait_ms));
}

bool children_ended(struct children *children, pid_t pid, int status)
{
    for (unsigned i = 0; i < children->n; i++)
        if (children->child[i].pid == pid) {
            child_ended(children, &children->child[i], status);
            return true;
        }
    return false;
}

void children_start_due(struct children *children, uint64_t now_ms)
{
    for (unsigned i = 0; !children->stopping && i < children->n; i++)
        if (children->child[i].pid == 0 && now_ms >= children->child[i].start_ms)
            child_start(children, i, now_ms);
}

void children_signal(struct children *children, int signal)
{
    for (unsigned i = 0; i < children->n; i++)
        if (children->child[i].pid > 0)
            kill(children->child[i].pid, signal);
}

unsigned children_running(const struct children *children)
{
    unsigned n = 0;

    for (unsigned i = 0; i < children->n; i++)
        n += children->child[i].pid > 0;
    return n;
}

void children_close_sockets(struct children *children)
{
    while (children->n_sockets > 0)
        close(children->socket[--children->n_sockets]);
}
