// The Redis door against a real server: replies, error classes, pipelining, loss, time-outs, refusal.

#include "base/redis.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/redis_wire.h"
#include "redis_server.h"

#define PATIENCE_MS 20000
#define ARGS(...)                                                                                            \
    (const struct slice[]){__VA_ARGS__}, sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)

static struct redis_server server;

static const struct {
    const char *text;
    const char *host; // NULL: not an address
    int port;
} addresses[] = {
    {"/run/redis.sock", "/run/redis.sock", 0},
    {"127.0.0.1:6379", "127.0.0.1", 6379},
    {"[::1]:1", "::1", 1},
    {"h:65535", "h", 65535},
    {"h:65536", NULL, 0},
    {"h:0", NULL, 0},
    {"h:", NULL, 0},
    {"h:1x", NULL, 0},
    {":6379", NULL, 0},
    {"", NULL, 0},
    {"host", NULL, 0},
    {"[]:5", NULL, 0},
};

static void addresses_are_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(addresses); i++) {
        struct redis_address address;
        int r = redis_address_parse(addresses[i].text, &address);
        if ((r == 0) != (addresses[i].host != NULL))
            fail_msg("%s: %d", addresses[i].text, r);
        if (r == 0) {
            assert_string_equal(address.host, addresses[i].host);
            assert_int_equal(address.port, addresses[i].port);
        }
    }
}

static const struct {
    const char *text;
    int condition;
} errors[] = {
    {"LOADING Redis is loading the dataset in memory", REDIS_LOADING},
    {"READONLY You can't write against a read only replica.", REDIS_READONLY},
    {"OOM command not allowed when used memory > 'maxmemory'.", REDIS_OOM},
    {"MISCONF Redis is configured to save RDB snapshots", REDIS_MISCONF},
    {"NOAUTH Authentication required.", REDIS_NOAUTH},
    {"WRONGPASS invalid username-password pair", REDIS_NOAUTH},
    {"MOVED 3999 127.0.0.1:6381", REDIS_MOVED},
    {"BUSY", REDIS_BUSY},
    {"BUSYGROUP Consumer Group name already exists", REDIS_OTHER_ERROR},
    {"ERR unknown command", REDIS_OTHER_ERROR},
    {"", REDIS_OTHER_ERROR},
};

static void error_replies_have_a_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(errors); i++) {
        if (redis_error_class(slice_of(errors[i].text)) != errors[i].condition)
            fail_msg("%s", errors[i].text);
    }
    assert_int_equal(redis_reply_condition(NULL), REDIS_NO_REPLY);
    assert_string_equal(redis_condition_name(REDIS_NO_REPLY), "no_reply");
}

static void info_lines_are_found(void **state)
{
    (void)state;
    struct slice info = SLICE("# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nrun:x");

    assert_true(slice_equal(redis_info_field(info, "run_id"), SLICE("abc")));
    assert_true(slice_equal(redis_info_field(info, "run"), SLICE("x")));
    assert_null(redis_info_field(info, "version").data);
}

static struct redis_client *client_open(unsigned reply_timeout_ms)
{
    struct redis_options options = {.address = server.socket, .reply_timeout_ms = reply_timeout_ms};
    struct redis_client *client;
    char error[REDIS_ERROR_BYTES];

    assert_int_equal(redis_client_open(&client, &options, error), 0);
    return client;
}

static void a_client_calls(void **state)
{
    (void)state;
    struct redis_client *client = client_open(0);
    struct redis_reply *reply;

    assert_int_equal(redis_client_call(client, ARGS(SLICE("SET"), SLICE("k"), {"a\r\n\0b", 5}), &reply), 0);
    assert_int_equal(redis_reply_condition(reply), 0);
    redis_reply_free(reply);
    assert_int_equal(redis_client_append(client, ARGS(SLICE("GET"), SLICE("k"))), 0);
    assert_int_equal(
        redis_client_append(client, ARGS(SLICE("CONFIG"), SLICE("GET"), SLICE("maxmemory-policy"))), 0);
    assert_int_equal(redis_client_append(client, ARGS(SLICE("LPUSH"), SLICE("k"), SLICE("v"))), 0);
    assert_int_equal(redis_client_get(client, &reply), 0);
    assert_true(slice_equal(redis_reply_text(reply), (struct slice){"a\r\n\0b", 5}));
    redis_reply_free(reply);
    assert_int_equal(redis_client_get(client, &reply), 0);
    assert_true(
        slice_equal(redis_reply_text(redis_reply_value(reply, "maxmemory-policy")), SLICE("noeviction")));
    assert_null(redis_reply_element(reply, 2));
    redis_reply_free(reply);
    assert_int_equal(redis_client_get(client, &reply), 0);
    assert_int_equal(redis_reply_type(reply), REDIS_TYPE_ERROR);
    assert_int_equal(redis_reply_condition(reply), REDIS_OTHER_ERROR);
    redis_reply_free(reply);
    redis_client_close(client);
}

static void a_client_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct redis_client *client = client_open(50);
    struct redis_reply *reply;

    kill(server.pid, SIGSTOP);
    assert_int_equal(redis_client_call(client, ARGS(SLICE("PING")), &reply), -ETIMEDOUT);
    assert_null(reply);
    kill(server.pid, SIGCONT);
    redis_client_close(client);
}

