// Reports follow their clicks in time, and nobody who reports sets our time.

#include "tracker/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS 1700000000000

static struct click_id_keys keys;
static struct context context;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(click_id_keys_parse(&keys, SLICE("1 000102030405060708090a0b0c0d0e0f\n")), 0);
    context = (struct context){.keys = &keys, .now_ms = NOW_MS};
    click_id_generator_init(&context.generator, &keys, 7);
    return 0;
}

static void click_at(uint64_t ms, uint8_t out[CLICK_ID_BYTES])
{
    struct click_id_generator other;

    click_id_generator_init(&other, &keys, 8);
    click_id_next(&other, ms, out);
}

// The time of a report that names this click.
static uint64_t report_ms(const uint8_t click[CLICK_ID_BYTES])
{
    struct note note = {0};

    click_id_next(&context.generator, context.now_ms, note.hit.id);
    note.hit.field[HIT_REPORT_CLICK_ID] = (struct slice){(const char *)click, CLICK_ID_BYTES};
    note_follow(&note, &context);
    return click_id_ms(note.hit.id);
}

static void follows_test(void **state)
{
    static const struct {
        int ahead_ms, want_ms;
    } cases[] = {
        {-1, 0},
        {0, 1},
        {500, 501},
        {NOTE_FOLLOW_MS_MAX, NOTE_FOLLOW_MS_MAX + 1},
        {NOTE_FOLLOW_MS_MAX + 1, 0},
    };
    uint8_t click[CLICK_ID_BYTES];

    for (size_t i = 0; i < array_length(cases); i++) {
        setup(state);
        click_at((uint64_t)(NOW_MS + cases[i].ahead_ms), click);
        assert_int_equal(report_ms(click), NOW_MS + cases[i].want_ms);
    }
}

static void forged_test(void **state)
{
    uint8_t click[CLICK_ID_BYTES];

    (void)state;
    click_at(NOW_MS + 500, click);
    click[CLICK_ID_BYTES - 1] ^= 1;
    assert_int_equal(report_ms(click), NOW_MS);
}

// Each click is as far ahead of the last report as may be.
static void pushed_test(void **state)
{
    uint8_t click[CLICK_ID_BYTES];
    uint64_t ms = NOW_MS;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        click_at(ms + NOTE_FOLLOW_MS_MAX, click);
        ms = report_ms(click);
        assert_true(ms <= NOW_MS + NOTE_FOLLOW_MS_MAX + 1);
    }
}

// Each click comes from the generator itself, at the same clock.
static void turned_test(void **state)
{
    struct note note = {0};
    uint64_t ms = 0;

    (void)state;
    for (int i = 0; i < 10 * NOTE_FOLLOW_MS_MAX; i++) {
        click_id_next(&context.generator, context.now_ms, note.hit.id);
        ms = report_ms(note.hit.id);
    }
    assert_true(ms <= NOW_MS + 2 * NOTE_FOLLOW_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(follows_test, setup),
        cmocka_unit_test_setup(forged_test, setup),
        cmocka_unit_test_setup(pushed_test, setup),
        cmocka_unit_test_setup(turned_test, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
