// Conversions: what each report does, whatever the order of arrival.

#include "attrib/conversion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVENTS_MAX 6
#define NO_AMOUNT  INT64_MIN

// Marks: c click, C click of another programme, x pixel, t timed,
// d decision; currencies: u EUR without a rate, e EUR of which one costs 90, j JPY of which one costs 0.625,
// n none said.
struct told {
    const char *id;
    int64_t at;
    const char *status;
    int64_t amount;
    const char *marks, *event_id, *verdict;
};

struct story {
    const char *name;
    struct told told[EVENTS_MAX];
    const char *state; // "status amount refunded since click", or "none"
    bool is_lead;
};

static const struct story stories[] = {
    {"a sale", {{"a", 1, "approved", 100, "c", NULL, "applied"}}, "approved 100 0 1 a"},
    {"without a status it is pending", {{"a", 1, NULL, 100, "", NULL, "applied"}}, "pending 100 0 1 -"},
    {"a sale needs an amount", {{"a", 1, "approved", NO_AMOUNT, "", NULL, "amount_missing"}}, "none"},
    {"a lead does not", {{"a", 1, NULL, NO_AMOUNT, "", NULL, "applied"}}, "pending 0 0 1 -", true},
    {"not an amount", {{"a", 1, NULL, -1, "", NULL, "amount_invalid"}}, "none"},
    {"too large", {{"a", 1, NULL, INT64_C(1000000000000001), "", NULL, "amount_invalid"}}, "none"},
    {"strange status", {{"a", 1, "delighted", 100, "", NULL, "status_unknown"}}, "none"},
    {"other currency",
     {{"a", 1, NULL, 100, "u", NULL, "rate_missing"},
      {"b", 2, NULL, 90, "", NULL, "applied"},
      {"c", 3, NULL, 90, "e", NULL, "currency_mismatch"},
      {"d", 4, "approved", NO_AMOUNT, "e", NULL, "currency_mismatch"}},
     "pending 90 0 2 -"},
    {"converted, halves to even, by the rate of the beginning",
     {{"a", 1, NULL, 101, "j", NULL, "applied"}, // 63.125 roubles are 6312.5 kopecks
      {"b", 2, "refunded", 1, "j", NULL, "applied"},
      {"c", 3, "approved", NO_AMOUNT, "n", NULL, "applied"},
      {"d", 4, "refunded", 1, "n", NULL, "currency_mismatch"},
      {"e", 5, "refunded", 1, "e", NULL, "currency_mismatch"}},
     "approved 6312 62 1 -"},
    {"refunded completely in another currency",
     {{"a", 1, "refunded", 33, "j", NULL, "applied"},
      {"b", 2, NULL, 101, "j", NULL, "applied"},
      {"c", 3, "refunded", 68, "j", NULL, "applied"}},
     "refunded 6312 6312 2 -"},
    {"a refund in another currency than the sale waits in vain",
     {{"a", 1, "refunded", 33, "", NULL, "currency_mismatch"}, {"b", 2, NULL, 101, "e", NULL, "applied"}},
     "pending 9090 0 2 -"},
    {"too large in the programme's currency",
     {{"a", 1, NULL, INT64_C(20000000000000), "e", NULL, "amount_invalid"},
      {"b", 2, NULL, 100, "e", NULL, "applied"},
      {"c", 3, "approved", INT64_C(20000000000000), "e", NULL, "amount_invalid"}},
     "pending 9000 0 2 -"},
    {"again",
     {{"a", 1, "pending", 100, "", NULL, "applied"}, {"b", 2, "pending", 100, "", NULL, "duplicate"}},
     "pending 100 0 1 -"},
    {"only the status",
     {{"a", 1, "pending", 100, "", NULL, "applied"}, {"b", 2, "approved", NO_AMOUNT, "", NULL, "applied"}},
     "approved 100 0 1 -"},
    {"a repeated report takes nothing back",
     {{"a", 1, "pending", 100, "", NULL, "applied"},
      {"b", 2, "approved", 100, "", NULL, "applied"},
      {"c", 3, "pending", 100, "", NULL, "duplicate"}},
     "approved 100 0 1 -"},
    {"pending moves nothing",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "pending", 200, "", NULL, "amount_conflict"},
      {"c", 3, "pending", 100, "", NULL, "duplicate"},
      {"d", 4, "pending", 100, "", "e1", "duplicate"}},
     "approved 100 0 1 -"},
    {"another amount",
     {{"a", 1, "pending", 100, "", NULL, "applied"},
      {"b", 2, "pending", 120, "", NULL, "amount_conflict"},
      {"c", 3, NULL, 130, "", NULL, "amount_conflict"}},
     "pending 100 0 1 -"},
    {"another amount with a status",
     {{"a", 1, "pending", 100, "", NULL, "applied"}, {"b", 2, "approved", 120, "", NULL, "applied"}},
     "approved 120 0 1 -"},
    {"another amount with an event id",
     {{"a", 1, "pending", 100, "", NULL, "applied"}, {"b", 2, "pending", 120, "", "e1", "applied"}},
     "pending 120 0 1 -"},
    {"the same event",
     {{"a", 1, "pending", 100, "", "e1", "applied"}, {"b", 2, "pending", 100, "", "e1", "duplicate"}},
     "pending 100 0 1 -"},
    {"the same event id, other content",
     {{"a", 1, "pending", 100, "", "e1", "applied"}, {"b", 2, "approved", 100, "", "e1", "event_conflict"}},
     "pending 100 0 1 -"},
    {"refunded completely",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "refunded", NO_AMOUNT, "", NULL, "applied"},
      {"c", 3, "refunded", NO_AMOUNT, "", NULL, "duplicate"},
      {"d", 4, "approved", 100, "", NULL, "duplicate"},
      {"e", 5, "pending", 100, "", NULL, "after_refund"}},
     "refunded 100 100 1 -"},
    {"refunded in parts",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "refunded", 30, "", NULL, "applied"},
      {"c", 3, "refunded", 30, "", NULL, "duplicate"},
      {"d", 4, "refunded", 30, "t", NULL, "applied"},
      {"e", 5, "refunded", 30, "", "e1", "applied"},
      {"f", 6, "refunded", 11, "", NULL, "refund_exceeds_amount"}},
     "approved 100 90 1 -"},
    {"parts make a whole",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "refunded", 30, "", NULL, "applied"},
      {"c", 3, "refunded", 70, "", NULL, "applied"}},
     "refunded 100 100 1 -"},
    {"the rest",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "refunded", 30, "", NULL, "applied"},
      {"c", 3, "refunded", NO_AMOUNT, "", NULL, "applied"}},
     "refunded 100 100 1 -"},
    {"not below what was refunded",
     {{"a", 1, "pending", 100, "", NULL, "applied"},
      {"b", 2, "refunded", 60, "", NULL, "applied"},
      {"c", 3, "approved", 50, "", NULL, "refund_exceeds_amount"}},
     "pending 100 60 1 -"},
    {"a refund waits for its sale",
     {{"a", 1, "refunded", 30, "", NULL, "applied"}, {"b", 2, "approved", 100, "", NULL, "applied"}},
     "approved 100 30 2 -"},
    {"too much of a refund waited",
     {{"a", 1, "refunded", 130, "", NULL, "refund_exceeds_amount"},
      {"b", 2, "approved", 100, "", NULL, "applied"}},
     "approved 100 0 2 -"},
    {"and no sale came", {{"a", 1, "refunded", 30, "", NULL, "refund_without_sale"}}, "none"},
    {"the team declines",
     {{"a", 1, "approved", 100, "", NULL, "applied"}, {"", 2, "declined", 0, "d", NULL, NULL}},
     "declined 100 0 1 -"},
    {"a later report is later",
     {{"a", 1, "pending", 100, "", NULL, "applied"},
      {"", 2, "declined", 0, "d", NULL, NULL},
      {"c", 3, "approved", 100, "", NULL, "applied"}},
     "approved 100 0 1 -"},
    {"a repeated one is not",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"", 2, "declined", 0, "d", NULL, NULL},
      {"c", 3, "approved", 100, "", NULL, "duplicate"}},
     "declined 100 0 1 -"},
    {"a decision before the shop's time",
     {{"", 1, "declined", 0, "d", NULL, NULL}, {"a", 2, "approved", 100, "t", NULL, "applied"}},
     "declined 100 0 2 -"},
    {"no decision brings a refund back",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "refunded", NO_AMOUNT, "", NULL, "applied"},
      {"", 3, "approved", 0, "d", NULL, NULL}},
     "refunded 100 100 1 -"},
    {"a refunded part stays refunded through decisions",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "refunded", 30, "", NULL, "applied"},
      {"", 3, "declined", 0, "d", NULL, NULL},
      {"", 4, "approved", 0, "d", NULL, NULL},
      {"e", 5, "refunded", 71, "", NULL, "refund_exceeds_amount"}},
     "approved 100 30 1 -"},
    {"the first click stays",
     {{"a", 1, "pending", 100, "c", NULL, "applied"}, {"b", 2, "approved", 100, "c", NULL, "applied"}},
     "approved 100 0 1 a"},
    {"a click may come later",
     {{"a", 1, "pending", 100, "", NULL, "applied"}, {"b", 2, "pending", 100, "c", NULL, "applied"}},
     "pending 100 0 1 b"},
    {"another programme's does not count",
     {{"a", 1, "pending", 100, "C", NULL, "program_mismatch"},
      {"b", 2, "approved", 100, "c", NULL, "applied"}},
     "approved 100 0 1 b"},
    {"a pixel cannot approve", {{"a", 1, "approved", 100, "x", NULL, "applied"}}, "pending 100 0 1 -"},
    {"nor decline, nor refund",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, "declined", 100, "x", NULL, "pixel_untrusted"},
      {"c", 3, "refunded", NO_AMOUNT, "x", NULL, "pixel_untrusted"}},
     "approved 100 0 1 -"},
    {"a pixel changes no amount, with an event id neither",
     {{"a", 1, "approved", 100, "", NULL, "applied"},
      {"b", 2, NULL, 900, "x", "e1", "amount_conflict"},
      {"c", 3, NULL, 900, "cx", NULL, "amount_conflict"}},
     "approved 100 0 1 -"},
    {"the server's amount stands, not the pixel's",
     {{"a", 1, NULL, 900, "cx", NULL, "applied"},
      {"b", 2, NULL, 100, "", NULL, "applied"},
      {"c", 3, NULL, 200, "", NULL, "amount_conflict"}},
     "pending 100 0 1 a"},
    {"the server says the pixel's amount",
     {{"a", 1, NULL, 100, "x", NULL, "applied"},
      {"b", 2, NULL, 100, "", NULL, "duplicate"},
      {"c", 3, NULL, 200, "", NULL, "amount_conflict"}},
     "pending 100 0 1 -"},
    {"equal times go by id",
     {{"a", 1, "pending", 100, "", NULL, "applied"}, {"b", 1, "pending", 200, "", NULL, "amount_conflict"}},
     "pending 100 0 1 -"},
};

