#pragma once

// Requests in, jobs of the database out, answers back. One service per program, on its loop.

#include "api/buckets.h"
#include "api/export.h"
#include "api/guard.h"
#include "api/limiter.h"
#include "api/pages.h"
#include "api/password.h"
#include "api/upload.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/metrics.h"
#include "base/pg_pool.h"

struct service_counters {
    // Answers: 4xx before the database, 401, 429 for failures and for asking too often, 503, 500.
    uint64_t refused, unauthorized, limited, paced, unavailable, failed;
};

#define SERVICE_BURST_S 4    // seconds' worth of requests that may come at once
#define SERVICE_SLOTS   8192 // keys, and addresses, whose requests are counted

struct service_options {
    const char *version;
    struct http_proxies proxies;     // whose X-Forwarded-For is believed
    unsigned address_rate, key_rate; // requests a second; 0: any number
};

struct service {
    struct http_proxies proxies;
    struct http_server *server; // set after http_server_new()
    struct pg_pool *pool;
    struct buckets *addresses, *keys; // requests of each; NULL: not counted
    struct limiter *limiter;          // of unknown keys
    struct guard *guard;              // of passwords
    struct password_service *passwords;
    char *openapi;       // text of /v1/openapi.json
    struct pages *pages; // NULL: none; freed by the service
    struct exports exports;
    struct uploads uploads;
    struct service_counters counters;
};

// Server and pool are the caller's. 0 or -ENOMEM.
must_check int service_init(struct service *service, struct event_base *base,
                            const struct service_options *options);
void service_deinit(struct service *service);

http_handler service_handle; // ctx is the service
http_body_bytes_max service_body_bytes_max;

http_body_streams service_body_streams; // whether its body is an upload
