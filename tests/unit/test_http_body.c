// The body decoder: every case whole and byte by byte, in place, against an unmapped page.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>

#include "base/http_body.h"
#include "guarded.h"

enum {
    BODY_MAX = 20,
    BYTES_MAX = 16 * 1024,
};

static struct guarded guarded;

#define TEXT(s)                                                                                              \
    {                                                                                                        \
        SLICE_PARTS(s)                                                                                       \
    }

static const struct body_case {
    struct slice wire;
    enum http_parse result;
    const char *payload; // DONE, MORE
    size_t rest;         // DONE: bytes behind the body
    enum http_fault fault;
} chunked_cases[] = {
    {TEXT("0\r\n\r\n"), HTTP_PARSE_DONE, "", 0, 0},
    {TEXT("5\r\nhello\r\n0\r\n\r\nGET"), HTTP_PARSE_DONE, "hello", 3, 0},
    {TEXT("1\r\nh\r\n00004\r\nello\r\n000\r\n\r\n"), HTTP_PARSE_DONE, "hello", 0, 0},
    {TEXT("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), HTTP_PARSE_DONE, "01234567890123456789", 0, 0},
    {TEXT("3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n"), HTTP_PARSE_DONE, "abc", 0, 0},
    {TEXT("1\r\na\r\n0\r\nX-T: 1\r\nY:\r\n\r\n!"), HTTP_PARSE_DONE, "a", 1, 0},
    {TEXT("5\r\n\r\n\r\n\n\r\n0\r\n\r\n"), HTTP_PARSE_DONE, "\r\n\r\n\n", 0, 0},
    {TEXT("5\r\nhel"), HTTP_PARSE_MORE, "hel", 0, 0},
    {TEXT("\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT(" 5\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5 \r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5 ;a\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("+5\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("-5\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0x5\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("g\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5_\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5;\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5;;a\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT(";a\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5\nhello"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5\rhello"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5;a\nhello"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5;\0\r\nhello"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5\r\nhelloX"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5\r\nhello\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("5\r\nhello\rX"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("00000000000000001\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("10000000000000000\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("ffffffffffffffff\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_BODY_LARGE},
    {TEXT("15\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_BODY_LARGE},
    {TEXT("a\r\n0123456789\r\nb\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_BODY_LARGE},
    {TEXT("a\r\n0123456789\r\nffffffffffffffff\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_BODY_LARGE},
    {TEXT("0\r\n\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0\r\n\rX"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0\r\n: a\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0\r\nX : a\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0\r\nX: a\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0\r\nX: a\r\n b\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
    {TEXT("0\r\nX\r\n"), HTTP_PARSE_BAD, NULL, 0, HTTP_FAULT_CHUNK},
};

struct outcome {
    enum http_parse result;
    size_t payload_bytes, used;
    char payload[BYTES_MAX];
};

// `step` bytes at a time; payload is gathered in front of what is not decoded yet, as the server does it.
static void decode(struct http_body *body, struct slice wire, size_t step, struct outcome *outcome)
{
    char *data = guarded_put(&guarded, wire.data, wire.len);
    size_t got, used;

    *outcome = (struct outcome){.result = HTTP_PARSE_MORE};
    while (outcome->used < wire.len && outcome->result == HTTP_PARSE_MORE) {
        size_t n = min_of(step, wire.len - outcome->used);
        outcome->result =
            http_body_decode(body, data + outcome->payload_bytes, data + outcome->used, n, &got, &used);
        outcome->payload_bytes += got;
        outcome->used += used;
    }
    memcpy(outcome->payload, data, outcome->payload_bytes);
}

static void check(const struct body_case *c, size_t i, size_t step)
{
    static struct outcome outcome;
    struct http_body body;

    assert_int_equal(http_body_start(&body, HTTP_FRAMING_CHUNKED, 0, BODY_MAX), HTTP_PARSE_MORE);
    decode(&body, c->wire, step, &outcome);
    if (outcome.result != c->result || body.fault != c->fault)
        fail_msg("case %zu step %zu: result %d, fault %s", i, step, outcome.result,
                 http_fault_name(body.fault));
    if (c->result == HTTP_PARSE_BAD)
        return;
    if (!slice_equal((struct slice){outcome.payload, outcome.payload_bytes}, slice_of(c->payload)) ||
        (c->result == HTTP_PARSE_DONE && c->wire.len - outcome.used != c->rest))
        fail_msg("case %zu step %zu: payload %.*s", i, step, (int)outcome.payload_bytes, outcome.payload);
}

static void chunked_bodies_are_decoded_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(chunked_cases); i++)
        for (size_t step = 1; step <= chunked_cases[i].wire.len; step++)
            check(&chunked_cases[i], i, step);
}

static void extensions_and_trailers_are_bounded_together(void **state)
{
    static char wire[2 * HTTP_BODY_EXTRA_BYTES_MAX];
    static struct outcome outcome;
    struct http_body body;
    size_t n = 0;

    (void)state;
    n += (size_t)snprintf(wire, sizeof(wire), "0\r\n");
    while (n + 16 < sizeof(wire))
        n += (size_t)snprintf(wire + n, sizeof(wire) - n, "X:0123456789\r\n");
    assert_int_equal(http_body_start(&body, HTTP_FRAMING_CHUNKED, 0, BODY_MAX), HTTP_PARSE_MORE);
    decode(&body, (struct slice){wire, n}, n, &outcome);
    assert_int_equal(outcome.result, HTTP_PARSE_BAD);
    assert_int_equal(body.fault, HTTP_FAULT_CHUNK);
}

static void a_content_length_body_is_passed_through(void **state)
{
    static struct outcome outcome;
    struct http_body body;

    (void)state;
    for (size_t step = 1; step <= 8; step++) {
        assert_int_equal(http_body_start(&body, HTTP_FRAMING_LENGTH, 5, BODY_MAX), HTTP_PARSE_MORE);
        decode(&body, SLICE("helloGET"), step, &outcome);
        assert_int_equal(outcome.result, HTTP_PARSE_DONE);
        assert_int_equal(outcome.used, 5);
        assert_int_equal(outcome.payload_bytes, 5);
        assert_memory_equal(outcome.payload, "hello", 5);
    }
    assert_int_equal(http_body_start(&body, HTTP_FRAMING_LENGTH, 0, BODY_MAX), HTTP_PARSE_DONE);
    assert_int_equal(http_body_start(&body, HTTP_FRAMING_NONE, 0, BODY_MAX), HTTP_PARSE_DONE);
    assert_int_equal(http_body_start(&body, HTTP_FRAMING_LENGTH, BODY_MAX, BODY_MAX), HTTP_PARSE_MORE);
    assert_int_equal(http_body_start(&body, HTTP_FRAMING_LENGTH, BODY_MAX + 1, BODY_MAX), HTTP_PARSE_BAD);
    assert_int_equal(body.fault, HTTP_FAULT_BODY_LARGE);
}

static int set_up(void **state)
{
    (void)state;
    guarded = guarded_new(BYTES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guarded_free(&guarded);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunked_bodies_are_decoded_or_refused),
        cmocka_unit_test(extensions_and_trailers_are_bounded_together),
        cmocka_unit_test(a_content_length_body_is_passed_through),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
