// Stored clicks by hour, programme, partner, link and class.

#include "ingest/hourly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HOUR 3600000

static void test_count(void **state)
{
    (void)state;
    struct batch_row rows[] = {
        {.ms = 2 * HOUR,
         .program_id = 1,
         .partner_id = 2,
         .link_id = 3,
         .class = HIT_CLASS_HUMAN,
         .stored = true},
        {.ms = 3 * HOUR - 1,
         .program_id = 1,
         .partner_id = 2,
         .link_id = 3,
         .class = HIT_CLASS_HUMAN,
         .stored = true},
        {.ms = 3 * HOUR,
         .program_id = 1,
         .partner_id = 2,
         .link_id = 3,
         .class = HIT_CLASS_HUMAN,
         .stored = true},
        {.ms = 2 * HOUR,
         .program_id = 1,
         .partner_id = 2,
         .link_id = 3,
         .class = HIT_CLASS_BOT,
         .stored = true},
        {.ms = 2 * HOUR,
         .program_id = 1,
         .partner_id = 2,
         .link_id = 4,
         .class = HIT_CLASS_HUMAN,
         .stored = false},
        {.ms = 2 * HOUR + 5, .class = HIT_CLASS_INVALID, .stored = true},
        {.ms = 2 * HOUR + 9,
         .program_id = 1,
         .partner_id = 2,
         .link_id = 3,
         .class = HIT_CLASS_HUMAN,
         .stored = true},
    };
    static const struct hourly_row expected[] = {
        {2 * HOUR, 0, 0, 0, HIT_CLASS_INVALID, 1},
        {2 * HOUR, 1, 2, 3, HIT_CLASS_HUMAN, 3},
        {2 * HOUR, 1, 2, 3, HIT_CLASS_BOT, 1},
        {3 * HOUR, 1, 2, 3, HIT_CLASS_HUMAN, 1},
    };
    struct row_batch batch = {.rows = rows, .n = array_length(rows)};
    struct hourly_row out[array_length(rows)];

    assert_int_equal(hourly_count(&batch, out), array_length(expected));
    for (size_t i = 0; i < array_length(expected); i++) {
        assert_int_equal(out[i].hour_ms, expected[i].hour_ms);
        assert_int_equal(out[i].link_id, expected[i].link_id);
        assert_int_equal(out[i].class, expected[i].class);
        assert_int_equal(out[i].clicks, expected[i].clicks);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct batch_row row = {.ms = HOUR};
    struct row_batch none = {0}, not_stored = {.rows = &row, .n = 1};
    struct hourly_row out[1];

    assert_int_equal(hourly_count(&none, out), 0);
    assert_int_equal(hourly_count(&not_stored, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
