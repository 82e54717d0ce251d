// Starts the workers and starts them again. Answers no visitor and records nothing, so that there is little
// in it that could die; what it does beside its children is small: the catalog's files, the admin port.
//
// Workers die with it (PR_SET_PDEATHSIG): their journals are safe at any moment, and a worker without a
// supervisor would answer by an old catalog for ever.

#include "tracker/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "tracker/admin.h"
#include "tracker/catalog_sync.h"
#include "tracker/listen.h"
#include "tracker/worker.h"

#define TICK_MS           100
#define RESTART_MS_MIN    50
#define RESTART_MS_MAX    5000
#define SETTLED_MS        10000 // a worker that lived so long is started again at once
#define KILL_AFTER_MS     5000  // beyond the time for open requests
#define CHILD_LISTEN_FD   3
#define ADMIN_CONNECTIONS 64

struct child {
    pid_t pid; // 0: not running
    int listen_fd;
    unsigned failures;             // in a row
    uint64_t started_ms, start_ms; // monotonic; start_ms: when to start it (again)
};

struct supervisor {
    const struct program *program;
    struct settings *settings;
    struct shared *shared;
    struct event_base *base;
    struct event *tick, *term, *interrupt, *died, *reload;
    struct http_server *server;
    struct redis_options redis;
    struct catalog_sync *catalog_sync;
    struct admin *admin;
    struct child child[TRACKER_WORKERS_MAX];
    unsigned n;
    bool ready, stopping;
    uint64_t kill_ms; // monotonic
};

// --- Children --------------------------------------------------------------------------------

