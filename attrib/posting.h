#pragma once

// The ledger transaction between what is posted for a commission and what should be. Pure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSTING_ENTRIES_MAX 3

// Sums of one (conversion, partner) in the partner's accounts.
struct posting_sums {
    int64_t pending_minor, available_minor;
};

struct posting {
    const char *kind; // accrue, release, void, adjust
    size_t n;
    const char *account[POSTING_ENTRIES_MAX];
    int64_t amount_minor[POSTING_ENTRIES_MAX]; // what the account gains; they sum to 0
};

// false: nothing to post.
bool posting_make(const struct posting_sums *posted, const struct posting_sums *wanted, struct posting *out);
