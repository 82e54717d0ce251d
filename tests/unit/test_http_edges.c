// The kernel tells of new bytes once. What came together with them, an end, a reset, or more than there was
// room for, is noticed all the same, without another byte.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "http_world.h"

#define REQUESTS 1500 // more bytes than the first buffer holds

static void an_end_that_comes_with_a_request(void **state)
{
    bool closed = false;

    (void)state;
    world_open(&(struct http_limits){0});
    SAY(REQUEST("/last"));
    shutdown(world.fd, SHUT_WR);
    for (int n = 0; n < TURNS_MAX && !closed; n++) {
        turn();
        closed = hear();
    }
    assert_true(closed);
    assert_int_equal(world.calls, 1);
}

static void more_than_there_is_room_for(void **state)
{
    static char requests[REQUESTS][sizeof(REQUEST("/")) - 1];

    (void)state;
    world_open(&(struct http_limits){0});
    for (int i = 0; i < REQUESTS; i++)
        memcpy(requests[i], REQUEST("/"), sizeof(requests[i]));
    say(requests[0], sizeof(requests));
    for (int n = 0; n < REQUESTS && world.calls < REQUESTS; n++) {
        turn();
        hear();
    }
    assert_int_equal(world.calls, REQUESTS);
}

static int tcp_client(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(http_server_listen(world.server, "127.0.0.1", 0, false), 0);
    address.sin_port = htons(http_server_port(world.server));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void a_reset_that_comes_with_half_a_request(void **state)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    (void)state;
    world_open(&(struct http_limits){0});
    int fd = tcp_client();
    for (int n = 0; n < TURNS_MAX && http_server_connections(world.server) < 2; n++)
        turn();
    assert_int_equal(http_server_connections(world.server), 2);
    assert_int_equal(send(fd, "GET / HT", 8, 0), 8);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    for (int n = 0; n < TURNS_MAX && http_server_connections(world.server) > 1; n++)
        turn();
    assert_int_equal(http_server_connections(world.server), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_end_that_comes_with_a_request),
        TEST(more_than_there_is_room_for),
        TEST(a_reset_that_comes_with_half_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
