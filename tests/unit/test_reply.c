// Heads of answers as bench/load reads them.

#include "bench/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ID "01a206d2-fa81-7000-8a7c-d108ed43ed0e"

static const struct {
    const char *text;
    int result;
    unsigned status;
    size_t body;
    bool last, id;
} heads[] = {
    {"HTTP/1.1 302 Found\r\nLocation: https://a.example/?click_id=" ID "\r\nContent-Length: 0\r\n\r\n", 0,
     302, 0, false, true},
    {"HTTP/1.1 302 Found\r\nlocation: https://a.example/?a=1&click_id=" ID
     "&b=2\r\ncontent-length: 138\r\n\r\nxx",
     0, 302, 138, false, true},
    {"HTTP/1.1 302 Found\r\nLocation: https://a.example/?not_click_id=" ID "\r\nContent-Length: 0\r\n\r\n", 0,
     302, 0, false, false},
    {"HTTP/1.1 302 Found\r\nLocation: https://a.example/?click_id=01a2\r\nContent-Length: 0\r\n\r\n", 0, 302,
     0, false, false},
    {"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", 0, 503, 5, true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200, 0, true, false},
    {"HTTP/1.1 204 No Content\r\n\r\n", 0, 204, 0, false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", 0, 200, 1, true, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", 0, 200, 0, true, false},
    {"HTTP/1.1 302 Found\r\nLocation: https://a.exam", REPLY_MORE, 0, 0, false, false},
    {"HTT", REPLY_MORE, 0, 0, false, false},
    {"SSH-2.0-OpenSSH_9.2\r\n", REPLY_MALFORMED, 0, 0, false, false},
    {"HTTP/1.1 3x2 Found\r\n\r\n", REPLY_MALFORMED, 0, 0, false, false},
    {"HTTP/1.1\r\n\r\n", REPLY_MALFORMED, 0, 0, false, false},
};

static void test_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(heads); i++) {
        struct reply reply = {0};
        assert_int_equal(reply_parse(slice_of(heads[i].text), &reply), heads[i].result);
        if (heads[i].result)
            continue;
        assert_int_equal(reply.status, heads[i].status);
        assert_int_equal(reply.body_bytes, heads[i].body);
        assert_int_equal(reply.last, heads[i].last);
        assert_int_equal(slice_equal(reply.click_id, SLICE(ID)), heads[i].id);
    }
}

static void test_cookie(void **state)
{
    struct reply reply;

    (void)state;
    assert_int_equal(reply_parse(SLICE("HTTP/1.1 302 Found\r\nset-cookie: cl_v=1; Path=/\r\n\r\n"), &reply), 0);
    assert_true(slice_equal(reply.set_cookie, SLICE("cl_v=1; Path=/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_heads), cmocka_unit_test(test_cookie)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
