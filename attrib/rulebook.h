#pragma once

// Windows of terms and policies of programmes, as a whole in memory: what a pass over many conversions looks
// up.

#include <stddef.h>
#include <stdint.h>

#include "attrib/attribution.h"
#include "base/pg.h"

struct rulebook {
    struct rulebook_terms *terms;     // by (programme, partner, from descending)
    struct rulebook_policy *policies; // by (programme, from descending)
    size_t n_terms, n_policies;
};

must_check int rulebook_load(struct rulebook *book, struct pg *pg);
void rulebook_free(struct rulebook *book);

// Of the terms in force for the partner at that moment.
int64_t rulebook_window_us(const struct rulebook *book, int64_t program_id, int64_t partner_id,
                           int64_t at_us);

// In force for conversions of that moment; valid as long as the book.
const struct attribution_policy *rulebook_policy(const struct rulebook *book, int64_t program_id,
                                                 int64_t at_us);
