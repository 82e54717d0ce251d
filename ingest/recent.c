// A ring of clicks and chains through it: each slot of a table of hashes names the newest click there, each
// click the one before it. A chain is followed until it leaves the ring, so nothing is ever taken out of it.
// Owner: whoever settles. Invariants: numbers only grow, along a chain they fall. Limits: RECENT_MAX clicks;
// when half of all numbers were used all is forgotten, between two passes.

#include "ingest/recent.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/click_id.h"

static_assert(sizeof(struct click_keys) == CLICK_KEYS_BYTES, "what stands in click_due");

#define RECENT_MIN  4096u
#define SLOTS(size) (2 * (size_t)(size)) // of one share, half full
#define NUMBER_MAX  (UINT32_MAX / 2)

struct recent {
    uint32_t first, end; // numbers of the clicks that are there
    uint32_t size;       // of the ring, a power of two
    struct click_keys *clicks;
    uint32_t (*older)[CLICK_SHARES];
    uint32_t *newest; // by share and slot
    uint64_t forgotten_ms;
};

struct recent *recent_new(void)
{
    struct recent *recent = calloc(1, sizeof(*recent));
    if (recent)
        recent->first = recent->end = 1;
    return recent;
}

static void tables_free(struct recent *recent)
{
    free(recent->clicks);
    free(recent->older);
    free(recent->newest);
}

struct recent *recent_free(struct recent *recent)
{
    if (recent) {
        tables_free(recent);
        free(recent);
    }
    return NULL;
}

void recent_reset(struct recent *recent, uint64_t forgotten_ms)
{
    tables_free(recent);
    *recent = (struct recent){.first = 1, .end = 1, .forgotten_ms = forgotten_ms};
}

void recent_miss(struct recent *recent, uint64_t forgotten_ms)
{
    recent->forgotten_ms = max_of(recent->forgotten_ms, forgotten_ms);
}

bool recent_covers(const struct recent *recent, uint64_t from_ms)
{
    return from_ms > recent->forgotten_ms;
}

uint32_t recent_first(const struct recent *recent)
{
    return recent->first;
}

uint32_t recent_end(const struct recent *recent)
{
    return recent->end;
}

const struct click_keys *recent_click(const struct recent *recent, uint32_t number)
{
    return &recent->clicks[number & (recent->size - 1)];
}

// --- Chains

static uint32_t *slot_of(const struct recent *recent, enum click_share share, uint64_t key)
{
    return &recent->newest[share * SLOTS(recent->size) + (key & (SLOTS(recent->size) - 1))];
}

static uint32_t while_there(const struct recent *recent, uint32_t number)
{
    return number >= recent->first ? number : 0;
}

uint32_t recent_newest(const struct recent *recent, enum click_share share, uint64_t key)
{
    return recent->size > 0 ? while_there(recent, *slot_of(recent, share, key)) : 0;
}

uint32_t recent_older(const struct recent *recent, enum click_share share, uint32_t number)
{
    return while_there(recent, recent->older[number & (recent->size - 1)][share]);
}

void recent_prefetch(const struct recent *recent, uint32_t number)
{
    for (enum click_share share = 0; share < CLICK_SHARES; share++)
        __builtin_prefetch(slot_of(recent, share, recent_click(recent, number)->key[share]));
}

static void chains_add(struct recent *recent, uint32_t number)
{
    const struct click_keys *click = recent_click(recent, number);

    for (enum click_share share = 0; share < CLICK_SHARES; share++) {
        if (click->key[share] == 0)
            continue;
        uint32_t *slot = slot_of(recent, share, click->key[share]);
        recent->older[number & (recent->size - 1)][share] = *slot;
        *slot = number;
    }
}

// --- Clicks

static int ring_grow(struct recent *recent, uint32_t size)
{
    struct recent grown = *recent;

    grown.size = size;
    grown.clicks = reallocarray(NULL, size, sizeof(*grown.clicks));
    grown.older = reallocarray(NULL, size, sizeof(*grown.older));
    grown.newest = calloc(CLICK_SHARES * SLOTS(size), sizeof(*grown.newest));
    if (!grown.clicks || !grown.older || !grown.newest) {
        tables_free(&grown);
        return -ENOMEM;
    }
    for (uint32_t number = recent->first; number < recent->end; number++) {
        grown.clicks[number & (size - 1)] = *recent_click(recent, number);
        chains_add(&grown, number);
    }
    tables_free(recent);
    *recent = grown;
    return 0;
}

static int ring_reserve(struct recent *recent, size_t n)
{
    uint32_t size = max_of(recent->size, RECENT_MIN);

    while (size < RECENT_MAX && size < recent->end - recent->first + n)
        size *= 2;
    return size > recent->size ? ring_grow(recent, size) : 0;
}

static void forget_first(struct recent *recent)
{
    recent_miss(recent, click_id_ms(recent_click(recent, recent->first)->id));
    recent->first++;
}

int recent_add(struct recent *recent, const void *keys, size_t n)
{
    assert(n <= UINT32_MAX - recent->end);
    int r = ring_reserve(recent, n);
    if (r)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (recent->end - recent->first == recent->size)
            forget_first(recent);
        memcpy(&recent->clicks[recent->end & (recent->size - 1)], (const char *)keys + i * CLICK_KEYS_BYTES,
               CLICK_KEYS_BYTES);
        chains_add(recent, recent->end++);
    }
    return 0;
}

void recent_expire(struct recent *recent, uint64_t before_ms)
{
    bool restarts = recent->end > NUMBER_MAX;

    while (recent->first < recent->end &&
           (restarts || click_id_ms(recent_click(recent, recent->first)->id) < before_ms))
        forget_first(recent);
    if (restarts)
        recent_reset(recent, recent->forgotten_ms);
}
