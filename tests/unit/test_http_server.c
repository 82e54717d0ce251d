// The server over real sockets: requests, refusals, limits of time and number.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdio.h>

#include "http_world.h"

// --- One request -----------------------------------------------------------------------------------------

static void a_request_is_answered_at_the_flush(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/x?y"));
    event_base_loop(world.base, EVLOOP_NONBLOCK);
    assert_int_equal(world.calls, 1);
    hear();
    assert_int_equal(world.got_bytes, 0);
    http_server_flush(world.server);
    assert_false(hear());
    assert_true(heard("HTTP/1.1 200 OK\r\nDate: "));
    assert_true(heard(" GMT\r\nContent-Length: 7\r\n\r\n[/x#1:]"));
    assert_int_equal(counters()->bytes_out, world.got_bytes);
}

static void bytes_may_come_one_by_one(void **state)
{
    static const char text[] = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: 1\r\n\r\n" REQUEST("/b");

    (void)state;
    world_open(&(struct http_limits){0});
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        say(text + i, 1);
        turn();
    }
    assert_false(hear());
    assert_true(heard("[/a#1:hello]"));
    assert_true(heard("[/b#2:]"));
}

static void head_gets_the_length_and_no_body(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
    turn();
    hear();
    assert_true(heard("Content-Length: 7\r\n\r\n"));
    assert_false(heard("[/x"));
}

static void options_star_is_answered_by_the_server(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    turn();
    assert_false(hear());
    assert_true(heard("HTTP/1.1 200 OK\r\n") && heard("Content-Length: 0\r\n"));
    assert_int_equal(world.calls, 0);
}

static void http_1_0_closes_unless_asked(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    turn();
    assert_false(hear());
    assert_true(heard("Connection: keep-alive\r\n"));
    SAY("GET /b HTTP/1.0\r\n\r\n");
    turn();
    assert_true(hear());
    assert_true(heard("Connection: close\r\n") && heard("[/b#2:]"));
    assert_int_equal(http_server_connections(world.server), 0);
}

static void a_client_that_expects_is_told_to_continue(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    turn();
    hear();
    assert_string_equal(world.got, "HTTP/1.1 100 Continue\r\n\r\n");
    SAY("hi");
    turn();
    hear();
    assert_true(heard("[/a#1:hi]"));
    assert_false(heard("100 Continue"));
    SAY("POST /b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    turn();
    hear();
    assert_true(heard("[/b#2:hi]"));
    assert_false(heard("100 Continue"));
}

static void a_body_may_fill_its_limit(void **state)
{
    static char body[100000];
    char head[128];
    size_t sent = 0;

    (void)state;
    world_open(&(struct http_limits){.body_bytes_max = sizeof(body)});
    memset(body, 'x', sizeof(body));
    int n = snprintf(head, sizeof(head), "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                     sizeof(body));
    say(head, (size_t)n);
    for (int i = 0; i < TURNS_MAX && sent < sizeof(body); i++) {
        ssize_t done = send(world.fd, body + sent, min_of(sizeof(body) - sent, (size_t)7777), MSG_NOSIGNAL);
        sent += done > 0 ? (size_t)done : 0;
        turn();
    }
    SAY(REQUEST("/b"));
    turn();
    turn();
    assert_false(hear());
    assert_true(heard("[/a#1:xxx") && heard("[/b#2:]"));
    assert_int_equal(sent, sizeof(body));
}

// --- Refusals --------------------------------------------------------------------------------------------

static void a_bad_request_gets_its_status_and_a_close(void **state)
{
    static const struct {
        const char *text, *status;
        enum http_fault fault;
    } cases[] = {
        {"GET / HTTP/1.1\n", "HTTP/1.1 400 ", HTTP_FAULT_LINE_END},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", HTTP_FAULT_HOST},
        {"GET / HTTP/3.0\r\n", "HTTP/1.1 505 ", HTTP_FAULT_VERSION},
        {"GET /#a HTTP/1.1\r\n", "HTTP/1.1 400 ", HTTP_FAULT_TARGET},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 413 ", HTTP_FAULT_BODY_LARGE},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 413 ",
         HTTP_FAULT_BODY_LARGE},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n", "HTTP/1.1 413 ",
         HTTP_FAULT_BODY_LARGE},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x", "HTTP/1.1 400 ",
         HTTP_FAULT_CHUNK},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 501 ",
         HTTP_FAULT_CODING},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "HTTP/1.1 417 ", HTTP_FAULT_EXPECTATION},
        {"GET /0123456789012345678901234567890123456789012345678901234567890", "HTTP/1.1 414 ",
         HTTP_FAULT_LINE_LARGE},
        {"GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\nC:\r\n", "HTTP/1.1 431 ", HTTP_FAULT_HEADERS_LARGE},
    };
    static const struct http_limits limits = {.line_bytes_max = 64, .headers_max = 3, .body_bytes_max = 8};

    for (size_t i = 0; i < array_length(cases); i++) {
        world_open(&limits);
        SAY(REQUEST("/before"));
        say(cases[i].text, strlen(cases[i].text));
        turn();
        turn();
        assert_true(hear()); // half closed: we read the end
        if (!heard("[/before#1:]") || !heard(cases[i].status) || count("HTTP/1.1") != 2 ||
            counters()->faults[cases[i].fault] != 1 || !heard("Connection: close\r\n"))
            fail_msg("%s got %s", cases[i].text, world.got);
        assert_int_equal(http_server_connections(world.server), 1); // lingers: what we still send is no reset
        SAY(REQUEST("/behind"));
        turn();
        assert_int_equal(world.calls, 1);
        shutdown(world.fd, SHUT_WR);
        turn();
        turn();
        assert_int_equal(http_server_connections(world.server), 0);
        world_close(state);
    }
}

