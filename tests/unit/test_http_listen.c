// Connections as they come and as they go: listening, draining.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#include "http_world.h"

// --- Draining --------------------------------------------------------------------------------------------

static void a_draining_server_closes_behind_its_answers(void **state)
{
    int idle;

    (void)state;
    world_open(&(struct http_limits){0});
    idle = world.fd;
    world.fd = client_new();
    SAY(REQUEST("/late"));
    turn();
    http_server_drain(world.server);
    turn();
    assert_int_equal(http_server_connections(world.server), 2);
    assert_int_equal(http_respond(http_conn_find(world.server, world.last), 200, NULL, 0, SLICE("done")), 0);
    turn();
    assert_true(hear());
    assert_true(heard("done") && heard("Connection: close"));
    assert_int_equal(http_server_connections(world.server), 1);
    close(world.fd);
    world.fd = idle;
    SAY(REQUEST("/a"));
    turn();
    assert_true(hear());
    assert_true(heard("[/a#2:]") && heard("Connection: close"));
    assert_int_equal(http_server_connections(world.server), 0);
}

static void unused_connections_close_when_told(void **state)
{
    int unused;

    (void)state;
    world_open(&(struct http_limits){0});
    unused = world.fd;
    world.fd = client_new();
    turn();
    http_server_drain(world.server);
    SAY(REQUEST("/a")); // has arrived, and is not read yet
    http_server_close_unused(world.server);
    assert_int_equal(http_server_connections(world.server), 1);
    close(unused);
    turn();
    assert_true(hear());
    assert_true(heard("[/a#1:]") && heard("Connection: close"));
    assert_int_equal(http_server_connections(world.server), 0);
}

// --- Listening -------------------------------------------------------------------------------------------

static void world_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    assert_int_equal(http_server_listen(world.server, "127.0.0.1", 0, true), 0);
    address.sin_port = htons(http_server_port(world.server));
    close(world.fd);
    world.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(world.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(world.fd, F_SETFL, O_NONBLOCK), 0);
}

static bool wait_heard(void)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        event_base_loop(world.base, EVLOOP_ONCE);
        http_server_flush(world.server);
        hear();
        if (world.got_bytes > 0)
            return true;
    }
    return false;
}

static void a_connection_is_accepted_with_its_address(void **state)
{
    static const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1};

    (void)state;
    world_open(&(struct http_limits){0});
    world_listen();
    SAY(REQUEST("/a"));
    assert_true(wait_heard());
    assert_true(heard("[/a#1:]"));
    assert_memory_equal(&world.seen.peer.address, loopback, sizeof(loopback));
    assert_int_not_equal(world.seen.peer.port, 0);
    assert_int_equal(http_server_listen(world.server, "example.org", 80, false), -EINVAL);
    assert_int_equal(http_server_listen(world.server, "127.0.0.1", http_server_port(world.server), false),
                     -EADDRINUSE);
}

static void draining_loses_no_request_that_has_arrived(void **state)
{
    (void)state;
    world_open(&(struct http_limits){0});
    world_listen(); // not accepted yet
    SAY(REQUEST("/a"));
    http_server_drain(world.server);
    assert_true(wait_heard());
    assert_true(heard("[/a#1:]") && heard("Connection: close"));
    assert_int_equal(http_server_port(world.server), 0);
}

static void without_descriptors_it_pauses_and_goes_on(void **state)
{
    struct rlimit limit, none;

    (void)state;
    world_open(&(struct http_limits){0});
    world_listen();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){3, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < TURNS_MAX && counters()->accept_failed == 0; i++)
        turn();
    unsigned turns = 0;
    for (; turns < 5 && counters()->accept_failed == 1; turns++)
        event_base_loop(world.base, EVLOOP_NONBLOCK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(counters()->accept_failed, 1); // no spinning on it
    SAY(REQUEST("/a"));
    assert_true(wait_heard());
    assert_true(heard("[/a#1:]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_draining_server_closes_behind_its_answers), TEST(unused_connections_close_when_told),
        TEST(a_connection_is_accepted_with_its_address),   TEST(draining_loses_no_request_that_has_arrived),
        TEST(without_descriptors_it_pauses_and_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
