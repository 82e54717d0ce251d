// An upgrade: a successor with the same sockets starts its workers, which listen when all of them live. It
// says so, and only then we stop to accept, drain and end. Whatever happens to it before that, everything
// stays as it was. Owner: the supervisor. Limits: TAKEOVER_MS_MAX to get ready; one upgrade at a time, and
// the next one when the old tracker has gone.

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/program.h"
#include "tracker/supervisor_internal.h"

#define TAKEOVER_MS_MAX 30000

// --- The successor -----------------------------------------------------------------------------

static void successor_forget(struct supervisor *supervisor)
{
    if (supervisor->successor.event)
        event_free(supervisor->successor.event);
    if (supervisor->successor.pid > 0)
        close(supervisor->successor.channel);
    supervisor->successor = (struct successor){0};
}

// Before it took over: everything is as it was. The catalog's files had been left to it. Behind that: nobody
// serves the port, so there is nothing to wait for.
void upgrade_successor_ended(struct supervisor *supervisor, int status)
{
    successor_forget(supervisor);
    if (supervisor->stopping) {
        __atomic_store_n(&supervisor->shared->relieved, false, __ATOMIC_RELAXED);
        return;
    }
    metric_add(&supervisor->admin->upgrades_failed, 1);
    log_event(LOG_ERROR, "supervisor.upgrade_failed",
              log_int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
              log_int("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
              log_str("consequence", "the old program goes on"));
    int r = supervisor_follow_catalog(supervisor);
    if (r)
        log_event(LOG_ERROR, "supervisor.catalog_failed", log_errno(r));
}

static void relieved(struct supervisor *supervisor)
{
    char text[64];

    snprintf(text, sizeof(text), "MAINPID=%d", (int)supervisor->successor.pid);
    program_notify(text);
    __atomic_store_n(&supervisor->shared->relieved, true, __ATOMIC_RELAXED);
    http_server_drain(supervisor->server);
    http_server_close_unused(supervisor->server);
    supervisor_stop(supervisor);
}

static void on_successor(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;
    char word = 0;
    ssize_t n = read(fd, &word, 1);

    (void)what;
    if (n == 1 && word == TAKEOVER_READY && !supervisor->stopping)
        relieved(supervisor);
    else if (n == 0)
        event_del(supervisor->successor.event); // its end is told by SIGCHLD
}

static const char *upgrade_obstacle(const struct supervisor *supervisor)
{
    if (!supervisor->ready || supervisor->stopping)
        return "this tracker starts or stops itself";
    if (supervisor->successor.pid > 0)
        return "one is under way";
    return supervisor->predecessor.channel >= 0 ? "the one before it still drains" : NULL;
}

static void successor_start(struct supervisor *supervisor)
{
    struct successor *successor = &supervisor->successor;
    struct takeover takeover = {.admin_fd = supervisor->admin_fd, .n = supervisor->children.n_sockets};

    memcpy(takeover.listen_fd, supervisor->children.socket, sizeof(takeover.listen_fd));
    pid_t pid = takeover_start(&takeover, supervisor->settings->config.state, supervisor->path,
                               supervisor->argv, &successor->channel);
    if (pid < 0) {
        log_event(LOG_ERROR, "supervisor.fork_failed", log_errno((int)pid));
        return;
    }
    successor->pid = pid;
    successor->ready_by_ms = clock_monotonic_ms() + TAKEOVER_MS_MAX;
    successor->event =
        event_new(supervisor->base, successor->channel, EV_READ | EV_PERSIST, on_successor, supervisor);
    if (!successor->event || event_add(successor->event, NULL) != 0)
        kill(pid, SIGKILL);
    // Its supervisor writes the catalog's files from now on.
    supervisor->catalog_sync = catalog_sync_free(supervisor->catalog_sync);
    log_event(LOG_INFO, "supervisor.upgrade", log_str("path", supervisor->path), log_int("successor", pid));
}

void upgrade_on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;
    const char *obstacle = upgrade_obstacle(supervisor);

    (void)fd;
    (void)what;
    if (!obstacle) {
        successor_start(supervisor);
        return;
    }
    metric_add(&supervisor->admin->upgrades_failed, 1);
    log_event(LOG_ERROR, "supervisor.upgrade_refused", log_str("reason", obstacle));
}

void upgrade_tick(struct supervisor *supervisor, uint64_t now_ms)
{
    const struct successor *successor = &supervisor->successor;

    if (successor->pid <= 0 || supervisor->stopping || now_ms < successor->ready_by_ms)
        return;
    if (successor->event)
        event_del(successor->event); // too late: what it says now is not heard
    kill(successor->pid, SIGKILL);
}

// --- The predecessor ---------------------------------------------------------------------------

// Its end, in whatever way: what its workers recorded has no owner now.
static void on_predecessor(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;
    char word;

    (void)what;
    if (read(fd, &word, 1) > 0)
        return;
    event_free(supervisor->predecessor.event);
    close(fd);
    supervisor->predecessor = (struct predecessor){.channel = -1};
    metric_set(&supervisor->admin->predecessor, 0);
    supervisor->shared->orphans++;
    log_event(LOG_INFO, "supervisor.predecessor_gone", LOG_FIELDS_END);
}

int upgrade_watch_predecessor(struct supervisor *supervisor)
{
    struct predecessor *predecessor = &supervisor->predecessor;

    if (predecessor->channel < 0)
        return 0;
    metric_set(&supervisor->admin->predecessor, 1);
    predecessor->event =
        event_new(supervisor->base, predecessor->channel, EV_READ | EV_PERSIST, on_predecessor, supervisor);
    return predecessor->event && event_add(predecessor->event, NULL) == 0 ? 0 : -ENOMEM;
}

int upgrade_finish(struct supervisor *supervisor)
{
    static const char word = TAKEOVER_READY;
    int r = http_server_adopt(supervisor->server, supervisor->admin_fd);

    if (r)
        return r;
    metric_set(&supervisor->admin->upgrades_done, 1);
    if (supervisor->predecessor.channel >= 0) // it may have died in this moment: then nobody has to hear it
        (void)!write(supervisor->predecessor.channel, &word, 1);
    return 0;
}

void upgrade_end(struct supervisor *supervisor)
{
    successor_forget(supervisor);
    if (supervisor->predecessor.event)
        event_free(supervisor->predecessor.event);
}
