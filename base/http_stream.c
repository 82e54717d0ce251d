// Streams of a connection (RFC 9112, 7.1). A streaming request stays WAITING, so nothing else of its
// connection is parsed; its answer is one run. Invariants: `ready` is told once behind each write, in a turn
// of its own, so that a fast client and a fast writer do not keep others waiting; `gone` ends what was not
// answered, once.

#include "base/http_stream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/http_internal.h"

enum {
    CHUNK_HEAD_BYTES = 24, // 16 digits, CR LF, NUL
};

void http_stream_attach(struct http_conn *conn, const struct http_stream_events *events, void *ctx)
{
    assert(conn->state == CONN_WAITING);
    conn->stream.events = events;
    conn->stream.ctx = ctx;
}

void http_stream_pause(struct http_conn *conn)
{
    conn->stream.paused = true;
    http_input_stop(conn);
}

void http_stream_resume(struct http_conn *conn)
{
    if (!conn->stream.paused)
        return;
    conn->stream.paused = false;
    http_conn_resume_later(conn);
}

int http_stream_begin(struct http_conn *conn, unsigned status, const struct http_header *headers,
                      size_t n_headers)
{
    struct http_response response = {
        .status = status, .headers = headers, .n_headers = n_headers, .streamed = true};

    int result = http_conn_lay_out(conn, &response);
    if (result != 0) {
        http_conn_answered(conn);
        return result;
    }
    conn->stream.begun = true;
    conn->stream.chunked = response.minor > 0;
    conn->stream.head_only = response.head_only;
    conn->stream.filled = true;
    http_conn_mark(conn);
    return 0;
}

int http_stream_write(struct http_conn *conn, struct slice text)
{
    char head[CHUNK_HEAD_BYTES];
    size_t unsent = conn->out.len - conn->out.sent;
    int result;

    assert(conn->stream.begun);
    if (conn->stream.head_only || text.len == 0)
        return 0;
    if (unsent + text.len > conn->server->limits.output_bytes_max)
        return -ENOSPC;
    int n = conn->stream.chunked ? snprintf(head, sizeof(head), "%zx\r\n", text.len) : 0;
    result = http_output_append(conn, (struct slice){head, (size_t)n});
    if (result == 0)
        result = http_output_append(conn, text);
    if (result == 0 && conn->stream.chunked)
        result = http_output_append(conn, SLICE("\r\n"));
    conn->stream.filled = true;
    http_conn_mark(conn);
    return result;
}

void http_stream_end(struct http_conn *conn)
{
    bool says_end = conn->stream.chunked && !conn->stream.head_only;

    assert(conn->stream.begun);
    if (says_end && http_output_append(conn, SLICE("0\r\n\r\n")) != 0) {
        http_stream_break(conn);
        return;
    }
    http_conn_answered(conn);
}

void http_stream_break(struct http_conn *conn)
{
    conn->stream.events = NULL;
    http_conn_close(conn);
}

void http_stream_go_on(struct http_conn *conn)
{
    struct http_streaming *stream = &conn->stream;

    if (!stream->filled || !http_output_is_empty(conn))
        return;
    stream->filled = false;
    if (stream->events && stream->events->ready)
        stream->events->ready(stream->ctx, conn);
}

void http_stream_spoilt(struct http_conn *conn, enum http_fault fault)
{
    bool begun = conn->stream.begun;

    http_stream_gone(conn);
    if (begun)
        http_conn_close(conn);
    else
        http_conn_fault(conn, fault, http_fault_status(fault));
}

void http_stream_gone(struct http_conn *conn)
{
    const struct http_stream_events *events = conn->stream.events;

    void *ctx = conn->stream.ctx;

    conn->stream = (struct http_streaming){0};
    if (events)
        events->gone(ctx);
}
