// Amounts as text, shares and splits. Pure; integers only, 128 bits wide where two are multiplied.
// Invariants: money_split sums exactly to its total; money_share(-a) == -money_share(a).
// Limits: MONEY_MINOR_MAX per amount, checked while parsing, so that no digit string can overflow.

#include "base/money.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EXPONENT_MAX         4
#define CONVERT_EXPONENT_MAX 3
#define RATE_EXPONENT        12 // of "pico"

__extension__ typedef __int128 wide_int;

static size_t digits_at(struct slice text, size_t from)
{
    size_t to = from;
    while (to < text.len && text.data[to] >= '0' && text.data[to] <= '9')
        to++;
    return to - from;
}

// Shape first, so that "1,000" is malformed and not too large. `whole` and `fraction` count digits.
static bool amount_shape(struct slice text, size_t *whole, size_t *fraction)
{
    *whole = digits_at(text, 0);
    *fraction = 0;
    if (*whole == 0)
        return false;
    if (*whole == text.len)
        return true;
    if (text.data[*whole] != '.')
        return false;
    *fraction = digits_at(text, *whole + 1);
    return *fraction > 0 && *whole + 1 + *fraction == text.len;
}

static int digits_add(int64_t *value, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *value = *value * 10 + (digits[i] - '0');
        if (*value > MONEY_MINOR_MAX)
            return MONEY_TOO_LARGE;
    }
    return 0;
}

static int amount_read(struct slice text, size_t whole, size_t fraction, unsigned exponent, int64_t *minor)
{
    size_t kept = fraction < exponent ? fraction : exponent;
    const char *decimals = text.data + text.len - fraction;
    int64_t value = 0;

    for (size_t i = kept; i < fraction; i++) {
        if (decimals[i] != '0')
            return MONEY_PRECISION;
    }
    if (digits_add(&value, text.data, whole) || (kept > 0 && digits_add(&value, decimals, kept)) ||
        digits_add(&value, "0000", exponent - kept))
        return MONEY_TOO_LARGE;
    *minor = value;
    return 0;
}

int money_parse(struct slice text, unsigned exponent, int64_t *minor)
{
    bool minus = text.len > 0 && text.data[0] == '-';
    size_t whole, fraction;

    assert(exponent <= EXPONENT_MAX);
    if (minus)
        text = (struct slice){text.data + 1, text.len - 1};
    if (!amount_shape(text, &whole, &fraction))
        return MONEY_MALFORMED;
    return minus ? MONEY_NEGATIVE : amount_read(text, whole, fraction, exponent, minor);
}

size_t money_format(int64_t minor, unsigned exponent, char out[MONEY_TEXT_BYTES])
{
    uint64_t one = 1, size = minor < 0 ? -(uint64_t)minor : (uint64_t)minor;
    const char *sign = minor < 0 ? "-" : "";
    int n;

    assert(exponent <= EXPONENT_MAX);
    for (unsigned i = 0; i < exponent; i++)
        one *= 10;
    if (exponent == 0)
        n = snprintf(out, MONEY_TEXT_BYTES, "%s%" PRIu64, sign, size);
    else
        n = snprintf(out, MONEY_TEXT_BYTES, "%s%" PRIu64 ".%0*" PRIu64, sign, size / one, (int)exponent,
                     size % one);
    assert(n > 0 && n < MONEY_TEXT_BYTES);
    return (size_t)n;
}

static bool amount_fits(int64_t minor)
{
    return minor >= -MONEY_MINOR_MAX && minor <= MONEY_MINOR_MAX;
}

int64_t money_share(int64_t amount_minor, int64_t rate_ppm)
{
    assert(amount_fits(amount_minor) && rate_ppm >= 0 && rate_ppm <= INT64_C(1000) * MONEY_PPM_ONE);
    wide_int product = (wide_int)amount_minor * rate_ppm, half = MONEY_PPM_ONE / 2;
    return (int64_t)((product + (product < 0 ? -half : half)) / MONEY_PPM_ONE);
}

