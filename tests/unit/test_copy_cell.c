// Cells of a COPY: what is written is what PostgreSQL's documentation says, and is read as it was.

#include "base/copy_cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CELLS 9

static uint8_t bytes[256];

static struct slice row_make(void)
{
    struct bytes_writer w = bytes_writer(bytes, sizeof(bytes));

    copy_put_row(&w, CELLS);
    copy_put_null(&w);
    copy_put_bytes(&w, "\0\1", 2);
    copy_put_string(&w, "");
    copy_put_i16(&w, 302);
    copy_put_i32(&w, 1000000);
    copy_put_i64(&w, -2);
    copy_put_reference(&w, 0);
    copy_put_reference(&w, INT64_MAX);
    copy_put_time(&w, COPY_EPOCH_US + 1);
    assert_false(w.overflow);
    return (struct slice){(const char *)bytes, (size_t)(w.at - bytes)};
}

static void test_bytes(void **ctx)
{
    static const char expected[] =
        "\0\11\377\377\377\377\0\0\0\2\0\1\0\0\0\0\0\0\0\2\1\56\0\0\0\4\0\17\102\100"
        "\0\0\0\10\377\377\377\377\377\377\377\376\377\377\377\377"
        "\0\0\0\10\177\377\377\377\377\377\377\377\0\0\0\10\0\0\0\0\0\0\0\1";
    struct slice row = row_make();

    (void)ctx;
    assert_int_equal(row.len, sizeof(expected) - 1);
    assert_memory_equal(row.data, expected, row.len);
}

static void test_read(void **ctx)
{
    struct slice cell[CELLS];

    (void)ctx;
    assert_true(copy_get_row(row_make(), cell, CELLS));
    assert_null(cell[0].data);
    assert_int_equal(copy_get_int(cell[0]), 0);
    assert_true(slice_equal(cell[1], SLICE("\0\1")));
    assert_true(cell[2].data && cell[2].len == 0);
    assert_int_equal(copy_get_int(cell[3]), 302);
    assert_int_equal(copy_get_int(cell[4]), 1000000);
    assert_int_equal(copy_get_int(cell[5]), -2);
    assert_null(cell[6].data);
    assert_int_equal(copy_get_int(cell[7]), INT64_MAX);
    assert_int_equal(copy_get_time(cell[8]), COPY_EPOCH_US + 1);
}

static void test_numbers(void **ctx)
{
    static const struct {
        struct slice cell;
        int64_t value;
    } cases[] = {
        {{SLICE_PARTS("\377")}, -1},
        {{SLICE_PARTS("\200\0")}, INT16_MIN},
        {{SLICE_PARTS("\177\377\377\377")}, INT32_MAX},
        {{SLICE_PARTS("\200\0\0\0\0\0\0\0")}, INT64_MIN},
        {{SLICE_PARTS("")}, 0},
        {{SLICE_PARTS("\0\0\0\0\0\0\0\0\1")}, 0},
    };

    (void)ctx;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(copy_get_int(cases[i].cell), cases[i].value);
}

static void test_bad_rows(void **ctx)
{
    struct slice row = row_make(), cell[CELLS + 1];

    (void)ctx;
    for (size_t len = 0; len < row.len; len++)
        assert_false(copy_get_row((struct slice){row.data, len}, cell, CELLS));
    assert_false(copy_get_row((struct slice){row.data, row.len + 1}, cell, CELLS));
    assert_false(copy_get_row(row, cell, CELLS - 1));
    assert_false(copy_get_row(row, cell, CELLS + 1));
    assert_false(copy_get_row((struct slice){(const char *)copy_trailer, COPY_TRAILER_BYTES}, cell, CELLS));
}

static void test_header(void **ctx)
{
    struct slice row = {(const char *)copy_header, COPY_HEADER_BYTES}, other = row_make();

    (void)ctx;
    assert_true(copy_skip_header(&row));
    assert_int_equal(row.len, 0);
    assert_false(copy_skip_header(&row));
    assert_false(copy_skip_header(&other));
    assert_ptr_equal(other.data, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_read),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bad_rows), cmocka_unit_test(test_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
