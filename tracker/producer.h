#pragma once

// A producer: a random number, and the frames numbered under it. Builds one frame at a time, in place.

#include <stdint.h>

#include "base/frame.h"
#include "base/hit.h"
#include "base/slice.h"

enum producer_condition {
    PRODUCER_FULL = 1,    // no room in this frame
    PRODUCER_REFUSED = 2, // the hit breaks a limit
};

struct producer {
    uint8_t id[PRODUCER_BYTES];
    uint64_t seq;         // of the frame that is being built, from 1
    uint64_t hits_before; // that frame
    uint64_t prev;        // chain of the frame before
    uint32_t flags;       // of all its frames
    uint32_t count;       // hits in the frame so far
    struct delta_writer *delta; // its hits
    uint8_t *frame;             // as sealed
    size_t frame_room;
};

// hits_bytes_max: of a frame's hits, encoded. 0 or -ENOMEM. producer_renew() comes next.
must_check int producer_init(struct producer *producer, size_t hits_bytes_max);
void producer_deinit(struct producer *producer);

// Becomes a new producer with an empty frame; what was being built is thrown away.
void producer_renew(struct producer *producer, uint32_t flags);

// Appends a hit to the frame. 0, PRODUCER_FULL or PRODUCER_REFUSED (then the frame is as before).
must_check int producer_add(struct producer *producer, const struct hit *hit);

// The finished frame, header first; good until the next call. `base` 0: this frame's own seq. count > 0.
struct slice producer_seal(struct producer *producer, uint64_t base, uint64_t hits_before_base);

void producer_commit(struct producer *producer);  // the sealed frame counts; the next one begins
void producer_discard(struct producer *producer); // it does not; the frame begins anew under the same seq

// The frame behind the last one.
void producer_end(const uint8_t id[PRODUCER_BYTES], uint64_t seq, uint64_t hits_before, uint64_t prev,
                  uint32_t flags, uint64_t base, uint64_t hits_before_base, uint8_t out[FRAME_HEADER_BYTES]);
