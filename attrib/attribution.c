// Who competes, in which order, for what. Owner: the batch. Steps: each touch is judged by itself; the newest
// touches_max make the journey; precedence decides which kinds share it; the model weighs them. Equal times
// are decided by id and kind, so that the result does not depend on the order in which the touches come.

#include "attrib/attribution.h"

#include <assert.h>

#include "base/money.h"
#include "base/util.h"

static const struct {
    const char *verdict, *reason;
} verdicts[] = {
    [TOUCH_COMPETES] = {"lost", "competes"},
    [TOUCH_WON_LAST] = {"won", "last_touch"},
    [TOUCH_WON_FIRST] = {"won", "first_touch"},
    [TOUCH_WON_SHARE] = {"won", "share"},
    [TOUCH_WON_BOUND] = {"won", "customer_bound"},
    [TOUCH_LOST_LATER_TOUCH] = {"lost", "later_touch"},
    [TOUCH_LOST_EARLIER_TOUCH] = {"lost", "earlier_touch"},
    [TOUCH_LOST_CODE_BEATS_CLICK] = {"lost", "code_beats_click"},
    [TOUCH_LOST_CLICK_BEATS_CODE] = {"lost", "click_beats_code"},
    [TOUCH_LOST_SHARE_ZERO] = {"lost", "share_zero"},
    [TOUCH_LOST_BOUND] = {"lost", "customer_bound"},
    [TOUCH_OUT_OTHER_PROGRAM] = {"ineligible", "other_program"},
    [TOUCH_OUT_NO_PARTNER] = {"ineligible", "no_partner"},
    [TOUCH_OUT_CLASS] = {"ineligible", "class"},
    [TOUCH_OUT_KIND] = {"ineligible", "kind_not_counted"},
    [TOUCH_OUT_INACTIVE] = {"ineligible", "inactive"},
    [TOUCH_OUT_AFTER_CONVERSION] = {"ineligible", "after_conversion"},
    [TOUCH_OUT_OUTSIDE_WINDOW] = {"ineligible", "outside_window"},
    [TOUCH_OUT_CODE_ENTERED] = {"ineligible", "code_entered"},
    [TOUCH_OUT_TRUNCATED] = {"ineligible", "truncated"},
};
static_assert(array_length(verdicts) == TOUCH_VERDICTS, "every verdict has a name");

static const char *const kind_names[] = {
    [TOUCH_CLICK] = "click",
    [TOUCH_PROMO] = "promo",
    [TOUCH_IMPRESSION] = "impression",
    [TOUCH_VISIT] = "visit",
};
static_assert(array_length(kind_names) == TOUCH_KINDS, "every kind has a name");

static const char *const precedence_names[] = {
    [PRECEDENCE_NONE] = "none",
    [PRECEDENCE_CODE_OVER_CLICK] = "code_over_click",
    [PRECEDENCE_CLICK_OVER_CODE] = "click_over_code",
    [PRECEDENCE_SPLIT] = "split",
};
static_assert(array_length(precedence_names) == PRECEDENCES, "every precedence has a name");

// The touches that compete, oldest first.
struct journey {
    struct touch *touch[MODEL_TOUCHES_MAX];
    size_t n;
    bool is_truncated;
};

const char *touch_verdict_name(enum touch_verdict verdict)
{
    return verdicts[verdict].verdict;
}

const char *touch_verdict_reason(enum touch_verdict verdict)
{
    return verdicts[verdict].reason;
}

const char *touch_kind_name(enum touch_kind kind)
{
    return kind_names[kind];
}

const char *touch_precedence_name(enum touch_precedence precedence)
{
    return precedence_names[precedence];
}

static unsigned name_find(const char *const names[], unsigned n, struct slice name)
{
    unsigned i = 0;
    while (i < n && !slice_equal(name, slice_of(names[i])))
        i++;
    return i;
}

enum touch_kind touch_kind_find(struct slice name)
{
    return (enum touch_kind)name_find(kind_names, TOUCH_KINDS, name);
}

enum touch_precedence touch_precedence_find(struct slice name)
{
    return (enum touch_precedence)name_find(precedence_names, PRECEDENCES, name);
}

// --- Each touch by itself

static enum touch_verdict time_judge(const struct attribution *attribution, const struct touch *touch)
{
    int64_t window_us = attribution->policy->window_us[touch->kind];

