#pragma once

// What a partner gets for the orders of one unit: programme, partner, month in the programme's zone. Pure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrib/conversion.h"

#define COMMISSION_TIERS_MAX 32
#define COMMISSION_UNLIMITED INT64_C(-1)

enum commission_kind {
    COMMISSION_PERCENT,
    COMMISSION_FIXED,
    COMMISSION_HYBRID, // both
};

enum commission_tiers {
    TIERS_NONE,
    TIERS_MARGINAL, // each part of the month's volume by its own tier
    TIERS_WHOLE,    // all by the tier of the whole month
};

enum commission_limit {
    LIMIT_NONE,
    LIMIT_ORDER_MIN,
    LIMIT_ORDER_MAX,
    LIMIT_MONTH_MAX,
};

enum commission_status {
    COMMISSION_PENDING, // not approved, or held
    COMMISSION_AVAILABLE,
    COMMISSION_VOID, // declined or refunded completely
};

struct commission_tier {
    int64_t from_minor, rate_ppm;
};

// How orders are paid: a rule's, or the terms' own.
struct commission_rate {
    enum commission_kind kind;
    int64_t rate_ppm, fixed_minor;
    enum commission_tiers tiers_mode;
    const struct commission_tier *tiers; // ascending, the first from 0
    size_t n_tiers;
    int64_t order_min_minor, order_max_minor, month_max_minor; // the last two may be COMMISSION_UNLIMITED
    int64_t used_minor;                                        // of month_max_minor, while a unit is computed
};

struct commission_order {
    int64_t time_us;
    struct slice kind, order_id; // with the time: the order's place in the unit
    size_t part;                 // of an order that several rules pay: by its place; else 0
    enum conversion_status status;
    int64_t base_minor;  // the partner's part of what was sold and not refunded
    uint32_t weight_ppm; // its share of the conversion, for what does not depend on the base
    int64_t hold_us;
    bool is_held; // by a fact: it counts as not approved
    struct commission_rate *rate;
};

struct commission {
    int64_t base_minor, amount_minor; // the amount is 0 when void
    int64_t volume_minor;             // that chose the tier; 0 without tiers
    int64_t uncapped_minor;           // without least and largest amounts
    enum commission_limit limited_by;
    enum commission_status status;
    bool is_approved;
    int64_t hold_until_us; // an approved one is pending before
};

// By (time, kind, order id, part).
int commission_order_compare(const struct commission_order *a, const struct commission_order *b);

// Orders must be sorted; out[i] is for orders[i].
void commission_compute(const struct commission_order orders[], size_t n, int64_t now_us,
                        struct commission out[]);

const char *commission_status_name(enum commission_status status);
struct slice commission_limit_name(enum commission_limit limit); // LIMIT_NONE: .data NULL
