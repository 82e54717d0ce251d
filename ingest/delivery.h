#pragma once

// A stream entry and what can be said about its frame without asking anybody.

#include <stdbool.h>

#include "base/frame.h"
#include "base/slice.h"

struct delivery {
    struct slice entry_id;      // "<ms>-<n>", as Redis wrote it
    struct slice bytes;         // the frame; .data NULL: the entry holds none
    int condition;              // of the header: 0 or an enum frame_condition
    struct frame_header header; // meaningful after 0
    struct slice payload;
    bool payload_ok;
    size_t hits_bytes; // of its hits as base/hit.h has them; 0: there are none, or they cannot be read
    size_t room_bytes; // that delivery_hits() needs; 0: none
};

// The slices must outlive the delivery.
struct delivery delivery_of(struct slice entry_id, struct slice bytes);

// The hits of a delivery whose payload is good: where they are, or unpacked to `room`, which has
// delivery->room_bytes. SLICE_NONE when they cannot be unpacked.
struct slice delivery_hits(const struct delivery *delivery, void *room);

uint64_t delivery_count(const struct delivery *delivery); // hits by its header; 0: it cannot be read
uint64_t deliveries_count(const struct delivery deliveries[], size_t n);

const char *frame_condition_name(int condition);
