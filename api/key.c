// Keys of the API, over libsodium. Invariant: a key is compared only as its SHA-256, by an index look-up of
// the database; keys have at least 128 random bits, so that neither needs a slow hash nor constant time.

#include "api/key.h"

#include <sodium.h>

#define SECRET_BYTES ((KEY_SECRET_BYTES - 1) / 2)

static bool is_key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~+/=", c));
}

bool key_is_plain(struct slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!is_key_char(key.data[i]))
            return false;
    }
    return key.len >= 1 && key.len <= KEY_BYTES_MAX;
}

int key_from_request(const struct http_request *request, struct slice *key)
{
    struct slice value = http_request_header(request, SLICE("Authorization"));
    struct slice scheme = SLICE("Bearer ");
    if (http_request_header_count(request, SLICE("Authorization")) != 1 || value.len <= scheme.len ||
        strncasecmp(value.data, scheme.data, scheme.len) != 0)
        return KEY_NONE;
    *key = (struct slice){value.data + scheme.len, value.len - scheme.len};
    return key_is_plain(*key) ? 0 : KEY_NONE;
}

void key_hash(struct slice key, uint8_t hash[KEY_HASH_BYTES])
{
    crypto_hash_sha256(hash, (const unsigned char *)key.data, key.len);
}

void key_hash_param(const uint8_t hash[KEY_HASH_BYTES], char out[KEY_PARAM_BYTES])
{
    out[0] = '\\';
    out[1] = 'x';
    sodium_bin2hex(out + 2, KEY_PARAM_BYTES - 2, hash, KEY_HASH_BYTES);
}

void key_secret(struct slice asker_key, const char *function, struct slice idempotency_key,
                char out[KEY_SECRET_BYTES])
{
    uint8_t secret[SECRET_BYTES], asker[KEY_HASH_BYTES];
    crypto_generichash_state state;
    if (!idempotency_key.data) {
        randombytes_buf(secret, sizeof(secret));
    } else {
        // Not the SHA-256 that is stored: that would let a reader of the database make the new key.
        crypto_generichash(asker, sizeof(asker), (const unsigned char *)asker_key.data, asker_key.len, NULL,
                           0);
        crypto_generichash_init(&state, asker, sizeof(asker), sizeof(secret));
        crypto_generichash_update(&state, (const unsigned char *)function, strlen(function) + 1);
        crypto_generichash_update(&state, (const unsigned char *)idempotency_key.data, idempotency_key.len);
        crypto_generichash_final(&state, secret, sizeof(secret));
        sodium_memzero(asker, sizeof(asker));
    }
    sodium_bin2hex(out, KEY_SECRET_BYTES, secret, sizeof(secret));
    sodium_memzero(secret, sizeof(secret));
}
