// Stored rows by hour, whatever their order.

#include "ingest/stored_hour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR 3600000

static void rows_are_counted_by_hour(void **state)
{
    struct batch_row rows[] = {
        {.ms = 5 * HOUR, .stored = true},  {.ms = 6 * HOUR - 1, .stored = true},
        {.ms = 2 * HOUR, .stored = true},  {.ms = 5 * HOUR + 1, .stored = true},
        {.ms = 5 * HOUR, .stored = false}, {.ms = 9 * HOUR, .stored = false},
        {.ms = 0, .stored = true},         {.ms = HOUR - 1, .stored = true},
        {.ms = 5 * HOUR, .stored = true},
    };
    static const struct stored_hour expected[] = {
        {COPY_VISIT, 0, 2}, {COPY_VISIT, 2 * HOUR, 1}, {COPY_VISIT, 5 * HOUR, 4}};
    const struct row_batch batch = {.rows = rows, .n = array_length(rows)};
    struct stored_hour out[array_length(rows)];

    (void)state;
    assert_int_equal(stored_hours_count(&batch, COPY_VISIT, out), array_length(expected));
    for (size_t i = 0; i < array_length(expected); i++)
        assert_true(out[i].table == expected[i].table && out[i].hour_ms == expected[i].hour_ms &&
                    out[i].hits == expected[i].hits);
}

static void nothing_stored_is_nothing(void **state)
{
    struct batch_row row = {.ms = 1};
    const struct row_batch none = {0}, refused = {.rows = &row, .n = 1};
    struct stored_hour out[1];

    (void)state;
    assert_int_equal(stored_hours_count(&none, COPY_CLICK, out), 0);
    assert_int_equal(stored_hours_count(&refused, COPY_CLICK, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_counted_by_hour),
        cmocka_unit_test(nothing_stored_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
