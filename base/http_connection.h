#pragma once

// One connection of the server and what it holds. Part of base/http_internal.h; nobody else includes it.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "base/http_body.h"
#include "base/http_server.h"
#include "base/http_stream.h"

// What a connection waits for. Each state is a list; http_conn_move() alone changes it.
enum conn_state {
    CONN_IDLE,    // for the first byte of a request
    CONN_HEAD,    // for the rest of a head
    CONN_BODY,    // for the rest of a body
    CONN_WAITING, // for the handler's answer
    CONN_LINGER,  // for the client to close: its bytes are thrown away
    CONN_DEAD,    // for the end of the turn: an event or a caller may still know it
    CONN_STATES,
};

// Taken when there is something to read, given back when all of it is answered.
// data: [run_start: answered, not flushed][pos: the current request][next: behind it, if WAITING][end
struct http_input {
    struct http_head head;
    struct http_body body;
    size_t body_bytes; // decoded, behind the head
    char *data;
    size_t bytes, run_start, pos, next, end;
    size_t filled; // the furthest that `end` has been in `data`
    struct http_header headers[];
};

// data: [sent: on the wire][committed: may be written][len
struct http_output {
    char *data;
    size_t bytes, sent, committed, len;
};

// Of a request that is WAITING.
struct http_streaming {
    const struct http_stream_events *events; // NULL: nobody streams
    void *ctx;
    bool chunked, head_only; // of the answer
    bool begun;              // its head is out
    bool filled;             // written, and `ready` not told since
    bool body_open;          // the request's body has not come to its end
    bool paused;             // and is not wanted now
};

struct http_conn {
    struct http_server *server;
    TAILQ_ENTRY(http_conn) by_state, by_dirty, by_resume, by_blocked;
    enum conn_state state;
    int fd;
    uint32_t slot, generation; // generation: of the newest request
    uint64_t deadline_ms, write_deadline_ms;
    uint64_t since_ms;  // it came, began its request, or had its last answer
    unsigned run_count; // requests in the run, a waiting one included
    unsigned requests;
    size_t linger_bytes;
    struct http_input *input;
    struct http_output out;
    struct http_peer peer;
    struct http_streaming stream;
    bool run_closed;   // no request may join the run
    bool run_has_body; // the run is one request with a body
    bool held;
    bool closing; // behind the last answer
    bool faulted; // the last answer is an error of ours: linger
    bool eof;     // the client sends no more
    bool reading; // read_event is added
    bool dirty, resuming, blocked;
    struct event read_event, write_event;
};

TAILQ_HEAD(conn_list, http_conn);
