// Keeps the workers running. Answers no visitor and records nothing, so that there is little in it that could
// die; what it does beside its children is small: the catalog's files, the admin port, reloads and upgrades.

#include "tracker/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tracker/listen.h"
#include "tracker/pid_file.h"
#include "tracker/supervisor_internal.h"

#define TICK_MS           100
#define KILL_AFTER_MS     5000 // beyond the time for open requests

// The sockets go first: what the supervisor keeps open would still collect connections.
void supervisor_stop(struct supervisor *supervisor)
{
    supervisor->stopping = supervisor->children.stopping = true;
    supervisor->kill_ms =
        clock_monotonic_ms() + (uint64_t)supervisor->settings->config.drain_ms + KILL_AFTER_MS;
    children_close_sockets(&supervisor->children);
    log_event(LOG_INFO, "supervisor.stopping", log_uint("workers", children_running(&supervisor->children)),
              log_int("successor", supervisor->shared->relieved ? supervisor->successor.pid : 0));
    children_signal(&supervisor->children, SIGTERM);
}

// --- Events ----------------------------------------------------------------------------------

static void children_reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (!children_ended(&supervisor->children, pid, status) && pid == supervisor->successor.pid)
            upgrade_successor_ended(supervisor, status);
    if (supervisor->children.deaths > supervisor->admin->restarts) {
        metric_set(&supervisor->admin->restarts, supervisor->children.deaths);
        supervisor->shared->orphans++; // what they recorded is looked for at once
    }
}

static bool all_workers(struct supervisor *supervisor, uint64_t now_ms, bool listening)
{
    for (unsigned i = 0; i < supervisor->children.n; i++) {
        const struct shared_worker *worker = &supervisor->shared->worker[i];
        if (!admin_worker_alive(worker, now_ms) ||
            (listening && __atomic_load_n(&worker->counters.listening, __ATOMIC_RELAXED) == 0))
            return false;
    }
    return true;
}

static void pid_tell(const struct supervisor *supervisor)
{
    const char *path = supervisor->settings->config.pid_file;
    int r = path[0] ? pid_file_write(path) : 0;

    if (r)
        log_event(LOG_ERROR, "supervisor.pid_not_written", log_str("path", path), log_errno(r));
}

static int ready_tell(struct supervisor *supervisor)
{
    int r = supervisor->took_over ? upgrade_finish(supervisor) : 0;

    if (r)
        return r;
    pid_tell(supervisor);
    if (supervisor->predecessor.channel < 0)
        program_ready();
    else
        log_event(LOG_INFO, "program.ready", log_str("version", CLICKLEDGER_VERSION),
                  log_bool("upgrade", true)); // systemd hears of it from its main process until now
    return 0;
}

