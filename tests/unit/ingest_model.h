#pragma once

// The rules of docs/architecture.md, "Applying a frame", for one producer: what a test's ingest makes of a
// frame.

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/frame.h"
#include "tracker/position.h"

struct ingest_model {
    uint64_t last, want;
    struct stream_id evidence;
    bool ended;
    uint64_t applied, dropped, lost_frames, holes, hits, lost_hits, hits_end;
};

static inline void ingest_model_apply(struct ingest_model *m, const struct frame_header *h,
                                      struct stream_id id)
{
    m->ended |= (h->flags & FRAME_END) != 0;
    if (h->flags & FRAME_END && h->base <= m->last + 1)
        return;
    if (h->seq <= m->last) {
        m->dropped++;
        return;
    }
    if (h->seq > m->last + 1 && h->base <= m->last + 1) {
        m->dropped++;
        m->want = m->last + 1;
        m->evidence = id;
        return;
    }
    if (h->seq > m->last + 1) {
        m->lost_frames += h->base - 1 - m->last;
        m->lost_hits += h->hits_before_base - m->hits_end;
        m->hits_end = h->hits_before_base;
        m->last = h->base - 1;
        m->want = 0;
        if (h->seq > m->last + 1) {
            ingest_model_apply(m, h, id);
            return;
        }
    }
    m->last = h->seq;
    m->want = 0;
    m->hits_end = h->hits_before + h->count;
    if (h->flags & FRAME_HOLE) {
        m->holes++;
        m->lost_hits += h->count;
    } else {
        m->hits += h->count;
        m->applied++;
    }
}

static inline void ingest_model_position(const struct ingest_model *m, const char *generation, char *out,
                                         size_t out_bytes)
{
    snprintf(out, out_bytes, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "-%" PRIu64 " %d", generation, m->last,
             m->want, m->evidence.ms, m->evidence.n, m->ended);
}
