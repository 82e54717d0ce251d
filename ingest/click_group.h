#pragma once

// The clicks of a load by what rollups count them by, found in one pass for all of them.

#include "ingest/row_batch.h"

#define CLICK_HOUR_MS  3600000
#define CLICK_NO_GROUP UINT32_MAX

struct click_group {
    uint64_t hour_ms; // unix
    uint64_t program_id, partner_id, link_id;
    uint8_t class;
    uint64_t clicks;
};

struct click_groups {
    struct click_group *groups; // in the order in which they came
    uint32_t n;
    uint32_t *of; // by row of the batch; CLICK_NO_GROUP: it is not stored
};

// 0 or -ENOMEM. Frees nothing of what stood in `out`.
must_check int click_groups_find(const struct row_batch *clicks, struct click_groups *out);
void click_groups_free(struct click_groups *groups);
