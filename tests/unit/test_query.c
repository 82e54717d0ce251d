// Query strings, percent-decoding and -encoding, laid against an unmapped page.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>

#include "base/query.h"
#include "guarded.h"

static struct guarded guarded;

static struct slice laid(struct slice text)
{
    return (struct slice){guarded_put(&guarded, text.data, text.len), text.len};
}

#define TEXT(s)                                                                                              \
    {                                                                                                        \
        SLICE_PARTS(s)                                                                                       \
    }

static void parameters_come_in_order(void **state)
{
    static const struct {
        struct slice text;
        const char *names[4], *values[4]; // value NULL: no '='
    } cases[] = {
        {TEXT(""), {NULL}, {NULL}},
        {TEXT("&&&"), {NULL}, {NULL}},
        {TEXT("a"), {"a"}, {NULL}},
        {TEXT("a="), {"a"}, {""}},
        {TEXT("=b"), {""}, {"b"}},
        {TEXT("a=b&c=d=e&&f"), {"a", "c", "f"}, {"b", "d=e", NULL}},
        {TEXT("a=%26&a=+"), {"a", "a"}, {"%26", "+"}},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct query query;
        struct query_param param;
        size_t n = 0;

        query_start(&query, laid(cases[i].text));
        for (; query_next(&query, &param) == 0; n++) {
            const char *value = cases[i].values[n];
            assert_non_null(cases[i].names[n]);
            assert_true(slice_equal(param.name, slice_of(cases[i].names[n])));
            assert_int_equal(param.value.data == NULL, value == NULL);
            assert_true(value == NULL || slice_equal(param.value, slice_of(value)));
        }
        assert_null(cases[i].names[n]);
        assert_int_equal(query_next(&query, &param), QUERY_END);
    }
}

static void there_is_a_limit(void **state)
{
    char text[2 * QUERY_PARAMS_MAX + 1];
    struct query query;
    struct query_param param;
    struct slice value;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? '&' : 'a';
    query_start(&query, laid((struct slice){text, sizeof(text)}));
    for (int i = 0; i < QUERY_PARAMS_MAX; i++)
        assert_int_equal(query_next(&query, &param), 0);
    assert_int_equal(query_next(&query, &param), QUERY_TOO_MANY);
    assert_int_equal(query_find(laid((struct slice){text, sizeof(text)}), SLICE("b"), &value),
                     QUERY_TOO_MANY);
    query_start(&query, laid((struct slice){text, sizeof(text) - 2}));
    while (query_next(&query, &param) == 0)
        continue;
    assert_int_equal(query_next(&query, &param), QUERY_END);
}

static void escapes_are_decoded_strictly(void **state)
{
    static const struct {
        struct slice text;
        int result;
        struct slice plain, path;
    } cases[] = {
        {TEXT(""), 0, TEXT(""), TEXT("")},
        {TEXT("abc"), 0, TEXT("abc"), TEXT("abc")},
        {TEXT("a+b%2B"), 0, TEXT("a b+"), TEXT("a+b+")},
        {TEXT("%41%5a%5A%00%ff"), 0, TEXT("AZZ\0\xff"), TEXT("AZZ\0\xff")},
        {TEXT("%2541"), 0, TEXT("%41"), TEXT("%41")},
        {TEXT("%"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
        {TEXT("%4"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
        {TEXT("%g1"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
        {TEXT("%1g"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
        {TEXT("%u0041"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
        {TEXT("%%41"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
        {TEXT("% 41"), QUERY_BAD_ESCAPE, TEXT(""), TEXT("")},
    };
    char out[16];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        assert_int_equal(query_decode(laid(cases[i].text), out, sizeof(out), &len), cases[i].result);
        if (cases[i].result == 0)
            assert_true(slice_equal((struct slice){out, len}, cases[i].plain));
        assert_int_equal(query_decode_path(laid(cases[i].text), out, sizeof(out), &len), cases[i].result);
        if (cases[i].result == 0)
            assert_true(slice_equal((struct slice){out, len}, cases[i].path));
    }
    assert_int_equal(query_decode(SLICE("%41%42%43"), out, 3, &len), 0);
    assert_int_equal(query_decode(SLICE("%41%42%43"), out, 2, &len), -ENOSPC);
}

static void a_parameter_is_found_by_its_decoded_name(void **state)
{
    struct slice text = SLICE("%73ub1=x&sub1=y&su=z&a+b=1&flag&%zz=2"), value;

    (void)state;
    assert_int_equal(query_find(laid(text), SLICE("sub1"), &value), 0);
    assert_true(slice_equal(value, SLICE("x")));
    assert_int_equal(query_find(laid(text), SLICE("a b"), &value), 0);
    assert_true(slice_equal(value, SLICE("1")));
    assert_int_equal(query_find(laid(text), SLICE("flag"), &value), 0);
    assert_null(value.data);
    assert_int_equal(query_find(laid(text), SLICE("SUB1"), &value), QUERY_END);
    assert_int_equal(query_find(laid(text), SLICE("sub"), &value), QUERY_END);
    assert_int_equal(query_find(laid(text), SLICE("%zz"), &value), QUERY_END);
}

static void encoding_is_undone_by_decoding(void **state)
{
    char all[256], encoded[3 * 256], plain[256];
    size_t len = 0, plain_len;

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    assert_int_equal(query_encode(laid((struct slice){all, sizeof(all)}), encoded, sizeof(encoded), &len), 0);
    assert_int_equal(len, 66 + 3 * (256 - 66));
    assert_int_equal(query_decode((struct slice){encoded, len}, plain, sizeof(plain), &plain_len), 0);
    assert_true(slice_equal((struct slice){plain, plain_len}, (struct slice){all, sizeof(all)}));
    assert_int_equal(query_decode_path((struct slice){encoded, len}, plain, sizeof(plain), &plain_len), 0);
    assert_true(slice_equal((struct slice){plain, plain_len}, (struct slice){all, sizeof(all)}));
}

static void encoding_appends_whole_or_not_at_all(void **state)
{
    char out[8] = "x=";
    size_t len = 2;

    (void)state;
    assert_int_equal(query_encode(SLICE("a/b"), out, 7, &len), 0);
    assert_int_equal(len, 7);
    assert_memory_equal(out, "x=a%2Fb", 7);
    assert_int_equal(query_encode(SLICE("/"), out, sizeof(out), &len), -ENOSPC);
    assert_int_equal(len, 7);
    assert_int_equal(query_encode(SLICE(""), out, 7, &len), 0);
}

static int set_up(void **state)
{
    (void)state;
    guarded = guarded_new(1);
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
        cmocka_unit_test(parameters_come_in_order),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(escapes_are_decoded_strictly),
        cmocka_unit_test(a_parameter_is_found_by_its_decoded_name),
        cmocka_unit_test(encoding_is_undone_by_decoding),
        cmocka_unit_test(encoding_appends_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
