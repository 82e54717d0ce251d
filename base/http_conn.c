// A connection: its life, its states, and what a handler may do with it. The server owns it; it is freed at
// the end of the turn in which it was closed, because libevent or a caller may still know its address. A
// handle counts requests, so that a late answer can never go to another request. Invariants: a request is
// WAITING until it is answered; pos passes it then, run_start only when the answer is flushed, so a held run
// can be made anew from its own bytes.

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http_internal.h"

enum {
    FAULT_BODY_BYTES_MAX = 128,
    ROOM_LOOKS_MAX = 8, // the oldest that are not unused wait for their answers: a few
};

static unsigned state_timeout_ms(const struct http_limits *limits, enum conn_state state)
{
    switch (state) {
    case CONN_IDLE:
        return limits->idle_timeout_ms;
    case CONN_HEAD:
        return limits->header_timeout_ms;
    case CONN_BODY:
        return limits->body_timeout_ms;
    case CONN_LINGER:
        return limits->linger_timeout_ms;
    case CONN_WAITING:
    case CONN_DEAD:
    case CONN_STATES:
        break;
    }
    return 0;
}

void http_conn_move(struct http_conn *conn, enum conn_state state)
{
    struct http_server *server = conn->server;

    assert(conn->state != CONN_DEAD);
    TAILQ_REMOVE(&server->states[conn->state], conn, by_state);
    conn->state = state;
    conn->deadline_ms = http_server_now_ms(server) + state_timeout_ms(&server->limits, state);
    TAILQ_INSERT_TAIL(&server->states[state], conn, by_state);
}

void http_conn_mark(struct http_conn *conn)
{
    if (conn->dirty)
        return;
    conn->dirty = true;
    TAILQ_INSERT_TAIL(&conn->server->dirty, conn, by_dirty);
}

// --- Life ------------------------------------------------------------------------------------------------

struct http_conn *http_conn_new(struct http_server *server, int fd, const struct http_peer *peer)
{
    if (server->n_free_slots == 0)
        return NULL;
    struct http_conn *conn = http_pool_take(&server->conns);
    if (conn == NULL)
        return NULL;

    uint32_t slot = server->free_slots[--server->n_free_slots];
    *conn = (struct http_conn){.server = server,
                               .fd = fd,
                               .slot = slot,
                               .generation = server->slots[slot].generation,
                               .peer = *peer,
                               .since_ms = http_server_now_ms(server),
                               .state = CONN_IDLE};
    server->slots[slot].conn = conn;
    server->n_conns++;
    TAILQ_INSERT_TAIL(&server->states[CONN_IDLE], conn, by_state);
    http_conn_move(conn, CONN_IDLE);
    event_assign(&conn->read_event, server->base, fd, EV_READ | EV_CLOSED | EV_PERSIST | EV_ET,
                 http_input_on_readable, conn);
    event_assign(&conn->write_event, server->base, fd, EV_WRITE | EV_ET, http_output_on_writable, conn);
    return conn;
}

static void conn_leave_lists(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (conn->dirty)
        TAILQ_REMOVE(&server->dirty, conn, by_dirty);
    if (conn->resuming) {
        TAILQ_REMOVE(&server->resume, conn, by_resume);
        server->n_resume--;
    }
    if (conn->blocked)
        TAILQ_REMOVE(&server->blocked, conn, by_blocked);
    conn->dirty = conn->resuming = conn->blocked = false;
}

void http_conn_close(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (conn->state == CONN_DEAD)
        return;
    server->counters.closed++;
    server->counters.dropped += conn->run_count;
    conn_leave_lists(conn);
    event_del(&conn->read_event);
    event_del(&conn->write_event);
    close(conn->fd);
    http_input_give(conn);
    http_output_give(conn);
    server->slots[conn->slot] = (struct http_slot){NULL, conn->generation};
    server->free_slots[server->n_free_slots++] = conn->slot;
    server->n_conns--;
    http_conn_move(conn, CONN_DEAD);
    http_stream_gone(conn);
}

// The last answer is on the wire.
static void conn_finish(struct http_conn *conn)
{
    bool unread = conn->faulted || (conn->input != NULL && conn->input->end > conn->input->pos);

    if (conn->eof || !unread) {
        http_conn_close(conn);
        return;
    }
    // A close with unread bytes is a reset, which could overtake the answer (RFC 9112, 9.6).
    shutdown(conn->fd, SHUT_WR);
    http_input_give(conn);
    http_conn_move(conn, CONN_LINGER);
    if (!conn->reading)
        conn->reading = event_add(&conn->read_event, NULL) == 0;
}

