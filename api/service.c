// The service: what happens to one request. Owner: the program's loop. A request is checked by the table of
// routes, becomes one transaction (identity, then one function), and is answered when that has committed.
// Invariants: every request gets one answer; no SQL is made from input; identity lives in its transaction
// only (see sql/0007). Limits: the server's for what comes in, the pool's for what waits.

#include "api/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/answer.h"
#include "api/openapi.h"
#include "api/parameters.h"
#include "base/clock.h"
#include "base/log.h"

#define IDEMPOTENCY_KEY_BYTES_MAX 200

// A request that waits for the database.
struct asking {
    struct service *service;
    struct http_handle handle;
    const struct route *route;
    struct in6_addr address;
    uint8_t key_hash[KEY_HASH_BYTES];
    uint64_t began_us;
};

int service_init(struct service *service, const char *version)
{
    service->limiter = limiter_new();
    service->openapi = openapi_print(version);
    return service->limiter && service->openapi ? 0 : -ENOMEM;
}

void service_deinit(struct service *service)
{
    service->limiter = limiter_free(service->limiter);
    service->pages = pages_free(service->pages);
    free(service->openapi);
    service->openapi = NULL;
}

// --- Answers

static void refuse(struct service *service, struct http_conn *conn, const struct fault *fault)
{
    if (fault->status == 401)
        metric_add(&service->counters.unauthorized, 1);
    else if (fault->status == 429)
        metric_add(&service->counters.limited, 1);
    else if (fault->status == 503)
        metric_add(&service->counters.unavailable, 1);
    else if (fault->status >= 500)
        metric_add(&service->counters.failed, 1);
    else
        metric_add(&service->counters.refused, 1);
    answer_fault(conn, fault);
}

static void log_asked(const struct asking *asking, const struct pg_job_result *result, unsigned status)
{
    enum log_level level = status >= 500                       ? LOG_ERROR
                           : asking->route->method == HTTP_GET ? LOG_DEBUG
                                                               : LOG_INFO;
    log_event(level, "api.request", log_str("route", asking->route->path),
              log_str("function", asking->route->function), log_uint("status", status),
              log_str("sqlstate", result->sqlstate), log_str("message", status >= 500 ? result->message : ""),
              log_uint("took_us", clock_monotonic_us() - asking->began_us));
}

static void asked(void *ctx, const struct pg_job_result *result)
{
    struct asking *asking = ctx;
    struct service *service = asking->service;
    struct http_conn *conn = http_conn_find(service->server, asking->handle);
    struct fault fault = {0};
    bool good = fault_of_job(result, &fault) == 0;
    log_asked(asking, result, good ? asking->route->status : fault.status);
    if (good)
        limiter_passed(service->limiter, asking->key_hash);
    else if (fault.status == 401)
        limiter_failed(service->limiter, &asking->address, asking->key_hash, clock_monotonic_ms());
    if (conn && good)
        answer_json(conn, asking->route->status, result->value);
    else if (conn)
        refuse(service, conn, &fault);
    free(asking);
}

// --- Questions

static int read_key(struct service *service, const struct http_request *request, struct slice *key,
                    uint8_t hash[KEY_HASH_BYTES], struct fault *fault)
{
    if (key_from_request(request, key) != 0)
        return fault_set(fault, 401, "unauthorized", "send the key as Authorization: Bearer KEY");
    key_hash(*key, hash);
    if (!limiter_allows(service->limiter, &request->peer.address, hash, clock_monotonic_ms()))
        return fault_set(fault, 429, "too_many_failures",
                         "too many unknown keys came from this address; wait");
    return 0;
}

// .data NULL without one.
static int read_idempotency_key(const struct http_request *request, struct slice *key, struct fault *fault)
{
    struct slice name = SLICE("Idempotency-Key");
    *key = http_request_header(request, name);
    if (!key->data)
        return 0;
    bool good = http_request_header_count(request, name) == 1 && key->len >= 1 &&
                key->len <= IDEMPOTENCY_KEY_BYTES_MAX;
    for (size_t i = 0; i < key->len && good; i++)
        good = key->data[i] >= 0x20 && key->data[i] <= 0x7e;
    return good ? 0
                : fault_set(fault, 422, "idempotency_key",
                            "Idempotency-Key must be given once, with 1 to %d ASCII characters",
                            IDEMPOTENCY_KEY_BYTES_MAX);
}

static int add_secret(const struct route *route, struct slice key, struct slice idempotency_key,
                      struct json *params)
{
    char secret[KEY_SECRET_BYTES];
    if (!route->makes_key)
        return 0;
    key_secret(key, route->function, idempotency_key, secret);
    return json_put(params, "secret", json_text(slice_of(secret))) ? 0 : -ENOMEM;
}