// Everything of the supervisor but the worker's own socket is closed: its loop, its link to Redis, the
// others' sockets.
static _Noreturn void child_main(struct supervisor *supervisor, unsigned index, pid_t parent,
                                 const sigset_t *mask)
{
    const struct worker_options options = {supervisor->settings, supervisor->shared, index, CHILD_LISTEN_FD};
    bool moved = dup2(supervisor->child[index].listen_fd, CHILD_LISTEN_FD) == CHILD_LISTEN_FD;

    closefrom(CHILD_LISTEN_FD + 1);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGINT, SIG_IGN); // the supervisor says when
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!moved || getppid() != parent)
        _exit(EXIT_FAILURE);
    sigprocmask(SIG_SETMASK, mask, NULL);
    log_open("tracker", (enum log_level)supervisor->settings->config.log.level);
    int r = worker_run(&options);
    if (r)
        log_event(LOG_ERROR, "worker.failed", log_uint("worker", index), log_errno(r));
    _exit(r ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void child_start(struct supervisor *supervisor, unsigned index, uint64_t now_ms)
{
    struct child *child = &supervisor->child[index];
    sigset_t all, mask;
    pid_t parent = getpid();

    metric_set(&supervisor->shared->worker[index].counters.beat_ms, 0);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0)
        child_main(supervisor, index, parent, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    child->started_ms = now_ms;
    if (pid < 0) {
        log_event(LOG_ERROR, "supervisor.fork_failed", log_errno(errno));
        child->start_ms = now_ms + RESTART_MS_MAX;
        return;
    }
    child->pid = pid;
}

static void child_ended(struct supervisor *supervisor, struct child *child, int status)
{
    uint64_t now_ms = clock_monotonic_ms(), wait_ms = 0;

    child->pid = 0;
    if (supervisor->stopping)
        return;
    child->failures = now_ms - child->started_ms >= SETTLED_MS ? 0 : child->failures + 1;
    if (child->failures > 0)
        wait_ms = min_of((uint64_t)RESTART_MS_MIN << min_of(child->failures, 16u), (uint64_t)RESTART_MS_MAX);
    child->start_ms = now_ms + wait_ms;
    metric_add(&supervisor->admin->restarts, 1);
    log_event(LOG_ERROR, "supervisor.worker_died", log_int("worker", child - supervisor->child),
              log_int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
              log_int("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0), log_uint("start_in_ms", wait_ms));
}

static void children_reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (unsigned i = 0; i < supervisor->n; i++)
            if (supervisor->child[i].pid == pid)
                child_ended(supervisor, &supervisor->child[i], status);
}

static void children_start_due(struct supervisor *supervisor, uint64_t now_ms)
{
    for (unsigned i = 0; i < supervisor->n; i++)
        if (supervisor->child[i].pid == 0 && now_ms >= supervisor->child[i].start_ms)
            child_start(supervisor, i, now_ms);
}

static void children_signal(struct supervisor *supervisor, int signal)
{
    for (unsigned i = 0; i < supervisor->n; i++)
        if (supervisor->child[i].pid > 0)
            kill(supervisor->child[i].pid, signal);
}

static unsigned children_running(const struct supervisor *supervisor)
{
    unsigned n = 0;

    for (unsigned i = 0; i < supervisor->n; i++)
        n += supervisor->child[i].pid > 0;
    return n;
}

// --- Events ----------------------------------------------------------------------------------

static void ready_tell(struct supervisor *supervisor, uint64_t now_ms)
{
    for (unsigned i = 0; i < supervisor->n; i++)
        if (!admin_worker_alive(&supervisor->shared->worker[i], now_ms))
            return;
    supervisor->ready = true;
    program_ready();
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;
    uint64_t now_ms = clock_monotonic_ms();

    (void)fd;
    (void)what;
    children_reap(supervisor);
    supervisor->admin->catalog_heard_ms = catalog_sync_heard_ms(supervisor->catalog_sync);
    if (!supervisor->stopping)
        children_start_due(supervisor, now_ms);
    else if (now_ms >= supervisor->kill_ms)
        children_signal(supervisor, SIGKILL);
    if (!supervisor->ready)
        ready_tell(supervisor, now_ms);
}

static void on_died(evutil_socket_t fd, short what, void *ctx)
{
    on_tick(fd, what, ctx);
}

// The sockets go first: what the supervisor keeps open would still collect connections.
static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;

    (void)fd;
    (void)what;
    if (supervisor->stopping)
        return;
    supervisor->stopping = true;
    supervisor->kill_ms =
        clock_monotonic_ms() + (uint64_t)supervisor->settings->config.drain_ms + KILL_AFTER_MS;
    for (unsigned i = 0; i < supervisor->n; i++)
        close(supervisor->child[i].listen_fd);
    log_event(LOG_INFO, "supervisor.stopping", log_uint("workers", children_running(supervisor)));
    children_signal(supervisor, SIGTERM);
}

// All or nothing: what is refused here has reached no worker.
static void on_reload(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;
    char error[SETTINGS_ERROR_BYTES];

    (void)fd;
    (void)what;
    if (supervisor->stopping)
        return;
    if (settings_reread(supervisor->settings, supervisor->program, error)) {
        metric_add(&supervisor->admin->reloads_refused, 1);
        log_event(LOG_ERROR, "supervisor.reload_refused", log_str("reason", error),
                  log_str("consequence", "the settings stay as they were"));
        return;
    }
    log_open("tracker", (enum log_level)supervisor->settings->config.log.level);
    settings_publish(&supervisor->shared->settings, supervisor->settings);
    metric_add(&supervisor->admin->reloads_done, 1);
    log_event(LOG_INFO, "supervisor.reloaded", log_uint("generation", supervisor->shared->settings.turn / 2));
}

// --- Life ------------------------------------------------------------------------------------

static int folder_make(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    int error = -errno;
    log_event(LOG_ERROR, "supervisor.folder_failed", log_str("path", path), log_errno(error));
    return error;
}

static int sockets_bind(struct supervisor *supervisor)
{
    const struct tracker_config *config = &supervisor->settings->config;

    for (unsigned i = 0; i < supervisor->n; i++) {
        int fd = listen_bind(config->host, (uint16_t)config->port);
        if (fd < 0) {
            log_event(LOG_ERROR, "supervisor.bind_failed", log_str("host", config->host),
                      log_int("port", config->port), log_errno(fd));
            return fd;
        }
        supervisor->child[i].listen_fd = fd;
    }
    return 0;
}

static int memory_map(struct supervisor *supervisor)
{
    void *shared =
        mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return -errno;
    supervisor->shared = shared;
    supervisor->admin = calloc(1, sizeof(*supervisor->admin));
    if (!supervisor->admin)
        return -ENOMEM;
    supervisor->admin->shared = supervisor->shared;
    supervisor->admin->workers = supervisor->n;
    settings_publish(&supervisor->shared->settings, supervisor->settings);
    return 0;
}

static int admin_start(struct supervisor *supervisor)
{
    const struct tracker_config *config = &supervisor->settings->config;
    const struct http_limits limits = {.connections_max = ADMIN_CONNECTIONS};

    supervisor->server = http_server_new(supervisor->base, &limits, admin_answer, supervisor->admin);
    if (!supervisor->server)
        return -errno;
    int r = http_server_listen(supervisor->server, config->admin_host, (uint16_t)config->admin_port, false);
    if (r)
        log_event(LOG_ERROR, "supervisor.bind_failed", log_str("host", config->admin_host),
                  log_int("port", config->admin_port), log_errno(r));
    return r;
}

static int catalog_start(struct supervisor *supervisor)
{
    char dir[320];

    snprintf(dir, sizeof(dir), "%s/catalog", supervisor->settings->config.state);
    supervisor->redis = options_redis(&supervisor->settings->config);
    return catalog_sync_new(&supervisor->catalog_sync, supervisor->base, dir, &supervisor->redis,
                            &supervisor->shared->catalog);
}

static int events_start(struct supervisor *supervisor)
{
    const struct timeval tick = {.tv_usec = TICK_MS * 1000};

    supervisor->tick = event_new(supervisor->base, -1, EV_PERSIST, on_tick, supervisor);
    supervisor->term = evsignal_new(supervisor->base, SIGTERM, on_stop, supervisor);
    supervisor->interrupt = evsignal_new(supervisor->base, SIGINT, on_stop, supervisor);
    supervisor->died = evsignal_new(supervisor->base, SIGCHLD, on_died, supervisor);
    supervisor->reload = evsignal_new(supervisor->base, SIGHUP, on_reload, supervisor);
    if (!supervisor->tick || !supervisor->term || !supervisor->interrupt || !supervisor->died ||
        !supervisor->reload)
        return -ENOMEM;
    bool added = event_add(supervisor->tick, &tick) == 0 && event_add(supervisor->term, NULL) == 0 &&
                 event_add(supervisor->interrupt, NULL) == 0 && event_add(supervisor->died, NULL) == 0 &&
                 event_add(supervisor->reload, NULL) == 0;
    return added ? 0 : -ENOMEM;
}

static int supervisor_start(struct supervisor *supervisor)
{
    int r = folder_make(supervisor->settings->config.state);

    if (r == 0)
        r = memory_map(supervisor);
    if (r == 0)
        r = sockets_bind(supervisor);
    supervisor->base = event_base_new();
    if (r == 0 && !supervisor->base)
        r = -ENOMEM;
    if (r == 0)
        r = admin_start(supervisor);
    if (r == 0)
        r = catalog_start(supervisor);
    if (r == 0)
        r = events_start(supervisor);
    return r;
}

static void event_end(struct event *event)
{
    if (event)
        event_free(event);
}

static void supervisor_end(struct supervisor *supervisor)
{
    event_end(supervisor->tick);
    event_end(supervisor->term);
    event_end(supervisor->interrupt);
    event_end(supervisor->died);
    event_end(supervisor->reload);
    supervisor->catalog_sync = catalog_sync_free(supervisor->catalog_sync);
    supervisor->server = http_server_free(supervisor->server);
    if (supervisor->base)
        event_base_free(supervisor->base);
    free(supervisor->admin);
    free(supervisor);
}

int supervisor_run(const struct program *program, struct settings *settings)
{
    struct supervisor *supervisor = calloc(1, sizeof(*supervisor));

    if (!supervisor)
        return -ENOMEM;
    supervisor->program = program;
    supervisor->settings = settings;
    supervisor->n = (unsigned)settings->config.workers;
    int r = supervisor_start(supervisor);
    if (r == 0)
        children_start_due(supervisor, clock_monotonic_ms());
    while (r == 0 && (!supervisor->stopping || children_running(supervisor) > 0)) {
        event_base_loop(supervisor->base, EVLOOP_ONCE);
        http_server_flush(supervisor->server);
    }
    supervisor_end(supervisor);
    return r;
}
