// The guard of passwords: two tables of buckets and a table of fixed size of known addresses. Owner: the
// service.

#include "api/guard.h"

#include <stdlib.h>

#include <sodium.h>

#include "api/buckets.h"
#include "api/limiter.h"

#define PAIR_BYTES 16 // hash of address and account

struct guard {
    struct buckets *addresses, *accounts;
    uint8_t key[crypto_generichash_KEYBYTES];
    uint8_t known[GUARD_KNOWN][PAIR_BYTES];
};

struct guard *guard_new(void)
{
    const struct buckets_options address = {GUARD_ADDRESS_BURST, GUARD_ADDRESS_REFILL_MS * UINT64_C(1000),
                                            GUARD_SLOTS};
    const struct buckets_options account = {GUARD_ACCOUNT_BURST, GUARD_ACCOUNT_REFILL_MS * UINT64_C(1000),
                                            GUARD_SLOTS};
    struct guard *guard = calloc(1, sizeof(*guard));
    if (!guard)
        return NULL;
    crypto_generichash_keygen(guard->key);
    guard->addresses = buckets_new(&address);
    guard->accounts = buckets_new(&account);
    return guard->addresses && guard->accounts ? guard : guard_free(guard);
}

struct guard *guard_free(struct guard *guard)
{
    if (guard) {
        buckets_free(guard->addresses);
        buckets_free(guard->accounts);
    }
    free(guard);
    return NULL;
}

// Returns its place among the known ones.
static uint8_t *pair_of(struct guard *guard, struct slice network, struct slice account,
                        uint8_t pair[PAIR_BYTES])
{
    uint64_t number;
    crypto_generichash_state state;
    crypto_generichash_init(&state, guard->key, sizeof(guard->key), PAIR_BYTES);
    crypto_generichash_update(&state, (const unsigned char *)network.data, network.len);
    crypto_generichash_update(&state, (const unsigned char *)account.data, account.len);
    crypto_generichash_final(&state, pair, PAIR_BYTES);
    memcpy(&number, pair, sizeof(number));
    return guard->known[number % GUARD_KNOWN];
}

// Whose bucket counts attempts on the account from there; the name lies in `pair` or is the account.
static struct slice account_bucket(struct guard *guard, struct slice network, struct slice account,
                                   uint8_t pair[PAIR_BYTES])
{
    const uint8_t *known = pair_of(guard, network, account, pair);
    return memcmp(known, pair, PAIR_BYTES) == 0 ? (struct slice){(const char *)pair, PAIR_BYTES} : account;
}

uint64_t guard_enter(struct guard *guard, const struct in6_addr *address, struct slice account,
                     uint64_t now_ms)
{
    uint8_t pair[PAIR_BYTES];
    struct slice network = limiter_network(address), bucket = SLICE_NONE;
    uint64_t wait_ms = buckets_wait_ms(guard->addresses, network, now_ms);
    if (account.data) {
        bucket = account_bucket(guard, network, account, pair);
        uint64_t account_ms = buckets_wait_ms(guard->accounts, bucket, now_ms);
        wait_ms = max_of(wait_ms, account_ms);
    }
    if (wait_ms > 0)
        return wait_ms;
    buckets_take(guard->addresses, network, now_ms);
    if (account.data)
        buckets_take(guard->accounts, bucket, now_ms);
    return 0;
}

void guard_passed(struct guard *guard, const struct in6_addr *address, struct slice account, uint64_t now_ms)
{
    uint8_t pair[PAIR_BYTES];
    struct slice network = limiter_network(address);
    buckets_give(guard->addresses, network, now_ms);
    if (!account.data)
        return;
    buckets_give(guard->accounts, account_bucket(guard, network, account, pair), now_ms);
    memcpy(pair_of(guard, network, account, pair), pair, PAIR_BYTES);
}
