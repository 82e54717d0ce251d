// Last touch wins, and a promo code beats a click unless the terms say otherwise. Owner: the batch.
// Equal times are decided by the id, so that the result does not depend on the order of the touches.

#include "attrib/attribution.h"

#include <assert.h>

#include "base/money.h"
#include "base/util.h"

static const struct {
    const char *verdict, *reason;
} names[] = {
    [TOUCH_WON] = {"won", "last_touch"},
    [TOUCH_LOST_LATER_TOUCH] = {"lost", "later_touch"},
    [TOUCH_LOST_CODE_BEATS_CLICK] = {"lost", "code_beats_click"},
    [TOUCH_OUT_OTHER_PROGRAM] = {"ineligible", "other_program"},
    [TOUCH_OUT_NO_PARTNER] = {"ineligible", "no_partner"},
    [TOUCH_OUT_CLASS] = {"ineligible", "class"},
    [TOUCH_OUT_INACTIVE] = {"ineligible", "inactive"},
    [TOUCH_OUT_AFTER_CONVERSION] = {"ineligible", "after_conversion"},
    [TOUCH_OUT_OUTSIDE_WINDOW] = {"ineligible", "outside_window"},
    [TOUCH_OUT_CODE_ENTERED] = {"ineligible", "code_entered"},
};
static_assert(array_length(names) == TOUCH_VERDICTS, "every verdict has a name");

const char *touch_verdict_name(enum touch_verdict verdict)
{
    return names[verdict].verdict;
}

const char *touch_verdict_reason(enum touch_verdict verdict)
{
    return names[verdict].reason;
}

// TOUCH_WON: nothing speaks against it.
static enum touch_verdict touch_judge(const struct attribution *attribution, const struct touch *touch)
{
    if (touch->program_id != attribution->program_id)
        return TOUCH_OUT_OTHER_PROGRAM;
    if (touch->partner_id == 0)
        return TOUCH_OUT_NO_PARTNER;
    if (!touch->is_human)
        return TOUCH_OUT_CLASS;
    if (!touch->is_active)
        return TOUCH_OUT_INACTIVE;
    if (touch->is_of_order)
        return TOUCH_WON;
    if (touch->time_us >= attribution->time_us)
        return TOUCH_OUT_AFTER_CONVERSION;
    if (touch->time_us < attribution->time_us - touch->window_us)
        return TOUCH_OUT_OUTSIDE_WINDOW;
    return TOUCH_WON;
}

static bool code_entered(const struct touch touches[], size_t n, int64_t promo_code_id)
{
    for (size_t i = 0; i < n; i++) {
        const struct touch *touch = &touches[i];
        if (touch->verdict == TOUCH_WON && touch->kind == TOUCH_PROMO && !touch->is_of_order &&
            touch->promo_code_id == promo_code_id)
            return true;
    }
    return false;
}

static bool is_ahead(const struct attribution *attribution, const struct touch *touch)
{
    return attribution->precedence == PRECEDENCE_CODE_OVER_CLICK && touch->kind == TOUCH_PROMO;
}

static bool touch_beats(const struct attribution *attribution, const struct touch *a, const struct touch *b)
{
    bool a_ahead = is_ahead(attribution, a), b_ahead = is_ahead(attribution, b);

    if (a_ahead != b_ahead)
        return a_ahead;
    if (a->time_us != b->time_us)
        return a->time_us > b->time_us;
    int order = memcmp(a->id.data, b->id.data, min_of(a->id.len, b->id.len));
    return order ? order > 0 : a->kind > b->kind;
}

static size_t winner_find(const struct attribution *attribution, const struct touch touches[], size_t n)
{
    size_t winner = n;

    for (size_t i = 0; i < n; i++) {
        if (touches[i].verdict == TOUCH_WON &&
            (winner == n || touch_beats(attribution, &touches[i], &touches[winner])))
            winner = i;
    }
    return winner;
}

size_t attribution_decide(const struct attribution *attribution, struct touch touches[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        touches[i].verdict = touch_judge(attribution, &touches[i]);
        touches[i].weight_ppm = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct touch *touch = &touches[i];
        if (touch->verdict == TOUCH_WON && touch->is_of_order &&
            code_entered(touches, n, touch->promo_code_id))
            touch->verdict = TOUCH_OUT_CODE_ENTERED;
    }
    size_t winner = winner_find(attribution, touches, n);
    for (size_t i = 0; i < n; i++) {
        if (touches[i].verdict != TOUCH_WON || i == winner)
            continue;
        bool by_rank = is_ahead(attribution, &touches[winner]) && !is_ahead(attribution, &touches[i]);
        touches[i].verdict = by_rank ? TOUCH_LOST_CODE_BEATS_CLICK : TOUCH_LOST_LATER_TOUCH;
    }
    if (winner < n)
        touches[winner].weight_ppm = MONEY_PPM_ONE;
    return winner;
}
