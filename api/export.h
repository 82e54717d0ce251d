#pragma once

// A list as CSV: the whole of it, page by page with the list's own function, from one snapshot of the
// database. The next page is asked for when the client has taken the last, so memory holds one page. What
// breaks in the middle ends without the last chunk.

#include "api/route.h"
#include "base/http_server.h"
#include "base/json.h"
#include "base/pg_pool.h"

#define EXPORT_PAGE_ROWS 500 // of the lists themselves: api_limit()

struct exports {
    unsigned max;        // at a time; each keeps a connection to PostgreSQL
    unsigned timeout_ms; // of one, from its first page on
    uint64_t open, begun, broken;
    struct event_base *base;
    struct http_server *server;
    struct pg_pool *pool;
};

enum export_condition {
    EXPORT_BUSY = 1, // `max` are open, or the pool is full
};

// `identity` is the transaction's first statement. `first` is told, once, how the first page went: with
// PG_JOB_OPEN the answer has begun, any other end it must answer itself. 0, EXPORT_BUSY or -ENOMEM (then
// `first` is not called).
must_check int export_open(struct exports *exports, struct http_handle handle, const struct route *route,
                           const struct pg_step *identity, const struct json *params, pg_job_done *first,
                           void *ctx);
