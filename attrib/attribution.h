#pragma once

// Which touches brought a conversion, and how much of it each. Pure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrib/model.h"
#include "base/slice.h"

enum touch_kind {
    TOUCH_CLICK,
    TOUCH_PROMO,
    TOUCH_IMPRESSION,
    TOUCH_VISIT, // by a channel without a partner
    TOUCH_KINDS
};

enum touch_precedence {
    PRECEDENCE_NONE, // all kinds alike
    PRECEDENCE_CODE_OVER_CLICK,
    PRECEDENCE_CLICK_OVER_CODE,
    PRECEDENCE_SPLIT, // codes share code_ppm, the others the rest
    PRECEDENCES
};

// clang-format off
enum touch_verdict {
    TOUCH_COMPETES,             // until the model has decided
    TOUCH_WON_LAST,
    TOUCH_WON_FIRST,
    TOUCH_WON_SHARE,            // of several, or the only one of a model that shares
    TOUCH_WON_BOUND,            // of the partner to whom the customer is bound
    TOUCH_LOST_LATER_TOUCH,
    TOUCH_LOST_EARLIER_TOUCH,
    TOUCH_LOST_CODE_BEATS_CLICK,
    TOUCH_LOST_CLICK_BEATS_CODE,
    TOUCH_LOST_SHARE_ZERO,      // its share is less than a millionth
    TOUCH_LOST_BOUND,           // the customer is bound to a partner
    TOUCH_OUT_OTHER_PROGRAM,
    TOUCH_OUT_NO_PARTNER,
    TOUCH_OUT_CLASS,            // not human: bot, preview, .., duplicate
    TOUCH_OUT_KIND,             // the policy does not count this kind
    TOUCH_OUT_INACTIVE,         // the code, or its partner, was not active
    TOUCH_OUT_AFTER_CONVERSION,
    TOUCH_OUT_OUTSIDE_WINDOW,
    TOUCH_OUT_CODE_ENTERED,     // the order's code; its entry by the visitor stands for it
    TOUCH_OUT_TRUNCATED,        // the journey has touches_max newer ones
    TOUCH_VERDICTS
};
// clang-format on

struct touch {
    enum touch_kind kind;
    bool is_human, is_active;
    bool is_of_order; // a code that only the order names: part of the order, its age is 0, no window applies
    bool is_bound;    // not of this conversion: what brought the customer to whom it belongs
    struct slice id;
    int64_t time_us, window_us;                    // the window of the terms in force then
    int64_t program_id, partner_id, promo_code_id; // 0: none
    // Written by attribution_decide().
    enum touch_verdict verdict;
    uint32_t weight_ppm;
    int64_t amount_minor; // its part of the conversion's
};

#define WINDOW_OF_TERMS (-1)

struct attribution_policy {
    struct model model;
    enum touch_precedence precedence;
    uint32_t code_ppm;              // of PRECEDENCE_SPLIT
    int64_t window_us[TOUCH_KINDS]; // 0: the kind does not count; WINDOW_OF_TERMS
    unsigned touches_max;           // of a journey, 1..MODEL_TOUCHES_MAX: the newest
};

struct attribution {
    int64_t program_id, time_us, amount_minor; // of the conversion; the amount: sold and not refunded
    const struct attribution_policy *policy;
};

struct attribution_result {
    size_t credited; // touches with a weight; unless there are none, weights sum to MONEY_PPM_ONE, amounts to
                     // the conversion's
    bool is_bound;
    bool is_truncated;
};

// Gives each touch its verdict and weight; a touch counts inside [t - window, t). The order of the touches
// does not matter: they compete in the order of (time, id, kind).
struct attribution_result attribution_decide(const struct attribution *attribution, struct touch touches[],
                                             size_t n);

// A slice.data NULL or a name that is none: the COUNT of the list.
enum touch_kind touch_kind_find(struct slice name);
enum touch_precedence touch_precedence_find(struct slice name);

const char *touch_kind_name(enum touch_kind kind);
const char *touch_precedence_name(enum touch_precedence precedence);
const char *touch_verdict_name(enum touch_verdict verdict);   // "won", "lost", "ineligible"
const char *touch_verdict_reason(enum touch_verdict verdict); // "last_touch", "later_touch", ..
