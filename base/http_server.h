#pragma once

// A strict HTTP/1.1 server (RFC 9112) on raw libevent events, for one thread. The program's loop is
//     while (!stop) { event_base_loop(base, EVLOOP_ONCE); end_of_turn(); http_server_flush(server); }
// Handlers run inside event_base_loop() and only fill output buffers; http_server_flush() writes to sockets.

#include "base/http_conn.h"
#include "base/http_parse.h"

struct event_base;

// Zero means the default in brackets.
struct http_limits {
    size_t line_bytes_max;      // request line [8192]
    size_t headers_bytes_max;   // all header fields [16384]
    size_t headers_max;         // number of header fields [64]
    size_t body_bytes_max;      // decoded body [65536]
    size_t output_bytes_max;    // answers of one connection that wait to be written [4 MiB]
    unsigned connections_max;   // more displace silent and slow ones, else are shed with 503 [4096]
    unsigned pipelined_max;     // requests of one connection in one turn [16]
    unsigned requests_max;      // requests of one connection in its life [1,000,000]
    unsigned header_timeout_ms; // first byte to end of head [10,000]
    unsigned body_timeout_ms;   // end of head to end of body [30,000]
    unsigned idle_timeout_ms;   // keep-alive without a byte [60,000]
    unsigned write_timeout_ms;  // from the flush to the last byte of an answer [30,000]
    unsigned linger_timeout_ms; // reading on behind an error answer [2,000]
    unsigned patience_ms;       // without a whole request, before a new connection may displace it [1,000]
    unsigned retry_after_s;     // of a 503 [1]
};

struct http_counters {
    uint64_t accepted, closed, shed, accept_failed;
    uint64_t requests, answered, replaced; // replaced: by a 500, see http_respond()
    uint64_t dropped;                 // accepted requests whose client went before the answer was written
    uint64_t held, released, retried; // runs
    uint64_t idle_timeouts, write_timeouts, displaced; // displaced: silent or slow, for new ones
    uint64_t bytes_in, bytes_out;
    uint64_t faults[HTTP_FAULTS]; // by enum http_fault
};

typedef void http_handler(void *ctx, struct http_conn *conn, const struct http_request *request);

// How many bytes the body of this request may have; it has no body yet.
typedef size_t http_body_bytes_max(void *ctx, const struct http_request *request);

// Whether the body of this request is to be streamed: then the handler is called when its head is there.
typedef bool http_body_streams(void *ctx, const struct http_request *request);

// NULL with errno.
struct http_server *http_server_new(struct event_base *base, const struct http_limits *limits,
                                    http_handler *handler, void *ctx);
struct http_server *http_server_free(struct http_server *server); // NULL; takes NULL; closes all

// In place of limits.body_bytes_max, with the handler's ctx.
void http_server_limit_bodies(struct http_server *server, http_body_bytes_max *bytes_max);

// Without it no body is streamed. With the handler's ctx.
void http_server_stream_bodies(struct http_server *server, http_body_streams *streams);

// host is a numeric address ("127.0.0.1", "::"); port 0 takes any. 0 or a negative errno.
must_check int http_server_listen(struct http_server *server, const char *host, uint16_t port,
                                  bool reuse_port);
// Takes over a bound stream socket (TCP or unix), listening or not.
must_check int http_server_adopt(struct http_server *server, int fd);
// A connected socket as if it had been accepted. Takes over fd in any case.
must_check int http_server_connect(struct http_server *server, int fd);
uint16_t http_server_port(const struct http_server *server); // of the first listening socket, 0 if none

// At the end of each turn: writes every answer that is not held.
void http_server_flush(struct http_server *server);

// Takes what waits in the listening sockets' queues and closes them; each connection closes behind its next
// answer. One that is kept open unused stays, because a request may be under way to it, until
// http_server_close_unused(). Done when http_server_connections() is 0.
void http_server_drain(struct http_server *server);
void http_server_close_unused(struct http_server *server); // those of which no byte of a request has arrived

unsigned http_server_connections(const struct http_server *server);
const struct http_counters *http_server_counters(const struct http_server *server);
