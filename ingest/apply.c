// The decision about each frame. Pure: the loader reads the rows before and writes them after.
// Invariants: a position only moves forward, by one frame or over a counted range; `hits` of the position
// equals the hits of all frames up to last_seq, applied, set aside or lost; a frame that contradicts this is
// a fork.

#include "ingest/apply.h"

#include <assert.h>

static bool late_fits(const struct lost_range *range, const struct frame_header *header)
{
    uint64_t before = header->hits_before - range->hits_before;

    if (header->hits_before < range->hits_before || before > range->hits)
        return false;
    if (header->seq == range->from_seq && before != 0)
        return false;
    uint64_t after = range->hits - before;
    return header->seq == range->to_seq ? header->count == after : header->count <= after;
}

static enum apply_verdict decide_behind(const struct apply_position *position, const struct lost_range *range,
                                        const struct frame_header *header, uint64_t chain, bool payload_ok)
{
    if (header->flags & FRAME_END)
        return APPLY_END_AGAIN;
    if (header->seq == position->last_seq && position->last_chain != 0 && chain != position->last_chain)
        return APPLY_FORK; // two went on from the same frame: it only looks like one sent again
    if (!range || header->flags & FRAME_HOLE || !payload_ok)
        return APPLY_RESEND;
    return late_fits(range, header) ? APPLY_LATE : APPLY_FORK;
}

static bool chain_fits(const struct apply_position *position, const struct frame_header *header)
{
    bool unknown = position->last_chain == 0 && position->last_seq > 0;
    return (unknown || header->prev == position->last_chain) && header->hits_before == position->hits;
}

static enum apply_verdict decide_next(const struct apply_position *position,
                                      const struct frame_header *header, bool payload_ok)
{
    if (!chain_fits(position, header))
        return APPLY_FORK;
    if (header->flags & FRAME_END)
        return APPLY_END;
    if (header->flags & FRAME_HOLE)
        return APPLY_HOLE;
    return payload_ok ? APPLY_LOAD : APPLY_DAMAGED;
}

enum apply_verdict apply_decide(const struct apply_position *position, const struct lost_range *range,
                                const struct frame_header *header, uint64_t chain, bool payload_ok)
{
    uint64_t next = position->last_seq + 1;

    if (header->seq < next)
        return decide_behind(position, range, header, chain, payload_ok);
    if (header->seq == next)
        return decide_next(position, header, payload_ok);
    if (header->base <= next)
        return APPLY_GAP;
    return header->hits_before_base < position->hits ? APPLY_FORK : APPLY_SKIP;
}

struct lost_range apply_skip(struct apply_position *position, const struct frame_header *header)
{
    assert(header->base > position->last_seq + 1 && header->hits_before_base >= position->hits);
    struct lost_range range = {
        .from_seq = position->last_seq + 1,
        .to_seq = header->base - 1,
        .hits = header->hits_before_base - position->hits,
        .hits_before = position->hits,
    };
    *position = (struct apply_position){.last_seq = header->base - 1, .hits = header->hits_before_base};
    return range;
}

void apply_advance(struct apply_position *position, const struct frame_header *header, uint64_t chain)
{
    assert(header->seq == position->last_seq + 1);
    position->last_seq = header->seq;
    position->last_chain = chain;
    position->hits += header->count;
}

size_t lost_range_without(const struct lost_range *range, const struct frame_header *header,
                          struct lost_range left[2])
{
    uint64_t before = header->hits_before - range->hits_before;
    size_t n = 0;

    assert(late_fits(range, header));
    if (header->seq > range->from_seq)
        left[n++] = (struct lost_range){range->from_seq, header->seq - 1, before, range->hits_before};
    if (header->seq < range->to_seq)
        left[n++] = (struct lost_range){header->seq + 1, range->to_seq, range->hits - before - header->count,
                                        header->hits_before + header->count};
    return n;
}

const char *apply_verdict_name(enum apply_verdict verdict)
{
    static const char *const names[APPLY_VERDICTS] = {
        [APPLY_LOAD] = "load", [APPLY_LATE] = "late",           [APPLY_HOLE] = "hole",
        [APPLY_END] = "end",   [APPLY_END_AGAIN] = "end_again", [APPLY_RESEND] = "resend",
        [APPLY_GAP] = "gap",   [APPLY_SKIP] = "skip",           [APPLY_DAMAGED] = "damaged",
        [APPLY_FORK] = "fork",
    };
    assert(verdict > 0 && verdict < APPLY_VERDICTS);
    return names[verdict];
}
