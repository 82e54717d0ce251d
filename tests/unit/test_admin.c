// The admin server: its two paths, what is not healthy, what is too long, what else is asked.

#include "base/admin.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/http_server.h"
#include "base/metrics.h"

#define TURNS_MAX 50

struct told {
    bool ok, too_long;
};

static bool health_write(const void *ctx, char *out)
{
    const struct told *told = ctx;
    strcpy(out, told->ok ? "all is well\n" : "PostgreSQL is away\n");
    return told->ok;
}

static ssize_t metrics_write(const void *ctx, char *out, size_t out_bytes)
{
    const struct told *told = ctx;
    if (told->too_long)
        return -ENOBUFS;
    assert_int_equal(out_bytes, ADMIN_METRICS_BYTES_MAX);
    memset(out, 'm', out_bytes);
    return (ssize_t)out_bytes;
}

static struct told told;
static const struct admin_source source = {.health = health_write, .metrics = metrics_write, .ctx = &told};
static char got[ADMIN_METRICS_BYTES_MAX + 4096];

// Asks over a connection of its own; the answer is in `got` until it is closed.
static void ask(const char *request)
{
    struct event_base *base = event_base_new();
    struct http_server *server = admin_new(base, &source);
    size_t len = 0;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(http_server_connect(server, ends[0]), 0);
    assert_int_equal(send(ends[1], request, strlen(request), 0), strlen(request));
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        http_server_flush(server);
        ssize_t n = recv(ends[1], got + len, sizeof(got) - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    got[len] = '\0';
    close(ends[1]);
    http_server_free(server);
    event_base_free(base);
}

static bool heard(const char *text)
{
    return strstr(got, text) != NULL;
}

#define ASK(method, path) ask(method " " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

static void health_is_a_status_and_a_text(void **state)
{
    (void)state;
    told = (struct told){.ok = true};
    ASK("GET", "/healthz");
    assert_true(heard("HTTP/1.1 200 ") && heard("Cache-Control: no-store\r\n") &&
                heard("\r\n\r\nall is well\n"));
    told.ok = false;
    ASK("GET", "/healthz");
    assert_true(heard("HTTP/1.1 503 ") && heard("\r\n\r\nPostgreSQL is away\n"));
    ASK("HEAD", "/healthz");
    assert_true(heard("HTTP/1.1 503 ") && !heard("away"));
}

static void metrics_are_answered_whatever_the_health(void **state)
{
    (void)state;
    told = (struct told){.ok = false};
    ASK("GET", "/metrics");
    assert_true(heard("HTTP/1.1 200 ") && heard("Content-Type: " METRICS_CONTENT_TYPE "\r\n"));
    const char *body = strstr(got, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), ADMIN_METRICS_BYTES_MAX);
    told.too_long = true;
    ASK("GET", "/metrics");
    assert_true(heard("HTTP/1.1 500 ") && heard("too long"));
}

static void nothing_else_is_there(void **state)
{
    (void)state;
    ASK("GET", "/");
    assert_true(heard("HTTP/1.1 404 "));
    ASK("GET", "/metrics/");
    assert_true(heard("HTTP/1.1 404 "));
    ask("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(heard("HTTP/1.1 405 ") && heard("Allow: GET, HEAD\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_a_status_and_a_text),
        cmocka_unit_test(metrics_are_answered_whatever_the_health),
        cmocka_unit_test(nothing_else_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
