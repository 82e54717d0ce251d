// Mix files: what is written there comes out, what is wrong is named with its line.

#include "bench/mix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int load(const char *text, struct mix **mix, char error[MIX_ERROR_BYTES])
{
    char path[] = "/tmp/test_mix_XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(mix_new(mix), 0);
    int r = mix_load(*mix, path, error);
    unlink(path);
    return r ? r : mix_check(*mix, error);
}

static void test_request(void **state)
{
    static const char text[] =
        "# a comment\n\npath /c/{slug}?n={n}\nheader User-Agent: {agent}\nheader 0% Never: x\n"
        "value slug demo\nrange n 7 7\nvalue agent Browser {version}\nvalue version 1.0\n";
    static const char wanted[] = "GET /c/demo?n=7 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n"
                                 "User-Agent: Browser 1.0\r\n\r\n";
    char error[MIX_ERROR_BYTES] = "", request[MIX_REQUEST_MAX];
    uint64_t random = 1;
    struct mix *mix;

    (void)state;
    assert_int_equal(load(text, &mix, error), 0);
    size_t len = mix_request(mix, &random, SLICE("a.example"), SLICE("close"), request, sizeof(request));
    assert_int_equal(len, sizeof(wanted) - 1);
    assert_memory_equal(request, wanted, len);
    assert_int_equal(mix_request(mix, &random, SLICE("a.example"), SLICE("close"), request, len - 1), 0);
    assert_int_equal(mix_set_path(mix, SLICE("/other"), error), 0);
    assert_true(mix_request(mix, &random, SLICE("h"), SLICE_NONE, request, sizeof(request)) > 0);
    assert_memory_equal(request, "GET /other HTTP/1.1\r\nHost: h\r\nUser-Agent", 40);
    mix_free(mix);
}

static void test_weights(void **state)
{
    char error[MIX_ERROR_BYTES] = "", request[MIX_REQUEST_MAX];
    unsigned rare = 0, with = 0;
    uint64_t random = 1;
    struct mix *mix;

    (void)state;
    assert_int_equal(load("path 9 /often\npath /rare\nheader 50% Half: x\n", &mix, error), 0);
    for (unsigned i = 0; i < 10000; i++) {
        size_t len = mix_request(mix, &random, SLICE("h"), SLICE_NONE, request, sizeof(request));
        rare += memmem(request, len, "/rare", 5) != NULL;
        with += memmem(request, len, "Half: x", 7) != NULL;
    }
    assert_in_range(rare, 800, 1200);
    assert_in_range(with, 4700, 5300);
    mix_free(mix);
}

static const struct {
    const char *text, *error;
} wrongs[] = {
    {"path /a\nnonsense\n", "line 2"},
    {"path a\n", "line 1"},
    {"path 0 /a\n", "line 1"},
    {"path /a b\n", "line 1"},
    {"path /a\nheader Name\n", "line 2"},
    {"path /a\nheader 101% N: x\n", "line 2"},
    {"path /a\nrange n 2 1\n", "line 2"},
    {"path /a\nrange n 1 2\nvalue n x\n", "line 3"},
    {"path /a\nvalue n x\nrange n 1 2\n", "line 3"},
    {"path /a\nvalues n /does/not/exist\n", "line 2"},
    {"header N: x\n", "path"},
    {"path /{unknown}\n", "unknown"},
    {"path /{a}\nvalue a {a}\n", "deep"},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(wrongs); i++) {
        char error[MIX_ERROR_BYTES] = "";
        struct mix *mix;
        assert_int_equal(load(wrongs[i].text, &mix, error), MIX_WRONG);
        if (!strstr(error, wrongs[i].error))
            fail_msg("'%s' gave '%s'", wrongs[i].text, error);
        mix_free(mix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
