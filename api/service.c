// The service: what happens to one request. Owner: the program's loop. A request is checked by the table of
// routes, becomes one transaction (identity, then one function), and is answered when that has committed.
// Invariants: every request gets one answer; no SQL is made from input; identity lives in its transaction
// only (see sql/0007). Limits: the server's for what comes in, the pool's for what waits.

#include "api/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "api/answer.h"
#include "api/identity.h"
#include "api/openapi.h"
#include "api/parameters.h"
#include "api/secrets.h"
#include "base/clock.h"
#include "base/log.h"

#define IDEMPOTENCY_KEY_BYTES_MAX 200
#define PACED                     "too_many_requests" // the code of 429 that is no guessing

// A request that waits for the database or for the password process.
struct asking {
    struct service *service;
    struct http_handle handle;
    const struct route *route;
    struct in6_addr address;
    bool has_key; // or a session
    uint8_t key_hash[KEY_HASH_BYTES];
    uint64_t began_us;
    struct secrets *secrets; // NULL: none
};

// 0 and NULL where nothing is to be counted.
static int count_requests(unsigned rate, struct buckets **out)
{
    if (rate == 0)
        return 0;
    const struct buckets_options options = {rate * SERVICE_BURST_S, 1000000 / rate, SERVICE_SLOTS};
    *out = buckets_new(&options);
    return *out ? 0 : -ENOMEM;
}

int service_init(struct service *service, struct event_base *base, const struct service_options *options)
{
    service->proxies = options->proxies;
    service->limiter = limiter_new();
    service->guard = guard_new();
    service->passwords = password_service_new(base);
    service->openapi = openapi_print(options->version);
    if (count_requests(options->address_rate, &service->addresses) < 0 ||
        count_requests(options->key_rate, &service->keys) < 0)
        return -ENOMEM;
    return service->limiter && service->guard && service->passwords && service->openapi ? 0 : -ENOMEM;
}

void service_deinit(struct service *service)
{
    service->passwords = password_service_free(service->passwords);
    service->guard = guard_free(service->guard);
    service->limiter = limiter_free(service->limiter);
    service->addresses = buckets_free(service->addresses);
    service->keys = buckets_free(service->keys);
    service->pages = pages_free(service->pages);
    free(service->openapi);
    service->openapi = NULL;
}

static struct asking *asking_free(struct asking *asking)
{
    if (asking)
        secrets_free(asking->secrets);
    free(asking);
    return NULL;
}

// --- Answers