// What cannot start its workers leaves everything to its predecessor; without one it tries again for ever.
static void start_tick(struct supervisor *supervisor, uint64_t now_ms)
{
    if (supervisor->predecessor.channel >= 0 && supervisor->children.deaths > 0)
        supervisor->failed = -ECHILD;
    else if (!supervisor->shared->open)
        supervisor->shared->open = all_workers(supervisor, now_ms, false);
    else if (all_workers(supervisor, now_ms, true)) {
        supervisor->ready = true;
        supervisor->failed = ready_tell(supervisor);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;
    uint64_t now_ms = clock_monotonic_ms();

    (void)fd;
    (void)what;
    children_reap(supervisor);
    supervisor->admin->catalog_heard_ms =
        supervisor->catalog_sync ? catalog_sync_heard_ms(supervisor->catalog_sync) : 0;
    if (!supervisor->stopping)
        children_start_due(&supervisor->children, now_ms);
    else if (now_ms >= supervisor->kill_ms)
        children_signal(&supervisor->children, SIGKILL);
    if (!supervisor->ready && !supervisor->stopping)
        start_tick(supervisor, now_ms);
    upgrade_tick(supervisor, now_ms);
}

static void on_died(evutil_socket_t fd, short what, void *ctx)
{
    on_tick(fd, what, ctx);
}

// Asked twice, or while it drains behind a successor: in haste.
static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct supervisor *supervisor = ctx;

    (void)fd;
    (void)what;
    __atomic_store_n(&supervisor->shared->relieved, false, __ATOMIC_RELAXED);
    if (supervisor->stopping)
        return;
    if (supervisor->successor.pid > 0)
        kill(supervisor->successor.pid, SIGTERM);
    supervisor_stop(supervisor);
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
    reference_reload(supervisor->children.reference, &supervisor->settings->config);
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

static int socket_bind(const char *host, int64_t port, bool shared)
{
    int fd = listen_bind(host, (uint16_t)port, shared);

    if (fd < 0)
        log_event(LOG_ERROR, "supervisor.bind_failed", log_str("host", host), log_int("port", port),
                  log_errno(fd));
    return fd;
}

// What was taken over, and more where there are more workers now. None is closed where there are fewer: what
// waits in its queue would be lost.
static int sockets_bind(struct supervisor *supervisor, const struct takeover *takeover)
{
    const struct tracker_config *config = &supervisor->settings->config;
    struct children *children = &supervisor->children;

    memcpy(children->socket, takeover->listen_fd, sizeof(children->socket));
    for (children->n_sockets = takeover->n; children->n_sockets < children->n; children->n_sockets++) {
        int fd = socket_bind(config->host, config->port, true);
        if (fd < 0)
            return fd;
        children->socket[children->n_sockets] = fd;
    }
    supervisor->admin_fd = takeover->admin_fd;
    if (supervisor->admin_fd < 0)
        supervisor->admin_fd = socket_bind(config->admin_host, config->admin_port, false);
    return min_of(supervisor->admin_fd, 0);
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
    supervisor->admin->workers = supervisor->children.n;
    supervisor->children.shared = shared;
    supervisor->shared->open = !supervisor->took_over;
    settings_publish(&supervisor->shared->settings, supervisor->settings);
    return 0;
}

// A successor answers it when it is ready.
static int admin_start(struct supervisor *supervisor)
{
    supervisor->admin_source = admin_source_of(supervisor->admin);
    supervisor->server = admin_new(supervisor->base, &supervisor->admin_source);
    if (!supervisor->server)
        return -errno;
    return supervisor->took_over ? 0 : http_server_adopt(supervisor->server, supervisor->admin_fd);
}

int supervisor_follow_catalog(struct supervisor *supervisor)
{
    char dir[320];

    snprintf(dir, sizeof(dir), "%s/catalog", supervisor->settings->config.state);
    supervisor->redis = options_redis(&supervisor->settings->config);
    return catalog_sync_new(&supervisor->catalog_sync, supervisor->base, dir, &supervisor->redis,
                            &supervisor->shared->catalog);
}

static int signal_take(struct supervisor *supervisor, int number, event_callback_fn callback,
                       struct event **event)
{
    *event = evsignal_new(supervisor->base, number, callback, supervisor);
    return *event && event_add(*event, NULL) == 0 ? 0 : -ENOMEM;
}

static int events_start(struct supervisor *supervisor)
{
    const struct timeval tick = {.tv_usec = TICK_MS * 1000};

    supervisor->tick = event_new(supervisor->base, -1, EV_PERSIST, on_tick, supervisor);
    if (!supervisor->tick || event_add(supervisor->tick, &tick) != 0 ||
        signal_take(supervisor, SIGTERM, on_stop, &supervisor->term) ||
        signal_take(supervisor, SIGINT, on_stop, &supervisor->interrupt) ||
        signal_take(supervisor, SIGCHLD, on_died, &supervisor->died) ||
        signal_take(supervisor, SIGHUP, on_reload, &supervisor->reload) ||
        signal_take(supervisor, SIGUSR2, upgrade_on_signal, &supervisor->upgrade))
        return -ENOMEM;
    return upgrade_watch_predecessor(supervisor);
}

static int supervisor_start(struct supervisor *supervisor, const struct takeover *takeover)
{
    int r = folder_make(supervisor->settings->config.state);

    if (r == 0)
        r = reference_new(&supervisor->children.reference, &supervisor->settings->config);
    if (r == 0)
        r = memory_map(supervisor);
    if (r == 0)
        r = sockets_bind(supervisor, takeover);
    supervisor->base = event_base_new();
    if (r == 0 && !supervisor->base)
        r = -ENOMEM;
    if (r == 0)
        r = admin_start(supervisor);
    if (r == 0)
        r = supervisor_follow_catalog(supervisor);
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
    event_end(supervisor->upgrade);
    upgrade_end(supervisor);
    pid_file_remove(supervisor->settings->config.pid_file);
    supervisor->catalog_sync = catalog_sync_free(supervisor->catalog_sync);
    supervisor->server = http_server_free(supervisor->server);
    if (supervisor->base)
        event_base_free(supervisor->base);
    supervisor->children.reference = reference_free(supervisor->children.reference);
    free(supervisor->admin);
    free(supervisor);
}

// As it was called, so that it is found also when another file or link stands there; a program that was found
// in PATH by the name of what runs.
static void path_note(struct supervisor *supervisor)
{
    const char *name = supervisor->argv[0];
    ssize_t len = strchr(name, '/') ? -1 : readlink("/proc/self/exe", supervisor->path, PATH_MAX - 1);

    if (len <= 0)
        snprintf(supervisor->path, PATH_MAX, "%s", name);
}

int supervisor_run(const struct program *program, struct settings *settings, char *const argv[],
                   const struct takeover *takeover)
{
    struct supervisor *supervisor = calloc(1, sizeof(*supervisor));

    if (!supervisor)
        return -ENOMEM;
    supervisor->program = program;
    supervisor->settings = settings;
    supervisor->argv = argv;
    supervisor->predecessor.channel = takeover->channel;
    supervisor->took_over = takeover->channel >= 0;
    supervisor->children.n = (unsigned)settings->config.workers;
    supervisor->children.settings = settings;
    path_note(supervisor);
    int r = supervisor_start(supervisor, takeover);
    if (r == 0)
        children_start_due(&supervisor->children, clock_monotonic_ms());
    while (r == 0 && (!supervisor->stopping || children_running(&supervisor->children) > 0)) {
        event_base_loop(supervisor->base, EVLOOP_ONCE);
        http_server_flush(supervisor->server);
        r = supervisor->failed;
    }
    supervisor_end(supervisor);
    return r;
}
