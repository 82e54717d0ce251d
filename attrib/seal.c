// Hashes of the ledger. Owner: the caller. SHA-256 is libsodium's, which needs no start for it.
// Invariant: two different lists of cells never give the same bytes, since each cell says its length.

#include "attrib/seal.h"

#include <string.h>

#define TRANSACTION_PREFIX "clickledger.transaction.1"
#define SEAL_PREFIX        "clickledger.seal.1"
#define CELL_NULL          UINT32_MAX

static void state_begin(struct seal_state *state, struct slice prefix)
{
    crypto_hash_sha256_init(&state->sha);
    crypto_hash_sha256_update(&state->sha, (const uint8_t *)prefix.data, prefix.len);
}

static void state_number(struct seal_state *state, uint64_t number, size_t bytes)
{
    uint8_t out[8];

    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    crypto_hash_sha256_update(&state->sha, out, bytes);
}

void seal_transaction_begin(struct seal_state *state)
{
    state_begin(state, SLICE(TRANSACTION_PREFIX));
}

void seal_cell(struct seal_state *state, struct slice cell)
{
    state_number(state, cell.data ? cell.len : CELL_NULL, 4);
    if (cell.data)
        crypto_hash_sha256_update(&state->sha, (const uint8_t *)cell.data, cell.len);
}

void seal_head_begin(struct seal_state *state, const struct seal_hash *before, uint64_t id)
{
    state_begin(state, SLICE(SEAL_PREFIX));
    seal_line(state, before);
    state_number(state, id, 8);
}

void seal_line(struct seal_state *state, const struct seal_hash *hash)
{
    crypto_hash_sha256_update(&state->sha, hash->bytes, sizeof(hash->bytes));
}

struct seal_hash seal_end(struct seal_state *state)
{
    struct seal_hash hash;

    crypto_hash_sha256_final(&state->sha, hash.bytes);
    return hash;
}

bool seal_equal(const struct seal_hash *a, const struct seal_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void seal_hex(const struct seal_hash *hash, char out[SEAL_HEX_BYTES])
{
    sodium_bin2hex(out, SEAL_HEX_BYTES, hash->bytes, sizeof(hash->bytes));
}

bool seal_parse(struct slice hex, struct seal_hash *out)
{
    size_t len = 0;

    return hex.len == SEAL_HEX_BYTES - 1 &&
           sodium_hex2bin(out->bytes, sizeof(out->bytes), hex.data, hex.len, NULL, &len, NULL) == 0 &&
           len == sizeof(out->bytes);
}
