#pragma once

// What writer and reader of deltas share; nobody else includes it. Both remember the same: what a slot held
// when its frame began is part of the wire format, as are the numbers below.

#include <stdbool.h>
#include <stdint.h>

#include "base/delta.h"

#define DELTA_HEADER_BYTES  8
#define DELTA_TEXT_SLOTS    64 // of each field
#define DELTA_DIGITS_SLOT   63 // the last text of FORM_DIGITS
#define DELTA_SLOTS         64 // of shapes, places, agents
#define DELTA_NEW           0x80
#define DELTA_FORM_MASK     0xc0
#define DELTA_DIGITS_MAX    63 // bytes of a text of FORM_DIGITS
#define DELTA_NUMBERS       5
#define DELTA_STEADY        3
#define DELTA_HEAD_BYTES    7
#define DELTA_PRESENT_BYTES 7

// The upper two bits of a text's code; the lower six are a slot, of DIGITS the length.
enum delta_form {
    FORM_SAME = 0x00,
    FORM_PLAIN = 0x40,  // varint length; the bytes stand in the texts
    FORM_DIGITS = 0x80, // of 0-9a-f: two in a byte, the first in the upper half
    FORM_EDIT = 0xc0,   // the slot's text with other numbers, see delta_text.c

};

struct delta_shape {
    uint64_t present;               // bit of each field that is there
    uint8_t head[DELTA_HEAD_BYTES]; // kind, class, reason, status (little-endian), bytes of the address, of
                                    // these up to the last that is not 0
    uint8_t unused;
};

struct delta_place {
    uint8_t lengths;   // country 0x80, region << 4, system
    uint8_t bytes[15]; // one behind the other
};

struct delta_memory {
    struct delta_shape shape[DELTA_SLOTS], last_shape; // the last one that was new
    struct delta_place place[DELTA_SLOTS];
    uint8_t agent[DELTA_SLOTS][3];
    uint64_t number[DELTA_NUMBERS]; // of the hit before
    uint8_t id[HIT_ID_BYTES];
    struct slice steady[DELTA_STEADY]; // the last that was there
    struct slice text[HIT_FIELD_COUNT][DELTA_TEXT_SLOTS];
};

_Static_assert(HIT_FIELD_COUNT <= 8 * DELTA_PRESENT_BYTES, "a bit for each field");

// As it is when a frame begins; the texts must be SLICE_NONE.
void delta_memory_start(struct delta_memory *memory);

// Where the writer keeps a text: by what is not a digit in it. 0..DELTA_DIGITS_SLOT - 1
unsigned delta_text_slot(struct slice text);

enum {
    DELTA_HEAD_ADDRESS = 5, // places in a shape's head
    DELTA_HEAD_KEPT = 6,
    DELTA_TAG_BYTES = 5, // the end of an id that is written when the rest follows from another one
};

// How far an id is ahead of another one, plus 1, when both are click ids of one generator: the same key and
// instance, not behind it. 0: they are not.
uint64_t delta_id_step(const uint8_t id[HIT_ID_BYTES], const uint8_t old[HIT_ID_BYTES]);
void delta_id_apply(uint8_t id[HIT_ID_BYTES], const uint8_t old[HIT_ID_BYTES], uint64_t step,
                    const uint8_t tag[DELTA_TAG_BYTES]);

static const uint8_t delta_steady[DELTA_STEADY] = {HIT_HOST, HIT_METHOD, HIT_CLASS_VERSION};

#define DELTA_BIT(tag)   (UINT64_C(1) << (tag))
#define DELTA_PLACE_BITS (DELTA_BIT(HIT_COUNTRY) | DELTA_BIT(HIT_REGION) | DELTA_BIT(HIT_ASN))
#define DELTA_AGENT_BITS (DELTA_BIT(HIT_DEVICE) | DELTA_BIT(HIT_OS) | DELTA_BIT(HIT_BROWSER))

#define DELTA_APART_BITS (DELTA_PLACE_BITS | DELTA_AGENT_BITS | DELTA_BIT(HIT_DESTINATION))

static inline bool delta_is_id(unsigned tag)
{
    return tag == HIT_VISITOR || tag == HIT_REPORT_CLICK_ID;
}

static inline bool delta_is_fixed(unsigned tag) // 8 bytes
{
    return tag == HIT_ADDRESS_HASH || tag == HIT_REPORT_AMOUNT_MINOR || tag == HIT_REPORT_EVENT_TIME;
}
