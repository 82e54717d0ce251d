// From the socket to the handler. The input is taken when a connection has something to read, and holds one
// head for sure (its limits' sum) and grows for a body only as far as bytes have arrived. One read and one
// run for each connection in a turn, so that nobody starves. Reading stops where there is no room, and goes
// on behind the flush. The kernel tells of new bytes once (EV_ET), which spares it to look at every
// connection again behind each read; so what a read may have left is asked for anew.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/http_internal.h"

enum {
    SLACK_BYTES = 4096, // to read framing behind a body that has reached its limit
};

// --- Memory ----------------------------------------------------------------------------------------------

static bool input_take(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_input *input = http_pool_take(&server->inputs);

    if (input == NULL)
        return false;
    *input = (struct http_input){.head.request.headers = input->headers};
    input->data = http_pool_take_buffer(&server->input_buffers, server->input_buffers.bytes, &input->bytes);
    if (input->data == NULL) {
        http_pool_give(&server->inputs, input);
        return false;
    }
    conn->input = input;
    return true;
}

void http_input_give(struct http_conn *conn)
{
    if (conn->input == NULL)
        return;
    http_pool_give_buffer(&conn->server->input_buffers, conn->input->data, conn->input->bytes,
                          conn->input->filled);
    http_pool_give(&conn->server->inputs, conn->input);
    conn->input = NULL;
}

// The bytes from run_start on are now at `to`.
static void input_moved(struct http_input *input, char *to)
{
    size_t by = input->run_start;

    http_head_move(&input->head, input->data + input->pos, to + input->pos - by);
    input->pos -= by;
    input->next -= min_of(by, input->next);
    input->end -= by;
    input->run_start = 0;
}

static void input_slide(struct http_input *input)
{
    memmove(input->data, input->data + input->run_start, input->end - input->run_start);
    input_moved(input, input->data);
}

static bool input_grow(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_input *input = conn->input;
    size_t max = server->input_buffers.bytes + input->body.bytes_max + SLACK_BYTES;
    size_t got, old_bytes = input->bytes;
    char *old = input->data;

    if (old_bytes >= max)
        return false;
    char *data = http_pool_take_buffer(&server->input_buffers, min_of(2 * old_bytes, max), &got);
    if (data == NULL)
        return false;
    memcpy(data, old + input->run_start, input->end - input->run_start);
    input_moved(input, data);
    http_pool_give_buffer(&server->input_buffers, old, old_bytes, input->filled);
    input->data = data;
    input->bytes = got;
    input->filled = input->end;
    return true;
}

static bool input_has_room(struct http_conn *conn)
{
    struct http_input *input = conn->input;

    if (input->end < input->bytes)
        return true;
    if (conn->run_count > 0)
        return false; // a handler looks at it, or will again
    if (input->run_start > 0)
        input_slide(input);
    return input->end < input->bytes || (conn->state == CONN_BODY && input_grow(conn));
}

// Nothing more is wanted of the client.
static bool input_is_over(const struct http_conn *conn)
{
    return conn->closing && !conn->stream.body_open;
}

void http_input_read_more(struct http_conn *conn)
{
    if (conn->reading || conn->eof || input_is_over(conn) || conn->stream.paused ||
        (conn->input != NULL && !input_has_room(conn)))
        return;
    conn->reading = event_add(&conn->read_event, NULL) == 0;
    if (!conn->reading)
        http_conn_close(conn);
}

// Adding an event tells of what is there already.
static void input_ask_again(struct http_conn *conn)
{
    event_del(&conn->read_event);
    conn->reading = event_add(&conn->read_event, NULL) == 0;
}

void http_input_stop(struct http_conn *conn)
{
    event_del(&conn->read_event);
    conn->reading = false;
}

// --- Parsing ---------------------------------------------------------------------------------------------

bool http_input_may_parse(const struct http_conn *conn)
{
    return !conn->closing && !conn->held && !conn->blocked && !conn->run_closed &&
           conn->run_count < conn->server->limits.pipelined_max &&
           conn->out.len - conn->out.sent < HTTP_OUTPUT_BYTES / 2;
}

static bool input_bad(struct http_conn *conn, enum http_fault fault)
{
    http_conn_fault(conn, fault, http_fault_status(fault));
    return false;
}

