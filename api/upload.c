// Uploads. Owner: the program's loop. BEGINNING -> TAKING -> ENDING, each a job of the pool, at most one at a
// time; each transaction names the key anew, so that a revoked one stops an upload. Who answers early (a
// fault) or goes leaves the upload to be noted as broken. The rows that were taken stay.

#include "api/upload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "api/answer.h"
#include "api/report_row.h"
#include "api/rows.h"
#include "base/clock.h"
#include "base/currency.h"
#include "base/log.h"

enum {
    ROWS_TOO_MANY = 100, // beside enum rows_condition
};

struct upload {
    LIST_ENTRY(upload) entry;
    struct uploads *uploads;
    const struct route *route;
    struct http_handle handle;
    struct in6_addr address;
    uint8_t key_hash[KEY_HASH_BYTES];
    enum { BEGINNING, TAKING, ENDING } state;
    bool busy;    // with a job
    bool is_cost; // else conversions
    bool whole;   // the body has come to its end
    bool failed;  // `broken_by` says why, and nobody waits for an answer
    char broken_by[FAULT_MESSAGE_BYTES];
    char id[24], currency[CURRENCY_CODE_BYTES + 1];
    uint64_t n_rows;
    struct rows *rows;
    struct json *batch;
    struct event *silent;
};

static void go_on(struct upload *upload);

static void upload_free(struct upload *upload)
{
    LIST_REMOVE(upload, entry);
    upload->uploads->open--;
    if (upload->silent)
        event_free(upload->silent);
    rows_free(upload->rows);
    json_free(upload->batch);
    free(upload);
}

static void fail(struct upload *upload, const struct fault *fault)
{
    struct http_conn *conn = upload->failed ? NULL : http_conn_find(upload->uploads->server, upload->handle);
    if (!upload->failed)
        snprintf(upload->broken_by, sizeof(upload->broken_by), "%s", fault->message);
    upload->failed = true;
    if (conn)
        answer_fault(conn, fault);
}

static void wait_on(struct upload *upload)
{
    const struct timeval limit = {.tv_sec = UPLOAD_SILENT_S};
    evtimer_add(upload->silent, &limit);
}

static void on_silent(evutil_socket_t fd, short what, void *ctx)
{
    struct upload *upload = ctx;
    struct fault fault = {0};
    (void)fd;
    (void)what;
    if (upload->busy) { // it is we who make it wait
        wait_on(upload);
        return;
    }
    fault_set(&fault, 408, "timeout", "nothing came for %d seconds", UPLOAD_SILENT_S);
    fail(upload, &fault);
    go_on(upload);
}

// --- Jobs

static void job_done(void *ctx, const struct pg_job_result *result);

static void run(struct upload *upload, const struct pg_step *step)
{
    char hash[KEY_PARAM_BYTES];
    struct fault fault = {0};
    key_hash_param(upload->key_hash, hash);
    const struct pg_step steps[] = {
        {.sql = "select clickledger.api_begin($1, $2)",
         .n_params = 2,
         .params = {slice_of(hash), slice_of(route_asker_name(upload->route->asker))}},
        *step,
    };
    int result = pg_pool_run(upload->uploads->pool, steps, array_length(steps), job_done, upload);
    upload->busy = result == 0;
    if (result == 0)
        return;
    fault_set(&fault, 503, "busy", "too many requests are waiting; send the file again");
    fail(upload, &fault);
    upload->uploads->broken++;
    upload_free(upload); // its row, if it has one, is told as broken once it is old: upload_is_open()
}

static void run_take(struct upload *upload)
{
    char *text = json_print(upload->batch);
    const struct pg_step step = {.sql = "select clickledger.upload_take($1, $2)",
                                 .n_params = 2,
                                 .params = {slice_of(upload->id), slice_of(text ? text : "[]")}};
    json_free(upload->batch);
    upload->batch = json_list();
    run(upload, &step);
    free(text);
}

static void run_end(struct upload *upload)
{
    upload->state = ENDING;
    const struct pg_step step = {
        .sql = "select clickledger.upload_end($1, $2)",
        .n_params = 2,
        .params = {slice_of(upload->id), upload->failed ? slice_of(upload->broken_by) : SLICE_NONE}};
    run(upload, &step);
}