static struct slice currency_of(const struct told *told)
{
    if (strchr(told->marks, 'n'))
        return SLICE_NONE;
    if (strchr(told->marks, 'j'))
        return SLICE("JPY");
    return strpbrk(told->marks, "ue") ? SLICE("EUR") : SLICE("RUB");
}

static struct conversion_event event_of(const struct told *told)
{
    bool has_click = strpbrk(told->marks, "cC") != NULL;

    return (struct conversion_event){
        .is_decision = strchr(told->marks, 'd'),
        .is_pixel = strchr(told->marks, 'x'),
        .is_timed = strchr(told->marks, 't'),
        .time_us = told->at,
        .id = slice_of(told->id),
        .status = conversion_status_find(told->status ? slice_of(told->status) : SLICE_NONE),
        .has_amount = told->amount != NO_AMOUNT,
        .amount_minor = told->amount == NO_AMOUNT ? -1 : told->amount,
        .click = strchr(told->marks, 'C') ? CLICK_FOREIGN
                 : has_click              ? CLICK_OURS
                                          : CLICK_UNSAID,
        .currency = currency_of(told),
        .rate_pico = strchr(told->marks, 'e')   ? INT64_C(90000000000000)
                     : strchr(told->marks, 'j') ? INT64_C(625000000000)
                                                : 0,
        .rate_id = strpbrk(told->marks, "ej") ? 7 : 0,
        .event_id = told->event_id ? slice_of(told->event_id) : SLICE_NONE,
        .click_id = has_click ? slice_of(told->id) : SLICE_NONE,
    };
}