    if (touch->time_us >= attribution->time_us)
        return TOUCH_OUT_AFTER_CONVERSION;
    if (window_us == WINDOW_OF_TERMS)
        window_us = touch->window_us;
    return touch->time_us < attribution->time_us - window_us ? TOUCH_OUT_OUTSIDE_WINDOW : TOUCH_COMPETES;
}

static enum touch_verdict touch_judge(const struct attribution *attribution, const struct touch *touch)
{
    if (touch->program_id != attribution->program_id)
        return TOUCH_OUT_OTHER_PROGRAM;
    if (touch->partner_id == 0 && touch->kind != TOUCH_VISIT)
        return TOUCH_OUT_NO_PARTNER;
    if (!touch->is_human)
        return TOUCH_OUT_CLASS;
    if (!touch->is_active)
        return TOUCH_OUT_INACTIVE;
    if (touch->is_of_order || touch->is_bound)
        return TOUCH_COMPETES;
    if (attribution->policy->window_us[touch->kind] == 0)
        return TOUCH_OUT_KIND;
    return time_judge(attribution, touch);
}

static bool code_entered(const struct touch touches[], size_t n, int64_t promo_code_id)
{
    for (size_t i = 0; i < n; i++) {
        const struct touch *touch = &touches[i];
        if (touch->verdict == TOUCH_COMPETES && touch->kind == TOUCH_PROMO && !touch->is_of_order &&
            !touch->is_bound && touch->promo_code_id == promo_code_id)
            return true;
    }
    return false;
}

static void touches_judge(const struct attribution *attribution, struct touch touches[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        touches[i].verdict = touch_judge(attribution, &touches[i]);
        touches[i].weight_ppm = 0;
        touches[i].amount_minor = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct touch *touch = &touches[i];
        if (touch->verdict == TOUCH_COMPETES && touch->is_of_order &&
            code_entered(touches, n, touch->promo_code_id))
            touch->verdict = TOUCH_OUT_CODE_ENTERED;
    }
}

// --- The journey

static bool touch_earlier(const struct touch *a, const struct touch *b)
{
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us;
    int order = memcmp(a->id.data, b->id.data, min_of(a->id.len, b->id.len));
    return order ? order < 0 : a->kind < b->kind;
}

// Puts a touch in its place; of more than touches_max the oldest goes.
static void journey_add(struct journey *journey, struct touch *touch, unsigned touches_max)
{
    size_t at = journey->n;

    if (journey->n == touches_max) {
        journey->is_truncated = true;
        bool is_oldest = touch_earlier(touch, journey->touch[0]);
        (is_oldest ? touch : journey->touch[0])->verdict = TOUCH_OUT_TRUNCATED;
        if (is_oldest)
            return;
        memmove(&journey->touch[0], &journey->touch[1], --at * sizeof(journey->touch[0]));
        journey->n--;
    }
    for (; at > 0 && touch_earlier(touch, journey->touch[at - 1]); at--)
        journey->touch[at] = journey->touch[at - 1];
    journey->touch[at] = touch;
    journey->n++;
}

static void journey_make(struct journey *journey, const struct attribution_policy *policy,
                         struct touch touches[], size_t n)
{
    *journey = (struct journey){0};
    assert(policy->touches_max >= 1 && policy->touches_max <= MODEL_TOUCHES_MAX);
    // The newest come first, so going backwards there is little to move.
    for (size_t i = n; i-- > 0;) {
        if (touches[i].verdict == TOUCH_COMPETES)
            journey_add(journey, &touches[i], policy->touches_max);
    }
}

static void journey_lose(const struct journey *journey, enum touch_verdict verdict)
{
    for (size_t i = 0; i < journey->n; i++)
        journey->touch[i]->verdict = verdict;
}

// --- Sharing

static enum touch_verdict weight_verdict(enum model_kind model, uint32_t weight_ppm)
{
    if (model == MODEL_LAST)
        return weight_ppm ? TOUCH_WON_LAST : TOUCH_LOST_LATER_TOUCH;
    if (model == MODEL_FIRST)
        return weight_ppm ? TOUCH_WON_FIRST : TOUCH_LOST_EARLIER_TOUCH;
    return weight_ppm ? TOUCH_WON_SHARE : TOUCH_LOST_SHARE_ZERO;
}

