// The sender's decisions. Pure. Owner: one sender.
// A pass is decided on evidence only: a reply that is not "stored", another Redis, a position that a new
// generation put back, a `want` whose evidence belongs to the last pass, an entry that vanished before
// PostgreSQL had it. Then nothing is sent until all replies are there, and the pass begins behind what is
// known to be good: so the stream holds, in order, everything that ingest may still need. A pass right behind
// one that moved nothing waits for a growing number of ticks (REST_MAX): evidence that comes again and again
// (a forked producer, a Redis without memory) must not become a flood. Invariants: the ring ascends by seq,
// its answered entries come first; next is above every seq in the ring.

#include "tracker/delivery.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RING_FIRST              64
#define RING_KEPT               4096 // entries; an empty ring with more room is given back
#define REST_TICKS_REFUSED_MAX  8    // behind an error reply
#define REST_TICKS_EVIDENCE_MAX 240  // behind any other evidence

void delivery_init(struct delivery *d, uint64_t base, uint64_t end, uint64_t window_max)
{
    *d = (struct delivery){.base = base, .next = base, .end = end, .window_max = window_max};
}

void delivery_deinit(struct delivery *d)
{
    free(d->ring);
    d->ring = NULL;
}

// --- The ring --------------------------------------------------------------------------------

static struct delivery_entry *ring_at(const struct delivery *d, size_t i)
{
    return &d->ring[(d->first + i) & (d->room - 1)];
}

static size_t unanswered(const struct delivery *d)
{
    return d->count - d->answered;
}

static void ring_pop_first(struct delivery *d)
{
    assert(d->answered > 0);
    d->window_bytes -= ring_at(d, 0)->bytes;
    d->first = (d->first + 1) & (d->room - 1);
    d->count--;
    d->answered--;
}

static void ring_pop_last(struct delivery *d)
{
    assert(d->count > 0 && unanswered(d) == 0);
    d->window_bytes -= ring_at(d, d->count - 1)->bytes;
    d->count--;
    d->answered--;
}

int delivery_reserve(struct delivery *d)
{
    if (d->count < d->room)
        return 0;
    size_t room = d->room ? d->room * 2 : RING_FIRST;
    struct delivery_entry *ring = calloc(room, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < d->count; i++)
        ring[i] = *ring_at(d, i);
    free(d->ring);
    d->ring = ring;
    d->first = 0;
    d->room = room;
    return 0;
}

// --- State -----------------------------------------------------------------------------------

static void enter(struct delivery *d, enum delivery_state state)
{
    d->state = d->up ? state : DELIVERY_DOWN;
}

static void pass_begin(struct delivery *d)
{
    while (d->count > 0 && ring_at(d, d->count - 1)->seq >= d->pass_from)
        ring_pop_last(d);
    d->next = max_of(d->pass_from, max_of(d->last + 1, d->base));
    d->pass_id_known = false;
    d->counters.passes++;
    d->rest = min_of(d->rest_next, d->rest_max);
    d->rest_next = max_of(d->rest * 2, 1);
    enter(d, d->rest > 0 ? DELIVERY_RESTING : DELIVERY_RUNNING);
}

static void pass_decide(struct delivery *d, uint64_t from, unsigned rest_max)
{
    d->rest_max = rest_max;
    d->pass_from = d->state == DELIVERY_DRAINING ? min_of(d->pass_from, from) : from;
    d->state = DELIVERY_DRAINING;
    if (unanswered(d) == 0)
        pass_begin(d);
}

void delivery_grow(struct delivery *d, uint64_t end)
{
    assert(end >= d->end);
    d->end = end;
}

void delivery_trim(struct delivery *d, uint64_t base)
{
    d->base = max_of(d->base, base);
}

void delivery_up(struct delivery *d, bool same)
{
    assert(unanswered(d) == 0);
    d->up = true;
    if (same) {
        enter(d, d->rest > 0 ? DELIVERY_RESTING : DELIVERY_RUNNING);
        return;
    }
    d->rest_next = 0;
    pass_decide(d, d->last + 1, REST_TICKS_EVIDENCE_MAX);
    d->rest_next = 0; // this pass was no answer to evidence: the next one need not rest
}

void delivery_down(struct delivery *d)
{
    assert(unanswered(d) == 0);
    d->up = false;
    d->state = DELIVERY_DOWN;
}

