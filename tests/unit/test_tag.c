// The tag as it is sent: small, and what Accept-Encoding and If-None-Match make of it.

#include "tracker/tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"

#define GZIP_BYTES_MAX 2048 // what a shop's page is asked to load

static void size_test(void **state)
{
    (void)state;
    assert_in_range(tag_gzip.script.len, 500, GZIP_BYTES_MAX - 1);
    assert_false(slice_equal(tag_gzip.etag, tag_plain.etag));
}

static void accept_test(void **state)
{
    static const struct {
        const char *accept;
        bool gzip;
    } cases[] = {
        {"", false},
        {"gzip", true},
        {"gzip, deflate, br, zstd", true},
        {"deflate, GZip;q=0.5", true},
        {"br;q=1.0, gzip;q=0.001", true},
        {"gzip;q=0", false},
        {"gzip ; Q=0.000, *", false},
        {"*", true},
        {"*;q=0", false},
        {"identity", false},
        {"xgzip, gzipx", false},
        {",,;,q=1", false},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (tag_gzip_accepted(slice_of(cases[i].accept)) != cases[i].gzip)
            fail_msg("%s", cases[i].accept);
    assert_false(tag_gzip_accepted(SLICE_NONE));
}

static void etag_test(void **state)
{
    static const struct {
        const char *list;
        bool matches;
    } cases[] = {
        {"", false},      {"\"a\"", true}, {"W/\"a\"", true}, {"\"b\", \"a\"", true}, {"*", true},
        {"\"b\"", false}, {"a", false},    {"\"a\"x", false}, {"w/\"a\"", false},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (tag_etag_matches(slice_of(cases[i].list), SLICE("\"a\"")) != cases[i].matches)
            fail_msg("%s", cases[i].list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_test),
        cmocka_unit_test(accept_test),
        cmocka_unit_test(etag_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
