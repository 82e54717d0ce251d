// How long a line, how many names, and how long a name of an upload may be. How bytes are cut:
// tests/fuzz/fuzz_rows.c.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>
#include <stdio.h>

#include "api/rows.h"

struct told {
    unsigned objects, faults;
};

static int count(void *ctx, const struct row *row)
{
    struct told *told = ctx;
    told->objects += row->fault == NULL;
    told->faults += row->fault != NULL;
    return 0;
}

static int read_all(enum rows_format format, const char *text, struct told *told)
{
    struct rows *rows = rows_new(format);
    *told = (struct told){0};
    int result = rows_take(rows, slice_of(text), count, told);
    if (result == 0)
        result = rows_end(rows, count, told);
    rows_free(rows);
    return result;
}

static void a_long_line_costs_itself(void **state)
{
    static char text[2 * ROWS_LINE_BYTES_MAX];
    struct told told;
    (void)state;
    for (int more = 0; more <= 1; more++) {
        snprintf(text, sizeof(text), "{\"a\":\"%*s\"}\n{}\n", ROWS_LINE_BYTES_MAX - 8 + more, "");
        assert_int_equal(read_all(ROWS_NDJSON, text, &told), 0);
        assert_int_equal(told.objects, 2 - more);
        assert_int_equal(told.faults, more);
    }
}

static void a_header_has_so_many_names(void **state)
{
    char text[ROWS_COLUMNS_MAX * 8];
    struct told told;
    (void)state;
    for (int more = 0; more <= 1; more++) {
        size_t len = 0;
        for (int i = 0; i < ROWS_COLUMNS_MAX + more; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%sn%d", i > 0 ? "," : "", i);
        assert_int_equal(read_all(ROWS_CSV, text, &told), more ? ROWS_HEADER : 0);
    }
}

static void a_name_is_so_long(void **state)
{
    char text[ROWS_NAME_BYTES_MAX + 8];
    struct told told;
    (void)state;
    for (int more = 0; more <= 1; more++) {
        snprintf(text, sizeof(text), "%0*d\nx\n", ROWS_NAME_BYTES_MAX + more, 0);
        assert_int_equal(read_all(ROWS_CSV, text, &told), more ? ROWS_HEADER : 0);
        assert_int_equal(told.objects, 1 - more);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_line_costs_itself),
        cmocka_unit_test(a_header_has_so_many_names),
        cmocka_unit_test(a_name_is_so_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
