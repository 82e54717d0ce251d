// Answers of the API. Invariants: none is sniffed, and none but images may be cached; every refusal is JSON;
// what the database says about its own failures stays in the log.

#include "api/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/json.h"
#include "base/utf8.h"

#define ANSWER_HEADERS(type)                                                                                 \
    {SLICE("Content-Type"), SLICE(type)}, {SLICE("Cache-Control"), SLICE("no-store")},                       \
    {                                                                                                        \
        SLICE("X-Content-Type-Options"), SLICE("nosniff")                                                    \
    }

// http_respond() sends a bare 500 where it cannot send what it is given; there is nothing better left to do.
static void respond(struct http_conn *conn, unsigned status, struct slice name, struct slice value,
                    struct slice body)
{
    const struct http_header headers[] = {ANSWER_HEADERS("application/json"), {name, value}};
    (void)http_respond(conn, status, headers, array_length(headers) - (name.data ? 0 : 1), body);
}

void answer_json(struct http_conn *conn, unsigned status, struct slice body)
{
    respond(conn, status, SLICE_NONE, SLICE_NONE, body);
}

void answer_json_cookie(struct http_conn *conn, unsigned status, struct slice cookie, struct slice body)
{
    respond(conn, status, SLICE("Set-Cookie"), cookie, body);
}

// What is in it runs nowhere: it is the type that we say, and a page of its own may do nothing.
static void respond_image(struct http_conn *conn, struct slice media_type, struct slice bytes)
{
    const struct http_header headers[] = {
        {SLICE("Content-Type"), media_type},
        {SLICE("X-Content-Type-Options"), SLICE("nosniff")},
        {SLICE("Content-Security-Policy"), SLICE("default-src 'none'; sandbox")},
        {SLICE("Cross-Origin-Resource-Policy"), SLICE("cross-origin")},
        {SLICE("Cache-Control"), SLICE("public, max-age=31536000, immutable")},
    };
    (void)http_respond(conn, 200, headers, array_length(headers), bytes);
}

static size_t base64_read(struct slice text, unsigned char *bytes)
{
    size_t len = 0;
    bool whole = sodium_base642bin(bytes, text.len, text.data, text.len, "\n", &len, NULL,
                                   sodium_base64_VARIANT_ORIGINAL) == 0;
    return whole ? len : 0;
}

void answer_image(struct http_conn *conn, struct slice made)
{
    char error[JSON_ERROR_BYTES];
    struct json *json = NULL;
    struct fault fault;
    unsigned char *bytes = json_parse(&json, made, error) == 0 ? malloc(made.len) : NULL;
    size_t len = bytes ? base64_read(json_text_of(json_get(json, "content")), bytes) : 0;
    if (len > 0) {
        respond_image(conn, json_text_of(json_get(json, "media_type")), (struct slice){(char *)bytes, len});
    } else {
        fault_internal(&fault);
        answer_fault(conn, &fault);
    }
    free(bytes);
    json_free(json);
}

char *fault_print(const struct fault *fault)
{
    char message[UTF8_SANITIZED_BYTES(FAULT_MESSAGE_BYTES)];
    size_t len = utf8_sanitize(slice_of(fault->message), message, sizeof(message));
    struct json *body = json_map(), *error = json_map();
    bool whole = json_put_text(error, "code", slice_of(fault->code));
    whole &= json_put_text(error, "message", (struct slice){message, len});
    whole &= json_put(body, "error", error);
    char *text = whole ? json_print(body) : NULL;
    json_free(body);
    return text;
}

static void answer_fault_with(struct http_conn *conn, const struct fault *fault, struct slice name,
                              struct slice value)
{
    char *text = fault_print(fault);
    respond(conn, fault->status, name, value,
            text ? slice_of(text) : SLICE("{\"error\":{\"code\":\"internal\",\"message\":\"\"}}"));
    free(text);
}

void answer_fault(struct http_conn *conn, const struct fault *fault)
{
    char seconds[24];
    snprintf(seconds, sizeof(seconds), "%llu",
             (unsigned long long)max_of((fault->retry_ms + 999) / 1000, 1u));
    if (fault->status == 401)
        answer_fault_with(conn, fault, SLICE("WWW-Authenticate"), SLICE("Bearer"));
    else if (fault->status == 429 || fault->status == 503)
        answer_fault_with(conn, fault, SLICE("Retry-After"), slice_of(seconds));
    else
        answer_fault_with(conn, fault, SLICE_NONE, SLICE_NONE);
}

