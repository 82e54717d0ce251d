// The table of docs/architecture.md, "Applying a frame", case by case.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/apply.h"

#define CHAIN 77

struct decide_case {
    const char *name;
    struct apply_position position;
    const struct lost_range *range;
    struct frame_header header;
    bool payload_damaged;
    enum apply_verdict verdict;
    uint64_t chain; // of the frame; 0: that of the position
};

static const struct apply_position fresh = {0, 0, 0};
static const struct lost_range lost_3_to_6 = {3, 6, 40, 20};
static const struct lost_range lost_5 = {5, 5, 10, 40};

// A position of 50 hits in 5 frames.
#define AT_5                                                                                                 \
    {                                                                                                        \
        .last_seq = 5, .last_chain = CHAIN, .hits = 50                                                       \
    }
#define FRAME(...)                                                                                           \
    {                                                                                                        \
        .count = 10, .payload_bytes = 100, __VA_ARGS__                                                       \
    }

static const struct decide_case decide_cases[] = {
    {"first", {0}, NULL, FRAME(.seq = 1, .base = 1), false, APPLY_LOAD},
    {"next", AT_5, NULL, FRAME(.seq = 6, .prev = CHAIN, .hits_before = 50, .base = 1), false, APPLY_LOAD},
    {"next, base at itself", AT_5, NULL, FRAME(.seq = 6, .prev = CHAIN, .hits_before = 50, .base = 6), false,
     APPLY_LOAD},
    {"next, unjournaled", AT_5, NULL,
     FRAME(.seq = 6, .prev = CHAIN, .hits_before = 50, .base = 6, .flags = FRAME_UNJOURNALED), false,
     APPLY_LOAD},
    {"next, damaged", AT_5, NULL, FRAME(.seq = 6, .prev = CHAIN, .hits_before = 50, .base = 1), true,
     APPLY_DAMAGED},
    {"next, another chain", AT_5, NULL, FRAME(.seq = 6, .prev = 78, .hits_before = 50, .base = 1), false,
     APPLY_FORK},
    {"next, another chain, damaged", AT_5, NULL, FRAME(.seq = 6, .prev = 78, .hits_before = 50, .base = 1),
     true, APPLY_FORK},
    {"next, other hits before", AT_5, NULL, FRAME(.seq = 6, .prev = CHAIN, .hits_before = 51, .base = 1),
     false, APPLY_FORK},
    {"next, chain not known",
     {.last_seq = 5, .hits = 50},
     NULL,
     FRAME(.seq = 6, .prev = 78, .hits_before = 50, .base = 1),
     false,
     APPLY_LOAD},
    {"next, hole", AT_5, NULL,
     FRAME(.seq = 6, .prev = CHAIN, .hits_before = 50, .base = 1, .flags = FRAME_HOLE), false, APPLY_HOLE},
    {"next, hole of another chain", AT_5, NULL,
     FRAME(.seq = 6, .prev = 78, .hits_before = 50, .base = 1, .flags = FRAME_HOLE), false, APPLY_FORK},
    {"next, end",
     AT_5,
     NULL,
     {.seq = 6, .prev = CHAIN, .hits_before = 50, .base = 1, .flags = FRAME_END},
     false,
     APPLY_END},
    {"sent again", AT_5, NULL, FRAME(.seq = 5, .prev = 1, .hits_before = 40, .base = 1), false, APPLY_RESEND},
    {"another one in the place of the last", AT_5, NULL,
     FRAME(.seq = 5, .prev = 1, .hits_before = 40, .base = 1), false, APPLY_FORK, .chain = CHAIN + 1},
    {"another one further back", AT_5, NULL, FRAME(.seq = 4, .prev = 1, .hits_before = 30, .base = 1), false,
     APPLY_RESEND, .chain = CHAIN + 1},
    {"sent again, damaged", AT_5, NULL, FRAME(.seq = 5, .hits_before = 40, .base = 1), true, APPLY_RESEND},
    {"sent again, hole", AT_5, NULL, FRAME(.seq = 5, .hits_before = 40, .base = 1, .flags = FRAME_HOLE),
     false, APPLY_RESEND},
    {"end again",
     AT_5,
     NULL,
     {.seq = 5, .hits_before = 50, .base = 1, .flags = FRAME_END},
     false,
     APPLY_END_AGAIN},
    {"late", AT_5, &lost_5, FRAME(.seq = 5, .hits_before = 40, .base = 1), false, APPLY_LATE},
    {"late, damaged", AT_5, &lost_5, FRAME(.seq = 5, .hits_before = 40, .base = 1), true, APPLY_RESEND},
    {"late, hole", AT_5, &lost_5, FRAME(.seq = 5, .hits_before = 40, .base = 1, .flags = FRAME_HOLE), false,
     APPLY_RESEND},
    {"late, more hits than were lost",
     AT_5,
     &lost_5,
     {.seq = 5, .count = 11, .hits_before = 40, .base = 1},
     false,
     APPLY_FORK},
    {"late, fewer hits than were lost",
     AT_5,
     &lost_5,
     {.seq = 5, .count = 9, .hits_before = 40, .base = 1},
     false,
     APPLY_FORK},
    {"late, other hits before", AT_5, &lost_5, FRAME(.seq = 5, .hits_before = 39, .base = 1), false,
     APPLY_FORK},
    {"gap that can be filled", AT_5, NULL, FRAME(.seq = 8, .hits_before = 70, .base = 6), false, APPLY_GAP},
    {"gap, base far behind", AT_5, NULL, FRAME(.seq = 8, .hits_before = 70, .base = 1), false, APPLY_GAP},
    {"gap, damaged", AT_5, NULL, FRAME(.seq = 8, .hits_before = 70, .base = 6), true, APPLY_GAP},
    {"gap, end", AT_5, NULL, {.seq = 8, .hits_before = 70, .base = 6, .flags = FRAME_END}, false, APPLY_GAP},
    {"gap that nobody can fill", AT_5, NULL,
     FRAME(.seq = 8, .hits_before = 70, .base = 7, .hits_before_base = 60), false, APPLY_SKIP},
    {"gap that nobody can fill, from the start",
     {0},
     NULL,
     FRAME(.seq = 8, .hits_before = 70, .base = 8, .hits_before_base = 70),
     false,
     APPLY_SKIP},
    {"gap with fewer hits than were applied", AT_5, NULL,
     FRAME(.seq = 8, .hits_before = 70, .base = 7, .hits_before_base = 49), false, APPLY_FORK},
};

