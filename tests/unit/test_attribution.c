// Attribution: who wins, and why the others do not.

#include "attrib/attribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/money.h"

#define TOUCHES_MAX 4
#define NOW         1000 // of the conversion
#define WINDOW      100

struct told {
    const char *id;
    enum touch_kind kind;
    int64_t at, program, partner;
    const char *marks; // h: not human, i: not active, o: of the order
    const char *reason;
};

struct story {
    const char *name;
    enum touch_precedence precedence;
    struct told told[TOUCHES_MAX];
};

static const struct story stories[] = {
    {"nothing", PRECEDENCE_CODE_OVER_CLICK, {{0}}},
    {"the last click",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch"}, {"b", TOUCH_CLICK, 980, 1, 8, "", "later_touch"}}},
    {"half open",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 1000, 1, 7, "", "after_conversion"},
      {"b", TOUCH_CLICK, 999, 1, 7, "", "last_touch"},
      {"c", TOUCH_CLICK, 900, 1, 7, "", "later_touch"},
      {"d", TOUCH_CLICK, 899, 1, 7, "", "outside_window"}}},
    {"only people, partners, this programme",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 2, 7, "", "other_program"},
      {"b", TOUCH_CLICK, 990, 1, 0, "", "no_partner"},
      {"c", TOUCH_CLICK, 990, 1, 7, "h", "class"},
      {"d", TOUCH_PROMO, 990, 1, 7, "i", "inactive"}}},
    {"a code beats a click",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "code_beats_click"},
      {"b", TOUCH_PROMO, 950, 1, 8, "", "last_touch"}}},
    {"unless the terms say so",
     PRECEDENCE_LAST_TOUCH,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch"}, {"b", TOUCH_PROMO, 950, 1, 8, "", "later_touch"}}},
    {"the later code",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_PROMO, 960, 1, 7, "", "last_touch"}, {"b", TOUCH_PROMO, 950, 1, 8, "", "later_touch"}}},
    {"the order's code is part of it",
     PRECEDENCE_LAST_TOUCH,
     {{"a", TOUCH_CLICK, 999, 1, 7, "", "later_touch"}, {"b", TOUCH_PROMO, 1000, 1, 8, "o", "last_touch"}}},
    {"its entry stands for it",
     PRECEDENCE_LAST_TOUCH,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch"},
      {"b", TOUCH_PROMO, 1000, 1, 8, "o", "code_entered"},
      {"c", TOUCH_PROMO, 950, 1, 8, "", "later_touch"}}},
    {"an old entry does not",
     PRECEDENCE_LAST_TOUCH,
     {{"b", TOUCH_PROMO, 1000, 1, 8, "o", "last_touch"},
      {"c", TOUCH_PROMO, 850, 1, 8, "", "outside_window"}}},
    {"nor that of another code",
     PRECEDENCE_LAST_TOUCH,
     {{"b", TOUCH_PROMO, 1000, 1, 8, "o", "last_touch"}, {"c", TOUCH_PROMO, 950, 1, 9, "", "later_touch"}}},
    {"equal times go by id",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "later_touch"}, {"b", TOUCH_CLICK, 990, 1, 8, "", "last_touch"}}},
};

static struct touch touch_of(const struct told *told)
{
    return (struct touch){
        .kind = told->kind,
        .is_human = !strchr(told->marks, 'h'),
        .is_active = !strchr(told->marks, 'i'),
        .is_of_order = strchr(told->marks, 'o'),
        .id = slice_of(told->id),
        .time_us = told->at,
        .window_us = WINDOW,
        .program_id = told->program,
        .partner_id = told->partner,
        .promo_code_id = told->kind == TOUCH_PROMO ? told->partner : 0, // each partner has one code
    };
}

static void touch_check(const struct story *story, const struct told *told, const struct touch *touch)
{
    const char *reason = touch_verdict_reason(touch->verdict);

    if (strcmp(reason, told->reason) != 0)
        print_error("story: %s, touch %s\n", story->name, told->id);
    assert_string_equal(reason, told->reason);
    assert_int_equal(touch->weight_ppm, touch->verdict == TOUCH_WON ? MONEY_PPM_ONE : 0);
}

// Also with the touches in the opposite order.
static void test_stories(void **ctx)
{
    (void)ctx;
    for (size_t s = 0; s < sizeof(stories) / sizeof(stories[0]); s++) {
        const struct story *story = &stories[s];
        struct touch touches[TOUCHES_MAX], reversed[TOUCHES_MAX];
        struct attribution attribution = {.program_id = 1, .time_us = NOW, .precedence = story->precedence};
        size_t n = 0, winner;

        for (; n < TOUCHES_MAX && story->told[n].id; n++)
            touches[n] = touch_of(&story->told[n]);
        for (size_t i = 0; i < n; i++)
            reversed[n - 1 - i] = touches[i];
        winner = attribution_decide(&attribution, touches, n);
        assert_int_equal(attribution_decide(&attribution, reversed, n), winner < n ? n - 1 - winner : n);
        for (size_t i = 0; i < n; i++) {
            touch_check(story, &story->told[i], &touches[i]);
            touch_check(story, &story->told[i], &reversed[n - 1 - i]);
        }
    }
}

static void test_verdict_of_every_reason(void **ctx)
{
    (void)ctx;
    assert_string_equal(touch_verdict_name(TOUCH_WON), "won");
    assert_string_equal(touch_verdict_name(TOUCH_LOST_LATER_TOUCH), "lost");
    for (int verdict = TOUCH_OUT_OTHER_PROGRAM; verdict < TOUCH_VERDICTS; verdict++)
        assert_string_equal(touch_verdict_name((enum touch_verdict)verdict), "ineligible");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_verdict_of_every_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
