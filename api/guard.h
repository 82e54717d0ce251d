#pragma once

// Slows down who guesses passwords: attempts are token buckets per address (per /64 in IPv6) and per account.
// An address from which the account was entered lately has a bucket of the account to itself, so that guesses
// from elsewhere do not shut out its owner; the others wait at most for the next token. Success gives the
// tokens back. Pure: the caller brings the clock.

#include <netinet/in.h>
#include <stdint.h>

#include "base/slice.h"

#define GUARD_ADDRESS_BURST     20 // attempts at once
#define GUARD_ADDRESS_REFILL_MS 3000
#define GUARD_ACCOUNT_BURST     10
#define GUARD_ACCOUNT_REFILL_MS 30000
#define GUARD_SLOTS             4096
#define GUARD_KNOWN             4096 // addresses of accounts
#define GUARD_ACCOUNT_BYTES_MAX 256

struct guard;

// NULL: no memory.
struct guard *guard_new(void);
struct guard *guard_free(struct guard *guard);

// Without account (.data NULL) only the address counts. 0: the attempt may be made and is counted; else how
// many ms until the next may.
uint64_t guard_enter(struct guard *guard, const struct in6_addr *address, struct slice account,
                     uint64_t now_ms);
void guard_passed(struct guard *guard, const struct in6_addr *address, struct slice account, uint64_t now_ms);
