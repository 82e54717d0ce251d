// Positions and stream ids as text: what ingest writes is read, anything else is refused.

#include "tracker/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *text;
    bool good;
    uint64_t last, want, evidence_ms, evidence_n;
    bool ended;
} cases[] = {
    {"7301-1-0 12 0 0-0 0", true, 12, 0, 0, 0, false},
    {"7301-1-99 12 13 1700000000000-7 1", true, 12, 13, 1700000000000, 7, true},
    {"g 18446744073709551615 0 0-0 0", true, UINT64_MAX, 0, 0, 0, false},
    {"g 18446744073709551616 0 0-0 0", false},
    {"g 1 0 0-0", false},
    {"g 1 0 0-0 ", false},
    {"g 1 0 0-0 2", false},
    {"g 1 0 0-0 0 ", false},
    {"g  1 0 0-0 0", false},
    {" g 1 0 0-0 0", false},
    {"g -1 0 0-0 0", false},
    {"g +1 0 0-0 0", false},
    {"g 1 0 0 0", false},
    {"g 1 0 -0 0", false},
    {"g 1 0x1 0-0 0", false},
    {"", false},
    {"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 1 "
     "0 0-0 0",
     false},
};

static void positions_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct position p;
        int r = position_parse(slice_of(cases[i].text), &p);
        if ((r == 0) != cases[i].good)
            fail_msg("%s: %d", cases[i].text, r);
        if (r)
            continue;
        assert_int_equal(p.last, cases[i].last);
        assert_int_equal(p.want, cases[i].want);
        assert_int_equal(p.evidence.ms, cases[i].evidence_ms);
        assert_int_equal(p.evidence.n, cases[i].evidence_n);
        assert_int_equal(p.ended, cases[i].ended);
    }
    struct position p;
    assert_int_equal(position_parse(SLICE("7301-1-0 1 0 0-0 0"), &p), 0);
    assert_string_equal(p.generation, "7301-1-0");
    assert_int_equal(position_parse(SLICE_NONE, &p), POSITION_MALFORMED);
}

static void stream_ids_come_back_and_have_an_order(void **state)
{
    (void)state;
    char text[STREAM_ID_BYTES];
    struct stream_id id;
    const struct stream_id low = {5, 9}, high = {6, 0};

    size_t len = stream_id_format((struct stream_id){UINT64_MAX, UINT64_MAX}, text);
    assert_int_equal(stream_id_parse((struct slice){text, len}, &id), 0);
    assert_int_equal(id.ms, UINT64_MAX);
    assert_int_equal(id.n, UINT64_MAX);
    assert_true(stream_id_before(low, high));
    assert_false(stream_id_before(high, low));
    assert_false(stream_id_before(low, low));
    assert_true(stream_id_before(low, (struct stream_id){5, 10}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_read_strictly),
        cmocka_unit_test(stream_ids_come_back_and_have_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
