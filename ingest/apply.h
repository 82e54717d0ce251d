#pragma once

// What is done with a frame: the table in docs/architecture.md ("Applying a frame") as a pure function.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/util.h"

enum apply_verdict {
    APPLY_LOAD = 1,  // load its hits, go on behind it
    APPLY_LATE,      // found after all: load its hits, its lost range shrinks
    APPLY_HOLE,      // its hits are lost, go on behind it
    APPLY_END,       // the producer has ended; the position stays
    APPLY_END_AGAIN, // the producer has ended, nothing else
    APPLY_RESEND,    // applied before: drop
    APPLY_GAP,       // something in between can still be sent: drop, want last + 1
    APPLY_SKIP,      // nobody can send last + 1 .. base - 1: they are lost; then decide again
    APPLY_DAMAGED,   // set its bytes aside, want it again
    APPLY_FORK,      // contradicts what was applied, as after copying a machine: set its bytes aside, stay
    APPLY_VERDICTS
};

// How far a producer has got.
struct apply_position {
    uint64_t last_seq;   // 0: nothing yet
    uint64_t last_chain; // chain of that frame, 0: not known
    uint64_t hits;       // in frames up to last_seq
};

struct lost_range {
    uint64_t from_seq, to_seq;
    uint64_t hits;
    uint64_t hits_before; // hits of the producer before from_seq
};

// `range` is the lost range that holds header->seq, or NULL; `chain` is the frame's own.
enum apply_verdict apply_decide(const struct apply_position *position, const struct lost_range *range,
                                const struct frame_header *header, uint64_t chain, bool payload_ok);

// After APPLY_SKIP: the range that is lost, and the position behind it.
struct lost_range apply_skip(struct apply_position *position, const struct frame_header *header);

// After APPLY_LOAD, APPLY_HOLE, APPLY_END: the position behind the frame, whose chain is given.
void apply_advance(struct apply_position *position, const struct frame_header *header, uint64_t chain);

// What is left of a range without the frame: 0, 1 or 2 ranges. Only after APPLY_LATE.
size_t lost_range_without(const struct lost_range *range, const struct frame_header *header,
                          struct lost_range left[2]);

const char *apply_verdict_name(enum apply_verdict verdict);