static void an_unsafe_header_becomes_a_bare_500(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/unsafe"));
    turn();
    assert_true(hear());
    assert_true(heard("HTTP/1.1 500 "));
    assert_false(heard("Location") || heard("Set-Cookie"));
    assert_int_equal(counters()->replaced, 1);
}

static void too_large_an_answer_becomes_a_bare_500(void **state)
{
    struct http_conn *conn;

    (void)state;
    world_open(&(struct http_limits){.output_bytes_max = 1000});
    SAY(REQUEST("/late"));
    turn();
    conn = http_conn_find(world.server, world.last);
    assert_non_null(conn);
    assert_int_equal(http_respond(conn, 200, NULL, 0, (struct slice){big, 1001}), -ENOSPC);
    turn();
    assert_true(hear());
    assert_true(heard("HTTP/1.1 500 "));
}

// --- Limits ----------------------------------------------------------------------------------------------

static void a_slow_reader_gets_a_large_answer_whole(void **state)
{
    size_t total = 0;

    (void)state;
    world_open(&(struct http_limits){0});
    memset(big, 'x', sizeof(big));
    SAY(REQUEST("/big") REQUEST("/b"));
    for (int i = 0; i < TURNS_MAX && total < sizeof(big); i++) {
        turn();
        hear();
        total += world.got_bytes;
    }
    for (int i = 0; i < 3; i++)
        turn();
    if (!heard("[/b#2:]"))
        hear();
    assert_true(heard("[/b#2:]"));
    assert_true(total >= sizeof(big));
}

static bool wait_closed(void)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        event_base_loop(world.base, EVLOOP_ONCE);
        http_server_flush(world.server);
        if (hear())
            return true;
        if (world.got_bytes > 0)
            return false;
    }
    return false;
}

static void time_runs_out(void **state)
{
    static const struct http_limits limits = {
        .header_timeout_ms = 1, .body_timeout_ms = 1, .idle_timeout_ms = 1, .linger_timeout_ms = 1};
    static const struct {
        const char *text, *answer;
    } cases[] = {
        {"", ""},
        {"G", "HTTP/1.1 408 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1", "HTTP/1.1 408 "},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        world_open(&limits);
        say(cases[i].text, strlen(cases[i].text));
        turn();
        assert_true(wait_closed());
        assert_true(heard(cases[i].answer));
        for (int n = 0; n < TURNS_MAX && http_server_connections(world.server) > 0; n++) {
            event_base_loop(world.base, EVLOOP_ONCE);
            http_server_flush(world.server);
        }
        assert_int_equal(http_server_connections(world.server), 0);
        world_close(state);
    }
}

// The time is that of the whole head or body: no byte prolongs it.
static void dripping_buys_no_time(void **state)
{
    static const char *const heads[] = {"GET /a HTTP/1.1\r\nHost: a\r\nX: ",
                                        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"};

    for (size_t i = 0; i < array_length(heads); i++) {
        world_open(&(struct http_limits){.header_timeout_ms = 150, .body_timeout_ms = 150});
        say(heads[i], strlen(heads[i]));
        bool closed = false;
        for (int n = 0; n < TURNS_MAX && !closed; n++) {
            say("x", 1);
            event_base_loop(world.base, EVLOOP_ONCE);
            http_server_flush(world.server);
            usleep(10 * 1000);
            closed = hear();
        }
        assert_true(closed);
        assert_true(heard("HTTP/1.1 408 "));
        world_close(state);
    }
}

static void a_waiting_request_has_no_timeout(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.idle_timeout_ms = 1, .header_timeout_ms = 1});
    SAY(REQUEST("/late"));
    turn();
    for (int i = 0; i < 3; i++) {
        event_base_loop(world.base, EVLOOP_ONCE);
        http_server_flush(world.server);
    }
    assert_non_null(http_conn_find(world.server, world.last));
}