static void test_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(decide_cases); i++) {
        const struct decide_case *c = &decide_cases[i];
        enum apply_verdict verdict = apply_decide(&c->position, c->range, &c->header,
                                                  c->chain ? c->chain : CHAIN, !c->payload_damaged);
        if (verdict != c->verdict)
            fail_msg("%s: %s, not %s", c->name, apply_verdict_name(verdict), apply_verdict_name(c->verdict));
    }
}

static void test_skip_then_load(void **state)
{
    (void)state;
    struct apply_position position = fresh;
    struct frame_header header =
        FRAME(.seq = 4, .prev = 9, .hits_before = 30, .base = 4, .hits_before_base = 30);

    assert_int_equal(apply_decide(&position, NULL, &header, CHAIN, true), APPLY_SKIP);
    struct lost_range range = apply_skip(&position, &header);
    assert_int_equal(range.from_seq, 1);
    assert_int_equal(range.to_seq, 3);
    assert_int_equal(range.hits, 30);
    assert_int_equal(range.hits_before, 0);
    assert_int_equal(apply_decide(&position, NULL, &header, CHAIN, true), APPLY_LOAD);
    apply_advance(&position, &header, CHAIN);
    assert_int_equal(position.last_seq, 4);
    assert_int_equal(position.hits, 40);
    assert_int_equal(position.last_chain, CHAIN);
}

struct without_case {
    uint64_t seq, hits_before;
    uint32_t count;
    size_t n;
    struct lost_range left[2];
};

// Out of frames 3..6 with 40 hits behind 20.
static const struct without_case without_cases[] = {
    {3, 20, 10, 1, {{4, 6, 30, 30}}},
    {6, 50, 10, 1, {{3, 5, 30, 20}}},
    {4, 25, 10, 2, {{3, 3, 5, 20}, {5, 6, 25, 35}}},
    {3, 20, 40, 1, {{4, 6, 0, 60}}},
};

static void test_range_without(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(without_cases); i++) {
        const struct without_case *c = &without_cases[i];
        struct frame_header header = {.seq = c->seq, .hits_before = c->hits_before, .count = c->count};
        struct lost_range left[2] = {0};
        assert_int_equal(lost_range_without(&lost_3_to_6, &header, left), c->n);
        assert_memory_equal(left, c->left, sizeof(left));
    }
    struct frame_header only = {.seq = 5, .hits_before = 40, .count = 10};
    struct lost_range left[2];
    assert_int_equal(lost_range_without(&lost_5, &only, left), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_skip_then_load),
        cmocka_unit_test(test_range_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
