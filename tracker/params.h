#pragma once

// The parameters of clicks, impressions, visits and promo entries, read in one pass.

#include "base/hit.h"
#include "base/slice.h"
#include "base/scratch.h"

#define PARAMS_TEXT_MAX   512 // bytes of a sub id, a UTM value, an ad network's click id
#define PARAMS_PAGE_MAX   2048
#define PARAMS_PASSED_MAX 12 // names that are passed on to the shop

// What the visitor says about being known.
enum consent {
    CONSENT_UNSAID,
    CONSENT_GIVEN,   // consent=1
    CONSENT_REFUSED, // any other value, or one of two
};

// As it came, still encoded, so that it can be passed on byte for byte.
struct params_passed {
    struct slice name, value;
};

struct params {
    struct slice to; // deep link, decoded; empty when it could not be
    bool to_given;
    struct slice click_id, code; // decoded
    enum consent consent;
    struct params_passed passed[PARAMS_PASSED_MAX];
    size_t n_passed;
};

// Fills *params and the fields of the hit that come from parameters. Of a name that comes twice the first
// counts, but two `to` are as good as a broken one. What is unknown is left out; nothing fails.
void params_read(struct slice query, struct scratch *scratch, struct params *params,
                 struct slice field[HIT_FIELD_COUNT]);

// What a query says of consent, for requests that are not read by params_read().
enum consent params_consent(struct slice query);
