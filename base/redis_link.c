// The asynchronous link to Redis over hiredis 0.14.1. Owners: the tracker's recorder and catalog follower.
// Invariants: each sent command's handler is called exactly once, in the order of sending; hiredis' context
// is forgotten (data = NULL) before handlers hear of its end, so that nothing a handler does can reach it
// again. hiredis 0.14.1 knows no timeouts of its own for asynchronous contexts: one timer per link has the
// pause, the connect timeout or the age of the oldest command in view, depending on the state. Limits:
// REDIS_PENDING_MAX commands wait, ARGUMENT_MAX per command, GATHER_BYTES_MAX bytes to be gathered.

#include "base/redis.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <hiredis/adapters/libevent.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/redis_internal.h"
#include "base/redis_pending.h"
#include "base/redis_wire.h"

#define PAUSE_FIRST_MS   50
#define PAUSE_LAST_MS    2000
#define GATHER_BYTES_MAX 65536

enum link_state {
    LINK_PAUSED,     // until the next attempt
    LINK_CONNECTING, // socket and login
    LINK_UP,
};

struct redis_link {
    struct redis_options options;
    struct event_base *base;
    const struct redis_link_events *events;
    void *ctx;
    enum link_state state;
    redisAsyncContext *async; // NULL in LINK_PAUSED
    struct event *timer, *gather_timer;
    unsigned gather_ms;
    unsigned pause_ms;    // before the next attempt
    uint64_t progress_ms; // when the oldest pending command became the oldest
    struct redis_pending pending;
    struct redis_command command;
};

static void link_enter(struct redis_link *link, enum link_state state, unsigned timer_ms)
{
    struct timeval wait = ms_timeval(timer_ms);
    link->state = state;
    evtimer_add(link->timer, &wait);
}

static unsigned link_patience_ms(const struct redis_link *link)
{
    return or_default(link->options.reply_timeout_ms, REPLY_TIMEOUT_MS);
}

static void link_settle_next(struct redis_link *link, const struct redis_reply *reply)
{
    struct redis_waiter waiter = redis_pending_pop(&link->pending);
    link->progress_ms = clock_monotonic_ms();
    waiter.handler(waiter.ctx, reply);
}

static void link_settle_all(struct redis_link *link)
{
    while (link->pending.count > 0)
        link_settle_next(link, NULL);
}

// The connection is gone or is given up. `release`: hiredis does not free the context by itself.
static void link_lose(struct redis_link *link, const char *reason, bool release)
{
    redisAsyncContext *async = link->async;
    bool was_up = link->state == LINK_UP;
    char text[REDIS_ERROR_BYTES];

    if (link->state == LINK_PAUSED)
        return;
    snprintf(text, sizeof(text), "%s", reason); // it may live in the context
    log_event(LOG_WARN, "redis.lost", log_str("address", link->options.address), log_str("reason", text),
              log_bool("was_up", was_up));
    link->async = NULL;
    link_enter(link, LINK_PAUSED, link->pause_ms);
    link->pause_ms = min_of(link->pause_ms * 2, PAUSE_LAST_MS);
    if (async)
        async->data = NULL;
    if (async && release)
        redisAsyncFree(async);
    link_settle_all(link);
    if (was_up)
        link->events->down(link->ctx, text);
}

static void on_reply(redisAsyncContext *async, void *reply, void *unused)
{
    struct redis_link *link = async->data;

    (void)unused;
    if (!link)
        return;
    if (!reply) {
        link_lose(link, async->err ? async->errstr : "closed", false);
        return;
    }
    if (link->state == LINK_UP && redis_reply_condition(reply) == 0)
        link->pause_ms = PAUSE_FIRST_MS;
    link_settle_next(link, reply);
}

static void link_become_up(struct redis_link *link)
{
    log_event(LOG_INFO, "redis.up", log_str("address", link->options.address));
    link_enter(link, LINK_UP, link_patience_ms(link) / 4 + 1);
    link->events->up(link->ctx);
}

static void on_login(void *ctx, const struct redis_reply *reply)
{
    struct redis_link *link = ctx;
    int condition = redis_reply_condition(reply);

    if (condition == REDIS_NO_REPLY)
        return; // link_lose() is under way
    if (condition)
        link_lose(link, "login refused", true);
    else
        link_become_up(link);
}

static int link_command(struct redis_link *link, const struct slice args[], size_t n, redis_handler *handler,
                        void *ctx)
{
    int r = redis_pending_reserve(&link->pending);
    if (r == 0)
        r = redis_command_format(&link->command, args, n);
    if (r)
        return -ENOBUFS;
    if (redisAsyncFormattedCommand(link->async, on_reply, NULL, link->command.bytes, link->command.len) !=
        REDIS_OK)
        return -ENOTCONN;
    if (link->pending.count == 0)
        link->progress_ms = clock_monotonic_ms();
    redis_pending_push(&link->pending, (struct redis_waiter){handler, ctx});
    return 0;
}

