#pragma once

// Money: int64 minor units, never floating point.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define MONEY_MINOR_MAX     INT64_C(1000000000000000) // 10^15 minor units: what one amount may be
#define MONEY_TEXT_BYTES    32                        // holds any formatted int64 with its NUL
#define MONEY_PPM_ONE       1000000                   // the whole
#define MONEY_RATE_PICO_MAX INT64_C(9000000000000000000)
#define MONEY_SPLIT_MAX     64 // parts of one split

enum money_condition {
    MONEY_MALFORMED = 1, // not plain ASCII decimal digits with an optional fraction
    MONEY_NEGATIVE = 2,  // an amount, but with a minus
    MONEY_PRECISION = 3, // decimals (other than zeros) that the currency does not have
    MONEY_TOO_LARGE = 4, // above MONEY_MINOR_MAX
};

// "1234.5" -> 123450 with exponent 2. 0 or an enum money_condition; *minor is set only after 0.
must_check int money_parse(struct slice text, unsigned exponent, int64_t *minor);

// 123450 -> "1234.50". Returns the length without the NUL.
size_t money_format(int64_t minor, unsigned exponent, char out[MONEY_TEXT_BYTES]);

// amount x rate / 1,000,000, halves away from zero (so that a refund is the exact opposite).
// |amount| <= MONEY_MINOR_MAX and 0 <= rate_ppm <= 1000 x MONEY_PPM_ONE, asserted.
int64_t money_share(int64_t amount_minor, int64_t rate_ppm);

// Into another currency: amount x rate x 10^(to - from exponent), halves to even. `rate_pico`: units of the
// other currency for one, times 10^12. 0 or MONEY_TOO_LARGE; *out_minor is set only after 0. 0 <= amount <=
// MONEY_MINOR_MAX, 0 <= rate <= MONEY_RATE_PICO_MAX, exponents up to 3, asserted.
must_check int money_convert(int64_t minor, int64_t rate_pico, unsigned from_exponent, unsigned to_exponent,
                             int64_t *out_minor);

// Divides total in proportion to weights, by largest remainder (ties: the earlier part), so that the parts
// sum exactly and none of a total up to the sum of the weights is above its weight. n is 1..MONEY_SPLIT_MAX,
// nothing is negative, weights sum to 1..MONEY_MINOR_MAX, asserted.
void money_divide(int64_t total_minor, const int64_t weights[], size_t n, int64_t out_minor[]);

// The sum of parts, each at its rate, rounded once in the same way. The parts are not negative, and their sum
// and the rates are within the limits above, asserted.
struct money_part {
    int64_t amount_minor, rate_ppm;
};
int64_t money_share_sum(const struct money_part parts[], size_t n);

// Splits total by weights that sum to MONEY_PPM_ONE, by largest remainder (ties: the earlier part), so that
// the parts sum exactly. n is 1..MONEY_SPLIT_MAX, |total| <= MONEY_MINOR_MAX, asserted.
void money_split(int64_t total_minor, const uint32_t ppm[], size_t n, int64_t out_minor[]);