static int run(struct asking *asking, struct slice idempotency_key, const struct json *params)
{
    const struct route *route = asking->route;
    char hash[KEY_PARAM_BYTES];
    char *text = json_print(params);
    if (!text)
        return -ENOMEM;
    key_hash_param(asking->key_hash, hash);
    struct pg_step steps[] = {
        {.sql = "select clickledger.api_begin($1, $2)",
         .n_params = 2,
         .params = {slice_of(hash), slice_of(route_asker_name(route->asker))}},
        {.sql = route->sql, .n_params = 1, .params = {slice_of(text)}},
    };
    if (route->method == HTTP_POST) {
        steps[1].n_params = 3;
        steps[1].params[0] = slice_of(route->function);
        steps[1].params[1] = idempotency_key;
        steps[1].params[2] = slice_of(text);
    }
    int result = pg_pool_run(asking->service->pool, steps, array_length(steps), asked, asking);
    free(text);
    return result;
}

// 0: asked() will answer; else the fault is to be answered now.
static int ask(struct service *service, struct http_conn *conn, const struct http_request *request,
               const struct route_match *match, struct fault *fault)
{
    struct slice key, idempotency_key = SLICE_NONE;
    uint8_t hash[KEY_HASH_BYTES];
    struct json *params = NULL;
    int result = read_key(service, request, &key, hash, fault);
    if (result == 0 && match->route->method == HTTP_POST)
        result = read_idempotency_key(request, &idempotency_key, fault);
    if (result == 0)
        result = parameters_read(match, request, &params, fault);
    if (result == 0)
        result = add_secret(match->route, key, idempotency_key, params);
    if (result == 0) {
        struct asking *asking = calloc(1, sizeof(*asking));
        if (asking) {
            *asking = (struct asking){service, http_conn_handle(conn), match->route, request->peer.address,
                                      .began_us = clock_monotonic_us()};
            memcpy(asking->key_hash, hash, sizeof(hash));
        }
        result = asking ? run(asking, idempotency_key, params) : -ENOMEM;
        if (result != 0)
            free(asking);
        if (result == PG_POOL_FULL)
            fault_set(fault, 503, "busy", "too many requests are waiting; try again");
    }
    json_free(params);
    if (result < 0)
        fault_set(fault, 500, "internal", "this failed; it was logged");
    return result;
}

static void answer_health(struct service *service, struct http_conn *conn)
{
    struct fault fault;
    if (pg_pool_counters(service->pool)->open > 0) {
        answer_json(conn, 200, SLICE("{\"status\":\"ok\"}"));
        return;
    }
    fault_set(&fault, 503, "unavailable", "the database cannot be reached");
    answer_fault(conn, &fault);
}

// What is answered without a key. False: not one of these.
static bool handle_open(struct service *service, struct http_conn *conn, const struct http_request *request)
{
    struct fault fault;
    bool is_health = slice_equal(request->path, SLICE("/healthz"));
    if (!is_health && !slice_equal(request->path, SLICE("/v1/openapi.json")))
        return false;
    if (request->method != HTTP_GET && request->method != HTTP_HEAD) {
        fault_set(&fault, 405, "method", "this can only be read");
        answer_not_allowed(conn, &fault, 1u << HTTP_GET);
    } else if (is_health) {
        answer_health(service, conn);
    } else {
        answer_json(conn, 200, slice_of(service->openapi));
    }
    return true;
}

size_t service_body_bytes_max(void *ctx, const struct http_request *request)
{
    struct route_match match;
    (void)ctx;
    bool is_own = route_find(request->method, request->path, &match) == 0 && match.route->body_bytes_max > 0;
    return is_own ? match.route->body_bytes_max : ROUTE_BODY_BYTES_MAX;
}

void service_handle(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    struct service *service = ctx;
    struct route_match match;
    struct fault fault = {0};
    if (handle_open(service, conn, request) || pages_handle(service->pages, conn, request))
        return;
    int found = route_find(request->method, request->path, &match);
    if (found == ROUTE_METHOD) {
        fault_set(&fault, 405, "method", "this path has no such method");
        answer_not_allowed(conn, &fault, match.allowed);
        return;
    }
    if (found == ROUTE_UNKNOWN)
        fault_set(&fault, 404, "not_found", "there is no such path");
    else if (ask(service, conn, request, &match, &fault) == 0)
        return;
    refuse(service, conn, &fault);
}
