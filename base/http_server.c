// The server: limits, clock, timers and the end of a turn. Time is read once a turn. Each state's connections
// stand in the order of their deadlines, because all of a state have the same timeout: one timer looks at the
// heads of the lists and costs a request nothing. Nothing is allocated per request; what a connection may
// take is bounded by http_limits.

#include "base/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/http_internal.h"

enum {
    LINE_BYTES_MAX = 8 * 1024,
    HEADERS_BYTES_MAX = 16 * 1024,
    HEADERS_MAX = 64,
    BODY_BYTES_MAX = 64 * 1024,
    OUTPUT_BYTES_MAX = 4 * 1024 * 1024,
    CONNECTIONS_MAX = 4096,
    PIPELINED_MAX = 16,
    REQUESTS_MAX = 1000 * 1000,
    HEADER_TIMEOUT_MS = 10 * 1000,
    BODY_TIMEOUT_MS = 30 * 1000,
    IDLE_TIMEOUT_MS = 60 * 1000,
    WRITE_TIMEOUT_MS = 30 * 1000,
    LINGER_TIMEOUT_MS = 2 * 1000,
    PATIENCE_MS = 1000,
    RETRY_AFTER_S = 1,
    TICK_MS = 100,
    POOL_KEEP_MAX = 1024,
};

static void limits_default(struct http_limits *limits)
{
#define DEFAULT(field, value) limits->field = limits->field != 0 ? limits->field : (value)
    DEFAULT(line_bytes_max, LINE_BYTES_MAX);
    DEFAULT(headers_bytes_max, HEADERS_BYTES_MAX);
    DEFAULT(headers_max, HEADERS_MAX);
    DEFAULT(body_bytes_max, BODY_BYTES_MAX);
    DEFAULT(output_bytes_max, OUTPUT_BYTES_MAX);
    DEFAULT(connections_max, CONNECTIONS_MAX);
    DEFAULT(pipelined_max, PIPELINED_MAX);
    DEFAULT(requests_max, REQUESTS_MAX);
    DEFAULT(header_timeout_ms, HEADER_TIMEOUT_MS);
    DEFAULT(body_timeout_ms, BODY_TIMEOUT_MS);
    DEFAULT(idle_timeout_ms, IDLE_TIMEOUT_MS);
    DEFAULT(write_timeout_ms, WRITE_TIMEOUT_MS);
    DEFAULT(linger_timeout_ms, LINGER_TIMEOUT_MS);
    DEFAULT(patience_ms, PATIENCE_MS);
    DEFAULT(retry_after_s, RETRY_AFTER_S);
#undef DEFAULT
}

uint64_t http_server_now_ms(struct http_server *server)
{
    struct timespec mono, real;

    if (server->now_is_known)
        return server->now_ms;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &real);
    http_date_update(&server->date, real.tv_sec);
    server->now_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
    server->now_is_known = true;
    return server->now_ms;
}

// --- Timers ----------------------------------------------------------------------------------------------

// Its time is not the client's to answer for: we have not flushed, or it waits for its answers to be read.
static bool conn_is_ours_to_move(const struct http_conn *conn)
{
    return conn->run_count > 0 || conn->held || conn->blocked || conn->closing;
}

static void conn_expire(struct http_conn *conn)
{
    struct http_counters *counters = &conn->server->counters;

    switch (conn->state) {
    case CONN_IDLE:
        counters->idle_timeouts++;
        http_conn_close(conn);
        break;
    case CONN_HEAD:
        http_conn_fault(conn, HTTP_FAULT_HEADER_TIMEOUT, http_fault_status(HTTP_FAULT_HEADER_TIMEOUT));
        break;
    case CONN_BODY:
        http_conn_fault(conn, HTTP_FAULT_BODY_TIMEOUT, http_fault_status(HTTP_FAULT_BODY_TIMEOUT));
        break;
    case CONN_LINGER:
        http_conn_close(conn);
        break;
    case CONN_WAITING:
    case CONN_DEAD:
    case CONN_STATES:
        break;
    }
}

static void server_expire(struct http_server *server, enum conn_state state)
{
    struct http_conn *conn;
    uint64_t now_ms = http_server_now_ms(server);

    while ((conn = TAILQ_FIRST(&server->states[state])) != NULL && conn->deadline_ms <= now_ms) {
        if (state != CONN_LINGER && conn_is_ours_to_move(conn))
            http_conn_move(conn, state);
        else
            conn_expire(conn);
    }
}

static void server_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    struct http_conn *conn;

    (void)fd;
    (void)what;
    server_expire(server, CONN_IDLE);
    server_expire(server, CONN_HEAD);
    server_expire(server, CONN_BODY);
    server_expire(server, CONN_LINGER);
    while ((conn = TAILQ_FIRST(&server->blocked)) != NULL && conn->write_deadline_ms <= server->now_ms) {
        server->counters.write_timeouts++;
        http_conn_close(conn);
    }
}

// --- The turn --------------------------------------------------------------------------------------------

