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
    static const struct click_group expected[] = {
        {2 * HOUR, 0, 0, 0, HIT_CLASS_INVALID, 1},
        {2 * HOUR, 1, 2, 3, HIT_CLASS_HUMAN, 3},
        {2 * HOUR, 1, 2, 3, HIT_CLASS_BOT, 1},
        {3 * HOUR, 1, 2, 3, HIT_CLASS_HUMAN, 1},
    };
    struct row_batch batch = {.rows = rows, .n = array_length(rows)};
    struct click_groups found;

    assert_int_equal(click_groups_find(&batch, &found), 0);
    assert_int_equal(found.n, array_length(expected));
    assert_true(found.of[0] == found.of[6] && found.of[0] != found.of[2] && found.of[0] != found.of[3]);
    assert_int_equal(found.of[4], CLICK_NO_GROUP);
    hourly_sort(found.groups, found.n);
    const struct click_group *out = found.groups;
    for (size_t i = 0; i < array_length(expected); i++) {
        assert_int_equal(out[i].hour_ms, expected[i].hour_ms);
        assert_int_equal(out[i].link_id, expected[i].link_id);
        assert_int_equal(out[i].class, expected[i].class);
        assert_int_equal(out[i].clicks, expected[i].clicks);
    }
    click_groups_free(&found);
}

static void test_nothing(void **state)
{
    (void)state;
    struct batch_row row = {.ms = HOUR};
    struct row_batch none = {0}, not_stored = {.rows = &row, .n = 1};
    struct click_groups found;

    assert_int_equal(click_groups_find(&none, &found), 0);
    assert_int_equal(found.n, 0);
    click_groups_free(&found);
    assert_int_equal(click_groups_find(&not_stored, &found), 0);
    assert_int_equal(found.n, 0);
    click_groups_free(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