static void refuse(struct service *service, struct http_conn *conn, const struct fault *fault)
{
    if (fault->status == 401)
        metric_add(&service->counters.unauthorized, 1);
    else if (fault->status == 429 && strcmp(fault->code, PACED) == 0)
        metric_add(&service->counters.paced, 1);
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

static struct slice account_of(const struct asking *asking)
{
    const struct secrets *secrets = asking->secrets;
    return secrets && secrets->account_len > 0 ? (struct slice){secrets->account, secrets->account_len}
                                               : SLICE_NONE;
}

// What succeeded was not guessed.
static void note_success(const struct asking *asking)
{
    struct service *service = asking->service;
    if (asking->has_key)
        limiter_passed(service->limiter, asking->key_hash);
    if (asking->route->logs_in)
        guard_passed(service->guard, &asking->address, account_of(asking), clock_monotonic_ms());
}

static void answer_done(const struct asking *asking, struct http_conn *conn, struct slice body)
{
    const struct route *route = asking->route;
    char cookie[SESSION_COOKIE_BYTES_MAX];
    if (route->answers_image) {
        answer_image(conn, body);
        return;
    }
    if (!route->logs_in && !route->logs_out) {
        answer_json(conn, route->status, body);
        return;
    }
    struct slice token = route->logs_in ? slice_of(asking->secrets->token) : SLICE("");
    size_t len = session_cookie_write(token, cookie);
    answer_json_cookie(conn, route->status, (struct slice){cookie, len}, body);
    sodium_memzero(cookie, sizeof(cookie));
}

// The end of every asking.
static void asked(void *ctx, const struct pg_job_result *result)
{
    struct asking *asking = ctx;
    struct service *service = asking->service;
    struct http_conn *conn = http_conn_find(service->server, asking->handle);
    struct fault fault = {0};
    bool good = fault_of_job(result, &fault) == 0;
    log_asked(asking, result, good ? asking->route->status : fault.status);
    if (good)
        note_success(asking);
    else if (fault.status == 401 && asking->has_key)
        limiter_failed(service->limiter, &asking->address, asking->key_hash, clock_monotonic_ms());
    if (conn && good && result->end == PG_JOB_DONE)
        answer_done(asking, conn, result->value);
    else if (conn && !good)
        refuse(service, conn, &fault);
    asking_free(asking);
}

// An asking that ends before its function was called.
static void give_up(struct asking *asking, const struct fault *fault)
{
    struct http_conn *conn = http_conn_find(asking->service->server, asking->handle);
    if (conn)
        refuse(asking->service, conn, fault);
    asking_free(asking);
}

// --- Parameters that do not come from the client

// .data NULL without one.
static int read_idempotency_key(const struct route *route, const struct http_request *request,
                                struct slice *key, struct fault *fault)
{
    struct slice name = SLICE("Idempotency-Key");
    *key = http_request_header(request, name);
    if (!key->data)
        return 0;
    bool good = http_request_header_count(request, name) == 1 && key->len >= 1 &&
                key->len <= IDEMPOTENCY_KEY_BYTES_MAX;
    for (size_t i = 0; i < key->len && good; i++)
        good = key->data[i] >= 0x20 && key->data[i] <= 0x7e;
    if (route->asker == ROUTE_OPEN || route->logs_in)
        *key = SLICE_NONE; // answers without an asker, or with a session, are not remembered
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
    return json_put_text(params, "secret", slice_of(secret)) ? 0 : -ENOMEM;
}

static int add_csrf(const struct route *route, const struct identity *identity, struct json *params)
{
    char csrf[SESSION_CSRF_BYTES];
    if (!route->tells_csrf || !identity->by_cookie)
        return 0;
    session_csrf(identity->key, csrf);
    return json_put_text(params, "csrf", slice_of(csrf)) ? 0 : -ENOMEM;
}

// --- Questions to the database and to the password process

static struct pg_step identity_step(const struct asking *asking, char hash[KEY_PARAM_BYTES])
{
    key_hash_param(asking->key_hash, hash);
    return (struct pg_step){.sql = "select clickledger.api_begin($1, $2)",
                            .n_params = 2,
                            .params = {slice_of(hash), slice_of(route_asker_name(asking->route->asker))}};
}

static int run_job(struct asking *asking, const struct pg_step *step, pg_job_done *done)
{
    char hash[KEY_PARAM_BYTES];
    const struct pg_step steps[] = {identity_step(asking, hash), *step};
    return pg_pool_run(asking->service->pool, steps, array_length(steps), done, asking);
}

static int run_export(struct asking *asking, const struct json *params)
{
    char hash[KEY_PARAM_BYTES];
    const struct pg_step identity = identity_step(asking, hash);
    return export_open(&asking->service->exports, asking->handle, asking->route, &identity, params, asked,
                       asking);
}

static int run(struct asking *asking, struct slice idempotency_key, const struct json *params)
{
    const struct route *route = asking->route;
    char *text = json_print(params);
    if (!text)
        return -ENOMEM;
    struct pg_step step = {.sql = route->sql, .n_params = 1, .params = {slice_of(text)}};
    if (route->method == HTTP_POST)
        step = (struct pg_step){.sql = route->sql,
                                .n_params = 3,
                                .params = {slice_of(route->function), idempotency_key, slice_of(text)}};
    int result = run_job(asking, &step, asked);
    free(text);
    return result;
}

static void go_on(struct asking *asking, int result)
{
    struct fault fault = {0};
    if (result == 0)
        return;
    if (result > 0)
        fault_busy(&fault);
    else
        fault_internal(&fault);
    give_up(asking, &fault);
}

// 401 tells a browser that nobody is logged in; who is, stays so.
static int fault_wrong_password(const struct route *route, struct fault *fault)
{
    return route->asker == ROUTE_OPEN
               ? fault_set(fault, 401, "login", "the e-mail address or the password is wrong")
               : fault_set(fault, 422, route->proves, "%s is not the password", route->proves);
}

// The password process has answered.
static void worked(void *ctx, const struct password_answer *answer)
{
    struct asking *asking = ctx;
    struct json *params = asking->secrets->params;
    struct fault fault = {0};
    if (!answer) {
        fault_busy(&fault);
        give_up(asking, &fault);
    } else if (!answer->good) {
        fault_wrong_password(asking->route, &fault);
        give_up(asking, &fault);
    } else if (asking->route->hashes && !json_put_text(params, "password_hash", slice_of(answer->hash))) {
        go_on(asking, -ENOMEM);
    } else {
        go_on(asking, run(asking, SLICE_NONE, params));
    }
}

static int ask_passwords(struct asking *asking, const char *hash)
{
    struct secrets *secrets = asking->secrets;
    const struct password_work work = {
        .hash = hash,
        .given = {secrets->given, secrets->given_len},
        .fresh = {asking->route->hashes ? secrets->fresh : NULL, secrets->fresh_len}};
    return password_ask(asking->service->passwords, &work, worked, asking);
}

// The database has said what the password is compared with.
static void proof_came(void *ctx, const struct pg_job_result *result)
{
    struct asking *asking = ctx;
    char hash[PASSWORD_HASH_BYTES];
    if (result->end != PG_JOB_DONE || !result->value.data || result->value.len >= sizeof(hash)) {
        asked(asking, result);
        return;
    }
    memcpy(hash, result->value.data, result->value.len);
    hash[result->value.len] = 0;
    bool kept = json_put_text(asking->secrets->params, "proof", slice_of(hash));
    go_on(asking, kept ? ask_passwords(asking, hash) : -ENOMEM);
}

static int ask_proof(struct asking *asking)
{
    char *text = json_print(asking->secrets->params);
    if (!text)
        return -ENOMEM;
    const struct pg_step step = {
        .sql = "select clickledger.person_proof($1::jsonb)", .n_params = 1, .params = {slice_of(text)}};
    int result = run_job(asking, &step, proof_came);
    free(text);
    return result;
}

static int begin(struct asking *asking, struct slice idempotency_key, const struct json *params)
{
    if (asking->route->proves)
        return ask_proof(asking);
    if (parameters_ask_csv(params))
        return run_export(asking, params);
    return asking->route->hashes ? ask_passwords(asking, NULL) : run(asking, idempotency_key, params);
}

static struct asking *asking_new(struct service *service, struct http_conn *conn,
                                 const struct http_request *request, const struct in6_addr *address,
                                 const struct route *route, const struct identity *identity,
                                 struct json *params)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    if (!asking)
        return NULL;
    *asking = (struct asking){service,  http_conn_handle(conn),        route,
                              *address, .has_key = identity->key.data, .began_us = clock_monotonic_us()};
    memcpy(asking->key_hash, identity->hash, sizeof(identity->hash));
    if (!route->proves && !route->hashes && !route->logs_in)
        return asking;
    asking->secrets = secrets_new(route, request, asking->key_hash, params);
    return asking->secrets ? asking : asking_free(asking);
}