static int read_begun(struct upload *upload, struct slice value)
{
    char error[JSON_ERROR_BYTES];
    struct json *begun = NULL;
    if (json_parse(&begun, value, error) != 0)
        return -ENOMEM;
    snprintf(upload->id, sizeof(upload->id), "%lld", (long long)json_whole_of(json_get(begun, "id")));
    struct slice currency = json_text_of(json_get(begun, "currency"));
    snprintf(upload->currency, sizeof(upload->currency), "%.*s", (int)currency.len, currency.data);
    json_free(begun);
    return 0;
}

// As for any other request.
static void note_key(const struct upload *upload, bool good, unsigned status)
{
    struct limiter *limiter = upload->uploads->limiter;
    if (good)
        limiter_passed(limiter, upload->key_hash);
    else if (status == 401)
        limiter_failed(limiter, &upload->address, upload->key_hash, clock_monotonic_ms());
}

static void job_done(void *ctx, const struct pg_job_result *result)
{
    struct upload *upload = ctx;
    struct fault fault = {0};
    struct http_conn *conn = upload->failed ? NULL : http_conn_find(upload->uploads->server, upload->handle);
    upload->busy = false;
    bool good = fault_of_job(result, &fault) == 0;
    note_key(upload, good, fault.status);
    if (good && upload->state == BEGINNING && read_begun(upload, result->value) != 0)
        good = fault_internal(&fault) == 0;
    if (!good)
        fail(upload, &fault);
    bool over = upload->state == ENDING || (!good && upload->state == BEGINNING);
    if (over) {
        log_event(LOG_INFO, "api.upload", log_str("id", upload->id), log_uint("rows", upload->n_rows),
                  log_str("broken_by", upload->broken_by));
        upload->uploads->broken += upload->failed;
        if (conn && good)
            answer_json(conn, upload->route->status, result->value);
        upload_free(upload);
        return;
    }
    upload->state = TAKING;
    wait_on(upload);
    go_on(upload);
}

// What there is to do next, if no job is under way.
static void go_on(struct upload *upload)
{
    size_t n = json_length(upload->batch);
    if (upload->busy)
        return;
    struct http_conn *conn = upload->failed ? NULL : http_conn_find(upload->uploads->server, upload->handle);
    if (conn && !upload->whole)
        http_stream_resume(conn);
    if (!upload->failed && (n >= UPLOAD_BATCH_ROWS || (upload->whole && n > 0)))
        run_take(upload);
    else if (upload->failed || upload->whole)
        run_end(upload);
}

// --- Rows

static const char *cost_read(struct slice object, struct json *entry, char error[JSON_ERROR_BYTES])
{
    struct json *cost = NULL;
    int result = json_parse(&cost, object, error);
    if (result != 0)
        return result == JSON_MALFORMED ? error : "there was no memory for it";
    if (json_kind(json_get(cost, "amount")) == JSON_FRACTION) {
        json_free(cost);
        return "amount: write it as a text, \"12.50\"";
    }
    return json_put(entry, "cost", cost) ? NULL : "there was no memory for it";
}

static int on_row(void *ctx, const struct row *row)
{
    struct upload *upload = ctx;
    char error[JSON_ERROR_BYTES];
    if (++upload->n_rows > UPLOAD_ROWS_MAX)
        return ROWS_TOO_MANY;
    struct json *entry = json_map();
    bool whole = json_put(entry, "line", json_whole((int64_t)row->line));
    const char *fault = row->fault;
    if (!fault)
        fault = upload->is_cost ? cost_read(row->object, entry, error)
                                : report_row_read(row->object, slice_of(upload->currency), entry);
    if (fault)
        whole = whole && json_put_text(entry, "fault", slice_of(fault));
    return json_add(upload->batch, entry) && whole ? 0 : -ENOMEM;
}

static void rows_fault(int result, struct fault *fault)
{
    if (result == ROWS_HEADER)
        fault_set(fault, 422, "header",
                  "the first line must name the columns, each once, with commas between");
    else if (result == ROWS_TOO_MANY)
        fault_set(fault, 413, "rows", "a file may have %d rows; send the rest as another one",
                  UPLOAD_ROWS_MAX);
    else
        fault_internal(fault);
}

