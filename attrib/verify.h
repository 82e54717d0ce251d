#pragma once

// `clickledger-attrib verify`: whether the ledger is what was sealed.

#include "base/util.h"

#define VERIFY_FAULTS_MAX 100 // told; more are only counted

enum verify_status { // exit statuses
    VERIFY_GOOD = 0,
    VERIFY_BAD = 1,
    VERIFY_FAILED = 3, // it could not be found out; 2 is a mistake in the arguments
};

struct verify_trust {
    const char *head;  // 64 hex digits, or NULL
    const char *heads; // a file of heads, or NULL
};

// Prints the faults, the first bad row first, then one line of sums that says which head was trusted.
must_check int verify_run(const char *conninfo, const struct verify_trust *trust);