static size_t events_of(const struct story *story, struct conversion_event events[EVENTS_MAX])
{
    size_t n = 0;
    while (n < EVENTS_MAX && story->told[n].id) {
        events[n] = event_of(&story->told[n]);
        n++;
    }
    return n;
}

static void shuffle(struct conversion_event events[], size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rand() % i;
        struct conversion_event kept = events[i - 1];
        events[i - 1] = events[j];
        events[j] = kept;
    }
}

static void state_text(const struct conversion *state, char *out, size_t bytes)
{
    if (!state->exists)
        snprintf(out, bytes, "none");
    else
        snprintf(out, bytes, "%s %ld %ld %ld %.*s", conversion_status_name(state->status),
                 (long)state->amount_minor, (long)state->refunded_minor, (long)state->occurred_at_us,
                 state->click_id.data ? (int)state->click_id.len : 1,
                 state->click_id.data ? state->click_id.data : "-");
}

static void story_check(const struct story *story, struct conversion_event events[], size_t n)
{
    struct conversion state;
    char text[128];

    conversion_sort(events, n);
    conversion_fold(events, n, !story->is_lead, SLICE("RUB"), &state);
    state_text(&state, text, sizeof(text));
    if (strcmp(text, story->state) != 0)
        print_error("story: %s\n", story->name);
    assert_string_equal(text, story->state);
    for (size_t i = 0; i < n; i++) {
        if (!story->told[i].verdict)
            continue;
        if (strcmp(conversion_verdict_name(events[i].verdict), story->told[i].verdict) != 0)
            print_error("story: %s, report %s\n", story->name, story->told[i].id);
        assert_string_equal(conversion_verdict_name(events[i].verdict), story->told[i].verdict);
    }
}

