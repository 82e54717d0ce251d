// Keys in requests, their hashes, and what new ones are made from.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>

#include <sodium.h>

#include "api/key.h"

static void keys_are_found(void **state)
{
    static char long_value[8 + KEY_BYTES_MAX + 1];
    static const struct {
        const char *values[2], *key; // NULL: none
    } cases[] = {
        {{"Bearer cl_team_0"}, "cl_team_0"},
        {{"bearer x"}, "x"},
        {{"Bearer a.b-c~d+e/f="}, "a.b-c~d+e/f="},
        {{NULL}, NULL},
        {{""}, NULL},
        {{"Bearer"}, NULL},
        {{"Bearer "}, NULL},
        {{"Bearer a b"}, NULL},
        {{"Basic x"}, NULL},
        {{"Bearerx"}, NULL},
        {{"Bearer x,y"}, NULL},
        {{"Bearer \xc3\xa9"}, NULL},
        {{"Bearer x", "Bearer x"}, NULL},
        {{long_value}, NULL},
    };
    (void)state;
    memset(long_value, 'a', sizeof(long_value) - 1);
    memcpy(long_value, "Bearer ", 7);
    for (size_t i = 0; i < array_length(cases); i++) {
        struct http_header headers[2];
        struct http_request request = {.headers = headers};
        struct slice key = SLICE_NONE;
        for (; request.n_headers < 2 && cases[i].values[request.n_headers]; request.n_headers++)
            headers[request.n_headers] =
                (struct http_header){SLICE("authorization"), slice_of(cases[i].values[request.n_headers])};
        assert_int_equal(key_from_request(&request, &key), cases[i].key ? 0 : KEY_NONE);
        if (cases[i].key)
            assert_true(slice_equal(key, slice_of(cases[i].key)));
    }
}

static void hashes_are_sha256(void **state)
{
    uint8_t hash[KEY_HASH_BYTES];
    char text[KEY_PARAM_BYTES];
    (void)state;
    key_hash(SLICE("abc"), hash); // FIPS 180-2, B.1
    key_hash_param(hash, text);
    assert_string_equal(text, "\\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void secrets_repeat_only_for_the_same_request(void **state)
{
    static const struct {
        struct slice asker;
        const char *function;
        struct slice idempotency_key;
    } cases[] = {
        {{"a", 1}, "f", {"k", 1}},  {{"b", 1}, "f", {"k", 1}}, {{"a", 1}, "g", {"k", 1}},
        {{"a", 1}, "f", {"l", 1}},  {{"a", 1}, "fk", {"", 0}}, {{"a", 1}, "f", {NULL, 0}},
        {{"a", 1}, "f", {NULL, 0}},
    };
    char secrets[array_length(cases)][KEY_SECRET_BYTES], again[KEY_SECRET_BYTES];
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        key_secret(cases[i].asker, cases[i].function, cases[i].idempotency_key, secrets[i]);
        assert_int_equal(strspn(secrets[i], "0123456789abcdef"), KEY_SECRET_BYTES - 1);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(secrets[i], secrets[j]);
        key_secret(cases[i].asker, cases[i].function, cases[i].idempotency_key, again);
        assert_int_equal(strcmp(again, secrets[i]) == 0, cases[i].idempotency_key.data != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found),
        cmocka_unit_test(hashes_are_sha256),
        cmocka_unit_test(secrets_repeat_only_for_the_same_request),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
