// Packing: what was packed comes out as it was; anything else is refused, without a byte behind its room.

#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static size_t pack_once(const void *raw, size_t bytes, void *out, size_t room)
{
    struct packer *packer = packer_new();
    size_t len = pack(packer, raw, bytes, out, room);

    packer_free(packer);
    return len;
}

// One packer for all: what it packed before must not be referred to.
static void there_and_back(void **state)
{
    (void)state;
    struct packer *packer = packer_new();
    static const size_t sizes[] = {1, 2, 12, 13, 64, 1000, 65536, 500000};

    for (size_t i = 0; i < array_length(sizes); i++)
        for (unsigned alphabet = 1; alphabet <= 256; alphabet *= 4) {
            size_t bytes = sizes[i], room = pack_bytes_max(bytes);
            uint8_t *raw = malloc(bytes), *out = malloc(bytes);
            char *packed = malloc(room);
            for (size_t at = 0; at < bytes; at++)
                raw[at] = (uint8_t)((unsigned)rand() % alphabet);
            struct slice slice = {packed, pack(packer, raw, bytes, packed, room)};
            assert_in_range(slice.len, PACK_HEADER_BYTES + 1, room);
            assert_int_equal(pack_raw_bytes(slice), bytes);
            assert_int_equal(pack_undo(slice, out), 0);
            assert_memory_equal(raw, out, bytes);
            free(raw);
            free(packed);
            free(out);
        }
    packer_free(packer);
}

static void repetition_is_small(void **state)
{
    (void)state;
    static char raw[4000], packed[8000];

    for (size_t i = 0; i < sizeof(raw); i++)
        raw[i] = "https://shop.example/?"[i % 22];
    assert_in_range(pack_once(raw, sizeof(raw), packed, sizeof(packed)), 1, 80);
}

static void what_is_cut_or_lies_is_refused(void **state)
{
    (void)state;
    char packed[200], raw[100], out[101];

    memset(raw, 'a', sizeof(raw));
    raw[50] = 'b';
    struct slice good = {packed, pack_once(raw, sizeof(raw), packed, sizeof(packed))};
    for (size_t len = 0; len < good.len; len++)
        assert_int_equal(pack_undo((struct slice){packed, len}, out), PACK_MALFORMED);
    bytes_put_u32((uint8_t *)packed, 99);
    assert_int_equal(pack_undo(good, out), PACK_MALFORMED);
    bytes_put_u32((uint8_t *)packed, 101);
    assert_int_equal(pack_undo(good, out), PACK_MALFORMED);
    bytes_put_u32((uint8_t *)packed, 0);
    assert_int_equal(pack_raw_bytes(good), 0);
    bytes_put_u32((uint8_t *)packed, PACK_RAW_MAX + 1);
    assert_int_equal(pack_raw_bytes(good), 0);
    assert_int_equal(pack_undo(good, out), PACK_MALFORMED);
    assert_int_equal(pack_raw_bytes((struct slice){packed, PACK_HEADER_BYTES}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(repetition_is_small),
        cmocka_unit_test(what_is_cut_or_lies_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
