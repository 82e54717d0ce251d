#pragma once

// Packing: the bytes' number as u32, then one LZ4 block. Used for the texts of a frame, and, in frames of
// FRAME_VERSION_PACKED, for its hits.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define PACK_HEADER_BYTES 4
#define PACK_RAW_MAX      (4u << 20)

enum pack_condition {
    PACK_MALFORMED = 1, // not what pack() makes, or above PACK_RAW_MAX
};

// Room that pack() needs for so many bytes.
size_t pack_bytes_max(size_t raw_bytes);

// What packing remembers, so that it need not be cleared each time.
struct packer;

struct packer *packer_new(void); // NULL: no memory
void packer_free(struct packer *packer);

// Packs 1..PACK_RAW_MAX bytes; out_bytes >= pack_bytes_max(raw_bytes). Returns the length, never 0. What is
// packed refers to nothing before it.
size_t pack(struct packer *packer, const void *raw, size_t raw_bytes, void *out, size_t out_bytes);

// How many bytes it was, as it says itself: 1..PACK_RAW_MAX; or 0: it is malformed.
size_t pack_raw_bytes(struct slice packed);

// out: pack_raw_bytes(packed) bytes. 0 or PACK_MALFORMED; then what stands in out means nothing.
must_check int pack_undo(struct slice packed, void *out);
