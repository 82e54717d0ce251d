// Sketches of what loads noted: one of each link and one of its programme, in the order of unique_hourly's
// key; no more than a pass may take; nothing of bytes that are none.

#include "ingest/sketches.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "ingest/click_due.h"

#define HOUR_MS INT64_C(1699999200000)
#define GROUPS  3
#define ROWS    3 // links 7 and 8, and all of the programme

struct group {
    uint8_t head[PEOPLE_HEAD_BYTES], place[PEOPLE_PLACE_BYTES];
};

// One visitor of a link, of programme 1 and partner 2.
static struct group group(uint64_t link, uint16_t place)
{
    struct group made;

    bytes_put_u64(made.head, 1);
    bytes_put_u64(made.head + 8, 2);
    bytes_put_u64(made.head + 16, link);
    bytes_put_u32(made.head + 24, 1);
    bytes_put_u16(made.place, place);
    return made;
}

static int add(struct sketches *sketches, const struct group groups[GROUPS], size_t cut)
{
    return sketches_add(sketches, HOUR_MS,
                        (struct slice){(const char *)groups, GROUPS * sizeof(*groups) - cut});
}

static void columns_free(struct array columns[SKETCH_COLUMNS])
{
    for (enum sketch_column column = 0; column < SKETCH_COLUMNS; column++)
        array_free(&columns[column]);
}

static void assert_literal(struct array *array, const char *expected)
{
    struct slice literal = array_literal(array);
    assert_int_equal(literal.len, strlen(expected));
    assert_memory_equal(literal.data, expected, literal.len);
}

static void test_rows(void **state)
{
    (void)state;
    const struct group groups[GROUPS] = {group(8, 4), group(7, 0), group(8, 7)};
    struct array columns[SKETCH_COLUMNS] = {0};
    struct sketches *sketches = sketches_new();

    assert_int_equal(add(sketches, groups, 0), 0);
    assert_int_equal(sketches_take(sketches, ROWS - 1, columns), SKETCHES_MANY);
    columns_free(columns);
    assert_int_equal(sketches_take(sketches, ROWS, columns), 0);
    assert_literal(&columns[SKETCH_PARTNER], "{0,2,2}");
    assert_literal(&columns[SKETCH_LINK], "{0,7,8}");
    const char *hex = array_literal(&columns[SKETCH_HEX]).data;
    size_t digits = SKETCH_BITS / 4 + strlen("\"\",");
    assert_memory_equal(hex, "{\"890", 5);
    assert_memory_equal(hex + digits, ",\"80", 4);
    assert_memory_equal(hex + 2 * digits, ",\"09", 4);
    columns_free(columns);
    sketches_free(sketches);
}

static void test_bad_bytes(void **state)
{
    (void)state;
    const struct group groups[GROUPS] = {group(8, 4), group(7, 0), group(8, SKETCH_BITS)};
    struct array columns[SKETCH_COLUMNS] = {0};
    struct sketches *sketches = sketches_new();

    assert_int_equal(add(sketches, groups, 0), -EBADMSG);
    assert_int_equal(add(sketches, groups, 1), -EBADMSG);
    assert_int_equal(sketches_take(sketches, 0, columns), 0);
    columns_free(columns);
    sketches_free(sketches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bad_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
