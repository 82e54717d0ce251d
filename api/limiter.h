#pragma once

// Slows down who guesses keys: failed authentications per address (per /64 in IPv6), as a token bucket. A key
// that was good lately passes in any case, so that guesses behind a shared address do not shut out its owner.
// Pure: the caller brings the clock.

#include <netinet/in.h>
#include <stdint.h>

#include "api/key.h"

#define LIMITER_BURST     50   // failures at once
#define LIMITER_REFILL_MS 1000 // one more after each
#define LIMITER_SLOTS     4096
#define LIMITER_GOOD_KEYS 1024

struct limiter;

// NULL: no memory.
struct limiter *limiter_new(void);
struct limiter *limiter_free(struct limiter *limiter);

// How many ms until a key from this address is looked at; 0: now.
uint64_t limiter_wait_ms(const struct limiter *limiter, const struct in6_addr *address,
                         const uint8_t hash[KEY_HASH_BYTES], uint64_t now_ms);
void limiter_failed(struct limiter *limiter, const struct in6_addr *address,
                    const uint8_t hash[KEY_HASH_BYTES], uint64_t now_ms);
void limiter_passed(struct limiter *limiter, const uint8_t hash[KEY_HASH_BYTES]);

// What an address is counted as: itself in IPv4, its /64 in IPv6, where one customer has them all.
struct slice limiter_network(const struct in6_addr *address);
