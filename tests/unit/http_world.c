// The world of the HTTP server's tests, see http_world.h. It owns everything in `world`; world_close() frees
// it.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>

#include "http_world.h"

struct world world;
char big[BIG_BYTES];

// Answers with the path and the number of the call, so that a second answer to a request is told from the
// first.
static void handle(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    struct world *w = ctx;
    char text[256];
    struct http_header unsafe = {SLICE("Location"), SLICE("/x\r\nSet-Cookie: a=b")};

    w->calls++;
    w->seen = *request;
    w->last = http_conn_handle(conn);
    if (w->hold_all || slice_equal(request->path, SLICE("/hold")))
        assert_true(http_conn_hold(w->server, w->last));
    if (slice_equal(request->path, SLICE("/late")))
        return;
    if (slice_equal(request->path, SLICE("/unsafe"))) {
        assert_int_equal(http_respond(conn, 302, &unsafe, 1, SLICE_NONE), HTTP_RESPONSE_UNSAFE);
        return;
    }
    if (slice_equal(request->path, SLICE("/big"))) {
        assert_int_equal(http_respond(conn, 200, NULL, 0, (struct slice){big, sizeof(big)}), 0);
        return;
    }
    int n = snprintf(text, sizeof(text), "[%.*s#%u:%.*s]", (int)min_of(request->path.len, (size_t)100),
                     request->path.data, w->calls, (int)min_of(request->body.len, (size_t)100),
                     request->body.len > 0 ? request->body.data : "");
    assert_int_equal(http_respond(conn, 200, NULL, 0, (struct slice){text, (size_t)n}), 0);
}

int client_new(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(http_server_connect(world.server, fds[0]), 0);
    world.server_fd = fds[0];
    return fds[1];
}

void world_open(const struct http_limits *limits)
{
    world = (struct world){.base = event_base_new(), .got = malloc(GOT_BYTES_MAX)};
    world.server = http_server_new(world.base, limits, handle, &world);
    assert_non_null(world.server);
    world.fd = client_new();
}

int world_close(void **state)
{
    (void)state;
    if (world.base == NULL)
        return 0;
    close(world.fd);
    http_server_free(world.server);
    event_base_free(world.base);
    free(world.got);
    world = (struct world){0};
    return 0;
}

void turn(void)
{
    event_base_loop(world.base, EVLOOP_NONBLOCK);
    http_server_flush(world.server);
}

void say(const char *data, size_t len)
{
    assert_int_equal(send(world.fd, data, len, MSG_NOSIGNAL), len);
}

bool hear(void)
{
    ssize_t n;

    world.got_bytes = 0;
    while ((n = read(world.fd, world.got + world.got_bytes, GOT_BYTES_MAX - 1 - world.got_bytes)) > 0)
        world.got_bytes += (size_t)n;
    world.got[world.got_bytes] = '\0';
    return n == 0;
}

bool heard(const char *text)
{
    return strstr(world.got, text) != NULL;
}

unsigned count(const char *text)
{
    unsigned n = 0;

    for (const char *p = world.got; (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

const struct http_counters *counters(void)
{
    return http_server_counters(world.server);
}

size_t hear_on(int turns)
{
    size_t total = 0;

    for (int i = 0; i < turns; i++) {
        ssize_t n = read(world.fd, world.got + total, GOT_BYTES_MAX - 1 - total);
        total += n > 0 ? (size_t)n : 0;
        turn();
    }
    world.got[total] = '\0';
    return total;
}

void client_narrow(void)
{
    int bytes = 1;

    assert_int_equal(setsockopt(world.server_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
}
