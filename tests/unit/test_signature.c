// Signatures of reports: the right bytes, the right moment, one of the live secrets; nothing else.

#include "tracker/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "request_of.h"

#define NOW_S 1700000000

#define ONE "cl_secret_0123456789abcdef01234567"
#define TWO "cl_secret_fedcba9876543210fedcba98"

static const struct slice secrets = {"\0\42" ONE "\0\42" TWO, 72};
static struct request_of room;

// Computed apart from the code under test: HMAC-SHA256 in one call over the whole message.
static void hex_of(const char *secret, const char *message, char out[65])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)message, strlen(message));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(out, 65, mac, sizeof(mac));
}

static enum hit_reason check(const char *method, const char *target, const char *body, const char *secret,
                             const char *message, long seconds)
{
    char hex[65], headers[512];

    hex_of(secret, message, hex);
    snprintf(headers, sizeof(headers), "X-Clickledger-Timestamp: %ld\r\nx-clickledger-signature: v1=%s\r\n",
             seconds, hex);
    struct http_request request = *request_of(&room, method, target, headers);
    request.body = slice_of(body);
    return signature_check(&request, secrets, NOW_S * 1000ULL + 999);
}

static void known_answer_test(void **state)
{
    // printf '1700000000.GET./postback/k?a=1.' | openssl dgst -sha256 -hmac
    // cl_secret_0123456789abcdef01234567
    char hex[65];

    (void)state;
    hex_of(ONE, "1700000000.GET./postback/k?a=1.", hex);
    assert_string_equal(hex, "f9a0420fab8c55f348d60ddbfd4f80b84488b0698ac1513a6bba025f6f7e022b");
}

static void right_test(void **state)
{
    (void)state;
    assert_int_equal(check("GET", "/postback/k?a=1", "", ONE, "1700000000.GET./postback/k?a=1.", NOW_S),
                     HIT_REASON_NONE);
    assert_int_equal(check("GET", "/postback/k?a=1", "", TWO, "1700000000.GET./postback/k?a=1.", NOW_S),
                     HIT_REASON_NONE);
    assert_int_equal(
        check("POST", "/postback/k", "{\"a\":1}", TWO, "1700000000.POST./postback/k.{\"a\":1}", NOW_S),
        HIT_REASON_NONE);
    assert_int_equal(
        check("POST", "/postback/k?", "a=%20b", ONE, "1700000000.POST./postback/k?.a=%20b", NOW_S),
        HIT_REASON_NONE);
}

static void wrong_test(void **state)
{
    static const struct {
        const char *method, *target, *body, *secret, *message;
    } cases[] = {
        {"GET", "/postback/k?a=1", "", "cl_secret_ffffffffffffffffffffffff",
         "1700000000.GET./postback/k?a=1."},
        {"GET", "/postback/k?b=2&a=1", "", ONE, "1700000000.GET./postback/k?a=1&b=2."}, // re-ordered
        {"POST", "/postback/k?a=1", "", ONE, "1700000000.GET./postback/k?a=1."},        // another method
        {"GET", "/postback/l?a=1", "", ONE, "1700000000.GET./postback/k?a=1."},         // another path
        {"GET", "/postback/k?a=%31", "", ONE, "1700000000.GET./postback/k?a=1."},       // other bytes
        {"POST", "/postback/k", "a=2", ONE, "1700000000.POST./postback/k.a=1"},         // another body
        {"POST", "/postback/k", "", ONE, "1700000000.POST./postback/k.a=1"},     // moved out of the body
        {"POST", "/postback/k?a=1", "", ONE, "1700000000.POST./postback/k.a=1"}, // and into the query
        {"GET", "/postback/k?a=1", "", ONE, "1700000001.GET./postback/k?a=1."},  // another moment
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (check(cases[i].method, cases[i].target, cases[i].body, cases[i].secret, cases[i].message,
                  NOW_S) != HIT_REASON_SIGNATURE_WRONG)
            fail_msg("%s %s", cases[i].method, cases[i].target);
}

static void clock_test(void **state)
{
    static const struct {
        long off;
        enum hit_reason reason;
    } cases[] = {
        {-299, HIT_REASON_NONE},
        {-300, HIT_REASON_NONE},
        {-301, HIT_REASON_SIGNATURE_EXPIRED},
        {299, HIT_REASON_NONE},
        {300, HIT_REASON_NONE},
        {301, HIT_REASON_SIGNATURE_EXPIRED},
        {-NOW_S, HIT_REASON_SIGNATURE_EXPIRED},
        {98L * NOW_S, HIT_REASON_SIGNATURE_EXPIRED},
    };
    char message[64];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        snprintf(message, sizeof(message), "%ld.GET./postback/k.", NOW_S + cases[i].off);
        assert_int_equal(check("GET", "/postback/k", "", ONE, message, NOW_S + cases[i].off),
                         cases[i].reason);
    }
}

static void missing_test(void **state)
{
    static const char *const cases[] = {
        "",
        "X-Clickledger-Timestamp: 1700000000\r\n",
        "X-Clickledger-Signature: v1=%s\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Signature: %s\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Signature: v2=%s\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Signature: v1=%s0\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Signature: v1=%.62s\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Signature: v1=%.62szz\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Signature: v1=%s\r\nX-Clickledger-Signature: "
        "v1=0\r\n",
        "X-Clickledger-Timestamp: 1700000000\r\nX-Clickledger-Timestamp: "
        "1700000000\r\nX-Clickledger-Signature: v1=%s\r\n",
        "X-Clickledger-Timestamp: \r\nX-Clickledger-Signature: v1=%s\r\n",
        "X-Clickledger-Timestamp: -1\r\nX-Clickledger-Signature: v1=%s\r\n",
        "X-Clickledger-Timestamp: 1700000000.0\r\nX-Clickledger-Signature: v1=%s\r\n",
        "X-Clickledger-Timestamp: 1700000000000000000000\r\nX-Clickledger-Signature: v1=%s\r\n",
    };
    char hex[65], headers[512];

    (void)state;
    hex_of(ONE, "1700000000.GET./postback/k.", hex);
    for (size_t i = 0; i < array_length(cases); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(headers, sizeof(headers), cases[i], hex);
#pragma GCC diagnostic pop
        if (signature_check(request_of(&room, "GET", "/postback/k", headers), secrets, NOW_S * 1000ULL) !=
            HIT_REASON_SIGNATURE_MISSING)
            fail_msg("%s", cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer_test), cmocka_unit_test(right_test),   cmocka_unit_test(wrong_test),
        cmocka_unit_test(clock_test),        cmocka_unit_test(missing_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
