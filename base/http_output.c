// Answers on their way out. Bytes are appended in a handler's turn, committed by http_server_flush() and only
// then written, as far as the socket takes them; the rest waits for EV_WRITE. A held run is appended but not
// committed. The buffer is taken with the first answer and given back when all is sent.

#include <errno.h>
#include <sys/socket.h>

#include "base/http_internal.h"

bool http_output_is_empty(const struct http_conn *conn)
{
    return conn->out.sent == conn->out.len;
}

void http_output_give(struct http_conn *conn)
{
    if (conn->out.data != NULL)
        http_pool_give_buffer(&conn->server->output_buffers, conn->out.data, conn->out.bytes, conn->out.len);
    conn->out = (struct http_output){0};
}

// Room for `bytes` behind len, without what has been sent.
static int output_reserve(struct http_conn *conn, size_t bytes, size_t bytes_max)
{
    struct http_pool *pool = &conn->server->output_buffers;
    struct http_output *out = &conn->out;
    size_t unsent = out->len - out->sent, got;

    if (bytes > bytes_max || unsent > bytes_max - bytes)
        return -ENOSPC;
    if (out->data != NULL && out->bytes - out->len >= bytes)
        return 0;
    char *data = http_pool_take_buffer(pool, unsent > 0 ? max_of(unsent + bytes, 2 * unsent) : bytes, &got);
    if (data == NULL)
        return -ENOMEM;
    if (unsent > 0)
        memcpy(data, out->data + out->sent, unsent);
    size_t committed = out->committed - out->sent;
    http_output_give(conn);
    conn->out = (struct http_output){.data = data, .bytes = got, .committed = committed, .len = unsent};
    return 0;
}

int http_output_append(struct http_conn *conn, struct slice text)
{
    int result = output_reserve(conn, text.len, SIZE_MAX);

    if (result != 0)
        return result;
    memcpy(conn->out.data + conn->out.len, text.data, text.len);
    conn->out.len += text.len;
    return 0;
}

int http_output_respond(struct http_conn *conn, const struct http_response *response, size_t bytes_max)
{
    size_t len;
    int result = output_reserve(conn, http_response_bytes_max(response), bytes_max);

    if (result != 0)
        return result;
    http_server_now_ms(conn->server); // and the date
    result = http_response_write(response, &conn->server->date, conn->out.data + conn->out.len, &len);
    if (result == 0)
        conn->out.len += len;
    return result;
}

static void output_block(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (!conn->blocked) {
        conn->blocked = true;
        conn->write_deadline_ms = http_server_now_ms(server) + server->limits.write_timeout_ms;
        TAILQ_INSERT_TAIL(&server->blocked, conn, by_blocked);
    }
    if (event_add(&conn->write_event, NULL) != 0)
        http_conn_close(conn);
}

static void output_unblock(struct http_conn *conn)
{
    if (!conn->blocked)
        return;
    conn->blocked = false;
    TAILQ_REMOVE(&conn->server->blocked, conn, by_blocked);
}

// What is committed goes to the socket. false: closed, or the socket is full.
static bool output_write(struct http_conn *conn)
{
    struct http_output *out = &conn->out;

    if (out->committed > out->sent) {
        ssize_t n = send(conn->fd, out->data + out->sent, out->committed - out->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            http_conn_close(conn);
            return false;
        }
        conn->server->counters.bytes_out += n > 0 ? (uint64_t)n : 0;
        out->sent += n > 0 ? (size_t)n : 0;
        if (out->committed > out->sent) {
            output_block(conn);
            return false;
        }
    }
    output_unblock(conn);
    if (out->sent == out->len)
        http_output_give(conn);
    return true;
}

// The run is out of our hands; what comes next is another one.
static void output_end_run(struct http_conn *conn)
{
    bool waiting = conn->state == CONN_WAITING;

    conn->out.committed = conn->out.len;
    conn->run_count = waiting ? 1 : 0;
    conn->run_closed &= waiting;
    conn->run_has_body &= waiting;
    if (conn->input != NULL)
        conn->input->run_start = conn->input->pos;
}

void http_output_flush(struct http_conn *conn)
{
    TAILQ_REMOVE(&conn->server->dirty, conn, by_dirty);
    conn->dirty = false;
    if (conn->held)
        return;
    output_end_run(conn);
    if (output_write(conn))
        http_conn_settle(conn);
}

void http_output_on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct http_conn *conn = arg;

    if (output_write(conn))
        http_conn_settle(conn);
}
