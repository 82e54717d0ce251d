// URLs that bench/load takes.

#include "bench/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *text, *host, *port, *authority, *path; // host NULL: refused
} urls[] = {
    {"http://a.example", "a.example", "80", "a.example", "/"},
    {"http://a.example:8080/c/demo?x=1", "a.example", "8080", "a.example:8080", "/c/demo?x=1"},
    {"http://[::1]:81/", "::1", "81", "[::1]:81", "/"},
    {"http://[::1]/c", "::1", "80", "[::1]", "/c"},
    {"http://127.0.0.1/c/{slug}", "127.0.0.1", "80", "127.0.0.1", "/c/{slug}"},
    {"https://a.example/", NULL, NULL, NULL, NULL},
    {"http://", NULL, NULL, NULL, NULL},
    {"http:///c", NULL, NULL, NULL, NULL},
    {"http://a:0/", NULL, NULL, NULL, NULL},
    {"http://a:65536/", NULL, NULL, NULL, NULL},
    {"http://a:/", NULL, NULL, NULL, NULL},
    {"http://a:8x/", NULL, NULL, NULL, NULL},
    {"http://user@a/", NULL, NULL, NULL, NULL},
    {"http://[::1/", NULL, NULL, NULL, NULL},
    {"http://[::1]x/", NULL, NULL, NULL, NULL},
    {"http://a/ b", NULL, NULL, NULL, NULL},
    {"http://a/#f", NULL, NULL, NULL, NULL},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(urls); i++) {
        struct url url;
        assert_int_equal(url_parse(slice_of(urls[i].text), &url), urls[i].host ? 0 : URL_REFUSED);
        if (!urls[i].host)
            continue;
        assert_string_equal(url.host, urls[i].host);
        assert_string_equal(url.port, urls[i].port);
        assert_true(slice_equal(url.authority, slice_of(urls[i].authority)));
        assert_true(slice_equal(url.path, slice_of(urls[i].path)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
