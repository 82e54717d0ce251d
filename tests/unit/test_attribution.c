// Attribution: who wins how much, and why the others do not.

#include "attrib/attribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/money.h"

#define TOUCHES_MAX 4
#define AMOUNT      1001
#define NOW         1000 // of the conversion
#define WINDOW      100

struct told {
    const char *id;
    enum touch_kind kind;
    int64_t at, program, partner;
    const char *marks; // h: not human, i: not active, o: of the order, b: bound
    const char *reason;
    uint32_t weight_ppm; // 0: all, if it won
};

struct story {
    const char *name;
    enum touch_precedence precedence;
    struct told told[TOUCHES_MAX];
    enum model_kind model;
    unsigned touches_max; // 0: enough
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
     PRECEDENCE_NONE,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch"}, {"b", TOUCH_PROMO, 950, 1, 8, "", "later_touch"}}},
    {"the later code",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_PROMO, 960, 1, 7, "", "last_touch"}, {"b", TOUCH_PROMO, 950, 1, 8, "", "later_touch"}}},
    {"the order's code is part of it",
     PRECEDENCE_NONE,
     {{"a", TOUCH_CLICK, 999, 1, 7, "", "later_touch"}, {"b", TOUCH_PROMO, 1000, 1, 8, "o", "last_touch"}}},
    {"its entry stands for it",
     PRECEDENCE_NONE,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch"},
      {"b", TOUCH_PROMO, 1000, 1, 8, "o", "code_entered"},
      {"c", TOUCH_PROMO, 950, 1, 8, "", "later_touch"}}},
    {"an old entry does not",
     PRECEDENCE_NONE,
     {{"b", TOUCH_PROMO, 1000, 1, 8, "o", "last_touch"},
      {"c", TOUCH_PROMO, 850, 1, 8, "", "outside_window"}}},
    {"nor that of another code",
     PRECEDENCE_NONE,
     {{"b", TOUCH_PROMO, 1000, 1, 8, "o", "last_touch"}, {"c", TOUCH_PROMO, 950, 1, 9, "", "later_touch"}}},
    {"equal times go by id",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "later_touch"}, {"b", TOUCH_CLICK, 990, 1, 8, "", "last_touch"}}},
    {"the first touch",
     PRECEDENCE_NONE,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "earlier_touch"}, {"b", TOUCH_CLICK, 980, 1, 8, "", "first_touch"}},
     MODEL_FIRST},
    {"what does not divide goes to the earlier",
     PRECEDENCE_NONE,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "share", 333333},
      {"b", TOUCH_PROMO, 980, 1, 8, "", "share", 333333},
      {"c", TOUCH_CLICK, 970, 1, 7, "", "share", 333334}},
     MODEL_LINEAR},
    {"the model shares among codes only",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "code_beats_click"},
      {"b", TOUCH_PROMO, 980, 1, 8, "", "share", 500000},
      {"c", TOUCH_PROMO, 970, 1, 9, "", "share", 500000}},
     MODEL_LINEAR},
    {"a click beats a code",
     PRECEDENCE_CLICK_OVER_CODE,
     {{"a", TOUCH_PROMO, 990, 1, 7, "", "click_beats_code"},
      {"b", TOUCH_CLICK, 980, 1, 8, "", "last_touch"}}},
    {"but no impression does",
     PRECEDENCE_CLICK_OVER_CODE,
     {{"a", TOUCH_PROMO, 980, 1, 7, "", "later_touch"},
      {"b", TOUCH_IMPRESSION, 990, 1, 8, "", "last_touch"}}},
    {"codes and others have their parts",
     PRECEDENCE_SPLIT,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch", 700000},
      {"b", TOUCH_PROMO, 980, 1, 8, "", "last_touch", 300000},
      {"c", TOUCH_CLICK, 970, 1, 9, "", "later_touch"}}},
    {"a code alone has all", PRECEDENCE_SPLIT, {{"b", TOUCH_PROMO, 980, 1, 8, "", "last_touch"}}},
    {"kinds have windows of their own",
     PRECEDENCE_NONE,
     {{"a", TOUCH_IMPRESSION, 950, 1, 7, "", "last_touch"},
      {"b", TOUCH_IMPRESSION, 949, 1, 7, "", "outside_window"},
      {"c", TOUCH_VISIT, 990, 1, 0, "", "kind_not_counted"}}},
    {"the newest make the journey",
     PRECEDENCE_NONE,
     {{"a", TOUCH_CLICK, 970, 1, 7, "", "truncated"},
      {"b", TOUCH_CLICK, 990, 1, 7, "", "share", 500000},
      {"c", TOUCH_CLICK, 980, 1, 8, "", "share", 500000},
      {"d", TOUCH_CLICK, 960, 1, 8, "", "truncated"}},
     MODEL_LINEAR,
     2},
    {"a bound customer",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_PROMO, 990, 1, 7, "", "customer_bound"},
      {"b", TOUCH_CLICK, 1, 1, 8, "b", "customer_bound", 1000000},
      {"c", TOUCH_CLICK, 990, 1, 7, "h", "class"}},
     MODEL_LINEAR},
    {"unless the partner has gone",
     PRECEDENCE_CODE_OVER_CLICK,
     {{"a", TOUCH_CLICK, 990, 1, 7, "", "last_touch"}, {"b", TOUCH_CLICK, 1, 1, 8, "bi", "inactive"}}},
};

