// The fold of a conversion's reports and decisions into its state, and a verdict for each report. Owner: the
// batch. Because events are sorted by their own time, the order of arrival does not matter.
//
// Rules: the first report that can begin the conversion does; refunds and decisions before it wait for it.
// Refunds with an amount add up, one without refunds the rest; the same event id, or without one the same
// content and shop's time, is the same event, so that shops which refund twice the same part must say an
// event_id or event_time. A repeated report never takes back what came in between, and pending (which is also
// what a report without a status says) moves nothing. Identity (click, visitor, code, customer, product) is
// what was said first, so that a later report cannot move a credit. Lines are those of the report whose
// amount stands, or of the first that says the same amount with lines. A pixel comes from a browser: it can
// begin a conversion and complete it, but its status is at most pending, it changes no amount, and the
// amount it began with gives way to the first that the shop's server says. The report that begins it says the
// currency of all; the sums are converted at the end, by the rate of the beginning, so that what is refunded
// completely comes to nothing. Limit: CONVERSION_REPORTS_MAX events.

#include "attrib/conversion.h"

#include <assert.h>
#include <stdlib.h>

#include "base/currency.h"
#include "base/money.h"
#include "base/order_lines.h"
#include "base/util.h"

// While it is made, the state's amounts are in its own currency.
struct fold {
    struct slice program_currency;
    struct conversion *state;
};

static const char *const status_names[] = {
    [CONVERSION_UNSAID] = "",           [CONVERSION_PENDING] = "pending",
    [CONVERSION_APPROVED] = "approved", [CONVERSION_DECLINED] = "declined",
    [CONVERSION_REFUNDED] = "refunded", [CONVERSION_STRANGE] = "strange",
};

static const char *const verdict_names[] = {
    [VERDICT_OPEN] = "open",
    [VERDICT_APPLIED] = "applied",
    [VERDICT_PROGRAM_MISMATCH] = "program_mismatch",
    [VERDICT_DUPLICATE] = "duplicate",
    [VERDICT_AMOUNT_CONFLICT] = "amount_conflict",
    [VERDICT_EVENT_CONFLICT] = "event_conflict",
    [VERDICT_CURRENCY_MISMATCH] = "currency_mismatch",
    [VERDICT_RATE_MISSING] = "rate_missing",
    [VERDICT_AMOUNT_MISSING] = "amount_missing",
    [VERDICT_AMOUNT_INVALID] = "amount_invalid",
    [VERDICT_LINES_INVALID] = "lines_invalid",
    [VERDICT_STATUS_UNKNOWN] = "status_unknown",
    [VERDICT_REFUND_WITHOUT_SALE] = "refund_without_sale",
    [VERDICT_REFUND_EXCEEDS_AMOUNT] = "refund_exceeds_amount",
    [VERDICT_AFTER_REFUND] = "after_refund",
    [VERDICT_PIXEL_UNTRUSTED] = "pixel_untrusted",
};

const char *conversion_status_name(enum conversion_status status)
{
    return status_names[status];
}

enum conversion_status conversion_status_find(struct slice name)
{
    if (!name.data)
        return CONVERSION_UNSAID;
    for (int status = CONVERSION_PENDING; status < CONVERSION_STRANGE; status++) {
        if (slice_equal(name, slice_of(status_names[status])))
            return (enum conversion_status)status;
    }
    return CONVERSION_STRANGE;
}

const char *conversion_verdict_name(enum conversion_verdict verdict)
{
    static_assert(array_length(verdict_names) == VERDICT_COUNT, "every verdict has a name");
    return verdict_names[verdict];
}

// --- Order

static int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = min_of(a.len, b.len);
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int event_compare(const void *left, const void *right)
{
    const struct conversion_event *a = left, *b = right;

    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    if (a->is_decision != b->is_decision)
        return a->is_decision ? 1 : -1;
    if (a->is_decision)
        return (a->number > b->number) - (a->number < b->number);
    return slice_compare(a->id, b->id);
}

