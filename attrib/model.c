// Weights by parts: each model gives every touch an integer, the whole is split in their proportion. Owner:
// the attribution. No floating point: the same journey has the same weights everywhere. Limits: a time decay
// is exact to 2^-50 of the newest touch's part; MODEL_TOUCHES_MAX.

#include "attrib/model.h"

#include <assert.h>

#include "base/money.h"
#include "base/util.h"

__extension__ typedef unsigned __int128 wide_uint;

#define PART_ONE_BITS 56 // of the newest touch; 64 of them fit
#define HALF_BITS     56

static const char *const names[] = {
    [MODEL_LAST] = "last",         [MODEL_FIRST] = "first",           [MODEL_LINEAR] = "linear",
    [MODEL_POSITION] = "position", [MODEL_TIME_DECAY] = "time_decay",
};
static_assert(array_length(names) == MODEL_KINDS, "every model has a name");

// 2^(-1/2^k) for k = 1..HALF_BITS, in units of 2^-63, rounded to the nearest.
static const uint64_t halves[HALF_BITS] = {
    UINT64_C(0x5a827999fcef3242), UINT64_C(0x6ba27e656b4eb57a), UINT64_C(0x75606373ee921c97),
    UINT64_C(0x7a92be8a92436616), UINT64_C(0x7d41d96db915019d), UINT64_C(0x7e9f06067a4360ba),
    UINT64_C(0x7f4f08ae3dc7c426), UINT64_C(0x7fa765aca88f6453), UINT64_C(0x7fd3ab290e46d769),
    UINT64_C(0x7fe9d3a8e07bf086), UINT64_C(0x7ff4e9597bed93ab), UINT64_C(0x7ffa748dff8dc61f),
    UINT64_C(0x7ffd3a3f50020332), UINT64_C(0x7ffe9d1dbc0a75aa), UINT64_C(0x7fff4e8e6306ed59),
    UINT64_C(0x7fffa74712c3cdfd), UINT64_C(0x7fffd3a381b1fa29), UINT64_C(0x7fffe9d1beed018a),
    UINT64_C(0x7ffff4e8defb81d7), UINT64_C(0x7ffffa746f5f012f), UINT64_C(0x7ffffd3a37a7d0a8),
    UINT64_C(0x7ffffe9d1bd1fc58), UINT64_C(0x7fffff4e8de8832d), UINT64_C(0x7fffffa746f422d7),
    UINT64_C(0x7fffffd3a37a09bb), UINT64_C(0x7fffffe9d1bd02f2), UINT64_C(0x7ffffff4e8de80fe),
    UINT64_C(0x7ffffffa746f4060), UINT64_C(0x7ffffffd3a37a028), UINT64_C(0x7ffffffe9d1bd012),
    UINT64_C(0x7fffffff4e8de809), UINT64_C(0x7fffffffa746f404), UINT64_C(0x7fffffffd3a37a02),
    UINT64_C(0x7fffffffe9d1bd01), UINT64_C(0x7ffffffff4e8de81), UINT64_C(0x7ffffffffa746f40),
    UINT64_C(0x7ffffffffd3a37a0), UINT64_C(0x7ffffffffe9d1bd0), UINT64_C(0x7fffffffff4e8de8),
    UINT64_C(0x7fffffffffa746f4), UINT64_C(0x7fffffffffd3a37a), UINT64_C(0x7fffffffffe9d1bd),
    UINT64_C(0x7ffffffffff4e8df), UINT64_C(0x7ffffffffffa746f), UINT64_C(0x7ffffffffffd3a38),
    UINT64_C(0x7ffffffffffe9d1c), UINT64_C(0x7fffffffffff4e8e), UINT64_C(0x7fffffffffffa747),
    UINT64_C(0x7fffffffffffd3a3), UINT64_C(0x7fffffffffffe9d2), UINT64_C(0x7ffffffffffff4e9),
    UINT64_C(0x7ffffffffffffa74), UINT64_C(0x7ffffffffffffd3a), UINT64_C(0x7ffffffffffffe9d),
    UINT64_C(0x7fffffffffffff4f), UINT64_C(0x7fffffffffffffa7),
};

const char *model_name(enum model_kind kind)
{
    return names[kind];
}

enum model_kind model_find(struct slice name)
{
    for (int kind = 0; kind < MODEL_KINDS; kind++) {
        if (slice_equal(name, slice_of(names[kind])))
            return (enum model_kind)kind;
    }
    return MODEL_KINDS;
}

// 2^(-age / half_life) in units of 2^-PART_ONE_BITS: whole half-lives shift, each binary digit of the rest
// multiplies by its root of one half.
static uint64_t decayed(int64_t age_us, int64_t half_life_us)
{
    uint64_t shift = (uint64_t)(age_us / half_life_us), part = UINT64_C(1) << 63;
    wide_uint rest = (wide_uint)(uint64_t)(age_us % half_life_us) << HALF_BITS;
    uint64_t digits = (uint64_t)(rest / (uint64_t)half_life_us);

    if (shift > PART_ONE_BITS)
        return 0;
    for (int k = 0; k < HALF_BITS; k++) {
        if (digits >> (HALF_BITS - 1 - k) & 1)
            part = (uint64_t)((wide_uint)part * halves[k] >> 63);
    }
    return part >> (63 - PART_ONE_BITS) >> shift;
}

static uint64_t position_part(const struct model *model, size_t i, size_t n)
{
    uint64_t middle = n > 2 ? n - 2 : 1;

    // Of one touch there is no position, and nobody is in the middle of two.
    if (n == 1 || (n == 2 && model->first_ppm + model->last_ppm == 0))
        return 1;
    if (i == 0)
        return model->first_ppm * middle;
    if (i == n - 1)
        return model->last_ppm * middle;
    return MONEY_PPM_ONE - model->first_ppm - model->last_ppm;
}

static uint64_t part_of(const struct model *model, const int64_t times_us[], size_t i, size_t n)
{
    switch (model->kind) {
    case MODEL_LAST:
        return i == n - 1;
    case MODEL_FIRST:
        return i == 0;
    case MODEL_POSITION:
        return position_part(model, i, n);
    case MODEL_TIME_DECAY:
        return decayed(times_us[n - 1] - times_us[i], model->half_life_us);
    case MODEL_LINEAR:
    case MODEL_KINDS:
        break;
    }
    return 1;
}

static void rests_give(uint64_t rest[], size_t n, uint32_t left, uint32_t out_ppm[])
{
    for (; left > 0; left--) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++) {
            if (rest[i] > rest[best])
                best = i;
        }
        out_ppm[best]++;
        rest[best] = 0;
    }
}

void model_weigh(const struct model *model, const int64_t times_us[], size_t n, uint32_t whole_ppm,
                 uint32_t out_ppm[])
{
    uint64_t part[MODEL_TOUCHES_MAX], rest[MODEL_TOUCHES_MAX], sum = 0;
    uint32_t left = whole_ppm;

    assert(n >= 1 && n <= MODEL_TOUCHES_MAX && whole_ppm <= MONEY_PPM_ONE);
    for (size_t i = 0; i < n; i++) {
        assert(i == 0 || times_us[i - 1] <= times_us[i]);
        part[i] = part_of(model, times_us, i, n);
        sum += part[i];
    }
    for (size_t i = 0; i < n; i++) {
        wide_uint product = (wide_uint)part[i] * whole_ppm;
        out_ppm[i] = (uint32_t)(product / sum);
        rest[i] = (uint64_t)(product % sum);
        left -= out_ppm[i];
    }
    rests_give(rest, n, left, out_ppm);
}
