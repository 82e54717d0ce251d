#pragma once

// Which touch brought a conversion. Pure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum touch_kind {
    TOUCH_CLICK,
    TOUCH_PROMO,
};

enum touch_precedence {
    PRECEDENCE_CODE_OVER_CLICK,
    PRECEDENCE_LAST_TOUCH,
};

// clang-format off
enum touch_verdict {
    TOUCH_WON,
    TOUCH_LOST_LATER_TOUCH,
    TOUCH_LOST_CODE_BEATS_CLICK,
    TOUCH_OUT_OTHER_PROGRAM,
    TOUCH_OUT_NO_PARTNER,
    TOUCH_OUT_CLASS,            // not human: bot, preview, .., duplicate
    TOUCH_OUT_INACTIVE,         // the code, or its partner, was not active
    TOUCH_OUT_AFTER_CONVERSION,
    TOUCH_OUT_OUTSIDE_WINDOW,
    TOUCH_OUT_CODE_ENTERED,     // the order's code; its entry by the visitor stands for it
    TOUCH_VERDICTS
};
// clang-format on

struct touch {
    enum touch_kind kind;
    bool is_human, is_active;
    bool is_of_order; // a code that only the order names: part of the order, its age is 0, no window applies
    struct slice id;
    int64_t time_us, window_us;                    // the window of the terms in force then
    int64_t program_id, partner_id, promo_code_id; // 0: none
    // Written by attribution_decide().
    enum touch_verdict verdict;
    uint32_t weight_ppm;
};

struct attribution {
    int64_t program_id, time_us; // of the conversion
    enum touch_precedence precedence;
};

// Gives each touch its verdict; a touch counts inside [t - window, t). The winner gets the whole weight.
// Returns its index, or n when no touch counts.
size_t attribution_decide(const struct attribution *attribution, struct touch touches[], size_t n);

const char *touch_verdict_name(enum touch_verdict verdict);   // "won", "lost", "ineligible"
const char *touch_verdict_reason(enum touch_verdict verdict); // "last_touch", "later_touch", ..
