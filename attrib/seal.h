#pragma once

// What a seal computes, pure: the hash of a ledger transaction and the head of the chain. Sealer and verifier
// share it.
//   hash(transaction) = SHA-256("clickledger.transaction.1" || cell...)
//   head(seal)        = SHA-256("clickledger.seal.1" || head before it (32 zero bytes before the first)
//                               || number of the seal, 8 bytes big-endian || hash... )
// A cell is its length as 4 bytes big-endian and its text; SQL null is ff ff ff ff.

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define SEAL_HASH_BYTES 32
#define SEAL_HEX_BYTES  (2 * SEAL_HASH_BYTES + 1)

struct seal_hash {
    uint8_t bytes[SEAL_HASH_BYTES];
};

struct seal_state {
    crypto_hash_sha256_state sha;
};

void seal_transaction_begin(struct seal_state *state);
void seal_cell(struct seal_state *state, struct slice cell); // .data NULL: SQL null

void seal_head_begin(struct seal_state *state, const struct seal_hash *before, uint64_t id);
void seal_line(struct seal_state *state, const struct seal_hash *hash);

struct seal_hash seal_end(struct seal_state *state); // of either

bool seal_equal(const struct seal_hash *a, const struct seal_hash *b);
void seal_hex(const struct seal_hash *hash, char out[SEAL_HEX_BYTES]); // lower case
bool seal_parse(struct slice hex, struct seal_hash *out);              // 64 hex digits
