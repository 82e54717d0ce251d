#pragma once

// Active ISO 4217 currencies. No funds, metals, test or no-currency codes.

#include "base/slice.h"

#define CURRENCY_CODE_BYTES 3

struct currency {
    char code[CURRENCY_CODE_BYTES + 1];
    unsigned exponent; // decimals of the minor unit: 0, 2 or 3
};

// NULL when there is no such currency. Only upper-case codes are codes.
const struct currency *currency_find(struct slice code);
