// Lines of orders as text: strict, the same back.

#include "base/order_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void lines_come_back(void **state)
{
    static const char text[] = "A-1\ttea\tdrinks\t2\t100\t50\n\t\t\t1\t0\t0\n";
    struct slice left = slice_of(text);
    struct order_line line;
    uint8_t out[128];
    struct bytes_writer writer = bytes_writer(out, sizeof(out));

    (void)state;
    assert_int_equal(order_lines_next(&left, &line), 0);
    assert_true(slice_equal(line.sku, SLICE("A-1")) && slice_equal(line.product, SLICE("tea")));
    assert_true(slice_equal(line.category, SLICE("drinks")) && line.quantity == 2);
    assert_true(line.amount_minor == 100 && line.commissionable_minor == 50);
    order_lines_write(&writer, &line);
    assert_int_equal(order_lines_next(&left, &line), 0);
    assert_true(!line.sku.data && !line.product.data && !line.category.data);
    order_lines_write(&writer, &line);
    assert_int_equal(order_lines_next(&left, &line), ORDER_LINES_END);
    assert_false(writer.overflow);
    assert_true(slice_equal((struct slice){(char *)out, (size_t)(writer.at - out)}, slice_of(text)));
}

static void what_is_no_line(void **state)
{
    static const char *const cases[] = {
        "A",
        "A\t\t\t1\t1\t1",
        "A\t\t1\t1\t1\n",
        "A\t\t\t\t1\t1\n",
        "A\t\t\t0\t1\t1\n",
        "A\t\t\t1000001\t1\t1\n",
        "A\t\t\t1\t01\t1\n",
        "A\t\t\t1\t-1\t1\n",
        "A\t\t\t1\t1\t2\n",
        "A\t\t\t1\t1 \t1\n",
        "A\t\t\t1\t1\t1\t\n",
        "A\t\t\t1\t1000000000000001\t1\n",
        "A\t\t\t1\t99999999999999999999\t1\n",
        "\xff\t\t\t1\t1\t1\n",
        "A\r\t\t\t1\t1\t1\n",
        "\n",
    };
    struct order_line lines[ORDER_LINES_MAX];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct slice left = slice_of(cases[i]);
        struct order_line line;
        if (order_lines_next(&left, &line) != ORDER_LINES_MALFORMED)
            fail_msg("case %zu", i);
        assert_int_equal(order_lines_read(slice_of(cases[i]), lines), 0);
    }
}

static void limits(void **state)
{
    static char text[(ORDER_LINES_MAX + 1) * 12 + 1], sku[2 * ORDER_LINE_TEXT_MAX];
    struct order_line lines[ORDER_LINES_MAX];

    (void)state;
    for (size_t i = 0; i < ORDER_LINES_MAX; i++)
        strcat(text, "\t\t\t1\t1\t1\n");
    assert_int_equal(order_lines_read(slice_of(text), lines), ORDER_LINES_MAX);
    strcat(text, "\t\t\t1\t1\t1\n");
    assert_int_equal(order_lines_read(slice_of(text), lines), 0);
    assert_int_equal(order_lines_read(SLICE_NONE, lines), 0);
    assert_int_equal(order_lines_read(SLICE("\t\t\t1\t1000000000000000\t1\n\t\t\t1\t1\t1\n"), lines), 0);
    memset(sku, 'x', ORDER_LINE_TEXT_MAX);
    strcat(sku, "\t\t\t1\t1\t1\n");
    assert_int_equal(order_lines_read(slice_of(sku), lines), 1);
    memset(sku, 'x', ORDER_LINE_TEXT_MAX + 1);
    memcpy(sku + ORDER_LINE_TEXT_MAX + 1, "\t\t\t1\t1\t1\n", 10);
    assert_int_equal(order_lines_read(slice_of(sku), lines), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back),
        cmocka_unit_test(what_is_no_line),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