// The last segment of the path that is no capture, which names the list.
static struct slice route_noun(const struct route *route)
{
    struct slice noun = SLICE_NONE;
    for (const char *at = strchr(route->path, '/'); at; at = strchr(at + 1, '/')) {
        if (at[1] != '{')
            noun = (struct slice){at + 1, strcspn(at + 1, "/")};
    }
    return noun;
}

int answer_csv_begin(struct http_conn *conn, const struct route *route)
{
    char file[96];
    struct slice noun = route_noun(route);
    int n = snprintf(file, sizeof(file), "attachment; filename=\"%.*s.csv\"",
                     (int)min_of(noun.len, (size_t)64), noun.data);
    const struct http_header headers[] = {ANSWER_HEADERS("text/csv; charset=utf-8; header=present"),
                                          {SLICE("Content-Disposition"), {file, (size_t)n}}};
    return http_stream_begin(conn, 200, headers, array_length(headers));
}

#define ALLOW_BYTES 64

static struct slice allow_list(unsigned allowed, char list[ALLOW_BYTES])
{
    static const struct {
        enum http_method method;
        const char *name;
    } names[] = {{HTTP_GET, "GET, HEAD"}, {HTTP_POST, "POST"}, {HTTP_PATCH, "PATCH"}};
    size_t at = (size_t)snprintf(list, ALLOW_BYTES, "OPTIONS");
    for (size_t i = 0; i < array_length(names); i++) {
        if (allowed & 1u << names[i].method)
            at += (size_t)snprintf(list + at, ALLOW_BYTES - at, ", %s", names[i].name);
    }
    return (struct slice){list, at};
}

void answer_options(struct http_conn *conn, unsigned allowed)
{
    char list[ALLOW_BYTES];
    const struct http_header allow = {SLICE("Allow"), allow_list(allowed, list)};
    (void)http_respond(conn, 204, &allow, 1, SLICE_NONE);
}

void answer_not_allowed(struct http_conn *conn, const struct fault *fault, unsigned allowed)
{
    char list[ALLOW_BYTES];
    answer_fault_with(conn, fault, SLICE("Allow"), allow_list(allowed, list));
}

// "CL404" -> 404; 0 if it is not of our class.
static unsigned status_of(const char *sqlstate)
{
    unsigned status = strncmp(sqlstate, "CL", 2) == 0 ? (unsigned)strtoul(sqlstate + 2, NULL, 10) : 0;
    return status >= 400 && status <= 599 ? status : 0;
}

static bool state_begins(const char *sqlstate, const char *const *beginnings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(sqlstate, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

static void fault_of_refusal(const struct pg_job_result *result, struct fault *fault)
{
    static const char *const values[] = {"22", "23"};                 // data exception, constraint
    static const char *const passing[] = {"40", "53", "57", "55P03"}; // rollback, resources, operator, lock
    unsigned status = status_of(result->sqlstate);
    if (status)
        fault_set(fault, status, result->hint, "%s", result->message);
    else if (state_begins(result->sqlstate, values, array_length(values)))
        fault_set(fault, 422, "value", "a value is out of its range or does not fit the others");
    else if (strcmp(result->sqlstate, "42501") == 0 || strcmp(result->sqlstate, "25006") == 0)
        fault_set(fault, 403, "forbidden", "this key may not do that");
    else if (state_begins(result->sqlstate, passing, array_length(passing)))
        fault_set(fault, 503, "unavailable", "the database is too busy; try again");
    else
        fault_internal(fault);
}

int fault_of_job(const struct pg_job_result *result, struct fault *fault)
{
    switch (result->end) {
    case PG_JOB_DONE:
    case PG_JOB_OPEN:
        if (result->value.data)
            return 0;
        return fault_internal(fault);
    case PG_JOB_REFUSED:
        fault_of_refusal(result, fault);
        return 1;
    case PG_JOB_LOST:
        return fault_set(fault, 503, "unknown_outcome",
                         "the database was lost; repeat a POST only with its Idempotency-Key");
    case PG_JOB_UNSENT:
        return fault_set(fault, 503, "unavailable", "the database cannot be reached; nothing was done");
    }
    return 1;
}
