#pragma once

// Texts of deltas; for the files of base/delta.h only.

#include "base/delta_internal.h"

static inline bool delta_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

// Where codes and texts go. The room of a whole hit is checked before: DELTA_HIT_CODES_MAX and
// HIT_RECORD_MAX.
struct delta_out {
    uint8_t *codes;
    char *texts;
    char *kept; // texts that stand in none of both as a whole
};

// Most codes of one text: an edit's.
#define DELTA_EDITS_MAX      16
#define DELTA_TEXT_CODES_MAX (1 + DELTA_EDITS_MAX * (3 + 9)) // bytes before it, number
#define DELTA_HIT_CODES_MAX  (HIT_FIELD_COUNT * DELTA_TEXT_CODES_MAX + 256)

// delta_text.c. slots: those of the text's field. Returns the one that changed, or -1.
int delta_text_write(struct delta_out *out, struct slice slots[DELTA_TEXT_SLOTS], struct slice text);

struct delta_in {
    struct bytes_reader codes, texts;
    struct bytes_writer values; // the texts one behind the other, where the slots find them
};

// SLICE_NONE: malformed.
struct slice delta_text_read(struct delta_in *in, struct slice slots[DELTA_TEXT_SLOTS]);

// delta_destination.c. room: HIT_FIELD_MAX + 1 bytes.
struct slice delta_destination_fold(const struct hit *hit, uint64_t present, char *room);
// With all other fields of the hit. SLICE_NONE: malformed.
struct slice delta_destination_unfold(const struct hit *hit, struct slice folded,
                                      struct bytes_writer *values);
