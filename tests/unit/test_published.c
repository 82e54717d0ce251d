// Positions as text, in their table, and after loads.

#include "ingest/published.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/stream.h"

static void test_text(void **state)
{
    (void)state;
    struct position position = {.last_seq = 7, .want = 8, .evidence = "1700000000000-3", .ended = true};
    struct position read = {0};
    char text[POSITION_TEXT_BYTES], generation[GENERATION_BYTES];

    size_t len = position_format(&position, "72-1-0", text);
    assert_string_equal(text, "72-1-0 7 8 1700000000000-3 1");
    assert_true(position_parse((struct slice){text, len}, generation, &read));
    assert_string_equal(generation, "72-1-0");
    assert_memory_equal(&read, &position, sizeof(read));
    static const char *const bad[] = {"", "72-1-0 7 8 0-0", "72-1-0 x 8 0-0 1", "72-1-0 7 8 0-0 1 more"};
    for (size_t i = 0; i < array_length(bad); i++)
        assert_false(position_parse(slice_of(bad[i]), generation, &read));
    assert_false(position_parse(SLICE_NONE, generation, &read));
}

static void test_table(void **state)
{
    (void)state;
    struct positions positions = {0};

    // In an order that is none.
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t producer[PRODUCER_BYTES] = {(uint8_t)(i * 37 % 1000 / 256), (uint8_t)(i * 37 % 1000)};
        struct position *position = positions_get(&positions, producer);
        assert_non_null(position);
        position->last_seq = i * 37 % 1000;
    }
    assert_int_equal(positions.n, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t producer[PRODUCER_BYTES] = {(uint8_t)(i / 256), (uint8_t)i};
        assert_int_equal(positions.all[i].last_seq, i);
        assert_ptr_equal(positions_find(&positions, producer), &positions.all[i]);
        assert_ptr_equal(positions_get(&positions, producer), &positions.all[i]);
    }
    uint8_t unknown[PRODUCER_BYTES] = {0xff};
    assert_null(positions_find(&positions, unknown));
    positions_deinit(&positions);
}

// A gap, the same gap seen by a later entry, and its end.
static void test_move(void **state)
{
    (void)state;
    struct position position = {.evidence = "0-0"};
    struct loaded_producer loaded = {.row.position.last_seq = 3, .gap = true, .evidence = "5-1"};

    position_move(&position, &loaded);
    assert_int_equal(position.last_seq, 3);
    assert_int_equal(position.want, 4);
    assert_string_equal(position.evidence, "5-1");
    strcpy(loaded.evidence, "6-0");
    position_move(&position, &loaded);
    assert_string_equal(position.evidence, "6-0");
    loaded.gap = false; // nothing new, the gap is still there
    position_move(&position, &loaded);
    assert_int_equal(position.want, 4);
    loaded.row.position.last_seq = 4;
    loaded.row.ended = true;
    position_move(&position, &loaded);
    assert_int_equal(position.want, 0);
    assert_string_equal(position.evidence, "0-0");
    assert_true(position.ended && position.unpublished);
}

static void test_related(void **state)
{
    (void)state;
    assert_true(generation_related("72-1-0", "72-1-abc"));
    assert_true(generation_related("72-1-0", "72-1-0"));
    assert_false(generation_related("72-1-0", "72-2-0"));
    assert_false(generation_related("73-1-0", "72-1-0"));
    assert_false(generation_related("72-1-0", "72-11-0"));
    assert_false(generation_related("", "72-1-0"));
}

static void test_stream_ids(void **state)
{
    (void)state;
    assert_true(stream_id_compare("0-0", "1-0") < 0);
    assert_true(stream_id_compare("9-0", "10-0") < 0);
    assert_true(stream_id_compare("10-2", "10-10") < 0);
    assert_true(stream_id_compare("10-2", "10-2") == 0);
    assert_true(stream_id_compare("11-0", "10-99") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_table),      cmocka_unit_test(test_move),
        cmocka_unit_test(test_related), cmocka_unit_test(test_stream_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
