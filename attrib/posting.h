#pragma once

// The ledger transaction between what is posted for a commission and what should be. Pure.

#include <stdbool.h>
#include <stdint.h>

// Sums of one (conversion, partner) in the partner's accounts.
struct posting_sums {
    int64_t pending_minor, available_minor;
};

// What each account gains; they sum to 0.
struct posting {
    const char *kind; // accrue, release, void, adjust
    int64_t expense_minor, pending_minor, available_minor;
};

// false: nothing to post.
bool posting_make(const struct posting_sums *posted, const struct posting_sums *wanted, struct posting *out);
