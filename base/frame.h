#pragma once

// A frame: the hits of one turn of a producer's loop; the unit of durability, delivery and deduplication.
// On the wire and in the journal: FRAME_HEADER_BYTES of header, then `payload_bytes` of payload (none after a
// HOLE or END header). Bytes 0..63 never change after the frame was made; the rest is renewed whenever it is
// sent again. Every later version must leave magic, version and the checksum (bytes 88..95, over 0..87) where
// they are, so that an old reader can tell a newer frame from a damaged one.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define FRAME_HEADER_BYTES    96
#define FRAME_IMMUTABLE_BYTES 64
#define FRAME_MAGIC           0x52464c43u // "CLFR" read as little-endian
#define FRAME_VERSION_PLAIN   1           // the payload is the hits
#define FRAME_VERSION_PACKED  2           // the payload is the hits, packed (base/pack.h)
#define FRAME_VERSION_DELTA   3           // the payload is what differs between the hits (base/delta.h)
#define FRAME_PAYLOAD_MAX     (4u << 20)
#define FRAME_HITS_MAX        65536u
#define PRODUCER_BYTES        16

enum frame_flag {
    FRAME_END = 1,         // the producer's last frame: no hits, no payload
    FRAME_HOLE = 2,        // the payload is damaged in the journal: no payload follows
    FRAME_UNJOURNALED = 4, // made without a journal: cannot be re-sent
};

enum frame_condition {
    FRAME_SHORT = 1,           // fewer bytes than a header, or than the payload it announces
    FRAME_NOT_A_FRAME = 2,     // magic
    FRAME_VERSION_UNKNOWN = 3, // made by a newer release
    FRAME_DAMAGED = 4,         // a checksum does not fit
    FRAME_LIMIT = 5,           // a sound checksum over fields that contradict each other or a limit
};

struct frame_header {
    uint8_t producer[PRODUCER_BYTES];
    uint64_t seq;         // from 1
    uint64_t hits_before; // hits of this producer before seq
    uint64_t prev;        // chain of frame seq - 1; 0 for seq 1
    uint64_t payload_sum; // XXH3_64 of the payload
    uint32_t count;       // hits
    uint32_t payload_bytes;
    uint64_t base;             // lowest seq that can still be re-sent, <= seq
    uint64_t hits_before_base; // hits of this producer before base, <= hits_before
    uint32_t flags;
    uint32_t version; // of the payload: FRAME_VERSION_...
};

// Fills payload_sum and payload_bytes from the payload. The limits are asserted.
void frame_header_seal(struct frame_header *header, const void *payload, size_t payload_bytes);

void frame_header_encode(const struct frame_header *header, uint8_t out[FRAME_HEADER_BYTES]);

// 0 or an enum frame_condition. *header is meaningful only after 0.
must_check int frame_header_decode(const void *bytes, size_t len, struct frame_header *header);

// Payload bytes that follow the header: 0 for HOLE and END.
size_t frame_payload_length(const struct frame_header *header);

// Is this the payload of the header? 0, FRAME_SHORT or FRAME_DAMAGED. `len` is what is there, more is fine. 0
// for a HOLE.
must_check int frame_payload_check(const struct frame_header *header, const void *payload, size_t len);

// What frame seq + 1 carries as `prev`.
uint64_t frame_chain(const uint8_t bytes[FRAME_HEADER_BYTES]);

// Renews the mutable part of an encoded, valid header in place.
void frame_readdress(uint8_t bytes[FRAME_HEADER_BYTES], uint64_t base, uint64_t hits_before_base,
                     uint32_t flags);

// Offset of the first valid header in [bytes, bytes + len), or len. For finding one's place after damage. The
// caller compares producer and seq with what it expects, since a visitor's text inside a payload may imitate
// a header.
size_t frame_find(const void *bytes, size_t len);
