#pragma once

// Keys: how a request carries one, what is stored of one, what a new one is made from. Pure but for
// randomness.

#include "base/http_request.h"

#define KEY_BYTES_MAX    200
#define KEY_HASH_BYTES   32
#define KEY_PARAM_BYTES  (2 + 2 * KEY_HASH_BYTES + 1) // "\x..." for PostgreSQL, with its NUL
#define KEY_SECRET_BYTES 41                           // 40 hexadecimal digits with the NUL: 160 bits

enum key_condition {
    KEY_NONE = 1, // no Authorization header, or not one Bearer key
};

// "Authorization: Bearer KEY", given once. 0 and the key inside the request, or KEY_NONE.
must_check int key_from_request(const struct http_request *request, struct slice *key);

// Whether it may be a key: 1 to KEY_BYTES_MAX characters of those that RFC 6750 allows.
bool key_is_plain(struct slice key);

void key_hash(struct slice key, uint8_t hash[KEY_HASH_BYTES]); // SHA-256
void key_hash_param(const uint8_t hash[KEY_HASH_BYTES], char out[KEY_PARAM_BYTES]);

// What the route's new key is made from. With an idempotency key it is derived from that and the asker's key,
// so that a repeated request shows the same new key although it is not stored; without one (.data NULL) it is
// random.
void key_secret(struct slice asker_key, const char *function, struct slice idempotency_key,
                char out[KEY_SECRET_BYTES]);
