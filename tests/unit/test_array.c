// Array literals: quoting, nulls, growth.

#include "base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *literal;
} texts[] = {
    {"plain", "{\"plain\"}"}, {"", "{\"\"}"},           {NULL, "{NULL}"},
    {"NULL", "{\"NULL\"}"},   {"a,b}{", "{\"a,b}{\"}"}, {"say \"b\\\"", "{\"say \\\"b\\\\\\\"\"}"},
};

static void literal_check(struct array *array, const char *expected)
{
    assert_true(slice_equal(array_literal(array), slice_of(expected)));
}

static void test_texts(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct array array = {0};
        array_text(&array, texts[i].text ? slice_of(texts[i].text) : SLICE_NONE);
        literal_check(&array, texts[i].literal);
        array_free(&array);
    }
}

static void test_mixed(void **ctx)
{
    (void)ctx;
    struct array array = {0};

    literal_check(&array, "{}");
    array_int(&array, INT64_MIN);
    literal_check(&array, "{-9223372036854775808}");
    array_bool(&array, true);
    array_text(&array, SLICE_NONE);
    array_bool(&array, false);
    literal_check(&array, "{-9223372036854775808,t,NULL,f}");
    array_free(&array);
    literal_check(&array, "{}");
}

static void test_growth(void **ctx)
{
    (void)ctx;
    struct array array = {0};
    char quotes[1000];

    memset(quotes, '"', sizeof(quotes));
    for (int i = 0; i < 100; i++)
        array_text(&array, (struct slice){quotes, sizeof(quotes)});
    assert_int_equal(array_literal(&array).len, 100 * (2 * sizeof(quotes) + 2) + 99 + 2);
    assert_false(array.failed);
    array_free(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
