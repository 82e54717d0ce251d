// Answers in chunks and bodies in pieces: what goes over the wire, and who waits for whom.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>

#include "base/http_stream.h"
#include "http_world.h"

static struct {
    struct http_conn *conn; // good while its request waits
    unsigned ready, gone;
    size_t got;
    bool last, pauses;
} seen;

static void on_ready(void *ctx, struct http_conn *conn)
{
    (void)ctx;
    (void)conn;
    seen.ready++;
}

static void on_body(void *ctx, struct http_conn *conn, struct slice piece, bool last)
{
    (void)ctx;
    seen.got += piece.len;
    seen.last = last;
    if (seen.pauses)
        http_stream_pause(conn);
}

static void on_gone(void *ctx)
{
    (void)ctx;
    seen.gone++;
}

static bool streams(void *ctx, const struct http_request *request)
{
    (void)ctx;
    return slice_equal(request->path, SLICE("/late"));
}

// A request that waits for a stream.
static void open_with(const char *request)
{
    static const struct http_stream_events events = {on_ready, on_body, on_gone};

    memset(&seen, 0, sizeof(seen));
    world_open(&(struct http_limits){.body_bytes_max = 1 << 30});
    http_server_stream_bodies(world.server, streams);
    say(request, strlen(request));
    event_base_loop(world.base, EVLOOP_NONBLOCK);
    seen.conn = http_conn_find(world.server, world.last);
    assert_non_null(seen.conn);
    http_stream_attach(seen.conn, &events, NULL);
}

