#pragma once

// Files of rows, taken as they arrive: a batch of rows is one transaction, the next is gathered meanwhile,
// and reading stops while two are full. Memory holds two batches, whatever the file.

#include <sys/queue.h>

#include "api/fault.h"
#include "api/identity.h"
#include "api/route.h"
#include "base/http_stream.h"
#include "base/json.h"
#include "base/pg_pool.h"

#define UPLOAD_ROWS_MAX   1000000
#define UPLOAD_BATCH_ROWS 500 // or what one piece of the body brings beyond it
#define UPLOAD_SILENT_S   60  // without a byte that is waited for

struct event_base;

struct uploads {
    unsigned max; // at a time
    uint64_t open, begun, broken;
    struct event_base *base;
    struct http_server *server;
    struct pg_pool *pool;
    struct limiter *limiter;  // is told which keys were good, and which were not
    LIST_HEAD(, upload) list; // all that are open
};

// No more are taken; those whose end has not come are broken off. They are over when `open` is 0.
void uploads_stop(struct uploads *uploads);

// The handler's part: 0, the answer will come; 1, the fault is to be answered; or -ENOMEM.
must_check int upload_open(struct uploads *uploads, struct http_conn *conn,
                           const struct http_request *request, const struct route *route,
                           const struct in6_addr *address, const struct identity *identity,
                           const struct json *params, struct fault *fault);
