// Spans of stored clicks of people, by hour.

#include "ingest/click_due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR UINT64_C(3600000)

static struct batch_row click(uint64_t ms, uint8_t class, bool stored)
{
    return (struct batch_row){.ms = ms, .class = class, .stored = stored};
}

static void test_spans(void **state)
{
    (void)state;
    struct batch_row rows[] = {
        click(5 * HOUR + 20, HIT_CLASS_HUMAN, true), click(5 * HOUR + 10, HIT_CLASS_HUMAN, true),
        click(5 * HOUR + 5, HIT_CLASS_BOT, true),    click(5 * HOUR + 30, HIT_CLASS_HUMAN, false),
        click(2 * HOUR + 7, HIT_CLASS_HUMAN, true),  click(6 * HOUR - 1, HIT_CLASS_HUMAN, true),
        click(6 * HOUR, HIT_CLASS_HUMAN, true),      click(2 * HOUR, HIT_CLASS_HUMAN, true),
    };
    static const struct click_span expected[] = {
        {5 * HOUR + 10, 6 * HOUR - 1, 3}, {2 * HOUR, 2 * HOUR + 7, 2}, {6 * HOUR, 6 * HOUR, 1}};
    struct row_batch batch = {.rows = rows, .n = array_length(rows)};
    struct click_span spans[array_length(rows)];

    assert_int_equal(click_spans(&batch, spans), array_length(expected));
    for (size_t i = 0; i < array_length(expected); i++) {
        assert_int_equal(spans[i].from_ms, expected[i].from_ms);
        assert_int_equal(spans[i].to_ms, expected[i].to_ms);
        assert_int_equal(spans[i].clicks, expected[i].clicks);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct batch_row row = click(HOUR, HIT_CLASS_BOT, true);
    struct row_batch batch = {.rows = &row, .n = 1};
    struct click_span span;

    assert_int_equal(click_spans(&batch, &span), 0);
    batch.n = 0;
    assert_int_equal(click_spans(&batch, &span), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spans), cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
