// The door to Redis over hiredis 0.14.1. Owners: the tracker's recorder and catalog follower (link), ingest
// (client).
// Invariants of the link: each sent command's handler is called exactly once, in the order of sending;
// hiredis' context is forgotten (data = NULL) before handlers hear of its end, so that nothing a handler does
// can reach it again. hiredis 0.14.1 knows no timeouts of its own for asynchronous contexts: one timer per
// link has the pause, the connect timeout or the age of the oldest command in view, depending on the state.
// Limits: REDIS_PENDING_MAX commands wait, ARGUMENT_MAX per command; a host name is looked up blocking.

#include "base/redis.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/adapters/libevent.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/redis_pending.h"
#include "base/redis_wire.h"

#define CONNECT_TIMEOUT_MS 1000
#define REPLY_TIMEOUT_MS   5000
#define PAUSE_FIRST_MS     50
#define PAUSE_LAST_MS      2000

// --- Replies ---------------------------------------------------------------------------------

static const redisReply *foreign(const struct redis_reply *reply)
{
    return (const void *)reply;
}

int redis_reply_condition(const struct redis_reply *reply)
{
    if (!reply)
        return REDIS_NO_REPLY;
    if (foreign(reply)->type != REDIS_REPLY_ERROR)
        return 0;
    return redis_error_class((struct slice){foreign(reply)->str, foreign(reply)->len});
}

enum redis_type redis_reply_type(const struct redis_reply *reply)
{
    if (!reply)
        return REDIS_TYPE_NONE;
    switch (foreign(reply)->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return REDIS_TYPE_TEXT;
    case REDIS_REPLY_INTEGER:
        return REDIS_TYPE_INTEGER;
    case REDIS_REPLY_ARRAY:
        return REDIS_TYPE_ARRAY;
    case REDIS_REPLY_ERROR:
        return REDIS_TYPE_ERROR;
    }
    return REDIS_TYPE_NIL;
}

struct slice redis_reply_text(const struct redis_reply *reply)
{
    enum redis_type type = redis_reply_type(reply);
    if (type != REDIS_TYPE_TEXT && type != REDIS_TYPE_ERROR)
        return SLICE_NONE;
    return (struct slice){foreign(reply)->str, foreign(reply)->len};
}

int64_t redis_reply_integer(const struct redis_reply *reply)
{
    return redis_reply_type(reply) == REDIS_TYPE_INTEGER ? foreign(reply)->integer : 0;
}

size_t redis_reply_length(const struct redis_reply *reply)
{
    return redis_reply_type(reply) == REDIS_TYPE_ARRAY ? foreign(reply)->elements : 0;
}

const struct redis_reply *redis_reply_element(const struct redis_reply *reply, size_t i)
{
    return i < redis_reply_length(reply) ? (const void *)foreign(reply)->element[i] : NULL;
}

const struct redis_reply *redis_reply_value(const struct redis_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < redis_reply_length(reply); i += 2) {
        if (slice_equal(redis_reply_text(redis_reply_element(reply, i)), slice_of(name)))
            return redis_reply_element(reply, i + 1);
    }
    return NULL;
}

struct redis_reply *redis_reply_free(struct redis_reply *reply)
{
    freeReplyObject(reply);
    return NULL;
}

// --- What both halves share ------------------------------------------------------------------

static unsigned or_default(unsigned value, unsigned standard)
{
    return value > 0 ? value : standard;
}