void conversion_sort(struct conversion_event events[], size_t n)
{
    if (n > 1)
        qsort(events, n, sizeof(events[0]), event_compare);
}

// --- Conditions of one report

static bool event_counts(const struct conversion_event *event)
{
    return event->verdict == VERDICT_APPLIED || event->verdict == VERDICT_PROGRAM_MISMATCH;
}

static bool content_equal(const struct conversion_event *a, const struct conversion_event *b)
{
    return a->status == b->status && a->has_amount == b->has_amount &&
           (!a->has_amount || a->amount_minor == b->amount_minor) &&
           (a->status != CONVERSION_REFUNDED || slice_equal(a->lines, b->lines));
}

static bool same_moment(const struct conversion_event *a, const struct conversion_event *b)
{
    return a->is_timed == b->is_timed && (!a->is_timed || a->time_us == b->time_us);
}

// Whether an earlier report that counts was this event already.
static enum conversion_verdict event_repeats(const struct conversion_event events[], size_t i)
{
    const struct conversion_event *event = &events[i];

    for (size_t j = 0; j < i; j++) {
        const struct conversion_event *earlier = &events[j];
        if (earlier->is_decision || !event_counts(earlier))
            continue;
        if (event->event_id.data && earlier->event_id.data && slice_equal(event->event_id, earlier->event_id))
            return content_equal(event, earlier) ? VERDICT_DUPLICATE : VERDICT_EVENT_CONFLICT;
        if (!event->event_id.data && !earlier->event_id.data && content_equal(event, earlier) &&
            same_moment(event, earlier))
            return VERDICT_DUPLICATE;
    }
    return VERDICT_OPEN;
}

static bool lines_fit(const struct conversion_event *event)
{
    struct order_line lines[ORDER_LINES_MAX];
    size_t n = order_lines_read(event->lines, lines);
    int64_t left_minor = event->has_amount ? event->amount_minor : 0;

    for (size_t i = 0; i < n; i++)
        left_minor -= lines[i].amount_minor;
    return n > 0 && left_minor >= 0;
}

// What can be said about a report without knowing the others.
static enum conversion_verdict event_refused(const struct conversion_event *event)
{
    if (event->status == CONVERSION_STRANGE)
        return VERDICT_STATUS_UNKNOWN;
    if (event->is_pixel && (event->status == CONVERSION_DECLINED || event->status == CONVERSION_REFUNDED))
        return VERDICT_PIXEL_UNTRUSTED;
    if (event->has_amount && (event->amount_minor < 0 || event->amount_minor > MONEY_MINOR_MAX))
        return VERDICT_AMOUNT_INVALID;
    if (event->lines.data && !lines_fit(event))
        return VERDICT_LINES_INVALID;
    return VERDICT_OPEN;
}

// An amount without a currency is in the programme's.
static bool event_mismatches(const struct conversion_event *event, const struct fold *fold)
{
    struct slice said = event->has_amount && !event->currency.data ? fold->program_currency : event->currency;
    return said.data && !slice_equal(said, fold->state->currency);
}

// What a report says about a conversion that exists.
static enum conversion_status event_status(const struct conversion_event *event)
{
    bool says_nothing = event->is_pixel || event->status == CONVERSION_PENDING;
    return says_nothing ? CONVERSION_UNSAID : event->status;
}

// --- The state

// Whether an amount has its like in the programme's currency.
static bool amount_convert(const struct fold *fold, int64_t minor, int64_t *out_minor)
{
    const struct conversion *state = fold->state;

    if (state->rate_id == 0) {
        *out_minor = minor;
        return true;
    }
    const struct currency *from = currency_find(state->currency), *to = currency_find(fold->program_currency);
    return from && to && money_convert(minor, state->rate_pico, from->exponent, to->exponent, out_minor) == 0;
}

static bool amount_fits(const struct fold *fold, const struct conversion_event *event)
{
    int64_t ignored;
    return !event->has_amount || amount_convert(fold, event->amount_minor, &ignored);
}

