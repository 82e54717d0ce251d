// The next read is sized by the last one's frames: it grows twofold at most, and only where more may wait.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/read_size.h"

static unsigned next(struct read_size *size, struct read_done done)
{
    read_size_note(size, &done);
    return size->entries;
}

// A read of one stream that brought all it asked for, of frames of so many bytes.
static unsigned full(struct read_size *size, size_t mean)
{
    return next(size, (struct read_done){1, size->entries, size->entries * mean, true});
}

static void test_grows_behind_full_reads(void **state)
{
    struct read_size size;

    (void)state;
    read_size_init(&size, 10000, 8 << 20);
    assert_int_equal(size.entries, READ_ENTRIES_FIRST);
    assert_int_equal(full(&size, 300), 512);
    assert_int_equal(full(&size, 300), 1024);
    for (int i = 0; i < 10; i++)
        full(&size, 300);
    assert_int_equal(size.entries, 10000);
    assert_int_equal(next(&size, (struct read_done){1, 9999, 9999 * 300, false}), READ_ENTRIES_FIRST);
    assert_int_equal(next(&size, (struct read_done){0}), READ_ENTRIES_FIRST);
}

static void test_keeps_its_bytes(void **state)
{
    struct read_size size;

    (void)state;
    read_size_init(&size, 10000, 8 << 20);
    for (int i = 0; i < 10; i++)
        full(&size, 300);
    assert_int_equal(full(&size, 4096), 2048);
    assert_int_equal(next(&size, (struct read_done){4, 8192, 8192 * 4096, true}), 512); // of each
    assert_int_equal(full(&size, 64 << 20), 1);
    assert_int_equal(full(&size, 0), 2); // entries without a frame
}

static void test_is_small_where_it_must(void **state)
{
    struct read_size size;

    (void)state;
    read_size_init(&size, 20, 4096);
    assert_int_equal(size.entries, 20);
    assert_int_equal(full(&size, 1), 20);
    assert_int_equal(next(&size, (struct read_done){0}), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_behind_full_reads),
        cmocka_unit_test(test_keeps_its_bytes),
        cmocka_unit_test(test_is_small_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