static void input_request(struct http_conn *conn, size_t next)
{
    struct http_input *input = conn->input;

    input->next = next;
    input->head.request.body =
        (struct slice){input->data + input->pos + input->head.parsed, input->body_bytes};
    http_conn_dispatch(conn);
}

static bool input_streams(const struct http_conn *conn)
{
    const struct http_server *server = conn->server;
    const struct http_head *head = &conn->input->head;

    return head->framing != HTTP_FRAMING_NONE && server->body_streams &&
           server->body_streams(server->ctx, &head->request);
}

// Everybody who waits for the word gets it once there is somebody to take the body.
static int input_continue(struct http_conn *conn)
{
    struct http_input *input = conn->input;

    if (!input->head.expect_continue || input->end != input->pos + input->head.parsed)
        return 0;
    http_conn_mark(conn);
    return http_output_append(conn, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

// Room behind the head, before the handler has slices of it.
static bool input_stream_room(struct http_conn *conn)
{
    struct http_input *input = conn->input;

    if (input->run_start > 0)
        input_slide(input);
    return input->bytes - input->pos - input->head.parsed >= SLACK_BYTES || input_grow(conn);
}

static bool input_stream_begins(struct http_conn *conn)
{
    if (!input_stream_room(conn)) {
        http_conn_close(conn);
        return false;
    }
    conn->run_closed = conn->run_has_body = true;
    conn->stream.body_open = true;
    input_request(conn, conn->input->pos + conn->input->head.parsed);
    if (conn->state != CONN_WAITING)
        return false; // answered
    if (input_continue(conn) != 0)
        http_conn_close(conn);
    return conn->state == CONN_WAITING;
}

static bool input_body_begins(struct http_conn *conn)
{
    struct http_input *input = conn->input;

    if (conn->run_count > 0) { // it shall be a run of its own; parsed again behind the flush
        conn->run_closed = true;
        http_conn_move(conn, CONN_IDLE);
        return false;
    }
    if (conn->state == CONN_IDLE)
        conn->since_ms = http_server_now_ms(conn->server);
    if (input->head.request.body_streams)
        return input_stream_begins(conn);
    http_conn_move(conn, CONN_BODY);
    return input_continue(conn) == 0 || input_bad(conn, HTTP_FAULT_BODY_LARGE);
}

static size_t input_body_bytes_max(const struct http_conn *conn)
{
    const struct http_server *server = conn->server;

    return server->body_bytes_max ? server->body_bytes_max(server->ctx, &conn->input->head.request)
                                  : server->limits.body_bytes_max;
}

static bool input_head_done(struct http_conn *conn)
{
    struct http_input *input = conn->input;
    struct http_head *head = &input->head;

    input->body_bytes = 0;
    head->request.body_streams = input_streams(conn);
    switch (http_body_start(&input->body, head->framing, head->content_length, input_body_bytes_max(conn))) {
    case HTTP_PARSE_BAD:
        return input_bad(conn, input->body.fault);
    case HTTP_PARSE_MORE:
        return input_body_begins(conn);
    case HTTP_PARSE_DONE:
        break;
    }
    head->request.body_streams = false; // there is none
    input_request(conn, input->pos + head->parsed);
    return true;
}

static bool input_head(struct http_conn *conn)
{
    struct http_input *input = conn->input;

    if (input->end == input->pos)
        return false;
    if (conn->state == CONN_IDLE)
        http_head_start(&input->head);
    switch (http_head_parse(&input->head, &conn->server->head_limits, input->data + input->pos,
                            input->end - input->pos)) {
    case HTTP_PARSE_BAD:
        return input_bad(conn, input->head.fault);
    case HTTP_PARSE_MORE:
        if (conn->state == CONN_IDLE) {
            conn->since_ms = http_server_now_ms(conn->server);
            http_conn_move(conn, CONN_HEAD);
        }
        return false;
    case HTTP_PARSE_DONE:
        break;
    }
    return input_head_done(conn);
}

static bool input_body(struct http_conn *conn)
{
    struct http_input *input = conn->input;
    size_t start = input->pos + input->head.parsed + input->body_bytes, got, used;
    char *data = input->data + start;

    if (start == input->end)
        return false;
    enum http_parse result = http_body_decode(&input->body, data, data, input->end - start, &got, &used);
    input->body_bytes += got;
    switch (result) {
    case HTTP_PARSE_BAD:
        return input_bad(conn, input->body.fault);
    case HTTP_PARSE_MORE:
        input->end = start + got; // framing is gone, the next read appends to the payload
        return false;
    case HTTP_PARSE_DONE:
        break;
    }
    conn->run_closed = conn->run_has_body = true;
    input_request(conn, start + used);
    return true;
}

// What has come of a streamed body goes to whoever takes it, who copies it; the room behind the head is free
// again.
static void input_stream(struct http_conn *conn)
{
    struct http_input *input = conn->input;
    size_t start = input->pos + input->head.parsed, got, used;
    char *data = input->data + start;

    if (conn->stream.paused || start == input->end)
        return;
    enum http_parse result = http_body_decode(&input->body, data, data, input->end - start, &got, &used);
    if (result == HTTP_PARSE_BAD) {
        http_stream_spoilt(conn, input->body.fault);
        return;
    }
    input->next = start + used;
    conn->stream.body_open = result == HTTP_PARSE_MORE;
    if (conn->stream.body_open)
        input->end = start;
    if (conn->stream.events)
        conn->stream.events->body(conn->stream.ctx, conn, (struct slice){data, got},
                                  result == HTTP_PARSE_DONE);
}

static bool input_step(struct http_conn *conn)
{
    switch (conn->state) {
    case CONN_IDLE:
    case CONN_HEAD:
        return input_head(conn);
    case CONN_BODY:
        return input_body(conn);
    case CONN_WAITING:
    case CONN_LINGER:
    case CONN_DEAD:
    case CONN_STATES:
        break;
    }
    return false;
}

void http_input_process(struct http_conn *conn)
{
    bool progress = true;

    while (progress && http_input_may_parse(conn))
        progress = input_step(conn);
    if (conn->stream.body_open)
        input_stream(conn);
}

// --- Reading ---------------------------------------------------------------------------------------------

// recv(), which asks again where there may be more: it filled the room, or the end came with the bytes.
static ssize_t input_receive(struct http_conn *conn, short what, void *room, size_t bytes)
{
    ssize_t n = recv(conn->fd, room, bytes, 0);

    if (n == (ssize_t)bytes || (n > 0 && what & EV_CLOSED) || (n < 0 && errno == EINTR))
        input_ask_again(conn);
    return n;
}

static void input_discard(struct http_conn *conn, short what)
{
    char scratch[8192];
    ssize_t n = input_receive(conn, what, scratch, sizeof(scratch));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    conn->linger_bytes += n > 0 ? (size_t)n : 0;
    if (n <= 0 || conn->linger_bytes > HTTP_LINGER_BYTES_MAX)
        http_conn_close(conn);
}

static void input_ended(struct http_conn *conn, ssize_t n)
{
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        http_conn_settle(conn);
    } else if (n < 0) {
        http_conn_close(conn);
    } else {
        conn->eof = true; // perhaps only of its sending half: what it has asked is answered
        http_input_stop(conn);
        http_conn_settle(conn);
    }
}

void http_input_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    if (conn->state == CONN_LINGER) {
        input_discard(conn, what);
        return;
    }
    if (input_is_over(conn) || (conn->input != NULL && !input_has_room(conn))) {
        http_input_stop(conn);
        return;
    }
    if (conn->input == NULL && !input_take(conn)) {
        http_conn_close(conn);
        return;
    }
    struct http_input *input = conn->input;
    ssize_t n = input_receive(conn, what, input->data + input->end, input->bytes - input->end);
    if (n <= 0) {
        input_ended(conn, n);
        return;
    }
    conn->server->counters.bytes_in += (uint64_t)n;
    input->end += (size_t)n;
    input->filled = max_of(input->filled, input->end);
    http_input_process(conn);
    if (conn->reading && (conn->state == CONN_HEAD || conn->state == CONN_BODY || conn->stream.body_open))
        input_ask_again(conn); // a reset that came with the bytes is told as plain EV_READ
    http_conn_settle(conn);
}
