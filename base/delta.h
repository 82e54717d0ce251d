#pragma once

// The hits of a frame as what differs from those before them (FRAME_VERSION_DELTA). Some 390 bytes of a click
// become a quarter, in less time than packing them took. The payload:
//   u32 hits_bytes | u32 codes_bytes | codes | texts, packed (base/pack.h); nothing where there are none
// hits_bytes is what the plain hits (base/hit.h) take. Of each hit there are these codes:
//   shape     which fields there are, kind, class, reason, status, size of the address
//   numbers   of program, partner, link, promo code, revision those that differ from the hit before;
//             and whether host, method and class version are the last ones
//   id        time and counter from the hit before, and the tag; or all of it
//   fields    ascending: ids as the id, fixed ones as they are, texts by delta_text.c
//   place     country, region, system; agent: device, OS, browser: each a whole that was there or is new
// A code for something that was there names a slot. Which slot something new takes is the writer's choice.

#include <stddef.h>
#include <stdint.h>

#include "base/hit.h"
#include "base/slice.h"
#include "base/util.h"

enum delta_condition {
    DELTA_MALFORMED = 1, // not what a writer makes, or above PACK_RAW_MAX
};

struct delta_writer;

// For frames whose plain hits take at most so many bytes, at least HIT_RECORD_MAX + 4. NULL: no memory.
struct delta_writer *delta_writer_new(size_t hits_bytes_max);
void delta_writer_free(struct delta_writer *writer); // takes NULL

void delta_start(struct delta_writer *writer); // a new frame, without hits

// 0, a condition of hit_measure(), or -ENOBUFS: no room; then the frame is as before. Nothing is kept of
// *hit.
must_check int delta_add(struct delta_writer *writer, const struct hit *hit);

// Room that delta_finish() needs for whatever was added.
size_t delta_bytes_max(const struct delta_writer *writer);

// Writes the payload of the hits that were added, at least one. Returns its length.
size_t delta_finish(struct delta_writer *writer, void *out, size_t out_bytes);

// What its plain hits take, and the room that delta_undo() needs; 0: malformed.
size_t delta_hits_bytes(struct slice payload);
size_t delta_room_bytes(struct slice payload);

// The plain hits again, at the beginning of `room`. 0 or DELTA_MALFORMED; then what stands there means
// nothing.
must_check int delta_undo(struct slice payload, void *room);