static void on_body(void *ctx, struct http_conn *conn, struct slice piece, bool last)
{
    struct upload *upload = ctx;
    struct fault fault = {0};
    int result = rows_take(upload->rows, piece, on_row, upload);
    if (result == 0 && last)
        result = rows_end(upload->rows, on_row, upload);
    upload->whole = last;
    wait_on(upload);
    if (result != 0) {
        rows_fault(result, &fault);
        fail(upload, &fault);
    } else if (!last && upload->busy && json_length(upload->batch) >= UPLOAD_BATCH_ROWS) {
        http_stream_pause(conn);
    }
    go_on(upload);
}

static void on_gone(void *ctx)
{
    static const struct fault gone = {.message = "the client went before its end"};
    struct upload *upload = ctx;
    fail(upload, &gone);
    if (!upload->busy)
        go_on(upload);
}

void uploads_stop(struct uploads *uploads)
{
    struct fault fault = {0};
    struct upload *next;
    fault_set(&fault, 503, "unavailable", "the program is stopping; send the file again");
    uploads->max = 0;
    for (struct upload *upload = LIST_FIRST(&uploads->list); upload; upload = next) {
        next = LIST_NEXT(upload, entry);
        if (upload->whole)
            continue; // what is left of it takes no client
        fail(upload, &fault);
        go_on(upload);
    }
}

// --- The beginning

static int read_format(const struct http_request *request, enum rows_format *format, struct fault *fault)
{
    struct slice type = http_request_header(request, SLICE("Content-Type"));
    const char *end = type.data ? memchr(type.data, ';', type.len) : NULL;
    struct slice name = {type.data, end ? (size_t)(end - type.data) : type.len};
    *format = name.data && slice_equal(name, SLICE("text/csv")) ? ROWS_CSV : ROWS_NDJSON;
    if (*format == ROWS_NDJSON && !(name.data && slice_equal(name, SLICE("application/x-ndjson"))))
        return fault_set(fault, 415, "content_type", "the body must be text/csv or application/x-ndjson");
    if (!request->body_streams)
        return fault_set(fault, 422, "body", "send the rows as the body");
    return 0;
}

static struct upload *upload_new(struct uploads *uploads, struct http_handle handle,
                                 const struct route *route, enum rows_format format)
{
    struct upload *upload = calloc(1, sizeof(*upload));
    if (!upload)
        return NULL;
    *upload = (struct upload){.uploads = uploads, .route = route, .handle = handle, .batch = json_list()};
    uploads->open++;
    LIST_INSERT_HEAD(&uploads->list, upload, entry);
    upload->rows = rows_new(format);
    upload->silent = evtimer_new(uploads->base, on_silent, upload);
    if (upload->rows && upload->silent && upload->batch)
        return upload;
    upload_free(upload);
    return NULL;
}

int upload_open(struct uploads *uploads, struct http_conn *conn, const struct http_request *request,
                const struct route *route, const struct in6_addr *address, const struct identity *identity,
                const struct json *params, struct fault *fault)
{
    static const struct http_stream_events events = {.body = on_body, .gone = on_gone};
    enum rows_format format;
    if (read_format(request, &format, fault) != 0)
        return 1;
    if (uploads->open >= uploads->max)
        return fault_set(fault, 503, "busy", "too many uploads are under way; try again");
    char *text = json_print(params);
    struct upload *upload = text ? upload_new(uploads, http_conn_handle(conn), route, format) : NULL;
    if (!upload) {
        free(text);
        return -ENOMEM;
    }
    upload->address = *address;
    memcpy(upload->key_hash, identity->hash, KEY_HASH_BYTES);
    upload->is_cost = slice_equal(json_text_of(json_get(params, "kind")), SLICE("channel_costs"));
    uploads->begun++;
    http_stream_attach(conn, &events, upload);
    http_stream_pause(conn);
    const struct pg_step step = {.sql = route->sql, .n_params = 1, .params = {slice_of(text)}};
    run(upload, &step);
    free(text);
    return 0;
}
