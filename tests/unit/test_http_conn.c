// What a handler may do with a connection: answer in order, late, never too late, hold a run back and make it
// anew.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>

#include "http_world.h"

static void pipelined_requests_are_answered_in_order_some_a_turn(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.pipelined_max = 2});
    SAY(REQUEST("/a") REQUEST("/b") REQUEST("/c") REQUEST("/d") REQUEST("/e"));
    turn();
    assert_int_equal(world.calls, 2);
    turn();
    assert_int_equal(world.calls, 4);
    turn();
    hear();
    const char *last = world.got;
    static const char *const order[] = {"[/a#1:]", "[/b#2:]", "[/c#3:]", "[/d#4:]", "[/e#5:]"};
    for (size_t i = 0; i < array_length(order); i++) {
        last = strstr(last, order[i]);
        assert_non_null(last);
    }
}

static void a_late_answer_finds_its_request(void **state)
{
    struct http_conn *conn;

    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/a") REQUEST("/late") REQUEST("/b"));
    turn();
    turn();
    hear();
    assert_int_equal(world.calls, 2);
    assert_true(heard("[/a#1:]"));
    struct http_handle handle = world.last;
    conn = http_conn_find(world.server, handle);
    assert_non_null(conn);
    assert_int_equal(http_respond(conn, 202, NULL, 0, SLICE("later")), 0);
    assert_null(http_conn_find(world.server, handle));
    turn();
    turn();
    hear();
    assert_true(heard("202 Accepted") && heard("later") && heard("[/b#3:]"));
    assert_null(http_conn_find(world.server, handle));
}

static void a_late_answer_to_a_lost_client_is_dropped(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/late"));
    turn();
    struct http_handle handle = world.last;
    assert_non_null(http_conn_find(world.server, handle));
    struct linger reset = {.l_onoff = 1};
    setsockopt(world.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(world.fd);
    turn();
    struct http_conn *conn = http_conn_find(world.server, handle); // a half-closed client would still get it
    if (conn != NULL)
        assert_int_equal(http_respond(conn, 200, NULL, 0, SLICE_NONE), 0);
    turn();
    assert_int_equal(http_server_connections(world.server), 0);
    assert_null(http_conn_find(world.server, handle));
    world.fd = client_new(); // takes the same slot
    SAY(REQUEST("/late"));
    turn();
    assert_int_equal(world.last.slot, handle.slot);
    assert_null(http_conn_find(world.server, handle));
    assert_non_null(http_conn_find(world.server, world.last));
}

static void a_half_closed_client_gets_its_answers(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.pipelined_max = 1});
    SAY(REQUEST("/a") REQUEST("/b"));
    shutdown(world.fd, SHUT_WR);
    for (int i = 0; i < 4; i++)
        turn();
    assert_true(hear());
    assert_true(heard("[/a#1:]") && heard("[/b#2:]"));
    assert_int_equal(http_server_connections(world.server), 0);
}

static void a_held_answer_waits_for_its_release(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/a") REQUEST("/hold") REQUEST("/b"));
    turn();
    turn();
    hear();
    assert_int_equal(world.got_bytes, 0); // the run waits as a whole
    assert_int_equal(world.calls, 2);
    struct http_handle handle = world.last;
    http_conn_release(world.server, handle);
    turn();
    turn();
    hear();
    assert_true(heard("[/a#1:]") && heard("[/hold#2:]") && heard("[/b#3:]"));
    assert_false(http_conn_hold(world.server, handle)); // too late
    assert_int_equal(counters()->held, 1);
    assert_int_equal(counters()->released, 1);
}

static void a_run_may_be_held_at_the_end_of_the_turn(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/a") REQUEST("/b"));
    event_base_loop(world.base, EVLOOP_NONBLOCK);
    struct http_handle first = {world.last.slot, world.last.generation - 1};
    assert_true(http_conn_hold(world.server, first));
    http_server_flush(world.server);
    turn();
    hear();
    assert_int_equal(world.got_bytes, 0);
    http_conn_release(world.server, world.last);
    turn();
    hear();
    assert_true(heard("[/a#1:]") && heard("[/b#2:]"));
}

