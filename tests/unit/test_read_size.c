// The next read is sized by the last one's frames: it grows twofold at most, shrinks at once, and keeps its
// limits.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/read_size.h"

static unsigned next(struct read_size *size, size_t entries, size_t bytes)
{
    read_size_note(size, entries, bytes);
    return size->entries;
}

static void test_grows(void **state)
{
    struct read_size size;

    (void)state;
    read_size_init(&size, 20000, 8 << 20);
    assert_int_equal(size.entries, READ_ENTRIES_FIRST);
    assert_int_equal(next(&size, 256, 256 * 300), 512);
    assert_int_equal(next(&size, 512, 512 * 300), 1024);
    for (int i = 0; i < 10; i++)
        read_size_note(&size, 1000, 1000 * 300);
    assert_int_equal(size.entries, 20000);
}

static void test_shrinks(void **state)
{
    struct read_size size;

    (void)state;
    read_size_init(&size, 20000, 8 << 20);
    for (int i = 0; i < 10; i++)
        read_size_note(&size, 1000, 1000 * 300);
    assert_int_equal(next(&size, 20000, (size_t)20000 * 4096), 2048);
    assert_int_equal(next(&size, 4, (size_t)64 << 20), 1);
    assert_int_equal(next(&size, 1, 300), 2);
}

static void test_nothing(void **state)
{
    struct read_size size;

    (void)state;
    read_size_init(&size, 20, 4096);
    assert_int_equal(size.entries, 20);
    assert_int_equal(next(&size, 0, 0), 20);
    assert_int_equal(next(&size, 20, 0), 20); // entries without a frame
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_shrinks),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
