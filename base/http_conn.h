#pragma once

// What a handler may do with the connection of its request: answer it now or later, hold the answer back,
// have it made anew. Nothing is written to a socket before http_server_flush().
//
// A `struct http_conn *` is good inside the handler and until the handler's turn ends; what is kept longer is
// the handle, which names the request, not the connection. A handle whose client has gone, or whose answer
// was written, finds nothing and does nothing.
//
// A *run* is what one connection asked and we answered since its last flush: several pipelined requests
// without body, or one with a body. Hold, release and retry concern the whole run, so that answers stay in
// order; any of its handles will do.

#include "base/http_response.h"

struct http_conn;
struct http_server;

struct http_handle {
    uint32_t slot;
    uint32_t generation; // 0: no handle
};

struct http_handle http_conn_handle(const struct http_conn *conn);

// NULL if this request is not waiting for its answer any more.
struct http_conn *http_conn_find(struct http_server *server, struct http_handle handle);

// Answers the request, once. Headers and body are copied. If a header is unsafe or the answer does not fit in
// output_bytes_max, a bare 500 is sent instead, the connection closed, and the result is not 0
// (HTTP_RESPONSE_UNSAFE or -ENOSPC).
int http_respond(struct http_conn *conn, unsigned status, const struct http_header *headers, size_t n_headers,
                 struct slice body);
int http_respond_preset(struct http_conn *conn, const struct http_preset *preset,
                        const struct http_header *headers, size_t n_headers, struct slice body);

// The run is not flushed and nothing more is read from its connection until release or retry. In the handler
// (before or behind http_respond()) or later, before the flush. Again: no effect. false: too late, nothing is
// held.
bool http_conn_hold(struct http_server *server, struct http_handle handle);

// The held run may be flushed.
void http_conn_release(struct http_server *server, struct http_handle handle);

// Throws the run's answers away, held or not, and calls the handler again for each of its requests, before
// this returns; they get new handles. Not from inside a handler.
void http_conn_retry(struct http_server *server, struct http_handle handle);