static void an_answer_comes_in_chunks(void **state)
{
    (void)state;
    open_with(REQUEST("/late"));
    assert_int_equal(http_stream_begin(seen.conn, 200, NULL, 0), 0);
    assert_int_equal(http_stream_write(seen.conn, SLICE("hello")), 0);
    turn();
    turn();
    hear();
    assert_true(heard("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
    assert_false(heard("Content-Length"));
    assert_int_equal(seen.ready, 1);
    turn();
    assert_int_equal(seen.ready, 1);
    assert_int_equal(http_stream_write(seen.conn, SLICE("x")), 0);
    http_stream_end(seen.conn);
    turn();
    assert_false(hear());
    assert_string_equal(world.got, "1\r\nx\r\n0\r\n\r\n");
    SAY(REQUEST("/b"));
    turn();
    hear();
    assert_true(heard("[/b#2:]"));
    assert_int_equal(seen.gone, 0);
}

static void http_1_0_ends_with_the_connection(void **state)
{
    (void)state;
    open_with("GET /late HTTP/1.0\r\n\r\n");
    assert_int_equal(http_stream_begin(seen.conn, 200, NULL, 0), 0);
    assert_int_equal(http_stream_write(seen.conn, SLICE("hello")), 0);
    http_stream_end(seen.conn);
    turn();
    assert_true(hear());
    assert_true(heard("Connection: close\r\n\r\nhello"));
    assert_false(heard("chunked"));
}

static void head_has_no_chunks(void **state)
{
    (void)state;
    open_with("HEAD /late HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_stream_begin(seen.conn, 200, NULL, 0), 0);
    assert_int_equal(http_stream_write(seen.conn, SLICE("hello")), 0);
    http_stream_end(seen.conn);
    turn();
    assert_false(hear());
    assert_true(heard("Transfer-Encoding: chunked\r\n\r\n"));
    assert_false(heard("hello") || heard("0\r\n\r\n"));
}

static void what_is_broken_off_has_no_last_chunk(void **state)
{
    (void)state;
    open_with(REQUEST("/late"));
    assert_int_equal(http_stream_begin(seen.conn, 200, NULL, 0), 0);
    turn();
    http_stream_break(seen.conn);
    turn();
    assert_true(hear());
    assert_false(heard("0\r\n\r\n"));
    assert_int_equal(seen.gone, 0);
}

static void a_slow_client_makes_the_writer_wait(void **state)
{
    (void)state;
    open_with(REQUEST("/late"));
    client_narrow();
    assert_int_equal(http_stream_begin(seen.conn, 200, NULL, 0), 0);
    assert_int_equal(http_stream_write(seen.conn, (struct slice){big, sizeof(big)}), 0);
    for (int i = 0; i < 10; i++)
        turn();
    assert_int_equal(seen.ready, 0);
    while (hear_on(1) > 0 || seen.ready == 0)
        continue;
    assert_int_equal(seen.ready, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(http_stream_write(seen.conn, (struct slice){big, sizeof(big) - 64}), 0);
    assert_int_equal(http_stream_write(seen.conn, (struct slice){big, sizeof(big)}), -ENOSPC);
}

static void who_goes_is_told_once(void **state)
{
    (void)state;
    open_with(REQUEST("/late"));
    assert_int_equal(http_stream_begin(seen.conn, 200, NULL, 0), 0);
    turn();
    close(world.fd);
    assert_int_equal(http_stream_write(seen.conn, SLICE("hello")), 0);
    turn();
    turn();
    assert_int_equal(seen.gone, 1);
    world.fd = client_new();
}

#define POST "POST /late HTTP/1.1\r\nHost: a\r\n"

static void a_body_comes_in_pieces(void **state)
{
    (void)state;
    open_with(POST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    turn();
    hear();
    assert_string_equal(world.got, "HTTP/1.1 100 Continue\r\n\r\n");
    SAY("hello ");
    turn();
    assert_int_equal(seen.got, 6);
    assert_false(seen.last);
    SAY("world" REQUEST("/b"));
    turn();
    assert_int_equal(seen.got, 11);
    assert_true(seen.last);
    assert_int_equal(http_respond(seen.conn, 201, NULL, 0, SLICE("done")), 0);
    turn();
    turn();
    assert_false(hear());
    assert_true(heard("done") && heard("[/b#2:]"));
}

static void a_paused_body_stays_with_the_client(void **state)
{
    size_t sent = 0;
    ssize_t n;

    (void)state;
    open_with(POST "Content-Length: 100000000\r\n\r\n");
    seen.pauses = true;
    for (int i = 0; i < 50; i++) {
        while ((n = send(world.fd, big, sizeof(big), MSG_NOSIGNAL)) > 0)
            sent += (size_t)n;
        turn();
    }
    size_t got = seen.got;
    assert_true(got > 0 && got < sent);
    http_stream_resume(seen.conn);
    turn();
    turn();
    turn();
    assert_true(seen.got > got);
}

static void an_early_answer_ends_the_body(void **state)
{
    (void)state;
    open_with(POST "Content-Length: 1000\r\n\r\nhello");
    assert_int_equal(http_respond(seen.conn, 422, NULL, 0, SLICE("no")), 0);
    turn();
    hear();
    assert_true(heard("Connection: close") && heard("no"));
    assert_int_equal(seen.gone, 0);
}

static void a_body_that_stops_is_gone(void **state)
{
    (void)state;
    open_with(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
    assert_int_equal(shutdown(world.fd, SHUT_WR), 0);
    turn();
    turn();
    assert_int_equal(seen.gone, 1);
    assert_false(seen.last);
}

static void a_broken_chunk_is_refused(void **state)
{
    (void)state;
    open_with(POST "Transfer-Encoding: chunked\r\n\r\n");
    SAY("x\r\n");
    turn();
    turn();
    hear();
    assert_true(heard("HTTP/1.1 400 "));
    assert_int_equal(seen.gone, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_in_chunks),
        TEST(http_1_0_ends_with_the_connection),
        TEST(head_has_no_chunks),
        TEST(what_is_broken_off_has_no_last_chunk),
        TEST(a_slow_client_makes_the_writer_wait),
        TEST(who_goes_is_told_once),
        TEST(a_body_comes_in_pieces),
        TEST(a_paused_body_stays_with_the_client),
        TEST(an_early_answer_ends_the_body),
        TEST(a_body_that_stops_is_gone),
        TEST(a_broken_chunk_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
