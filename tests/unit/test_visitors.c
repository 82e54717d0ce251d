// Visitors of a load: who comes back has the address and the cookie of his first visit.

#include "bench/visitors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define VISITS 10000

static void test_cookie_is_sent_back(void **state)
{
    static const char wanted[] =
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 11.1.2.3\r\nCookie: cl_v=abc\r\n\r\n";
    struct visitors visitors = {.random = 1, .per_cent = 100};
    struct visitor visitor = {.address = 0x0b010203};
    char out[VISITOR_REQUEST_MAX];

    (void)state;
    assert_int_equal(visitors_keep(&visitors, &visitor, SLICE_NONE), 0);
    assert_int_equal(visitors.n, 0);
    assert_int_equal(visitors_keep(&visitors, &visitor, SLICE("cl_v=abc; Path=/; HttpOnly")), 0);
    visitor = visitors_next(&visitors);
    struct slice request = visitor_request(&visitor, SLICE("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), out);
    assert_true(slice_equal(request, slice_of(wanted)));
    assert_int_equal(visitors_keep(&visitors, &visitor, SLICE("cl_v=other")), 0); // he has one
    assert_int_equal(visitors.n, 1);
    visitors_free(&visitors);
}

static void test_cookie_too_long(void **state)
{
    struct visitors visitors = {.random = 1, .per_cent = 100};
    struct visitor visitor = {.address = 1};
    char cookie[VISITOR_COOKIE_MAX + 1];

    (void)state;
    memset(cookie, 'x', sizeof(cookie));
    assert_int_equal(visitors_keep(&visitors, &visitor, (struct slice){cookie, VISITOR_COOKIE_MAX + 1}), 0);
    assert_int_equal(visitors.n, 0);
    assert_int_equal(visitors_keep(&visitors, &visitor, (struct slice){cookie, VISITOR_COOKIE_MAX}), 0);
    assert_int_equal(visitors.n, 1);
    visitors_free(&visitors);
}

static void test_share(void **state)
{
    struct visitors visitors = {.random = 1, .per_cent = 70};
    unsigned back = 0;

    (void)state;
    for (unsigned i = 0; i < VISITS; i++) {
        struct visitor visitor = visitors_next(&visitors);
        back += visitor.cookie_bytes > 0;
        assert_int_equal(visitors_keep(&visitors, &visitor, SLICE("cl_v=1")), 0);
    }
    assert_in_range(back, VISITS * 69 / 100, VISITS * 71 / 100);
    assert_int_equal(visitors.n, VISITS - back);
    visitors_free(&visitors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cookie_is_sent_back),
                                       cmocka_unit_test(test_cookie_too_long), cmocka_unit_test(test_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
