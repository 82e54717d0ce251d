// The daemon's loop: do batches while there is something to do, then sleep until a notification, the end of
// the next hold, or LOOK_MS, whichever is first: so no lost notification delays work by more than LOOK_MS.
// Owner: main. One thread; PostgreSQL is used synchronously, the admin server is served between batches.

#include "attrib/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "attrib/admin.h"
#include "attrib/preview.h"
#include "attrib/sealer.h"
#include "attrib/session.h"
#include "base/clock.h"
#include "base/http_server.h"
#include "base/log.h"
#include "base/program.h"

#define LOOK_MS          1000 // idle: look for work; not connected, or standing by: try again
#define SEAL_MS          1000 // between two seals, so that they are batches
#define CLOCKS_DIFFER_MS 50   // a hold has ended by our clock and not by PostgreSQL's

struct loop {
    const struct attrib_config *config;
    struct event_base *base;
    struct http_server *admin;
    struct event *wake, *notified, *stop;
    struct session session;
    struct admin_state state;
    struct admin_source admin_source;
    uint64_t sealed_ms; // monotonic
    bool is_stopping, is_ready;
};

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct loop *loop = ctx;
    (void)fd;
    (void)what;
    loop->is_stopping = true;
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx; // the turn ends, which is all
}

// --- The session

static void session_drop(struct loop *loop)
{
    if (loop->notified)
        event_free(loop->notified);
    loop->notified = NULL;
    session_close(&loop->session);
    loop->state.connected = loop->state.leader = 0;
}

static bool session_make(struct loop *loop)
{
    if (session_open(&loop->session, loop->config->postgres.conninfo)) {
        loop->state.failures++;
        return false;
    }
    loop->notified = event_new(loop->base, pg_fd(loop->session.pg), EV_READ | EV_PERSIST, on_wake, loop);
    if (!loop->notified || event_add(loop->notified, NULL) < 0) {
        session_drop(loop);
        return false;
    }
    loop->state.connected = 1;
    return true;
}

static void failure_note(struct loop *loop, int r)
{
    loop->state.failures++;
    if (r < 0)
        log_event(LOG_ERROR, "batch.failed", log_errno(r));
    else
        log_event(LOG_ERROR, "batch.failed", log_str("sqlstate", pg_error(loop->session.pg)->sqlstate),
                  log_str("error", pg_error(loop->session.pg)->message));
    if (r == PG_LOST)
        session_drop(loop);
}

static bool leads(struct loop *loop)
{
    if (loop->session.is_leader)
        return true;
    int r = session_lead(&loop->session, false);
    if (r) {
        failure_note(loop, r);
        return false;
    }
    loop->state.leader = loop->session.is_leader;
    if (loop->session.is_leader)
        log_event(LOG_INFO, "attrib.leading");
    return loop->session.is_leader;
}

// --- Turns

static void turn(struct loop *loop, int flags)
{
    event_base_loop(loop->base, flags);
    http_server_flush(loop->admin);
}

// Batches until nothing is left. false: it failed.
static bool work_do(struct loop *loop)
{
    bool did = true;

    while (did && !loop->is_stopping) {
        int r = batch_run(loop->session.pg, &loop->state.counts, &did);
        if (r) {
            failure_note(loop, r);
            return false;
        }
        turn(loop, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    return true;
}

// One, so that batches go on behind it. false: it failed.
static bool preview_do(struct loop *loop)
{
    bool did = false;
    int r = preview_run(loop->session.pg, &did);

    if (r)
        failure_note(loop, r);
    return r == 0;
}

// false: it failed.
static bool seal_do(struct loop *loop)
{
    if (clock_monotonic_ms() < loop->sealed_ms + SEAL_MS)
        return true;
    int r = sealer_run(loop->session.pg, loop->config->seal_heads, &loop->state.seals);
    if (r)
        failure_note(loop, r);
    loop->sealed_ms = clock_monotonic_ms();
    return r == 0;
}

static unsigned sleep_ms(struct loop *loop)
{
    int64_t hold_us = 0, now_us = (int64_t)clock_wall_ms() * 1000;
    int r = session_hold_next(&loop->session, &hold_us);

    if (r) {
        failure_note(loop, r);
        return LOOK_MS;
    }
    if (hold_us == 0 || hold_us > now_us + LOOK_MS * 1000)
        return LOOK_MS;
    return hold_us <= now_us ? CLOCKS_DIFFER_MS : (unsigned)((hold_us - now_us) / 1000 + 1);
}

// What to sleep before the next look; 0: a notification is there already.
static unsigned loop_work(struct loop *loop)
{
    if (!loop->session.pg && !session_make(loop))
        return LOOK_MS;
    if (!loop->is_ready) {
        program_ready();
        loop->is_ready = true;
    }
    int r = pg_wait(loop->session.pg, 0); // what has come is being answered by what follows
    if (r == PG_LOST) {
        failure_note(loop, r);
        return LOOK_MS;
    }
    if (!leads(loop) || !work_do(loop) || !preview_do(loop) || !seal_do(loop) || !loop->session.pg)
        return LOOK_MS;
    unsigned ms = sleep_ms(loop);
    return loop->session.pg && pg_wait(loop->session.pg, 0) == 0 ? 0 : ms;
}

static void loop_run(struct loop *loop)
{
    while (!loop->is_stopping) {
        unsigned ms = loop_work(loop);
        struct timeval timeout = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
        uint64_t until_ms = clock_monotonic_ms() + ms;

        if (ms == 0)
            continue;
        // A turn may end early for an HTTP request; only a notification or the time ends the sleep.
        do {
            event_add(loop->wake, &timeout);
            turn(loop, EVLOOP_ONCE);
        } while (!loop->is_stopping && clock_monotonic_ms() < until_ms &&
                 !(loop->session.pg && pg_wait(loop->session.pg, 0) != PG_TIMEOUT));
    }
}

static int loop_open(struct loop *loop)
{
    int stop_fd = program_stop_fd();

    loop->base = event_base_new();
    if (stop_fd < 0 || !loop->base)
        return stop_fd < 0 ? stop_fd : -ENOMEM;
    loop->admin_source = admin_source_of(&loop->state);
    loop->admin = admin_new(loop->base, &loop->admin_source);
    loop->wake = evtimer_new(loop->base, on_wake, loop);
    loop->stop = event_new(loop->base, stop_fd, EV_READ | EV_PERSIST, on_stop, loop);
    if (!loop->admin || !loop->wake || !loop->stop || event_add(loop->stop, NULL) < 0)
        return -ENOMEM;
    if (loop->config->admin_port == 0)
        return 0;
    return http_server_listen(loop->admin, loop->config->admin_host, (uint16_t)loop->config->admin_port,
                              false);
}

static void loop_close(struct loop *loop)
{
    session_drop(loop);
    http_server_free(loop->admin);
    if (loop->wake)
        event_free(loop->wake);
    if (loop->stop)
        event_free(loop->stop);
    if (loop->base)
        event_base_free(loop->base);
}

int daemon_run(const struct attrib_config *config)
{
    struct loop loop = {.config = config};
    int r = loop_open(&loop);

    if (r)
        log_event(LOG_ERROR, "attrib.start_failed", log_errno(r));
    else
        loop_run(&loop);
    loop_close(&loop);
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