static void a_retried_run_is_answered_anew(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/a") REQUEST("/b") "GET /c HTT");
    event_base_loop(world.base, EVLOOP_NONBLOCK);
    struct http_handle old = world.last;
    assert_true(http_conn_hold(world.server, old));
    http_server_flush(world.server);
    SAY("P/1.1\r\nHost: a\r\n\r\n");
    turn();
    assert_int_equal(world.calls, 2);
    http_conn_retry(world.server, old);
    http_conn_retry(world.server, old); // its run is no more
    turn();
    turn();
    hear();
    assert_false(heard("#1:") || heard("#2:"));
    assert_true(heard("[/a#3:]") && heard("[/b#4:]") && heard("[/c#5:]"));
    assert_int_equal(count("HTTP/1.1 200"), 3);
}

static void a_run_may_be_retried_until_it_is_flushed(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/a") REQUEST("/b"));
    event_base_loop(world.base, EVLOOP_NONBLOCK);
    struct http_handle old = world.last;
    http_conn_retry(world.server, old);
    turn();
    http_conn_retry(world.server, world.last);
    turn();
    hear();
    assert_true(heard("[/a#3:]") && heard("[/b#4:]"));
    assert_int_equal(count("HTTP/1.1 200"), 2);
    assert_int_equal(world.calls, 4);
}

static void a_retried_body_is_the_same(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    world.hold_all = true;
    SAY("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
        "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" REQUEST("/n"));
    turn();
    http_conn_retry(world.server, world.last);
    turn();
    hear();
    assert_int_equal(world.got_bytes, 0); // held again
    world.hold_all = false;
    http_conn_retry(world.server, world.last);
    turn();
    turn();
    hear();
    assert_int_equal(count("HTTP/1.1 200"), 2);
    assert_true(heard("[/p#3:hello]") && heard("[/n#4:]"));
}

// The input holds 128 bytes, and is full of what comes behind the held request.
static void a_held_request_stays_where_it_is(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.line_bytes_max = 64, .headers_bytes_max = 64});
    SAY(REQUEST("/a") "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    turn();
    assert_int_equal(world.calls, 1); // a body is a run of its own
    world.hold_all = true;
    turn();
    assert_int_equal(world.calls, 2);
    SAY(REQUEST("/b") REQUEST("/c") REQUEST("/d") REQUEST("/e"));
    turn();
    turn();
    world.hold_all = false;
    hear();
    http_conn_retry(world.server, world.last);
    for (int i = 0; i < 6; i++)
        turn();
    hear();
    assert_true(heard("[/p#3:hi]") && heard("[/b#4:]") && heard("[/e#7:]"));
}

static void a_late_answer_joins_those_that_still_wait(void **state)
{
    enum {
        N = 60,
    };
    char want[32];

    (void)state;
    world_open(&(struct http_limits){.pipelined_max = N + 1});
    for (int i = 0; i < N; i++)
        SAY(REQUEST("/a"));
    SAY(REQUEST("/late"));
    client_narrow();
    turn();
    assert_int_equal(world.calls, N + 1);
    assert_true(counters()->bytes_out < N * 90);
    assert_true(http_conn_hold(world.server, world.last));
    memset(big, '~', sizeof(big));
    assert_int_equal(
        http_respond(http_conn_find(world.server, world.last), 200, NULL, 0, (struct slice){big, 20000}), 0);
    hear_on(N);
    snprintf(want, sizeof(want), "[/a#%d:]", N);
    size_t len = strlen(world.got);
    assert_true(len > strlen(want));
    assert_string_equal(world.got + len - strlen(want), want); // and not a byte of what is held
    http_conn_release(world.server, world.last);
    assert_true(hear_on(N) > 20000);
    assert_int_equal(world.got[strlen(world.got) - 1], '~');
}

static void a_held_client_may_go(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/hold") REQUEST("/b"));
    turn();
    close(world.fd);
    turn();
    http_conn_release(world.server, world.last);
    for (int i = 0; i < 4; i++)
        turn();
    assert_int_equal(http_server_connections(world.server), 0);
    world.fd = client_new();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pipelined_requests_are_answered_in_order_some_a_turn),
        TEST(a_late_answer_finds_its_request),
        TEST(a_late_answer_to_a_lost_client_is_dropped),
        TEST(a_half_closed_client_gets_its_answers),
        TEST(a_held_answer_waits_for_its_release),
        TEST(a_run_may_be_held_at_the_end_of_the_turn),
        TEST(a_retried_run_is_answered_anew),
        TEST(a_run_may_be_retried_until_it_is_flushed),
        TEST(a_retried_body_is_the_same),
        TEST(a_held_request_stays_where_it_is),
        TEST(a_late_answer_joins_those_that_still_wait),
        TEST(a_held_client_may_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
