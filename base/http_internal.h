#pragma once

// What the files of the server share; nobody else includes it. http_listen.c brings connections, http_input.c
// reads and parses, http_conn.c owns their life and states and serves handlers, http_output.c writes,
// http_server.c has the clock, the limits and the turn.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "base/http_connection.h"
#include "base/http_pool.h"
#include "base/http_server.h"

enum {
    HTTP_LISTENERS_MAX = 64,
    HTTP_SHED_SLOTS = 64, // connections above the limit that get their 503 with a lingering close
    HTTP_LINGER_BYTES_MAX = 256 * 1024, // read behind an error answer
    HTTP_OUTPUT_BYTES = 16 * 1024, // the first buffer for answers; above it no further request joins a run
};

struct http_slot {
    struct http_conn *conn;
    uint32_t generation; // survives the connection
};

struct http_listener {
    struct http_server *server;
    int fd;
    struct event event;
};

struct http_server {
    struct event_base *base;
    struct http_limits limits;
    struct http_head_limits head_limits;
    http_handler *handler;
    http_body_bytes_max *body_bytes_max; // NULL: that of the limits for all
    http_body_streams *body_streams;
    void *ctx;
    struct http_counters counters;
    struct conn_list states[CONN_STATES], dirty, resume, blocked;
    unsigned n_conns, n_resume;
    uint64_t now_ms;
    bool now_is_known, draining, in_handler;
    struct http_date date;
    struct http_pool conns, inputs, input_buffers, output_buffers;
    struct event tick_event, resume_event, accept_event;
    unsigned n_listeners;
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    struct http_slot *slots;
    uint32_t *free_slots;
    uint32_t n_slots, n_free_slots;
};

// http_server.c: monotonic, the same for a whole turn
uint64_t http_server_now_ms(struct http_server *server);

// http_conn.c
void http_conn_move(struct http_conn *conn, enum conn_state state);
void http_conn_mark(struct http_conn *conn); // to be flushed
struct http_conn *http_conn_new(struct http_server *server, int fd, const struct http_peer *peer);
void http_conn_close(struct http_conn *conn);
void http_conn_make_room(struct http_server *server); // closes the oldest that dawdles, if any
void http_conn_close_unused(struct http_conn *conn);  // unless something of a request has arrived
void http_conn_settle(
    struct http_conn *conn); // after progress: resume, close, linger, give memory back, read on
void http_conn_dispatch(struct http_conn *conn);
void http_conn_resume_later(struct http_conn *conn); // in the next turn: go on with the stream, parse, settle
// Lays out an answer without its body; the request stays WAITING.
must_check int http_conn_lay_out(struct http_conn *conn, struct http_response *response);
void http_conn_answered(struct http_conn *conn);
void http_conn_fault(struct http_conn *conn, enum http_fault fault, unsigned status);

// http_input.c
bool http_input_may_parse(const struct http_conn *conn);
void http_input_process(struct http_conn *conn);
void http_input_stop(struct http_conn *conn);
void http_input_read_more(struct http_conn *conn); // (again) if there is room
void http_input_on_readable(evutil_socket_t fd, short what, void *arg);
void http_input_give(struct http_conn *conn);

// http_output.c
must_check int http_output_respond(struct http_conn *conn, const struct http_response *response,
                                   size_t bytes_max);
must_check int http_output_append(struct http_conn *conn, struct slice text);
void http_output_flush(struct http_conn *conn);
void http_output_on_writable(evutil_socket_t fd, short what, void *arg);
void http_output_give(struct http_conn *conn);
bool http_output_is_empty(const struct http_conn *conn);

// http_stream.c
void http_stream_go_on(struct http_conn *conn);                         // tells `ready` if it is time
void http_stream_gone(struct http_conn *conn);                          // the connection is closed
void http_stream_spoilt(struct http_conn *conn, enum http_fault fault); // its body cannot be read

// http_listen.c
void http_listen_on_retry(evutil_socket_t fd, short what, void *arg);
void http_listen_empty(struct http_server *server); // takes what waits in the kernel's queues
void http_listen_close(struct http_server *server);
