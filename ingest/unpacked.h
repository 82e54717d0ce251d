#pragma once

// The unpacked hits of the frames of one load. Start with {0}.

#include "ingest/delivery.h"

struct unpacked {
    uint8_t *data;
    size_t bytes, room;
};

// Makes room for all of these. 0 or -ENOMEM. What was given out before is gone.
must_check int unpacked_reserve(struct unpacked *unpacked, const struct delivery deliveries[], size_t n);
void unpacked_deinit(struct unpacked *unpacked);

// The hits of a reserved delivery whose payload is good, each delivery once; they live until room is
// reserved again. SLICE_NONE: they cannot be unpacked.
struct slice unpacked_hits(struct unpacked *unpacked, const struct delivery *delivery);