static void a_client_that_finds_nobody_says_so(void **state)
{
    (void)state;
    struct redis_options options = {.address = "/nonexistent/redis.sock"};
    struct redis_client *client;
    char error[REDIS_ERROR_BYTES];

    assert_int_equal(redis_client_open(&client, &options, error), -ENOENT);
    assert_non_null(strstr(error, "/nonexistent/redis.sock"));
    options = (struct redis_options){.address = server.socket, .password = "secret"};
    assert_int_equal(redis_client_open(&client, &options, error), -EACCES);
    assert_null(strstr(error, "secret"));
}

// --- The link --------------------------------------------------------------------------------

struct watch {
    struct event_base *base;
    struct redis_link *link;
    unsigned ups, downs, replies, unanswered;
    char order[64];
};

static void on_up(void *ctx)
{
    ((struct watch *)ctx)->ups++;
}

static void on_down(void *ctx, const char *reason)
{
    assert_non_null(reason);
    ((struct watch *)ctx)->downs++;
}

static const struct redis_link_events events = {on_up, on_down};

static void on_echo(void *ctx, const struct redis_reply *reply)
{
    struct watch *watch = ctx;
    if (!reply) {
        watch->unanswered++;
        return;
    }
    watch->order[watch->replies++] = redis_reply_text(reply).data[0];
}

static void watch_open(struct watch *watch, const struct redis_options *options)
{
    *watch = (struct watch){.base = event_base_new()};
    watch->link = redis_link_new(watch->base, options, &events, watch);
    assert_non_null(watch->link);
}

static void watch_close(struct watch *watch)
{
    redis_link_free(watch->link);
    event_base_free(watch->base);
}

#define until(watch, condition)                                                                              \
    for (uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS; !(condition);) {                              \
        struct timeval tick = {0, 10000};                                                                    \
        event_base_loopexit((watch)->base, &tick);                                                           \
        event_base_dispatch((watch)->base);                                                                  \
        assert_true(clock_monotonic_ms() < end_ms);                                                          \
    }

static void a_link_answers_in_order_and_comes_back(void **state)
{
    (void)state;
    struct redis_options options = {.address = server.socket};
    struct watch watch;

    watch_open(&watch, &options);
    assert_int_equal(redis_link_send(watch.link, ARGS(SLICE("ECHO"), SLICE("x")), on_echo, &watch),
                     -ENOTCONN);
    until(&watch, watch.ups == 1);
    for (const char *at = "abcdef"; *at; at++)
        assert_int_equal(redis_link_send(watch.link, ARGS(SLICE("ECHO"), {at, 1}), on_echo, &watch), 0);
    until(&watch, watch.replies == 6);
    assert_string_equal(watch.order, "abcdef");

    kill(server.pid, SIGSTOP);
    assert_int_equal(redis_link_send(watch.link, ARGS(SLICE("ECHO"), SLICE("x")), on_echo, &watch), 0);
    redis_server_kill(&server, SIGKILL);
    until(&watch, watch.downs == 1);
    assert_int_equal(watch.unanswered, 1);
    assert_false(redis_link_is_up(watch.link));
    redis_server_start(&server, NULL);
    until(&watch, watch.ups == 2);
    watch_close(&watch);
}

static void a_silent_server_is_given_up(void **state)
{
    (void)state;
    struct redis_options options = {.address = server.socket, .reply_timeout_ms = 100};
    struct watch watch;

    watch_open(&watch, &options);
    until(&watch, watch.ups == 1);
    kill(server.pid, SIGSTOP);
    assert_int_equal(redis_link_send(watch.link, ARGS(SLICE("ECHO"), SLICE("x")), on_echo, &watch), 0);
    until(&watch, watch.downs == 1);
    kill(server.pid, SIGCONT);
    assert_int_equal(watch.unanswered, 1);
    until(&watch, watch.ups == 2);
    watch_close(&watch);
}

static void on_reset(void *ctx, const struct redis_reply *reply)
{
    struct watch *watch = ctx;
    watch->unanswered += !reply;
    redis_link_reset(watch->link, "test");
}

static void a_handler_may_reset_the_link(void **state)
{
    (void)state;
    struct redis_options options = {.address = server.socket};
    struct watch watch;

    watch_open(&watch, &options);
    until(&watch, watch.ups == 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(redis_link_send(watch.link, ARGS(SLICE("PING")), on_reset, &watch), 0);
    until(&watch, watch.downs == 1);
    assert_int_equal(watch.unanswered, 99);
    until(&watch, watch.ups == 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(redis_link_send(watch.link, ARGS(SLICE("PING")), on_echo, &watch), 0);
    watch_close(&watch);
    assert_int_equal(watch.unanswered, 199);
}

static void a_wrong_password_never_comes_up(void **state)
{
    (void)state;
    struct redis_options options = {.address = server.socket, .password = "secret"};
    struct watch watch;

    watch_open(&watch, &options);
    struct timeval tick = {0, 200000};
    event_base_loopexit(watch.base, &tick);
    event_base_dispatch(watch.base);
    assert_int_equal(watch.ups + watch.downs, 0);
    watch_close(&watch);
}

static int server_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    redis_server_init(&server);
    redis_server_start(&server, NULL);
    return 0;
}

static int server_down(void **state)
{
    (void)state;
    redis_server_deinit(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed),
        cmocka_unit_test(error_replies_have_a_class),
        cmocka_unit_test(info_lines_are_found),
        cmocka_unit_test(a_client_calls),
        cmocka_unit_test(a_client_does_not_wait_for_ever),
        cmocka_unit_test(a_client_that_finds_nobody_says_so),
        cmocka_unit_test(a_link_answers_in_order_and_comes_back),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(a_handler_may_reset_the_link),
        cmocka_unit_test(a_wrong_password_never_comes_up),
    };
    return cmocka_run_group_tests(tests, server_up, server_down);
}