static struct timeval ms_timeval(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static size_t auth_args(const struct redis_options *options, struct slice args[3])
{
    size_t n = 0;
    args[n++] = SLICE("AUTH");
    if (options->user)
        args[n++] = slice_of(options->user);
    args[n++] = slice_of(options->password);
    return n;
}

// --- The synchronous client ------------------------------------------------------------------

struct redis_client {
    redisContext *context;
    struct redis_command command;
};

static int context_error(const redisContext *context)
{
    if (context->err == REDIS_ERR_IO && errno != 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return context->err == REDIS_ERR_EOF ? -ECONNRESET : -EIO;
}

static int client_login(struct redis_client *client, const struct redis_options *options,
                        char error[REDIS_ERROR_BYTES])
{
    struct slice args[3];
    struct redis_reply *reply = NULL;

    if (!options->password)
        return 0;
    int r = redis_client_call(client, args, auth_args(options, args), &reply);
    if (r == 0 && redis_reply_condition(reply)) {
        snprintf(error, REDIS_ERROR_BYTES, "login refused (%s)",
                 redis_condition_name(redis_reply_condition(reply)));
        r = -EACCES;
    } else if (r) {
        snprintf(error, REDIS_ERROR_BYTES, "%s", redis_client_error(client));
    }
    redis_reply_free(reply);
    return r;
}

static int client_connect(struct redis_client *client, const struct redis_options *options,
                          char error[REDIS_ERROR_BYTES])
{
    struct timeval wait = ms_timeval(or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_MS));
    struct redis_address address;

    if (redis_address_parse(options->address, &address)) {
        snprintf(error, REDIS_ERROR_BYTES, "not an address: %s", options->address);
        return -EINVAL;
    }
    client->context = address.port ? redisConnectWithTimeout(address.host, address.port, wait)
                                   : redisConnectUnixWithTimeout(address.host, wait);
    if (!client->context)
        return -ENOMEM;
    if (client->context->err) {
        int r = context_error(client->context);
        snprintf(error, REDIS_ERROR_BYTES, "%s: %s", options->address, client->context->errstr);
        return r;
    }
    struct timeval patience = ms_timeval(or_default(options->reply_timeout_ms, REPLY_TIMEOUT_MS));
    if (redisSetTimeout(client->context, patience) != REDIS_OK)
        return -EIO;
    return client_login(client, options, error);
}

int redis_client_open(struct redis_client **out, const struct redis_options *options,
                      char error[REDIS_ERROR_BYTES])
{
    struct redis_client *client = calloc(1, sizeof(*client));

    error[0] = '\0';
    *out = NULL;
    if (!client)
        return -ENOMEM;
    int r = client_connect(client, options, error);
    if (r)
        redis_client_close(client);
    else
        *out = client;
    return r;
}

struct redis_client *redis_client_close(struct redis_client *client)
{
    if (!client)
        return NULL;
    if (client->context)
        redisFree(client->context);
    free(client->command.bytes);
    free(client);
    return NULL;
}

const char *redis_client_error(const struct redis_client *client)
{
    return client->context->errstr;
}

int redis_client_append(struct redis_client *client, const struct slice args[], size_t n)
{
    int r = redis_command_format(&client->command, args, n);
    if (r)
        return r;
    if (redisAppendFormattedCommand(client->context, client->command.bytes, client->command.len) != REDIS_OK)
        return -ENOMEM;
    return 0;
}

int redis_client_get(struct redis_client *client, struct redis_reply **reply)
{
    void *foreign_reply = NULL;

    errno = 0;
    *reply = NULL;
    if (redisGetReply(client->context, &foreign_reply) != REDIS_OK)
        return context_error(client->context);
    *reply = foreign_reply;
    return 0;
}

int redis_client_call(struct redis_client *client, const struct slice args[], size_t n,
                      struct redis_reply **reply)
{
    *reply = NULL;
    int r = redis_client_append(client, args, n);
    return r ? r : redis_client_get(client, reply);
}

// --- The asynchronous link -------------------------------------------------------------------

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
    struct event *timer;
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
        free(link);
        errno = EINVAL;
        return NULL;
    }
    *link = (struct redis_link){.options = *options, .base = base, .events = events, .ctx = ctx};
    link->pause_ms = PAUSE_FIRST_MS;
    link->timer = evtimer_new(base, on_timer, link);
    if (!link->timer) {
        free(link);
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
    event_free(link->timer);
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

void redis_link_reset(struct redis_link *link, const char *reason)
{
    link_lose(link, reason, true);
}
