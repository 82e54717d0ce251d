// Spans of stored clicks of people, by hour.

#include "ingest/click_due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR UINT64_C(3600000)

static struct batch_row click(uint64_t ms, uint64_t link, uint8_t class, bool stored)
{
    return (struct batch_row){.ms = ms, .partner_id = link % 2, .link_id = link, .class = class, .stored = stored};
}

static void test_spans(void **state)
{
    (void)state;
    struct batch_row rows[] = {
        click(5 * HOUR + 20, 1, HIT_CLASS_HUMAN, true), click(5 * HOUR + 10, 2, HIT_CLASS_HUMAN, true),
        click(5 * HOUR + 5, 1, HIT_CLASS_BOT, true),    click(5 * HOUR + 30, 1, HIT_CLASS_HUMAN, false),
        click(2 * HOUR + 7, 2, HIT_CLASS_HUMAN, true),  click(6 * HOUR - 1, 1, HIT_CLASS_HUMAN, true),
        click(6 * HOUR, 1, HIT_CLASS_HUMAN, true),      click(2 * HOUR, 2, HIT_CLASS_HUMAN, true),
    };
    static const struct click_span expected[] = {
        {5 * HOUR, 5 * HOUR + 10, 6 * HOUR - 1, 3, PEOPLE_HEAD_BYTES + 2 * PEOPLE_PLACE_BYTES},
        {2 * HOUR, 2 * HOUR, 2 * HOUR + 7, 2, 0},
        {6 * HOUR, 6 * HOUR, 6 * HOUR, 1, PEOPLE_HEAD_BYTES + PEOPLE_PLACE_BYTES}};
    struct row_batch batch = {.rows = rows, .n = array_length(rows)};
    struct click_span spans[array_length(rows)];
    uint32_t span_of[array_length(rows)];
    struct click_groups groups;

    assert_int_equal(click_groups_find(&batch, &groups), 0);
    assert_int_equal(click_spans(&batch, &groups, spans, span_of), array_length(expected));
    for (size_t i = 0; i < array_length(expected); i++) {
        assert_int_equal(spans[i].hour_ms, expected[i].hour_ms);
        assert_int_equal(spans[i].from_ms, expected[i].from_ms);
        assert_int_equal(spans[i].to_ms, expected[i].to_ms);
        assert_int_equal(spans[i].clicks, expected[i].clicks);
        assert_int_equal(spans[i].people_bytes, expected[i].people_bytes);
    }
    assert_int_equal(span_of[groups.of[4]], 1);
    assert_int_equal(span_of[groups.of[6]], 2);
    click_groups_free(&groups);
}

static void test_nothing(void **state)
{
    (void)state;
    struct batch_row row = click(HOUR, 1, HIT_CLASS_BOT, true);
    struct row_batch batch = {.rows = &row, .n = 1};
    struct click_span span;
    uint32_t span_of;
    struct click_groups groups;

    assert_int_equal(click_groups_find(&batch, &groups), 0);
    assert_int_equal(click_spans(&batch, &groups, &span, &span_of), 0);
    click_groups_free(&groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spans), cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
