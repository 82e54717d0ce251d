// The admin server of each program. Owner: the program's loop. Writes nothing but answers; /metrics always
// answers, /healthz says 503 when the program says that it cannot work. Limits: CONNECTIONS_MAX, one body of
// BODY_BYTES_MAX, which is not looked at, and the texts' lengths in admin.h.

#include "base/admin.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_server.h"
#include "base/metrics.h"
#include "base/slice.h"
#include "base/util.h"

#define CONNECTIONS_MAX 64
#define BODY_BYTES_MAX  1024

static void answer(struct http_conn *conn, unsigned status, const char *type, struct slice body)
{
    const struct http_header headers[] = {{SLICE("Content-Type"), slice_of(type)},
                                          {SLICE("Cache-Control"), SLICE("no-store")}};
    (void)http_respond(conn, status, headers, array_length(headers), body);
}

static void answer_text(struct http_conn *conn, unsigned status, struct slice body)
{
    answer(conn, status, "text/plain; charset=utf-8", body);
}

static void answer_health(struct http_conn *conn, const struct admin_source *source)
{
    char text[ADMIN_HEALTH_BYTES_MAX] = "";
    bool ok = source->health(source->ctx, text);

    answer_text(conn, ok ? 200 : 503, slice_of(text));
}

static void answer_metrics(struct http_conn *conn, const struct admin_source *source)
{
    char *text = malloc(ADMIN_METRICS_BYTES_MAX);
    ssize_t len = text ? source->metrics(source->ctx, text, ADMIN_METRICS_BYTES_MAX) : -1;

    if (len < 0)
        answer_text(conn, 500, SLICE("The metrics are too long.\n"));
    else
        answer(conn, 200, METRICS_CONTENT_TYPE, (struct slice){text, (size_t)len});
    free(text);
}

static void admin_handle(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    const struct admin_source *source = ctx;

    if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        (void)http_respond(conn, 405, &(struct http_header){SLICE("Allow"), SLICE("GET, HEAD")}, 1,
                           SLICE_NONE);
    else if (slice_equal(request->path, SLICE("/healthz")))
        answer_health(conn, source);
    else if (slice_equal(request->path, SLICE("/metrics")))
        answer_metrics(conn, source);
    else
        answer_text(conn, 404, SLICE("/healthz or /metrics\n"));
}

struct http_server *admin_new(struct event_base *base, const struct admin_source *source)
{
    static const struct http_limits limits = {.connections_max = CONNECTIONS_MAX,
                                              .body_bytes_max = BODY_BYTES_MAX};
    return http_server_new(base, &limits, admin_handle, (void *)(uintptr_t)source);
}