static void server_on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;

    (void)fd;
    (void)what;
    for (unsigned n = server->n_resume; n > 0 && server->n_resume > 0; n--) {
        struct http_conn *conn = TAILQ_FIRST(&server->resume);

        TAILQ_REMOVE(&server->resume, conn, by_resume);
        server->n_resume--;
        conn->resuming = false;
        http_stream_go_on(conn);
        http_input_process(conn);
        http_conn_settle(conn);
    }
}

static void server_bury(struct http_server *server)
{
    struct http_conn *conn;

    while ((conn = TAILQ_FIRST(&server->states[CONN_DEAD])) != NULL) {
        TAILQ_REMOVE(&server->states[CONN_DEAD], conn, by_state);
        http_pool_give(&server->conns, conn);
    }
}

void http_server_flush(struct http_server *server)
{
    struct http_conn *conn;

    while ((conn = TAILQ_FIRST(&server->dirty)) != NULL)
        http_output_flush(conn);
    if (server->n_resume > 0)
        event_active(&server->resume_event, EV_TIMEOUT, 1);
    server_bury(server);
    server->now_is_known = false;
}

// --- Life ------------------------------------------------------------------------------------------------

static bool server_alloc_slots(struct http_server *server)
{
    server->n_slots = server->limits.connections_max + HTTP_SHED_SLOTS;
    server->slots = calloc(server->n_slots, sizeof(*server->slots));
    server->free_slots = calloc(server->n_slots, sizeof(*server->free_slots));
    if (server->slots == NULL || server->free_slots == NULL)
        return false;
    while (server->n_free_slots < server->n_slots) {
        server->free_slots[server->n_free_slots] = server->n_slots - 1 - server->n_free_slots;
        server->n_free_slots++;
    }
    return true;
}

static void server_init_pools(struct http_server *server)
{
    const struct http_limits *limits = &server->limits;

    http_pool_init(&server->conns, sizeof(struct http_conn), server->n_slots);
    http_pool_init(&server->inputs,
                   sizeof(struct http_input) + limits->headers_max * sizeof(struct http_header),
                   POOL_KEEP_MAX);
    http_pool_init(&server->input_buffers, limits->line_bytes_max + limits->headers_bytes_max, POOL_KEEP_MAX);
    http_pool_init(&server->output_buffers, HTTP_OUTPUT_BYTES, POOL_KEEP_MAX);
}

static bool server_add_events(struct http_server *server)
{
    static const struct timeval tick = {.tv_usec = TICK_MS * 1000};

    event_assign(&server->tick_event, server->base, -1, EV_PERSIST, server_on_tick, server);
    event_assign(&server->resume_event, server->base, -1, 0, server_on_resume, server);
    event_assign(&server->accept_event, server->base, -1, 0, http_listen_on_retry, server);
    return event_add(&server->tick_event, &tick) == 0;
}

struct http_server *http_server_new(struct event_base *base, const struct http_limits *limits,
                                    http_handler *handler, void *ctx)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    server->base = base;
    server->limits = *limits;
    server->handler = handler;
    server->ctx = ctx;
    limits_default(&server->limits);
    server->head_limits = (struct http_head_limits){.line_bytes_max = server->limits.line_bytes_max,
                                                    .headers_bytes_max = server->limits.headers_bytes_max,
                                                    .headers_max = server->limits.headers_max};
    for (int i = 0; i < CONN_STATES; i++)
        TAILQ_INIT(&server->states[i]);
    TAILQ_INIT(&server->dirty);
    TAILQ_INIT(&server->resume);
    TAILQ_INIT(&server->blocked);
    if (!server_alloc_slots(server) || !server_add_events(server)) {
        free(server->slots);
        free(server->free_slots);
        free(server);
        errno = ENOMEM;
        return NULL;
    }
    server_init_pools(server);
    return server;
}

void http_server_limit_bodies(struct http_server *server, http_body_bytes_max *bytes_max)
{
    server->body_bytes_max = bytes_max;
}

void http_server_stream_bodies(struct http_server *server, http_body_streams *streams)
{
    server->body_streams = streams;
}

struct http_server *http_server_free(struct http_server *server)
{
    if (server == NULL)
        return NULL;
    http_listen_close(server);
    for (uint32_t i = 0; i < server->n_slots; i++)
        if (server->slots[i].conn != NULL)
            http_conn_close(server->slots[i].conn);
    server_bury(server);
    event_del(&server->tick_event);
    event_del(&server->resume_event);
    event_del(&server->accept_event);
    http_pool_deinit(&server->conns);
    http_pool_deinit(&server->inputs);
    http_pool_deinit(&server->input_buffers);
    http_pool_deinit(&server->output_buffers);
    free(server->slots);
    free(server->free_slots);
    free(server);
    return NULL;
}

void http_server_drain(struct http_server *server)
{
    http_listen_empty(server);
    server->draining = true;
    http_listen_close(server);
}

void http_server_close_unused(struct http_server *server)
{
    for (uint32_t i = 0; i < server->n_slots; i++)
        if (server->slots[i].conn != NULL)
            http_conn_close_unused(server->slots[i].conn);
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->n_conns;
}

const struct http_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}
