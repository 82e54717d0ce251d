// Hashes of the ledger against values computed elsewhere, and that cells cannot be shifted.

#include "attrib/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void hex_is(const struct seal_hash *hash, const char *wanted)
{
    char hex[SEAL_HEX_BYTES];

    seal_hex(hash, hex);
    assert_string_equal(hex, wanted);
}

static struct seal_hash cells_hash(const struct slice cells[], size_t n)
{
    struct seal_state state;

    seal_transaction_begin(&state);
    for (size_t i = 0; i < n; i++)
        seal_cell(&state, cells[i]);
    return seal_end(&state);
}

// python3: hashlib.sha256(b"clickledger.transaction.1" + b"\0\0\0\2ab" + b"\xff\xff\xff\xff").hexdigest()
static void test_known(void **unused)
{
    (void)unused;
    struct slice cells[] = {SLICE("ab"), SLICE_NONE};
    struct seal_hash hash = cells_hash(cells, 2), before = {0};
    struct seal_state state;

    hex_is(&hash, "78a9a679491ed38d230d945fe581e022c91106cf8d366761bf1c90abf1ac347f");
    seal_head_begin(&state, &before, 258);
    seal_line(&state, &hash);
    struct seal_hash head = seal_end(&state);
    hex_is(&head, "4b87fe5fa714fb3a6bdefe53af883e15c0ffd2b6afce02a3e7f09cb067ee72df");
}

static void test_cells_keep_their_borders(void **unused)
{
    (void)unused;
    const struct slice lists[][2] = {{SLICE("ab"), SLICE("")},
                                     {SLICE("a"), SLICE("b")},
                                     {SLICE(""), SLICE("ab")},
                                     {SLICE("ab"), SLICE_NONE},
                                     {SLICE_NONE, SLICE("ab")}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t j = 0; j < i; j++) {
            struct seal_hash a = cells_hash(lists[i], 2), b = cells_hash(lists[j], 2);
            assert_false(seal_equal(&a, &b));
        }
    }
}

static void test_parse(void **unused)
{
    (void)unused;
    struct slice cells[] = {SLICE("x")};
    struct seal_hash hash = cells_hash(cells, 1), again;
    char hex[SEAL_HEX_BYTES + 1];

    seal_hex(&hash, hex);
    assert_true(seal_parse(slice_of(hex), &again) && seal_equal(&hash, &again));
    assert_false(seal_parse((struct slice){hex, 63}, &again));
    strcat(hex, "0");
    assert_false(seal_parse((struct slice){hex, 65}, &again));
    hex[5] = 'g';
    assert_false(seal_parse((struct slice){hex, 64}, &again));
    assert_false(seal_parse(SLICE(""), &again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_cells_keep_their_borders),
        cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