// What anybody may ask for costs work or tells whether a guess was right: it is counted.
static int enter(const struct asking *asking, struct fault *fault)
{
    const struct route *route = asking->route;
    if (route->method == HTTP_GET || (route->asker != ROUTE_OPEN && !route->proves))
        return 0;
    uint64_t wait_ms =
        guard_enter(asking->service->guard, &asking->address, account_of(asking), clock_monotonic_ms());
    return wait_ms ? fault_wait(fault, wait_ms, "too_many_attempts", "too many attempts; wait") : 0;
}

// A key, or an address, has so many requests a second.
static int pace(struct buckets *buckets, struct slice name, struct fault *fault)
{
    uint64_t now_ms = clock_monotonic_ms(), wait_ms = buckets ? buckets_wait_ms(buckets, name, now_ms) : 0;
    if (wait_ms > 0)
        return fault_wait(fault, wait_ms, PACED, "too many requests; wait");
    if (buckets)
        buckets_take(buckets, name, now_ms);
    return 0;
}

// 0: asked() will answer; else the fault is to be answered now.
static int ask(struct service *service, struct http_conn *conn, const struct http_request *request,
               const struct route_match *match, struct fault *fault)
{
    const struct in6_addr address = http_client(&service->proxies, request);
    const struct route *route = match->route;
    struct identity identity;
    struct slice idempotency_key = SLICE_NONE;
    struct json *params = NULL;
    struct asking *asking = NULL;
    int result = pace(service->addresses, limiter_network(&address), fault);
    if (result == 0)
        result = identity_read(service->limiter, route, request, &address, &identity, fault);
    if (result == 0 && identity.key.data)
        result = pace(service->keys, (struct slice){(const char *)identity.hash, KEY_HASH_BYTES}, fault);
    if (result == 0 && route->method == HTTP_POST)
        result = read_idempotency_key(route, request, &idempotency_key, fault);
    if (result == 0)
        result = parameters_read(match, request, &params, fault);
    if (result == 0 && route->takes_rows) {
        result = upload_open(&service->uploads, conn, request, route, &address, &identity, params, fault);
        json_free(params);
        return result < 0 ? fault_internal(fault) : result;
    }
    if (result == 0)
        result = add_secret(route, identity.key, idempotency_key, params);
    if (result == 0)
        result = add_csrf(route, &identity, params);
    if (result == 0) {
        asking = asking_new(service, conn, request, &address, route, &identity, params);
        result = asking ? 0 : -ENOMEM;
    }
    if (result == 0)
        result = enter(asking, fault);
    if (result == 0) {
        result = begin(asking, idempotency_key, params);
        if (result > 0)
            fault_busy(fault);
    }
    if (result != 0)
        asking_free(asking);
    json_free(params);
    if (result < 0)
        fault_internal(fault);
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

bool service_body_streams(void *ctx, const struct http_request *request)
{
    struct route_match match;
    (void)ctx;
    return route_find(request->method, request->path, &match) == 0 && match.route->takes_rows;
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
    if (found == ROUTE_METHOD && request->method == HTTP_OPTIONS) {
        answer_options(conn, match.allowed);
        return;
    }
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
