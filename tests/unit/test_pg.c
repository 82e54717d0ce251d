// What an SQLSTATE means to a caller, and parameters as bytes. The rest of the door is tested with a real
// server.

#include "base/pg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *sqlstate;
    enum pg_condition condition;
} cases[] = {
    {"08006", PG_LOST},   // connection failure
    {"57P01", PG_LOST},   // terminated by an administrator
    {"57P03", PG_LOST},   // starting up
    {"25P03", PG_LOST},   // idle in transaction for too long
    {"40001", PG_RETRY},  // serialization failure
    {"40P01", PG_RETRY},  // deadlock
    {"55P03", PG_RETRY},  // lock timeout
    {"57014", PG_RETRY},  // statement timeout
    {"53100", PG_RETRY},  // disk full
    {"23505", PG_UNIQUE}, // unique violation
    {"23P01", PG_UNIQUE}, // exclusion violation
    {"22021", PG_DATA},   // not UTF-8
    {"22P02", PG_DATA},   // not a value of the enum
    {"23514", PG_DATA},   // check, or no partition
    {"54000", PG_DATA},   // too long for an index
    {"P0001", PG_DATA},   // raised
    {"42501", PG_OTHER},  // no right
    {"42P01", PG_OTHER},  // no table
    {"25006", PG_OTHER},  // read-only
    {"XX000", PG_OTHER},  // internal
    {"", PG_OTHER},
};

static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        if (pg_condition_of(cases[i].sqlstate) != cases[i].condition)
            fail_msg("%s: %d, not %d", cases[i].sqlstate, pg_condition_of(cases[i].sqlstate),
                     cases[i].condition);
    }
}

static void test_params(void **state)
{
    (void)state;
    static const uint8_t minus_two[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};

    assert_memory_equal(pg_int(-2).inline_bytes, minus_two, 8);
    assert_true(pg_text(SLICE_NONE).is_null);
    assert_true(pg_bytea(SLICE_NONE).is_null);
    assert_false(pg_text(SLICE("")).is_null);
    assert_true(pg_string(NULL).is_null);
}

static void test_no_server(void **state)
{
    (void)state;
    struct pg *pg = NULL;
    struct pg_error error;

    assert_int_equal(pg_connect(&pg, "host=/nowhere dbname=x", "test", &error), PG_LOST);
    assert_true(strlen(error.message) > 0);
    assert_null(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