static bool fill(struct slice *known, struct slice said)
{
    if (known->data || !said.data)
        return false;
    *known = said;
    return true;
}

// Lines belong to an amount, and a browser says none.
static bool lines_belong(const struct conversion *state, const struct conversion_event *event)
{
    return !event->is_pixel && event->status != CONVERSION_REFUNDED && event->has_amount &&
           event->amount_minor == state->amount_minor;
}

static bool state_complete(struct conversion *state, const struct conversion_event *event)
{
    bool filled = event->click != CLICK_FOREIGN && fill(&state->click_id, event->click_id);

    filled |= fill(&state->visitor_id, event->visitor_id);
    filled |= fill(&state->promo, event->promo);
    filled |= fill(&state->customer, event->customer);
    filled |= fill(&state->product, event->product);
    if (lines_belong(state, event))
        filled |= fill(&state->lines, event->lines);
    return filled;
}

// Until a rate is known the conversion cannot begin with this report.
static enum conversion_verdict currency_begin(struct fold *fold, const struct conversion_event *event)
{
    bool is_own = !event->currency.data || slice_equal(event->currency, fold->program_currency);

    if (!is_own && event->rate_id == 0)
        return VERDICT_RATE_MISSING;
    fold->state->currency = is_own ? fold->program_currency : event->currency;
    fold->state->rate_pico = is_own ? 0 : event->rate_pico;
    fold->state->rate_id = is_own ? 0 : event->rate_id;
    return amount_fits(fold, event) ? VERDICT_APPLIED : VERDICT_AMOUNT_INVALID;
}

static enum conversion_verdict state_begin(struct fold *fold, const struct conversion_event *event,
                                           bool needs_amount)
{
    enum conversion_status status = event_status(event);
    struct conversion *state = fold->state;

    if (event->status == CONVERSION_REFUNDED)
        return VERDICT_REFUND_WITHOUT_SALE;
    if (needs_amount && !event->has_amount)
        return VERDICT_AMOUNT_MISSING;
    enum conversion_verdict verdict = currency_begin(fold, event);
    if (verdict != VERDICT_APPLIED)
        return verdict;
    state->exists = true;
    state->status = status == CONVERSION_UNSAID ? CONVERSION_PENDING : status;
    state->occurred_at_us = event->time_us;
    state->amount_minor = event->has_amount ? event->amount_minor : 0;
    state->is_amount_of_pixel = event->is_pixel;
    state_complete(state, event);
    return VERDICT_APPLIED;
}

static enum conversion_verdict state_refund(struct conversion *state, struct conversion_event *event)
{
    int64_t rest = state->amount_minor - state->refunded_minor;
    int64_t refund = event->has_amount ? event->amount_minor : rest;

    if (refund > rest)
        return VERDICT_REFUND_EXCEEDS_AMOUNT;
    if (state->status == CONVERSION_REFUNDED)
        return VERDICT_DUPLICATE;
    state->refunded_minor += refund;
    event->is_refund = true;
    if (state->refunded_minor == state->amount_minor) {
        state->status = CONVERSION_REFUNDED;
        state->reason = SLICE_NONE;
    }
    state_complete(state, event);
    return VERDICT_APPLIED;
}

static void amount_confirm(struct conversion *state, const struct conversion_event *event)
{
    if (event->has_amount && !event->is_pixel && event->status != CONVERSION_REFUNDED)
        state->is_amount_of_pixel = false;
}

static enum conversion_verdict state_change(struct conversion *state, const struct conversion_event *event)
{
    enum conversion_status said = event_status(event);
    enum conversion_status status = said == CONVERSION_UNSAID ? state->status : said;
    bool is_moved = status != state->status;
    bool is_other_amount = event->has_amount && event->amount_minor != state->amount_minor;
    bool may_say_another =
        !event->is_pixel && (is_moved || event->event_id.data || state->is_amount_of_pixel);