static wide_int ten_to(unsigned exponent)
{
    wide_int power = 1;

    while (exponent-- > 0)
        power *= 10;
    return power;
}

int money_convert(int64_t minor, int64_t rate_pico, unsigned from_exponent, unsigned to_exponent,
                  int64_t *out_minor)
{
    assert(minor >= 0 && minor <= MONEY_MINOR_MAX && rate_pico >= 0 && rate_pico <= MONEY_RATE_PICO_MAX);
    assert(from_exponent <= CONVERT_EXPONENT_MAX && to_exponent <= CONVERT_EXPONENT_MAX);
    wide_int product = (wide_int)minor * rate_pico * ten_to(to_exponent); // < 2^124
    wide_int divisor = ten_to(RATE_EXPONENT + from_exponent);
    wide_int whole = product / divisor, twice = product % divisor * 2;

    whole += twice > divisor || (twice == divisor && whole % 2 == 1);
    if (whole > MONEY_MINOR_MAX)
        return MONEY_TOO_LARGE;
    *out_minor = (int64_t)whole;
    return 0;
}

int64_t money_share_sum(const struct money_part parts[], size_t n)
{
    wide_int sum = 0, total = 0;

    for (size_t i = 0; i < n; i++) {
        assert(parts[i].amount_minor >= 0 && parts[i].rate_ppm >= 0 &&
               parts[i].rate_ppm <= INT64_C(1000) * MONEY_PPM_ONE);
        total += parts[i].amount_minor;
        sum += (wide_int)parts[i].amount_minor * parts[i].rate_ppm;
    }
    assert(total <= MONEY_MINOR_MAX);
    return (int64_t)((sum + MONEY_PPM_ONE / 2) / MONEY_PPM_ONE);
}

// Gives one minor unit to the part with the largest remainder; the earlier wins a tie.
static void remainder_give(int64_t remainder[], size_t n, int64_t out_minor[], int64_t unit)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        if (remainder[i] > remainder[best])
            best = i;
    }
    out_minor[best] += unit;
    remainder[best] = -1;
}

void money_split(int64_t total_minor, const uint32_t ppm[], size_t n, int64_t out_minor[])
{
    int64_t remainder[MONEY_SPLIT_MAX], unit = total_minor < 0 ? -1 : 1, left = total_minor * unit;
    uint64_t weights = 0;

    assert(n >= 1 && n <= MONEY_SPLIT_MAX && amount_fits(total_minor));
    for (size_t i = 0; i < n; i++) {
        wide_int product = (wide_int)total_minor * unit * ppm[i];
        out_minor[i] = (int64_t)(product / MONEY_PPM_ONE) * unit;
        remainder[i] = (int64_t)(product % MONEY_PPM_ONE);
        left -= out_minor[i] * unit;
        weights += ppm[i];
    }
    assert(weights == MONEY_PPM_ONE && left >= 0 && left < (int64_t)n);
    for (; left > 0; left--)
        remainder_give(remainder, n, out_minor, unit);
}

void money_divide(int64_t total_minor, const int64_t weights[], size_t n, int64_t out_minor[])
{
    int64_t remainder[MONEY_SPLIT_MAX], left = total_minor, sum = 0;

    assert(n >= 1 && n <= MONEY_SPLIT_MAX && total_minor >= 0);
    for (size_t i = 0; i < n; i++) {
        assert(weights[i] >= 0 && weights[i] <= MONEY_MINOR_MAX - sum);
        sum += weights[i];
    }
    assert(sum > 0);
    for (size_t i = 0; i < n; i++) {
        wide_int product = (wide_int)total_minor * weights[i];
        out_minor[i] = (int64_t)(product / sum);
        remainder[i] = (int64_t)(product % sum);
        left -= out_minor[i];
    }
    assert(left >= 0 && left < (int64_t)n);
    for (; left > 0; left--)
        remainder_give(remainder, n, out_minor, 1);
}
