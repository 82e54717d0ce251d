#pragma once

// Packing of a frame's hits: their bytes as u32, then one LZ4 block. Hits of one frame repeat each other
// (links, hosts, browsers, languages), so some 500 bytes become 150.

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

// Packs 1..PACK_RAW_MAX bytes; out_bytes >= pack_bytes_max(raw_bytes). Returns the length, never 0.
size_t pack(const void *raw, size_t raw_bytes, void *out, size_t out_bytes);

// How many bytes it was, as it says itself: 1..PACK_RAW_MAX; or 0: it is malformed.
size_t pack_raw_bytes(struct slice packed);

// out: pack_raw_bytes(packed) bytes. 0 or PACK_MALFORMED; then what stands in out means nothing.
must_check int pack_undo(struct slice packed, void *out);