static void test_stories(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct conversion_event events[EVENTS_MAX];
        size_t n = events_of(&stories[i], events);
        story_check(&stories[i], events, n);
    }
}

static void test_any_order_of_arrival(void **ctx)
{
    (void)ctx;
    srand(1);
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        for (int round = 0; round < 50; round++) {
            struct conversion_event events[EVENTS_MAX];
            size_t n = events_of(&stories[i], events);
            shuffle(events, n);
            story_check(&stories[i], events, n);
        }
    }
}

static void test_reason_is_of_the_decision(void **ctx)
{
    (void)ctx;
    struct conversion_event events[] = {
        {.time_us = 1, .id = SLICE("a"), .has_amount = true, .amount_minor = 5},
        {.time_us = 2, .is_decision = true, .status = CONVERSION_DECLINED, .reason = SLICE("fraud")},
        {.time_us = 3, .id = SLICE("b"), .status = CONVERSION_APPROVED},
    };
    struct conversion state;

    conversion_fold(events, 2, true, SLICE("RUB"), &state);
    assert_true(slice_equal(state.reason, SLICE("fraud")));
    conversion_fold(events, 3, true, SLICE("RUB"), &state);
    assert_null(state.reason.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_any_order_of_arrival),
        cmocka_unit_test(test_reason_is_of_the_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
