// Exports. Owner: the program's loop. An export is a job of the pool that stays open (PAGE asked -> client
// takes it -> ...) and ends in exactly one of: the last page is written, the client has gone, the database
// failed, the time is up. A client that takes nothing is closed by the server's write_timeout; one that takes
// little by `timeout_ms`.

#include "api/export.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "api/answer.h"
#include "base/log.h"

struct export
{
    struct exports *exports;
    const struct route *route;
    struct http_handle handle;
    struct pg_job *job; // NULL: it has ended
    struct json *params;
    pg_job_done *first; // NULL once it was told
    void *ctx;
    struct event *limit;
};

static void export_free(struct export *export)
{
    if (export->job)
        pg_job_close(export->job);
    if (export->limit)
        event_free(export->limit);
    json_free(export->params);
    export->exports->open--;
    free(export);
}

static void export_break(struct export *export, const char *why)
{
    struct http_conn *conn = http_conn_find(export->exports->server, export->handle);
    log_event(LOG_ERROR, "api.export_broken", log_str("route", export->route->path), log_str("reason", why));
    export->exports->broken++;
    if (conn)
        http_stream_break(conn);
    export_free(export);
}

static void on_limit(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    export_break(ctx, "the client was too slow");
}

static void on_gone(void *ctx)
{
    struct export *export = ctx;
    export->exports->broken++;
    export_free(export);
}

static int page_step(const struct export *export, bool headed, char **params, struct pg_step *step)
{
    *params = json_print(export->params);
    *step = (struct pg_step){.sql = export->route->csv_sql,
                             .n_params = 3,
                             .params = {slice_of(*params ? *params : ""), slice_of(export->route->csv),
                                        slice_of(headed ? "t" : "f")}};
    return *params ? 0 : -ENOMEM;
}

static void on_ready(void *ctx, struct http_conn *conn)
{
    struct export *export = ctx;
    struct pg_step step;
    char *params;
    (void)conn;
    int result = page_step(export, false, &params, &step);
    if (result == 0)
        result = pg_job_next(export->job, &step);
    free(params);
    if (result != 0)
        export_break(export, "out of memory");
}

static int begin(struct export *export, struct http_conn *conn)
{
    static const struct http_stream_events events = {.ready = on_ready, .gone = on_gone};
    const unsigned ms = export->exports->timeout_ms;
    const struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    if (evtimer_add(export->limit, &limit) != 0) {
        http_stream_break(conn);
        return -ENOMEM;
    }
    int result = answer_csv_begin(conn, export->route);
    if (result == 0)
        http_stream_attach(conn, &events, export);
    return result;
}

static void told_first(struct export *export, const struct pg_job_result *result)
{
    pg_job_done *first = export->first;
    export->first = NULL;
    if (first)
        first(export->ctx, result);
}

// A page is there: out with it, and on with the next, or the end.
static void page_done(struct export *export, struct http_conn *conn, const struct pg_job_result *result)
{
    bool more = result->second.data != NULL;
    if (http_stream_write(conn, result->value) != 0) {
        export_break(export, "a page was too long");
        return;
    }
    if (!more) {
        http_stream_end(conn);
        export_free(export);
    } else if (!json_put_text(export->params, "cursor", result->second)) {
        export_break(export, "out of memory");
    }
}

static void answered(void *ctx, const struct pg_job_result *result)
{
    struct export *export = ctx;
    struct http_conn *conn = http_conn_find(export->exports->server, export->handle);
    bool is_first = export->first != NULL;
    if (result->end != PG_JOB_OPEN)
        export->job = NULL;
    told_first(export, result);
    if (result->end != PG_JOB_OPEN && !is_first)
        export_break(export, result->message);
    else if (result->end != PG_JOB_OPEN || !conn)
        export_free(export);
    else if (is_first && begin(export, conn) != 0)
        export_free(export); // a bare 500 was sent, or nothing
    else
        page_done(export, conn, result);
}

int export_open(struct exports *exports, struct http_handle handle, const struct route *route,
                const struct pg_step *identity, const struct json *params, pg_job_done *first, void *ctx)
{
    if (exports->open >= exports->max)
        return EXPORT_BUSY;
    struct export *export = calloc(1, sizeof(*export));
    if (!export)
        return -ENOMEM;
    *export = (struct export){exports, route, handle, NULL, json_share(params), first, ctx, NULL};
    exports->open++;
    struct pg_step steps[2] = {*identity};
    char *text = NULL;
    export->limit = evtimer_new(exports->base, on_limit, export);
    bool good = export->limit && json_put(export->params, "limit", json_whole(EXPORT_PAGE_ROWS)) &&
                page_step(export, true, &text, &steps[1]) == 0;
    int result = good
                     ? pg_pool_open(exports->pool, steps, array_length(steps), answered, export, &export->job)
                     : -ENOMEM;
    free(text);
    if (result != 0)
        export_free(export);
    else
        exports->begun++;
    return result == PG_POOL_FULL ? EXPORT_BUSY : result;
}