void http_conn_resume_later(struct http_conn *conn)
{
    if (conn->resuming)
        return;
    conn->resuming = true;
    conn->server->n_resume++;
    TAILQ_INSERT_TAIL(&conn->server->resume, conn, by_resume);
}

static bool conn_is_quiet(const struct http_conn *conn)
{
    return conn->run_count == 0 && http_output_is_empty(conn) && !conn->held;
}

static bool conn_has_bytes(const struct http_conn *conn)
{
    return conn->input != NULL && conn->input->end > conn->input->pos;
}

// Whether nothing of a request has arrived, not even in the kernel.
static bool conn_is_unused(const struct http_conn *conn)
{
    char c;

    return conn->state == CONN_IDLE && conn_is_quiet(conn) && !conn_has_bytes(conn) &&
           recv(conn->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

// Whether its client has had time enough for its request, and it is not we who make it wait.
static bool conn_dawdles(const struct http_conn *conn)
{
    struct http_server *server = conn->server;

    return conn->since_ms + server->limits.patience_ms <= http_server_now_ms(server) && !conn->closing &&
           (conn->state == CONN_IDLE ? conn_is_unused(conn) : conn_is_quiet(conn));
}

static bool state_make_room(struct http_server *server, enum conn_state state)
{
    struct http_conn *conn = TAILQ_FIRST(&server->states[state]);

    for (int i = 0; i < ROOM_LOOKS_MAX && conn != NULL; i++, conn = TAILQ_NEXT(conn, by_state))
        if (conn_dawdles(conn)) {
            server->counters.displaced++;
            http_conn_close(conn);
            return true;
        }
    return false;
}

void http_conn_make_room(struct http_server *server)
{
    (void)!(state_make_room(server, CONN_IDLE) || state_make_room(server, CONN_HEAD) ||
            state_make_room(server, CONN_BODY));
}

void http_conn_close_unused(struct http_conn *conn)
{
    if (conn_is_unused(conn))
        http_conn_close(conn);
}

void http_conn_settle(struct http_conn *conn)
{
    if (conn->state == CONN_DEAD || conn->state == CONN_LINGER)
        return;
    bool quiet = conn_is_quiet(conn), has_bytes = conn_has_bytes(conn);

    if (conn->stream.filled && http_output_is_empty(conn))
        http_conn_resume_later(conn);
    if (conn->stream.body_open && conn->eof) {
        http_conn_close(conn); // what it began to send will never be whole
    } else if (quiet && conn->closing) {
        conn_finish(conn);
    } else if (conn->state == CONN_IDLE && has_bytes && http_input_may_parse(conn)) {
        http_conn_resume_later(conn);
    } else if (quiet && conn->eof) {
        http_conn_close(conn);
    } else {
        if (quiet && conn->state == CONN_IDLE && !has_bytes)
            http_input_give(conn);
        http_input_read_more(conn);
    }
}

// --- Requests --------------------------------------------------------------------------------------------

static void conn_handle_request(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_request *request = &conn->input->head.request;

    conn->generation += conn->generation == UINT32_MAX ? 2 : 1; // 0 is no handle
    conn->run_count++;
    server->counters.requests++;
    http_conn_move(conn, CONN_WAITING);
    if (!conn->input->head.keep_alive || server->draining || conn->requests >= server->limits.requests_max)
        conn->closing = true;
    if (conn->input->head.options_star) {
        http_respond(conn, 200, NULL, 0, SLICE_NONE);
        return;
    }
    server->in_handler = true;
    server->handler(server->ctx, conn, request);
    server->in_handler = false;
}

void http_conn_dispatch(struct http_conn *conn)
{
    conn->requests++;
    conn->input->head.request.peer = conn->peer;
    conn_handle_request(conn);
}

void http_conn_answered(struct http_conn *conn)
{
    conn->server->counters.answered++;
    conn->since_ms = http_server_now_ms(conn->server);
    conn->input->pos = conn->stream.body_open ? conn->input->end : conn->input->next;
    conn->stream = (struct http_streaming){0};
    http_conn_move(conn, CONN_IDLE);
    http_conn_mark(conn);
}

int http_conn_lay_out(struct http_conn *conn, struct http_response *response)
{
    struct http_server *server = conn->server;

    assert(conn->state == CONN_WAITING && !conn->stream.begun);
    response->head_only = conn->input->head.request.method == HTTP_HEAD;
    response->minor = conn->input->head.request.minor;
    conn->faulted |= conn->stream.body_open; // the rest of the body is thrown away
    conn->closing |=
        server->draining || conn->stream.body_open || (response->streamed && response->minor == 0);
    response->keep_alive = !conn->closing;
    int result = http_output_respond(conn, response, server->limits.output_bytes_max);
    if (result != 0) {
        struct http_response bare = {.status = 500, .head_only = response->head_only};
        server->counters.replaced++;
        conn->closing = true;
        if (http_output_respond(conn, &bare, SIZE_MAX) != 0)
            conn->faulted = true; // no memory even for that: the close is the answer
    }
    return result;
}

static int conn_respond(struct http_conn *conn, struct http_response *response)
{
    int result = http_conn_lay_out(conn, response);

    http_conn_answered(conn);
    return result;
}

int http_respond(struct http_conn *conn, unsigned status, const struct http_header *headers, size_t n_headers,
                 struct slice body)
{
    struct http_response response = {
        .status = status, .headers = headers, .n_headers = n_headers, .body = body};

    return conn_respond(conn, &response);
}

int http_respond_preset(struct http_conn *conn, const struct http_preset *preset,
                        const struct http_header *headers, size_t n_headers, struct slice body)
{
    struct http_response response = {
        .preset = preset, .headers = headers, .n_headers = n_headers, .body = body};

    return conn_respond(conn, &response);
}

void http_conn_fault(struct http_conn *conn, enum http_fault fault, unsigned status)
{
    static const struct http_header json[] = {
        {{SLICE_PARTS("Content-Type")}, {SLICE_PARTS("application/json")}}};
    char text[FAULT_BODY_BYTES_MAX];
    struct http_input *input = conn->input;
    struct http_header retry = {SLICE("Retry-After"), SLICE_NONE};
    struct http_response response = {.status = status, .headers = json, .n_headers = 1};
    char seconds[16];

    if (status == 503) {
        retry.value = (struct slice){
            seconds, (size_t)snprintf(seconds, sizeof(seconds), "%u", conn->server->limits.retry_after_s)};
        response.headers = &retry;
    } else {
        conn->server->counters.faults[fault]++;
        int n = snprintf(text, sizeof(text), "{\"error\":{\"code\":\"http_%s\",\"message\":\"%s\"}}\n",
                         http_fault_name(fault), http_status_reason(status));
        response.body = (struct slice){text, (size_t)n};
        response.head_only =
            input->head.request.method_name.len > 0 && input->head.request.method == HTTP_HEAD;
    }
    conn->closing = conn->faulted = true;
    if (http_output_respond(conn, &response, SIZE_MAX) != 0)
        conn->eof = true; // no memory: close without a word
    if (input != NULL)
        input->pos = input->end;
    http_conn_move(conn, CONN_IDLE);
    http_conn_mark(conn);
}

// --- Handles ---------------------------------------------------------------------------------------------

struct http_handle http_conn_handle(const struct http_conn *conn)
{
    return (struct http_handle){conn->slot, conn->generation};
}

// The connection in whose run the request is, or NULL.
static struct http_conn *conn_of_run(struct http_server *server, struct http_handle handle)
{
    if (handle.generation == 0 || handle.slot >= server->n_slots)
        return NULL;
    struct http_conn *conn = server->slots[handle.slot].conn;
    return conn != NULL && conn->generation - handle.generation < conn->run_count ? conn : NULL;
}

struct http_conn *http_conn_find(struct http_server *server, struct http_handle handle)
{
    struct http_conn *conn = conn_of_run(server, handle);

    return conn != NULL && conn->state == CONN_WAITING && conn->generation == handle.generation ? conn : NULL;
}

bool http_conn_hold(struct http_server *server, struct http_handle handle)
{
    struct http_conn *conn = conn_of_run(server, handle);

    if (conn == NULL)
        return false;
    server->counters.held += !conn->held;
    conn->held = true;
    return true;
}

void http_conn_release(struct http_server *server, struct http_handle handle)
{
    struct http_conn *conn = conn_of_run(server, handle);

    if (conn == NULL || !conn->held)
        return;
    server->counters.released++;
    conn->held = false;
    http_conn_mark(conn);
}

void http_conn_retry(struct http_server *server, struct http_handle handle)
{
    struct http_conn *conn = conn_of_run(server, handle);

    assert(!server->in_handler);
    if (conn == NULL)
        return;
    assert(conn->stream.events == NULL);
    server->counters.retried++;
    conn->held = conn->closing = conn->faulted = false;
    conn->run_count = 0;
    conn->out.len = conn->out.committed;
    conn->input->pos = conn->input->run_start;
    if (conn->run_has_body) {
        conn_handle_request(conn);
    } else {
        conn->run_closed = false;
        http_conn_move(conn, CONN_IDLE);
        http_input_process(conn);
    }
    http_conn_mark(conn);
}
