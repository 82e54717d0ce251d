// The limiter of failed authentications: two tables of fixed size, looked up by a keyed hash. Owner: the
// service. Two addresses in one slot take it from each other, the newer failure wins: that forgives, it never
// punishes. A bucket is kept as the time at which it will be full again (GCRA).

#include "api/limiter.h"

#include <stdlib.h>

#include <sodium.h>

struct slot {
    uint8_t network[16];
    uint64_t full_at_ms;
};

struct limiter {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct slot slots[LIMITER_SLOTS];
    uint8_t good[LIMITER_GOOD_KEYS][KEY_HASH_BYTES];
};

struct limiter *limiter_new(void)
{
    struct limiter *limiter = calloc(1, sizeof(*limiter));
    if (limiter)
        crypto_shorthash_keygen(limiter->key);
    return limiter;
}

struct limiter *limiter_free(struct limiter *limiter)
{
    free(limiter);
    return NULL;
}

static void network_of(const struct in6_addr *address, uint8_t network[16])
{
    memset(network, 0, 16);
    memcpy(network, address, IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8);
}

static size_t place_of(const struct limiter *limiter, const uint8_t *data, size_t bytes, size_t places)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash(hash, data, bytes, limiter->key);
    memcpy(&number, hash, sizeof(number));
    return number % places;
}

static bool is_good(const struct limiter *limiter, const uint8_t hash[KEY_HASH_BYTES])
{
    size_t place = place_of(limiter, hash, KEY_HASH_BYTES, LIMITER_GOOD_KEYS);
    return memcmp(limiter->good[place], hash, KEY_HASH_BYTES) == 0;
}

bool limiter_allows(const struct limiter *limiter, const struct in6_addr *address,
                    const uint8_t hash[KEY_HASH_BYTES], uint64_t now_ms)
{
    uint8_t network[16];
    network_of(address, network);
    const struct slot *slot = &limiter->slots[place_of(limiter, network, sizeof(network), LIMITER_SLOTS)];
    if (memcmp(slot->network, network, sizeof(network)) != 0 || is_good(limiter, hash))
        return true;
    return slot->full_at_ms <= now_ms + (uint64_t)(LIMITER_BURST - 1) * LIMITER_REFILL_MS;
}

void limiter_failed(struct limiter *limiter, const struct in6_addr *address,
                    const uint8_t hash[KEY_HASH_BYTES], uint64_t now_ms)
{
    uint8_t network[16];
    network_of(address, network);
    struct slot *slot = &limiter->slots[place_of(limiter, network, sizeof(network), LIMITER_SLOTS)];
    if (memcmp(slot->network, network, sizeof(network)) != 0) {
        memcpy(slot->network, network, sizeof(network));
        slot->full_at_ms = 0;
    }
    slot->full_at_ms = (slot->full_at_ms > now_ms ? slot->full_at_ms : now_ms) + LIMITER_REFILL_MS;
    if (is_good(limiter, hash)) // it was revoked
        memset(limiter->good[place_of(limiter, hash, KEY_HASH_BYTES, LIMITER_GOOD_KEYS)], 0, KEY_HASH_BYTES);
}

void limiter_passed(struct limiter *limiter, const uint8_t hash[KEY_HASH_BYTES])
{
    memcpy(limiter->good[place_of(limiter, hash, KEY_HASH_BYTES, LIMITER_GOOD_KEYS)], hash, KEY_HASH_BYTES);
}