void delivery_tick(struct delivery *d)
{
    if (d->rest > 0 && --d->rest == 0 && d->state == DELIVERY_RESTING)
        d->state = DELIVERY_RUNNING;
}

// --- Sending ---------------------------------------------------------------------------------

// One frame is always let through, however large.
bool delivery_window_full(const struct delivery *d)
{
    return d->count > 0 && (d->window_bytes >= d->window_max || d->count >= DELIVERY_FRAMES_MAX);
}

bool delivery_ready(const struct delivery *d)
{
    return d->state == DELIVERY_RUNNING && d->next < d->end && !delivery_window_full(d);
}

bool delivery_skip(struct delivery *d, uint64_t found)
{
    assert(found > d->next);
    if (d->last + 1 < d->next && d->next > d->base)
        return false;
    d->next = found;
    return true;
}

void delivery_sent(struct delivery *d, uint32_t bytes)
{
    assert(d->count < d->room);
    if (d->next <= d->sent_to)
        d->counters.resent_frames++;
    d->sent_to = max_of(d->sent_to, d->next);
    d->count++;
    *ring_at(d, d->count - 1) = (struct delivery_entry){.seq = d->next, .bytes = bytes};
    d->window_bytes += bytes;
    d->unanswered_bytes += bytes;
    d->next++;
}

static void confirm(struct delivery *d)
{
    while (d->answered > 0 && ring_at(d, 0)->seq <= d->last)
        ring_pop_first(d);
    d->next = max_of(d->next, d->last + 1);
    if (d->count == 0 && d->room > RING_KEPT) {
        delivery_deinit(d);
        d->first = d->room = 0;
    }
}

void delivery_answer(struct delivery *d, bool stored, struct stream_id id)
{
    assert(unanswered(d) > 0);
    struct delivery_entry *entry = ring_at(d, d->answered++);
    uint64_t seq = entry->seq;

    d->unanswered_bytes -= entry->bytes;
    if (stored) {
        entry->id = id;
        if (!d->pass_id_known && d->state != DELIVERY_DRAINING) {
            d->pass_id = id;
            d->pass_id_known = true;
        }
    } else {
        d->counters.not_stored++;
    }
    if (!stored && seq > d->last)
        pass_decide(d, seq, REST_TICKS_REFUSED_MAX);
    else if (d->state == DELIVERY_DRAINING && unanswered(d) == 0)
        pass_begin(d);
    else
        confirm(d);
}

// --- Evidence --------------------------------------------------------------------------------

static void want_consider(struct delivery *d, const struct position *position)
{
    bool unfilled = position->want > d->last && position->want < d->next;
    bool of_this_pass = d->pass_id_known && !stream_id_before(position->evidence, d->pass_id);

    if (d->state != DELIVERY_RUNNING || !unfilled || !of_this_pass)
        return;
    d->counters.wants++;
    pass_decide(d, position->want, REST_TICKS_EVIDENCE_MAX);
}

bool delivery_position(struct delivery *d, const struct position *position)
{
    bool renewed = strcmp(d->generation, position->generation) != 0;
    bool first = d->generation[0] == '\0';
    bool moved = position->last > d->last;

    memcpy(d->generation, position->generation, sizeof(d->generation));
    if (renewed)
        d->ended = false;
    d->ended |= position->ended;
    if (position->last < d->last && !renewed)
        return false;
    if (position->last < d->last) {
        d->last = position->last;
        d->rest_next = 0;
        d->counters.rewinds += !first;
        pass_decide(d, d->last + 1, REST_TICKS_EVIDENCE_MAX);
        return true;
    }
    d->counters.confirmed_frames += position->last - d->last;
    d->last = position->last;
    if (moved)
        d->rest_next = 0;
    confirm(d);
    want_consider(d, position);
    return moved;
}

bool delivery_probe(const struct delivery *d, uint64_t *seq, struct stream_id *id)
{
    if (d->state != DELIVERY_RUNNING || d->answered == 0)
        return false;
    *seq = ring_at(d, 0)->seq;
    *id = ring_at(d, 0)->id;
    return true;
}

void delivery_vanished(struct delivery *d, uint64_t seq)
{
    if (d->state != DELIVERY_RUNNING || d->answered == 0 || ring_at(d, 0)->seq != seq)
        return;
    d->counters.vanished++;
    pass_decide(d, d->last + 1, REST_TICKS_EVIDENCE_MAX);
}
