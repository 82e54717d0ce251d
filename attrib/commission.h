#pragma once

// What a partner gets for the orders of one unit: programme, partner, month in the programme's zone. Pure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrib/conversion.h"

enum commission_kind {
    COMMISSION_PERCENT,
    COMMISSION_FIXED,
};

enum commission_status {
    COMMISSION_PENDING, // not approved, or held
    COMMISSION_AVAILABLE,
    COMMISSION_VOID, // declined or refunded completely
};

struct commission_terms {
    int64_t id;
    enum commission_kind kind;
    int64_t rate_ppm, fixed_minor; // one of them, by kind
    int64_t hold_us;
};

struct commission_order {
    int64_t id, time_us; // of the conversion
    enum conversion_status status;
    int64_t amount_minor, refunded_minor;
    uint32_t weight_ppm; // the partner's share of the conversion
    struct commission_terms terms;
};

struct commission {
    int64_t base_minor, amount_minor; // both times the share; amount is 0 when void
    enum commission_status status;
    bool is_approved;
    int64_t hold_until_us; // an approved one is pending before
};

// Orders must be sorted by (time, id); out[i] is for orders[i].
void commission_compute(const struct commission_order orders[], size_t n, int64_t now_us,
                        struct commission out[]);

const char *commission_status_name(enum commission_status status);
