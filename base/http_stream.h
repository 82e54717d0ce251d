#pragma once

// Answers and bodies that are longer than memory should be. Who handles the request attaches itself to it and
// is called from the loop; back-pressure goes both ways. As everywhere, nothing is written before
// http_server_flush(), and a connection is found again by the handle of its request.
//
// An answer: begin, then write what there is, then wait for `ready`; end it, or break it off: then it ends
// without its last chunk (in HTTP/1.0 like any other), and the client knows that it is not whole.
// A body: `body` gets each piece, must copy it, and may pause; resume takes up again. An answer to a request
// whose body is still open throws the rest away and closes.

#include "base/http_conn.h"

struct http_stream_events {
    // All that was written is with the kernel. NULL where nothing is written.
    void (*ready)(void *ctx, struct http_conn *conn);
    // The next piece of the request's body; the last one may be empty. NULL where none is streamed.
    void (*body)(void *ctx, struct http_conn *conn, struct slice piece, bool last);
    // The connection was closed. Not called any more once the request is answered.
    void (*gone)(void *ctx);
};

// The request is waiting for its answer. `events` lives as long as the program.
void http_stream_attach(struct http_conn *conn, const struct http_stream_events *events, void *ctx);

// Body.
void http_stream_pause(struct http_conn *conn);
void http_stream_resume(struct http_conn *conn);

// Answer. Attached before. As http_respond() without a body: if it fails, the request is answered.
must_check int http_stream_begin(struct http_conn *conn, unsigned status, const struct http_header *headers,
                                 size_t n_headers);
// Copied. 0, -ENOSPC (output_bytes_max of it were not sent yet) or -ENOMEM. To HEAD nothing is sent.
must_check int http_stream_write(struct http_conn *conn, struct slice text);
void http_stream_end(struct http_conn *conn);
void http_stream_break(struct http_conn *conn);
