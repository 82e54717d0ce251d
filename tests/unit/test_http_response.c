// Answers as bytes: what goes out, and what never does.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdlib.h>

#include "base/http_response.h"

#define TEXT(s)                                                                                              \
    {                                                                                                        \
        SLICE_PARTS(s)                                                                                       \
    }
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static struct http_date date;

// The answer lies in memory of exactly http_response_bytes_max(). To be freed.
static char *written(const struct http_response *response, size_t *len)
{
    char *out = malloc(http_response_bytes_max(response));

    assert_non_null(out);
    assert_int_equal(http_response_write(response, &date, out, len), 0);
    return out;
}

static void answers_are_as_they_should_be(void **state)
{
    static const struct http_header header = {TEXT("Location"), TEXT("https://a/\xff\tb")},
                                    empty = {TEXT("X"), TEXT("")};
    static const struct {
        struct http_response response;
        struct slice text;
    } cases[] = {
        {{.status = 200, .keep_alive = true, .minor = 1, .body = TEXT("hi")},
         TEXT("HTTP/1.1 200 OK\r\n" DATE "Content-Length: 2\r\n\r\nhi")},
        {{.status = 200, .keep_alive = true, .minor = 1, .body = TEXT("hi"), .head_only = true},
         TEXT("HTTP/1.1 200 OK\r\n" DATE "Content-Length: 2\r\n\r\n")},
        {{.status = 302, .keep_alive = false, .minor = 1, .headers = &header, .n_headers = 1},
         TEXT("HTTP/1.1 302 Found\r\nLocation: https://a/\xff\tb\r\n" DATE
              "Content-Length: 0\r\nConnection: close\r\n\r\n")},
        {{.status = 204,
          .keep_alive = true,
          .minor = 0,
          .headers = &empty,
          .n_headers = 1,
          .body = TEXT("hi")},
         TEXT("HTTP/1.1 204 No Content\r\nX: \r\n" DATE "Connection: keep-alive\r\n\r\n")},
        {{.status = 599, .keep_alive = true, .minor = 1},
         TEXT("HTTP/1.1 599 \r\n" DATE "Content-Length: 0\r\n\r\n")},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        size_t len;
        char *out = written(&cases[i].response, &len);
        if (!slice_equal((struct slice){out, len}, cases[i].text))
            fail_msg("case %zu: %.*s", i, (int)len, out);
        free(out);
    }
}

static void nothing_unsafe_gets_out(void **state)
{
    static const struct http_header headers[] = {
        {TEXT("X"), TEXT("a\r\nSet-Cookie: b")},
        {TEXT("X"), TEXT("a\rb")},
        {TEXT("X"), TEXT("a\nb")},
        {TEXT("X"), TEXT("a\0b")},
        {TEXT("X"), TEXT("0123456789abcdef\n")},
        {TEXT("X"), TEXT("\x1b[31m")},
        {TEXT("X"), TEXT("\x7f")},
        {TEXT(""), TEXT("a")},
        {TEXT("X:"), TEXT("a")},
        {TEXT("X Y"), TEXT("a")},
        {TEXT("X\r\nY"), TEXT("a")},
        {TEXT("\xc3"), TEXT("a")},
        {TEXT("date"), TEXT("a")},
        {TEXT("Content-Length"), TEXT("1")},
        {TEXT("CONNECTION"), TEXT("close")},
        {TEXT("Transfer-Encoding"), TEXT("chunked")},
    };
    struct http_preset preset;
    char out[1024];
    size_t len;

    (void)state;
    for (size_t i = 0; i < array_length(headers); i++) {
        struct http_response response = {.status = 200, .headers = &headers[i], .n_headers = 1};
        assert_int_equal(http_response_write(&response, &date, out, &len), HTTP_RESPONSE_UNSAFE);
        assert_int_equal(http_preset_init(&preset, 200, &headers[i], 1), HTTP_RESPONSE_UNSAFE);
    }
}

static void a_preset_is_the_same_answer(void **state)
{
    static const struct http_header headers[] = {{TEXT("Cache-Control"), TEXT("private, no-store")},
                                                 {TEXT("Location"), TEXT("/b")}};
    static char value[HTTP_PRESET_BYTES_MAX];
    struct http_preset preset;
    size_t len, preset_len;

    (void)state;
    assert_int_equal(http_preset_init(&preset, 302, headers, 1), 0);
    char *plain = written(&(struct http_response){.status = 302, .headers = headers, .n_headers = 2}, &len);
    char *quick = written(&(struct http_response){.preset = &preset, .headers = headers + 1, .n_headers = 1},
                          &preset_len);
    assert_true(slice_equal((struct slice){plain, len}, (struct slice){quick, preset_len}));
    free(plain);
    free(quick);
    memset(value, 'a', sizeof(value));
    struct http_header large = {SLICE("X"), {value, sizeof(value)}};
    assert_int_equal(http_preset_init(&preset, 200, &large, 1), -ENOSPC);
}

static int set_up(void **state)
{
    (void)state;
    http_date_update(&date, 0);
    http_date_update(&date, 784111777); // the example of RFC 9110, 5.6.7
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_as_they_should_be),
        cmocka_unit_test(nothing_unsafe_gets_out),
        cmocka_unit_test(a_preset_is_the_same_answer),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