static void a_held_answer_has_no_timeout(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.idle_timeout_ms = 1, .header_timeout_ms = 1});
    SAY(REQUEST("/hold") "GET /b HT");
    turn();
    for (int i = 0; i < 3; i++) {
        event_base_loop(world.base, EVLOOP_ONCE);
        http_server_flush(world.server);
    }
    http_conn_release(world.server, world.last);
    turn();
    hear();
    assert_true(heard("[/hold#1:]"));
}

static void who_is_too_many_gets_503(void **state)
{
    int first;

    (void)state;
    world_open(&(struct http_limits){.connections_max = 1, .retry_after_s = 7});
    first = world.fd;
    SAY("GET /a");
    world.fd = client_new();
    SAY(REQUEST("/a"));
    turn();
    assert_true(hear());
    assert_true(heard("HTTP/1.1 503 ") && heard("Retry-After: 7\r\n"));
    assert_int_equal(world.calls, 0);
    assert_int_equal(counters()->shed, 1);
    close(world.fd);
    turn();
    world.fd = first;
    SAY(" HTTP/1.1\r\nHost: a\r\n\r\n");
    turn();
    hear();
    assert_true(heard("[/a#1:]"));
}

// A tick is longer than anybody's patience here.
static void lose_patience(void)
{
    event_base_loop(world.base, EVLOOP_ONCE);
    http_server_flush(world.server);
}

static void who_says_nothing_makes_room(void **state)
{
    int silent[3];

    (void)state;
    world_open(&(struct http_limits){.connections_max = 3, .patience_ms = 1});
    for (size_t i = 0; i < array_length(silent); i++) {
        silent[i] = world.fd;
        SAY(REQUEST("/a"));
        turn();
        hear();
        lose_patience();
        world.fd = client_new();
    }
    assert_int_equal(counters()->displaced, 1);
    SAY(REQUEST("/visitor"));
    turn();
    hear();
    assert_true(heard("[/visitor#"));
    assert_int_equal(counters()->shed, 0);
    world.fd = silent[1];
    SAY(REQUEST("/kept"));
    turn();
    hear();
    assert_true(heard("[/kept#"));
    world.fd = silent[0];
    assert_true(hear());
    close(silent[1]);
    close(silent[2]);
}

static void who_dawdles_makes_room(void **state)
{
    static const char *const parts[] = {"", "GET /a",
                                        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1"};

    for (size_t i = 0; i < array_length(parts); i++) {
        world_open(&(struct http_limits){.connections_max = 1, .patience_ms = 1});
        int slow = world.fd;
        say(parts[i], strlen(parts[i]));
        turn();
        lose_patience();
        world.fd = client_new();
        SAY(REQUEST("/visitor"));
        turn();
        hear();
        assert_true(heard("[/visitor#1:]"));
        assert_int_equal(counters()->displaced, 1);
        close(slow);
        world_close(state);
    }
}

// Who has only just come may be about to ask.
static void who_is_new_stays(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.connections_max = 1});
    int first = world.fd;
    world.fd = client_new();
    turn();
    assert_true(hear());
    assert_true(heard("HTTP/1.1 503 "));
    close(world.fd);
    turn();
    world.fd = first;
    SAY(REQUEST("/a"));
    turn();
    hear();
    assert_true(heard("[/a#1:]"));
}

static void who_waits_for_an_answer_stays(void **state)
{
    (void)state;
    world_open(&(struct http_limits){.connections_max = 1, .patience_ms = 1});
    int first = world.fd;
    SAY(REQUEST("/hold") "GET /b HT");
    turn();
    lose_patience();
    world.fd = client_new();
    turn();
    assert_true(hear());
    assert_true(heard("HTTP/1.1 503 "));
    close(world.fd);
    turn();
    world.fd = first;
    http_conn_release(world.server, world.last);
    turn();
    hear();
    assert_true(heard("[/hold#1:]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_at_the_flush),
        TEST(bytes_may_come_one_by_one),
        TEST(head_gets_the_length_and_no_body),
        TEST(options_star_is_answered_by_the_server),
        TEST(http_1_0_closes_unless_asked),
        TEST(a_client_that_expects_is_told_to_continue),
        TEST(a_body_may_fill_its_limit),
        TEST(a_bad_request_gets_its_status_and_a_close),
        TEST(an_unsafe_header_becomes_a_bare_500),
        TEST(too_large_an_answer_becomes_a_bare_500),
        TEST(a_slow_reader_gets_a_large_answer_whole),
        TEST(time_runs_out),
        TEST(dripping_buys_no_time),
        TEST(a_waiting_request_has_no_timeout),
        TEST(a_held_answer_has_no_timeout),
        TEST(who_is_too_many_gets_503),
        TEST(who_says_nothing_makes_room),
        TEST(who_dawdles_makes_room),
        TEST(who_is_new_stays),
        TEST(who_waits_for_an_answer_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