    if (state->status == CONVERSION_REFUNDED)
        return VERDICT_AFTER_REFUND;
    if (is_other_amount && !may_say_another)
        return VERDICT_AMOUNT_CONFLICT;
    if (is_other_amount && event->amount_minor < state->refunded_minor)
        return VERDICT_REFUND_EXCEEDS_AMOUNT;
    if (is_moved)
        state->reason = SLICE_NONE;
    state->status = status;
    if (is_other_amount) {
        state->amount_minor = event->amount_minor;
        state->lines = SLICE_NONE;
    }
    amount_confirm(state, event);
    return state_complete(state, event) || is_moved || is_other_amount ? VERDICT_APPLIED : VERDICT_DUPLICATE;
}

static void state_decide(struct conversion *state, const struct conversion_event *decision)
{
    if (state->status == CONVERSION_REFUNDED)
        return;
    state->status = decision->status;
    state->reason = decision->reason;
}

static enum conversion_verdict state_report(const struct fold *fold, struct conversion_event events[],
                                            size_t i)
{
    struct conversion_event *event = &events[i];
    struct conversion *state = fold->state;

    if (event_mismatches(event, fold))
        return VERDICT_CURRENCY_MISMATCH;
    if (!amount_fits(fold, event))
        return VERDICT_AMOUNT_INVALID;
    enum conversion_verdict repeats = event_repeats(events, i);

    if (repeats == VERDICT_DUPLICATE) {
        amount_confirm(state, event);
        return state_complete(state, event) ? VERDICT_APPLIED : VERDICT_DUPLICATE;
    }
    if (repeats != VERDICT_OPEN)
        return repeats;
    return event->status == CONVERSION_REFUNDED ? state_refund(state, event) : state_change(state, event);
}

static void event_judge(struct conversion_event *event, enum conversion_verdict verdict)
{
    bool is_foreign = event->click == CLICK_FOREIGN && verdict == VERDICT_APPLIED;
    event->verdict = is_foreign ? VERDICT_PROGRAM_MISMATCH : verdict;
}

// What waited for the beginning, in its order.
static void state_catch_up(struct fold *fold, struct conversion_event events[], size_t begun)
{
    for (size_t i = 0; i < begun; i++) {
        if (events[i].is_decision)
            state_decide(fold->state, &events[i]);
        else if (events[i].verdict == VERDICT_REFUND_WITHOUT_SALE)
            event_judge(&events[i], state_report(fold, events, i));
    }
}

// Into the programme's currency; that the amount fits was asked before.
static void state_finish(const struct fold *fold)
{
    struct conversion *state = fold->state;

    state->sold_minor = state->amount_minor;
    state->returned_minor = state->refunded_minor;
    bool fits = amount_convert(fold, state->sold_minor, &state->amount_minor) &&
                amount_convert(fold, state->returned_minor, &state->refunded_minor);
    assert(fits);
    (void)fits;
}

static void event_fold(struct fold *fold, struct conversion_event events[], size_t i, bool needs_amount)
{
    struct conversion_event *event = &events[i];

    if (event->is_decision) {
        if (fold->state->exists)
            state_decide(fold->state, event);
        return;
    }
    event->verdict = event_refused(event);
    if (event->verdict != VERDICT_OPEN)
        return;
    if (fold->state->exists) {
        event_judge(event, state_report(fold, events, i));
        return;
    }
    event_judge(event, state_begin(fold, event, needs_amount));
    if (fold->state->exists)
        state_catch_up(fold, events, i);
}

void conversion_fold(struct conversion_event events[], size_t n, bool needs_amount, struct slice currency,
                     struct conversion *out)
{
    struct fold fold = {.program_currency = currency, .state = out};

    *out = (struct conversion){0};
    for (size_t i = 0; i < n; i++) {
        events[i].verdict = VERDICT_OPEN;
        events[i].is_refund = false;
    }
    for (size_t i = 0; i < n; i++)
        event_fold(&fold, events, i, needs_amount);
    if (out->exists)
        state_finish(&fold);
}
