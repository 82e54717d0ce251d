// Token buckets in a table of fixed size. Owner: whoever made it. A bucket is kept as the time at which it
// will be full again (GCRA), under a keyed hash of its name, so that nobody can choose names that meet. Two
// names in one slot take it from each other, the newer wins: that forgives, it never punishes.

#include "api/buckets.h"

#include <stdlib.h>

#include <sodium.h>

#include "base/util.h"

struct slot {
    uint64_t tag; // of the name; 0 in an unused slot
    uint64_t full_at_us;
};

struct buckets {
    struct buckets_options options;
    uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
    struct slot slots[];
};

struct buckets *buckets_new(const struct buckets_options *options)
{
    struct buckets *buckets = calloc(1, sizeof(*buckets) + options->slots * sizeof(struct slot));
    if (buckets) {
        buckets->options = *options;
        randombytes_buf(buckets->key, sizeof(buckets->key));
    }
    return buckets;
}

struct buckets *buckets_free(struct buckets *buckets)
{
    free(buckets);
    return NULL;
}

// The slot of the name, and the tag it has there.
static size_t place_of(const struct buckets *buckets, struct slice name, uint64_t *tag)
{
    uint64_t hash[2];
    _Static_assert(sizeof(hash) == crypto_shorthash_siphashx24_BYTES, "two words");
    crypto_shorthash_siphashx24((unsigned char *)hash, (const unsigned char *)name.data, name.len,
                                buckets->key);
    *tag = hash[1] | 1;
    return hash[0] % buckets->options.slots;
}

uint64_t buckets_wait_ms(const struct buckets *buckets, struct slice name, uint64_t now_ms)
{
    uint64_t tag, allowed_us = now_ms * 1000 + (buckets->options.burst - 1) * buckets->options.refill_us;
    const struct slot *slot = &buckets->slots[place_of(buckets, name, &tag)];
    return slot->tag != tag || slot->full_at_us <= allowed_us ? 0
                                                              : (slot->full_at_us - allowed_us + 999) / 1000;
}

void buckets_take(struct buckets *buckets, struct slice name, uint64_t now_ms)
{
    uint64_t tag, now_us = now_ms * 1000;
    struct slot *slot = &buckets->slots[place_of(buckets, name, &tag)];
    uint64_t from_us = slot->tag == tag && slot->full_at_us > now_us ? slot->full_at_us : now_us;
    *slot = (struct slot){tag, from_us + buckets->options.refill_us};
}

void buckets_give(struct buckets *buckets, struct slice name, uint64_t now_ms)
{
    uint64_t tag;
    struct slot *slot = &buckets->slots[place_of(buckets, name, &tag)];
    if (slot->tag == tag && slot->full_at_us > now_ms * 1000)
        slot->full_at_us -= min_of(slot->full_at_us - now_ms * 1000, buckets->options.refill_us);
}
