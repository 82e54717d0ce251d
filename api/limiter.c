// The limiter of failed authentications: buckets of the addresses, and a table of good keys of fixed size,
// looked up by a keyed hash. Owner: the service.

#include "api/limiter.h"

#include <stdlib.h>

#include <sodium.h>

#include "api/buckets.h"

struct limiter {
    struct buckets *failures;
    uint8_t key[crypto_shorthash_KEYBYTES];
    uint8_t good[LIMITER_GOOD_KEYS][KEY_HASH_BYTES];
};

struct limiter *limiter_new(void)
{
    const struct buckets_options options = {LIMITER_BURST, LIMITER_REFILL_MS * UINT64_C(1000), LIMITER_SLOTS};
    struct limiter *limiter = calloc(1, sizeof(*limiter));
    if (!limiter)
        return NULL;
    crypto_shorthash_keygen(limiter->key);
    limiter->failures = buckets_new(&options);
    return limiter->failures ? limiter : limiter_free(limiter);
}

struct limiter *limiter_free(struct limiter *limiter)
{
    if (limiter)
        buckets_free(limiter->failures);
    free(limiter);
    return NULL;
}

struct slice limiter_network(const struct in6_addr *address)
{
    return (struct slice){(const char *)address, IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8};
}

static size_t place_of(const struct limiter *limiter, const uint8_t hash[KEY_HASH_BYTES])
{
    uint64_t number;
    _Static_assert(sizeof(number) == crypto_shorthash_BYTES, "one word");
    crypto_shorthash((unsigned char *)&number, hash, KEY_HASH_BYTES, limiter->key);
    return number % LIMITER_GOOD_KEYS;
}

static bool is_good(const struct limiter *limiter, const uint8_t hash[KEY_HASH_BYTES])
{
    return memcmp(limiter->good[place_of(limiter, hash)], hash, KEY_HASH_BYTES) == 0;
}

uint64_t limiter_wait_ms(const struct limiter *limiter, const struct in6_addr *address,
                         const uint8_t hash[KEY_HASH_BYTES], uint64_t now_ms)
{
    return is_good(limiter, hash) ? 0 : buckets_wait_ms(limiter->failures, limiter_network(address), now_ms);
}

void limiter_failed(struct limiter *limiter, const struct in6_addr *address,
                    const uint8_t hash[KEY_HASH_BYTES], uint64_t now_ms)
{
    buckets_take(limiter->failures, limiter_network(address), now_ms);
    if (is_good(limiter, hash)) // it was revoked
        memset(limiter->good[place_of(limiter, hash)], 0, KEY_HASH_BYTES);
}

void limiter_passed(struct limiter *limiter, const uint8_t hash[KEY_HASH_BYTES])
{
    memcpy(limiter->good[place_of(limiter, hash)], hash, KEY_HASH_BYTES);
}
