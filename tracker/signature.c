// Checks the signature of a report. Pure. Every live secret is tried, each compared in constant time. A
// replay within the window is the same report, which changes nothing (attrib/conversion.c).

#include "tracker/signature.h"

#include <sodium.h>

#include "base/catalog_policy.h"

#define TIMESTAMP_DIGITS_MAX 12

static struct slice header_once(const struct http_request *request, struct slice name)
{
    return http_request_header_count(request, name) == 1 ? http_request_header(request, name) : SLICE_NONE;
}

static bool seconds_read(struct slice text, uint64_t *seconds)
{
    *seconds = 0;
    if (text.len == 0 || text.len > TIMESTAMP_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *seconds = *seconds * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

static bool signature_read(struct slice text, uint8_t mac[crypto_auth_hmacsha256_BYTES])
{
    const struct slice version = SLICE("v1=");
    size_t len;

    return text.len == version.len + 2 * crypto_auth_hmacsha256_BYTES &&
           memcmp(text.data, version.data, version.len) == 0 &&
           sodium_hex2bin(mac, crypto_auth_hmacsha256_BYTES, text.data + version.len, text.len - version.len,
                          NULL, &len, NULL) == 0 &&
           len == crypto_auth_hmacsha256_BYTES;
}

static void add(crypto_auth_hmacsha256_state *state, struct slice bytes)
{
    crypto_auth_hmacsha256_update(state, (const uint8_t *)bytes.data, bytes.len);
}

static void sign(const struct http_request *request, struct slice timestamp, struct slice secret,
                 uint8_t mac[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret.data, secret.len);
    add(&state, timestamp);
    add(&state, SLICE("."));
    add(&state, request->method_name);
    add(&state, SLICE("."));
    add(&state, request->path);
    if (request->query.data)
        add(&state, SLICE("?"));
    add(&state, request->query);
    add(&state, SLICE("."));
    add(&state, request->body);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}

enum hit_reason signature_check(const struct http_request *request, struct slice secrets, uint64_t now_ms)
{
    struct slice timestamp = header_once(request, SLICE("X-Clickledger-Timestamp"));
    struct slice signature = header_once(request, SLICE("X-Clickledger-Signature"));
    uint8_t given[crypto_auth_hmacsha256_BYTES], wanted[crypto_auth_hmacsha256_BYTES];
    uint64_t seconds, now = now_ms / 1000;
    bool right = false;

    if (!seconds_read(timestamp, &seconds) || !signature_read(signature, given))
        return HIT_REASON_SIGNATURE_MISSING;
    if (seconds + SIGNATURE_WINDOW_S < now || seconds > now + SIGNATURE_WINDOW_S)
        return HIT_REASON_SIGNATURE_EXPIRED;
    for (struct slice secret; (secret = catalog_secret_next(&secrets)).data;) {
        sign(request, timestamp, secret, wanted);
        right |= sodium_memcmp(given, wanted, sizeof(wanted)) == 0;
    }
    return right ? HIT_REASON_NONE : HIT_REASON_SIGNATURE_WRONG;
}