static size_t journey_weigh(const struct journey *journey, const struct model *model, uint32_t whole_ppm)
{
    int64_t times_us[MODEL_TOUCHES_MAX];
    uint32_t weight_ppm[MODEL_TOUCHES_MAX];
    size_t credited = 0;

    if (journey->n == 0)
        return 0;
    for (size_t i = 0; i < journey->n; i++)
        times_us[i] = journey->touch[i]->time_us;
    model_weigh(model, times_us, journey->n, whole_ppm, weight_ppm);
    for (size_t i = 0; i < journey->n; i++) {
        journey->touch[i]->weight_ppm = weight_ppm[i];
        journey->touch[i]->verdict = weight_verdict(model->kind, weight_ppm[i]);
        credited += weight_ppm[i] > 0;
    }
    return credited;
}

// Whether codes and others meet, and the codes lose.
static bool codes_lose(enum touch_precedence precedence, const struct journey *others)
{
    for (size_t i = 0; precedence == PRECEDENCE_CLICK_OVER_CODE && i < others->n; i++) {
        if (others->touch[i]->kind == TOUCH_CLICK)
            return true;
    }
    return false;
}

static size_t journey_share(struct journey *journey, const struct attribution_policy *policy)
{
    struct journey codes = {0}, others = {0};

    for (size_t i = 0; i < journey->n; i++) {
        struct journey *side = journey->touch[i]->kind == TOUCH_PROMO ? &codes : &others;
        side->touch[side->n++] = journey->touch[i];
    }
    if (codes.n > 0 && others.n > 0 && policy->precedence == PRECEDENCE_SPLIT)
        return journey_weigh(&codes, &policy->model, policy->code_ppm) +
               journey_weigh(&others, &policy->model, MONEY_PPM_ONE - policy->code_ppm);
    if (codes.n > 0 && policy->precedence == PRECEDENCE_CODE_OVER_CLICK) {
        journey_lose(&others, TOUCH_LOST_CODE_BEATS_CLICK);
        return journey_weigh(&codes, &policy->model, MONEY_PPM_ONE);
    }
    if (codes_lose(policy->precedence, &others)) {
        journey_lose(&codes, TOUCH_LOST_CLICK_BEATS_CODE);
        return journey_weigh(&others, &policy->model, MONEY_PPM_ONE);
    }
    return journey_weigh(journey, &policy->model, MONEY_PPM_ONE);
}

static void journey_split(const struct journey *journey, int64_t amount_minor)
{
    uint32_t weight_ppm[MODEL_TOUCHES_MAX];
    int64_t part_minor[MODEL_TOUCHES_MAX];

    for (size_t i = 0; i < journey->n; i++)
        weight_ppm[i] = journey->touch[i]->weight_ppm;
    money_split(amount_minor, weight_ppm, journey->n, part_minor);
    for (size_t i = 0; i < journey->n; i++)
        journey->touch[i]->amount_minor = part_minor[i];
}

// The touch that bound the customer takes all. false: there is none that counts.
static bool journey_bind(struct touch touches[], size_t n, int64_t amount_minor)
{
    size_t bound = 0;

    while (bound < n && !(touches[bound].is_bound && touches[bound].verdict == TOUCH_COMPETES))
        bound++;
    if (bound == n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (touches[i].verdict == TOUCH_COMPETES)
            touches[i].verdict = TOUCH_LOST_BOUND;
    }
    touches[bound].verdict = TOUCH_WON_BOUND;
    touches[bound].weight_ppm = MONEY_PPM_ONE;
    touches[bound].amount_minor = amount_minor;
    return true;
}

struct attribution_result attribution_decide(const struct attribution *attribution, struct touch touches[],
                                             size_t n)
{
    struct attribution_result result = {0};
    struct journey journey;

    touches_judge(attribution, touches, n);
    result.is_bound = journey_bind(touches, n, attribution->amount_minor);
    if (result.is_bound) {
        result.credited = 1;
        return result;
    }
    journey_make(&journey, attribution->policy, touches, n);
    result.is_truncated = journey.is_truncated;
    result.credited = journey_share(&journey, attribution->policy);
    if (result.credited > 0)
        journey_split(&journey, attribution->amount_minor);
    return result;
}
