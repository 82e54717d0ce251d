// See candidates.h. Owner: credit_batch.c, which bounds how many come. The trackers make visitors' ids, half
// of whose bits are chance, so that a product of them is hash enough.

#include "attrib/candidates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ROOM_MIN      1024
#define SLOT_BITS_MIN 10
#define GOLDEN        UINT64_C(0x9e3779b97f4a7c15) // 2^64 / the golden ratio, odd (Knuth, TAOCP 3, 6.4)

struct candidate_visitor {
    uint8_t id[CANDIDATE_ID_BYTES];
    uint32_t order; // CANDIDATE_NONE: an empty slot
    uint32_t next;  // in visitors, of the same id
};

// The elements where there is room for one more than n, or NULL.
static void *with_room(void *elements, size_t *room, size_t n, size_t bytes)
{
    if (n < *room)
        return elements;
    size_t more = *room ? 2 * *room : ROOM_MIN;
    void *moved = n < CANDIDATE_NONE / 2 ? reallocarray(elements, more, bytes) : NULL;
    if (moved)
        *room = more;
    return moved;
}

int candidates_add_order(struct candidates *candidates, const struct candidate_order *order)
{
    struct candidate_order *orders =
        with_room(candidates->orders, &candidates->orders_room, candidates->n_orders, sizeof(*orders));

    if (!orders)
        return -ENOMEM;
    candidates->orders = orders;
    orders += candidates->n_orders++;
    *orders = *order;
    orders->n = 0;
    orders->first = CANDIDATE_NONE;
    return 0;
}

int candidates_add_visitor(struct candidates *candidates, const uint8_t id[CANDIDATE_ID_BYTES])
{
    struct candidate_visitor *visitors = with_room(candidates->visitors, &candidates->visitors_room,
                                                   candidates->n_visitors, sizeof(*visitors));

    if (!visitors)
        return -ENOMEM;
    candidates->visitors = visitors;
    visitors += candidates->n_visitors++;
    memcpy(visitors->id, id, CANDIDATE_ID_BYTES);
    visitors->order = (uint32_t)candidates->n_orders - 1;
    visitors->next = CANDIDATE_NONE;
    return 0;
}

// --- Visitors

// The visitor's slot, or the empty one where it belongs.
static struct candidate_visitor *slot_of(const struct candidates *candidates,
                                         const uint8_t id[CANDIDATE_ID_BYTES])
{
    size_t mask = ((size_t)1 << candidates->slot_bits) - 1;
    uint64_t halves[2];

    memcpy(halves, id, sizeof(halves));
    size_t at = (halves[0] ^ halves[1]) * GOLDEN >> (64 - candidates->slot_bits);
    while (candidates->slots[at].order != CANDIDATE_NONE &&
           memcmp(candidates->slots[at].id, id, CANDIDATE_ID_BYTES) != 0)
        at = (at + 1) & mask;
    return &candidates->slots[at];
}

int candidates_index(struct candidates *candidates)
{
    candidates->slot_bits = SLOT_BITS_MIN;
    while ((size_t)1 << candidates->slot_bits < 2 * candidates->n_visitors)
        candidates->slot_bits++;
    size_t bytes = sizeof(candidates->slots[0]) << candidates->slot_bits;
    free(candidates->slots);
    candidates->slots = malloc(bytes);
    if (!candidates->slots)
        return -ENOMEM;
    memset(candidates->slots, 0xff, bytes); // empty
    for (size_t i = 0; i < candidates->n_visitors; i++) {
        struct candidate_visitor *visitor = &candidates->visitors[i],
                                 *slot = slot_of(candidates, visitor->id);
        if (slot->order == CANDIDATE_NONE) {
            *slot = *visitor;
        } else {
            visitor->next = slot->next;
            slot->next = (uint32_t)i;
        }
    }
    return 0;
}

// --- Touches

static int order_add(struct candidates *candidates, struct candidate_order *order,
                     const struct candidate *touch)
{
    if (order->n == CANDIDATES_MAX) {
        log_event(LOG_ERROR, "credit.too_many_touches", log_int("conversion_id", order->conversion_id),
                  log_int("max", CANDIDATES_MAX));
        return -EMSGSIZE;
    }
    struct candidate *list = with_room(candidates->list, &candidates->room, candidates->n, sizeof(*list));
    if (!list)
        return -ENOMEM;
    candidates->list = list;
    list[candidates->n] = *touch;
    list[candidates->n].next = order->first;
    order->first = (uint32_t)candidates->n++;
    order->n++;
    return 0;
}

static int order_compare(const void *id, const void *order)
{
    int64_t a = *(const int64_t *)id, b = ((const struct candidate_order *)order)->conversion_id;

    return (a > b) - (a < b);
}

int candidates_add(struct candidates *candidates, int64_t conversion_id, const struct candidate *touch)
{
    struct candidate_order *order =
        candidates->n_orders > 0
            ? bsearch(&conversion_id, candidates->orders, candidates->n_orders, sizeof(*order), order_compare)
            : NULL;

    return order ? order_add(candidates, order, touch) : 0;
}

int candidates_add_for(struct candidates *candidates, const uint8_t visitor[CANDIDATE_ID_BYTES],
                       int64_t reach_us, const struct candidate *touch)
{
    const struct candidate_visitor *found = slot_of(candidates, visitor);
    int r = 0;

    if (found->order == CANDIDATE_NONE)
        return 0;
    for (;; found = &candidates->visitors[found->next]) {
        struct candidate_order *order = &candidates->orders[found->order];
        if (order->program_id == touch->program_id && touch->time_us < order->time_us &&
            touch->time_us >= order->time_us - reach_us)
            r = order_add(candidates, order, touch);
        if (r || found->next == CANDIDATE_NONE)
            return r;
    }
}

// --- Life

void candidates_clear(struct candidates *candidates)
{
    candidates->n = candidates->n_orders = candidates->n_visitors = 0;
}

void candidates_free(struct candidates *candidates)
{
    free(candidates->list);
    free(candidates->orders);
    free(candidates->visitors);
    free(candidates->slots);
    *candidates = (struct candidates){0};
}