static struct touch touch_of(const struct told *told)
{
    return (struct touch){
        .kind = told->kind,
        .is_human = !strchr(told->marks, 'h'),
        .is_active = !strchr(told->marks, 'i'),
        .is_of_order = strchr(told->marks, 'o'),
        .is_bound = strchr(told->marks, 'b'),
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
    bool won = strcmp(touch_verdict_name(touch->verdict), "won") == 0;
    uint32_t weight_ppm = won && told->weight_ppm == 0 ? MONEY_PPM_ONE : told->weight_ppm;

    if (strcmp(reason, told->reason) != 0 || touch->weight_ppm != weight_ppm)
        print_error("story: %s, touch %s\n", story->name, told->id);
    assert_string_equal(reason, told->reason);
    assert_int_equal(touch->weight_ppm, weight_ppm);
}

static void sums_check(const struct attribution_result *result, const struct touch touches[], size_t n)
{
    int64_t amount_minor = 0, weight_ppm = 0;

    for (size_t i = 0; i < n; i++) {
        amount_minor += touches[i].amount_minor;
        weight_ppm += touches[i].weight_ppm;
    }
    assert_int_equal(amount_minor, result->credited ? AMOUNT : 0);
    assert_int_equal(weight_ppm, result->credited ? MONEY_PPM_ONE : 0);
}

static struct attribution_policy policy_of(const struct story *story)
{
    return (struct attribution_policy){
        .model = {.kind = story->model, .first_ppm = 400000, .last_ppm = 400000, .half_life_us = 10},
        .precedence = story->precedence,
        .code_ppm = 300000,
        .window_us = {WINDOW_OF_TERMS, WINDOW_OF_TERMS, WINDOW / 2, 0},
        .touches_max = story->touches_max ? story->touches_max : MODEL_TOUCHES_MAX,
    };
}

// Also with the touches in the opposite order.
static void test_stories(void **ctx)
{
    (void)ctx;
    for (size_t s = 0; s < sizeof(stories) / sizeof(stories[0]); s++) {
        const struct story *story = &stories[s];
        struct touch touches[TOUCHES_MAX], reversed[TOUCHES_MAX];
        struct attribution_policy policy = policy_of(story);
        struct attribution attribution = {
            .program_id = 1, .time_us = NOW, .amount_minor = AMOUNT, .policy = &policy};
        struct attribution_result one, other;
        size_t n = 0;

        for (; n < TOUCHES_MAX && story->told[n].id; n++)
            touches[n] = touch_of(&story->told[n]);
        for (size_t i = 0; i < n; i++)
            reversed[n - 1 - i] = touches[i];
        one = attribution_decide(&attribution, touches, n);
        other = attribution_decide(&attribution, reversed, n);
        assert_int_equal(one.credited, other.credited);
        assert_int_equal(one.is_truncated, story->touches_max != 0);
        sums_check(&one, touches, n);
        for (size_t i = 0; i < n; i++) {
            touch_check(story, &story->told[i], &touches[i]);
            touch_check(story, &story->told[i], &reversed[n - 1 - i]);
            assert_int_equal(touches[i].amount_minor, reversed[n - 1 - i].amount_minor);
        }
    }
}

static void test_verdict_of_every_reason(void **ctx)
{
    (void)ctx;
    assert_string_equal(touch_verdict_name(TOUCH_WON_LAST), "won");
    assert_string_equal(touch_verdict_name(TOUCH_LOST_LATER_TOUCH), "lost");
    assert_int_equal(touch_kind_find(SLICE("visit")), TOUCH_VISIT);
    assert_int_equal(touch_kind_find(SLICE("call")), TOUCH_KINDS);
    assert_int_equal(touch_precedence_find(SLICE("split")), PRECEDENCE_SPLIT);
    assert_int_equal(touch_precedence_find(SLICE_NONE), PRECEDENCES);
    assert_int_equal(model_find(SLICE("time_decay")), MODEL_TIME_DECAY);
    assert_int_equal(model_find(SLICE("lasts")), MODEL_KINDS);
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
