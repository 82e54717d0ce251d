// Candidates: whose touch it is, by conversion and by visitor; many of both; use again.

#include "attrib/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MANY  20000
#define REACH 1000

static void visitor_make(uint8_t id[CANDIDATE_ID_BYTES], uint32_t number)
{
    memset(id, 0, CANDIDATE_ID_BYTES);
    memcpy(id + number % 4 * 4, &number, sizeof(number));
}

// Conversion 10 n of visitor n, in programme 1 + n % 2, at 5000 + n.
static void candidates_make(struct candidates *candidates, uint32_t n)
{
    uint8_t visitor[CANDIDATE_ID_BYTES];

    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(0,
                         candidates_add_order(candidates, &(struct candidate_order){.conversion_id = 10 * i,
                                                                                    .program_id = 1 + i % 2,
                                                                                    .time_us = 5000 + i}));
        visitor_make(visitor, i);
        assert_int_equal(0, candidates_add_visitor(candidates, visitor));
    }
    assert_int_equal(0, candidates_index(candidates));
}

static size_t touches_of(const struct candidates *candidates, size_t place)
{
    size_t n = 0;

    for (uint32_t i = candidates->orders[place].first; i != CANDIDATE_NONE; i = candidates->list[i].next)
        n++;
    return n;
}

static void visitor_touch(struct candidates *candidates, uint32_t number, int64_t program_id, int64_t time_us)
{
    uint8_t visitor[CANDIDATE_ID_BYTES];

    visitor_make(visitor, number);
    assert_int_equal(0,
                     candidates_add_for(candidates, visitor, REACH,
                                        &(struct candidate){.time_us = time_us, .program_id = program_id}));
}

static void test_edges(void **ctx)
{
    static const struct {
        uint32_t visitor;
        int64_t program_id, time_us;
        size_t touches;
    } cases[] = {
        {0, 1, 4999, 1}, {0, 1, 5000, 0}, {0, 1, 4000, 1}, {0, 1, 3999, 0}, {0, 2, 4999, 0}, {3, 1, 4999, 0},
    };

    (void)ctx;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct candidates candidates = {0};
        candidates_make(&candidates, 1);
        visitor_touch(&candidates, cases[i].visitor, cases[i].program_id, cases[i].time_us);
        assert_int_equal(touches_of(&candidates, 0), cases[i].touches);
        candidates_free(&candidates);
    }
}

static void test_conversions(void **ctx)
{
    struct candidates candidates = {0};
    const struct candidate touch = {.time_us = 9999999, .program_id = 7, .kind = 2};

    (void)ctx;
    assert_int_equal(0, candidates_index(&candidates));
    assert_int_equal(0, candidates_add(&candidates, 10, &touch));
    candidates_make(&candidates, 3);
    for (int64_t id = -1; id <= 21; id++)
        assert_int_equal(0, candidates_add(&candidates, id, &touch));
    assert_int_equal(candidates.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(touches_of(&candidates, i), 1);
    assert_int_equal(candidates.list[candidates.orders[2].first].kind, 2);
    candidates_free(&candidates);
}

// Orders of one visitor are found at once, however many there are.
static void test_shared(void **ctx)
{
    struct candidates candidates = {0};
    uint8_t visitor[CANDIDATE_ID_BYTES];

    (void)ctx;
    visitor_make(visitor, 1);
    for (int64_t id = 1; id <= MANY; id++) {
        assert_int_equal(0, candidates_add_order(&candidates, &(struct candidate_order){.conversion_id = id,
                                                                                        .program_id = 1,
                                                                                        .time_us = 10 * id}));
        assert_int_equal(0, candidates_add_visitor(&candidates, visitor));
    }
    assert_int_equal(0, candidates_index(&candidates));
    visitor_touch(&candidates, 1, 1, 5);
    visitor_touch(&candidates, 1, 1, 15);
    visitor_touch(&candidates, 2, 1, 15);
    assert_int_equal(touches_of(&candidates, 0), 1);
    for (size_t i = 1; i <= REACH / 10; i++)
        assert_int_equal(touches_of(&candidates, i), i < REACH / 10 ? 2 : 1);
    assert_int_equal(candidates.n, 2 * (REACH / 10));
    candidates_free(&candidates);
}

static void test_many_again(void **ctx)
{
    struct candidates candidates = {0};

    (void)ctx;
    for (uint32_t n = MANY; n > 1000; n /= 3) {
        candidates_clear(&candidates);
        candidates_make(&candidates, n);
        for (uint32_t i = 0; i < 2 * MANY; i++) // half of them nobody's
            visitor_touch(&candidates, i, 1 + i % 2, 4999 + i);
        assert_int_equal(candidates.n, n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(touches_of(&candidates, i), 1);
    }
    candidates_free(&candidates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_many_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
