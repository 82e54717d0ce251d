#pragma once

// How the touches of a journey share a conversion. Pure, integers only.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define MODEL_TOUCHES_MAX      64 // of a journey; a split of money has no more parts
#define MODEL_HALF_LIFE_US_MAX (INT64_C(366) * 86400000000)

enum model_kind { MODEL_LAST, MODEL_FIRST, MODEL_LINEAR, MODEL_POSITION, MODEL_TIME_DECAY, MODEL_KINDS };

struct model {
    enum model_kind kind;
    uint32_t first_ppm,
        last_ppm;         // of MODEL_POSITION, at most MONEY_PPM_ONE together; the middle shares the rest
    int64_t half_life_us; // of MODEL_TIME_DECAY, 1..MODEL_HALF_LIFE_US_MAX
};

// Splits whole_ppm among n touches that happened at times_us, which ascend. The weights sum to whole_ppm:
// each is rounded down, what is left goes to the largest remainders, of equal ones to the earlier touch. n is
// 1..MODEL_TOUCHES_MAX.
void model_weigh(const struct model *model, const int64_t times_us[], size_t n, uint32_t whole_ppm,
                 uint32_t out_ppm[]);

const char *model_name(enum model_kind kind);  // "last", "first", "linear", "position", "time_decay"
enum model_kind model_find(struct slice name); // MODEL_KINDS: none