static void on_connect(const redisAsyncContext *async, int status)
{
    struct redis_link *link = async->data;
    struct slice args[3];

    if (!link)
        return;
    if (status != REDIS_OK)
        link_lose(link, async->errstr, false);
    else if (!link->options.password)
        link_become_up(link);
    else if (link_command(link, args, auth_args(&link->options, args), on_login, link))
        link_lose(link, "login not sent", true);
}

static void on_disconnect(const redisAsyncContext *async, int status)
{
    struct redis_link *link = async->data;

    (void)status;
    if (link)
        link_lose(link, async->err ? async->errstr : "closed", false);
}

// In the place of the adapter's addWrite.
static void on_write_wanted(void *ctx)
{
    const redisLibeventEvents *events = ctx;
    struct redis_link *link = events->context->data;
    bool waits = link && link->state == LINK_UP && link->gather_ms > 0 &&
                 sdslen(events->context->c.obuf) < GATHER_BYTES_MAX;
    struct timeval wait = ms_timeval(waits ? link->gather_ms : 0);

    if (!waits)
        redisLibeventAddWrite(ctx);
    else if (!evtimer_pending(link->gather_timer, NULL))
        evtimer_add(link->gather_timer, &wait);
}

static void on_gathered(evutil_socket_t fd, short what, void *ctx)
{
    struct redis_link *link = ctx;

    (void)fd, (void)what;
    if (link->async)
        redisLibeventAddWrite(link->async->ev.data);
}

static void link_connect(struct redis_link *link)
{
    struct redis_address address;

    link_enter(link, LINK_CONNECTING, or_default(link->options.connect_timeout_ms, CONNECT_TIMEOUT_MS));
    int r = redis_address_parse(link->options.address, &address);
    assert(r == 0); // redis_link_new() looked
    redisAsyncContext *async =
        address.port ? redisAsyncConnect(address.host, address.port) : redisAsyncConnectUnix(address.host);
    link->async = async;
    if (!async) {
        link_lose(link, "out of memory", true);
    } else if (async->err) {
        link_lose(link, async->errstr, true);
    } else if (redisLibeventAttach(async, link->base) != REDIS_OK) {
        link_lose(link, "out of memory", true);
    } else {
        async->data = link;
        async->ev.addWrite = on_write_wanted;
        redisAsyncSetConnectCallback(async, on_connect);
        redisAsyncSetDisconnectCallback(async, on_disconnect);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct redis_link *link = ctx;

    (void)fd, (void)what;
    switch (link->state) {
    case LINK_PAUSED:
        link_connect(link);
        return;
    case LINK_CONNECTING:
        link_lose(link, "connect timeout", true);
        return;
    case LINK_UP:
        if (link->pending.count > 0 && clock_monotonic_ms() - link->progress_ms >= link_patience_ms(link))
            link_lose(link, "reply timeout", true);
        else
            link_enter(link, LINK_UP, link_patience_ms(link) / 4 + 1);
        return;
    }
}

struct redis_link *redis_link_new(struct event_base *base, const struct redis_options *options,
                                  const struct redis_link_events *events, void *ctx)
{
    struct redis_address address;
    struct redis_link *link = calloc(1, sizeof(*link));

    if (!link)
        return NULL;
    if (redis_address_parse(options->address, &address)) {
        log_event(LOG_ERROR, "redis.address_malformed", log_str("address", options->address),
                  log_str("wanted", "/path, host:port or [v6]:port"));
        free(link);
        errno = EINVAL;
        return NULL;
    }
    *link = (struct redis_link){.options = *options, .base = base, .events = events, .ctx = ctx};
    link->pause_ms = PAUSE_FIRST_MS;
    link->timer = evtimer_new(base, on_timer, link);
    link->gather_timer = evtimer_new(base, on_gathered, link);
    if (!link->timer || !link->gather_timer) {
        redis_link_free(link);
        errno = ENOMEM;
        return NULL;
    }
    link_enter(link, LINK_PAUSED, 0);
    return link;
}

struct redis_link *redis_link_free(struct redis_link *link)
{
    if (!link)
        return NULL;
    redisAsyncContext *async = link->async;
    link->state = LINK_PAUSED;
    link->async = NULL;
    if (async) {
        async->data = NULL;
        redisAsyncFree(async);
    }
    link_settle_all(link);
    if (link->timer)
        event_free(link->timer);
    if (link->gather_timer)
        event_free(link->gather_timer);
    redis_pending_deinit(&link->pending);
    free(link->command.bytes);
    free(link);
    return NULL;
}

bool redis_link_is_up(const struct redis_link *link)
{
    return link->state == LINK_UP;
}

int redis_link_send(struct redis_link *link, const struct slice args[], size_t n, redis_handler *handler,
                    void *ctx)
{
    return link->state == LINK_UP ? link_command(link, args, n, handler, ctx) : -ENOTCONN;
}

void redis_link_gather(struct redis_link *link, unsigned ms)
{
    link->gather_ms = ms;
    if (ms == 0 && evtimer_pending(link->gather_timer, NULL))
        on_gathered(-1, 0, link);
}

void redis_link_reset(struct redis_link *link, const char *reason)
{
    link_lose(link, reason, true);
}
