// The admin server. Owner: the main loop. /healthz says 503 while a store is away or a shard is neither ours
// nor another's; /metrics always answers.

#include "ingest/admin.h"

#include <errno.h>
#include <stdlib.h>

#include "base/metrics.h"

#define METRICS_BYTES_MAX 65536

struct admin {
    struct http_server *server;
    const struct admin_state *state;
    char metrics[METRICS_BYTES_MAX];
};

static void respond(struct http_conn *conn, unsigned status, const char *type, struct slice body)
{
    struct http_header headers[] = {{SLICE("Content-Type"), slice_of(type)},
                                    {SLICE("Cache-Control"), SLICE("no-store")}};
    (void)http_respond(conn, status, headers, array_length(headers), body);
}

static void handle(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    struct admin *admin = ctx;

    if (request->method != HTTP_GET && request->method != HTTP_HEAD) {
        respond(conn, 405, "text/plain", SLICE("only GET and HEAD\n"));
    } else if (slice_equal(request->path, SLICE("/healthz"))) {
        bool ok = admin->state->healthy;
        respond(conn, ok ? 200 : 503, "text/plain", ok ? SLICE("ok\n") : SLICE("a store is away\n"));
    } else if (slice_equal(request->path, SLICE("/metrics"))) {
        ssize_t len = counters_render(admin->state->counters, admin->metrics, sizeof(admin->metrics));
        if (len < 0)
            respond(conn, 500, "text/plain", SLICE("too many metrics\n"));
        else
            respond(conn, 200, METRICS_CONTENT_TYPE, (struct slice){admin->metrics, (size_t)len});
    } else {
        respond(conn, 404, "text/plain", SLICE("/healthz or /metrics\n"));
    }
}

struct admin *admin_new(struct event_base *base, const char *host, uint16_t port,
                        const struct admin_state *state)
{
    static const struct http_limits limits = {.connections_max = 64};
    struct admin *admin = calloc(1, sizeof(*admin));

    if (!admin)
        return NULL;
    admin->state = state;
    if (port == 0)
        return admin;
    admin->server = http_server_new(base, &limits, handle, admin);
    int r = admin->server ? http_server_listen(admin->server, host, port, false) : -errno;
    if (r) {
        admin_free(admin);
        errno = -r;
        return NULL;
    }
    return admin;
}

struct admin *admin_free(struct admin *admin)
{
    if (admin) {
        http_server_free(admin->server);
        free(admin);
    }
    return NULL;
}

void admin_flush(struct admin *admin)
{
    if (admin->server)
        http_server_flush(admin->server);
}
