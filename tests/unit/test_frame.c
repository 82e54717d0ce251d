// Frame headers: round trip, each bit of damage found, contradictions refused, place found after damage.

#include "base/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

#include <xxhash.h>

static const struct frame_header sample = {
    .version = FRAME_VERSION_PLAIN,
    .producer = "0123456789abcde",
    .seq = 7,
    .hits_before = 100,
    .prev = 0x1122334455667788,
    .count = 2,
    .payload_bytes = 9,
    .base = 3,
    .hits_before_base = 40,
    .flags = FRAME_UNJOURNALED,
};

static void sample_encode(uint8_t bytes[FRAME_HEADER_BYTES])
{
    struct frame_header header = sample;
    frame_header_seal(&header, "payload!!", 9);
    frame_header_encode(&header, bytes);
}

static void a_header_comes_back(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES], again[FRAME_HEADER_BYTES];
    struct frame_header header;

    sample_encode(bytes);
    assert_memory_equal(bytes,
                        "CLFR\1\0\0\0"
                        "0123456789abcde\0"
                        "\7\0\0\0\0\0\0\0"
                        "\x64\0\0\0\0\0\0\0",
                        40);
    assert_int_equal(frame_header_decode(bytes, sizeof(bytes), &header), 0);
    assert_int_equal(header.seq, 7);
    assert_int_equal(header.flags, FRAME_UNJOURNALED);
    assert_int_equal(header.hits_before_base, 40);
    frame_header_encode(&header, again);
    assert_memory_equal(bytes, again, sizeof(bytes));
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES];
    struct frame_header header;

    sample_encode(bytes);
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(frame_header_decode(bytes, sizeof(bytes), &header),
                         bit < 32 ? FRAME_NOT_A_FRAME : FRAME_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(frame_header_decode(bytes, sizeof(bytes) - 1, &header), FRAME_SHORT);
}

static const struct {
    const char *what;
    size_t at;
    uint64_t value;
    unsigned bytes;
    int condition;
} patches[] = {
    {"version 0", 4, 0, 4, FRAME_VERSION_UNKNOWN},
    {"a newer version", 4, 4, 4, FRAME_VERSION_UNKNOWN},
    {"a packed one", 4, FRAME_VERSION_PACKED, 4, 0},
    {"one of deltas", 4, FRAME_VERSION_DELTA, 4, 0},
    {"seq 0", 24, 0, 8, FRAME_LIMIT},
    {"seq above bigint", 24, 1ull << 63, 8, FRAME_LIMIT},
    {"seq 1 with hits before", 24, 1, 8, FRAME_LIMIT},
    {"hits that overflow", 32, INT64_MAX, 8, FRAME_LIMIT},
    {"no hits and no END", 56, 0, 4, FRAME_LIMIT},
    {"too many hits", 56, FRAME_HITS_MAX + 1, 4, FRAME_LIMIT},
    {"more hits than bytes", 56, 10, 4, FRAME_LIMIT},
    {"too much payload", 60, FRAME_PAYLOAD_MAX + 1, 4, FRAME_LIMIT},
    {"base 0", 64, 0, 8, FRAME_LIMIT},
    {"base above seq", 64, 8, 8, FRAME_LIMIT},
    {"hits before base above hits before", 72, 101, 8, FRAME_LIMIT},
    {"an unknown flag", 80, 8, 4, FRAME_LIMIT},
    {"END with hits", 80, FRAME_END, 4, FRAME_LIMIT},
    {"the reserved word", 84, 1, 4, FRAME_LIMIT},
    {"a hole is fine", 80, FRAME_HOLE, 4, 0},
};

static void contradictions_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(patches); i++) {
        uint8_t bytes[FRAME_HEADER_BYTES];
        struct frame_header header;
        sample_encode(bytes);
        if (patches[i].bytes == 8)
            bytes_put_u64(bytes + patches[i].at, patches[i].value);
        else
            bytes_put_u32(bytes + patches[i].at, (uint32_t)patches[i].value);
        bytes_put_u64(bytes + 88, XXH3_64bits(bytes, 88));
        int r = frame_header_decode(bytes, sizeof(bytes), &header);
        if (r != patches[i].condition)
            fail_msg("%s: %d", patches[i].what, r);
    }
}

static void the_payload_is_checked(void **state)
{
    (void)state;
    struct frame_header header = sample;

    frame_header_seal(&header, "payload!!", 9);
    assert_int_equal(frame_payload_length(&header), 9);
    assert_int_equal(frame_payload_check(&header, "payload!!", 9), 0);
    assert_int_equal(frame_payload_check(&header, "payload!!more", 13), 0);
    assert_int_equal(frame_payload_check(&header, "payload!", 8), FRAME_SHORT);
    assert_int_equal(frame_payload_check(&header, "payload!?", 9), FRAME_DAMAGED);
    header.flags |= FRAME_HOLE;
    assert_int_equal(frame_payload_length(&header), 0);
    assert_int_equal(frame_payload_check(&header, NULL, 0), 0);
}

static void packed_hits_may_take_less_than_a_byte_each(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES];
    struct frame_header header = sample, back;

    header.version = FRAME_VERSION_PACKED;
    header.count = header.payload_bytes + 1;
    frame_header_encode(&header, bytes);
    assert_int_equal(frame_header_decode(bytes, sizeof(bytes), &back), 0);
    assert_int_equal(back.version, FRAME_VERSION_PACKED);
    bytes_put_u32(bytes + 4, FRAME_VERSION_PLAIN);
    bytes_put_u64(bytes + 88, XXH3_64bits(bytes, 88));
    assert_int_equal(frame_header_decode(bytes, sizeof(bytes), &back), FRAME_LIMIT);
}

static void an_end_frame_is_empty(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES];
    struct frame_header header = sample;

    header.count = 0;
    header.flags = FRAME_END;
    frame_header_seal(&header, NULL, 0);
    frame_header_encode(&header, bytes);
    assert_int_equal(frame_header_decode(bytes, sizeof(bytes), &header), 0);
    assert_int_equal(frame_payload_check(&header, NULL, 0), 0);
}

static void the_chain_survives_a_new_address(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES];
    struct frame_header header;

    sample_encode(bytes);
    uint64_t chain = frame_chain(bytes);
    frame_readdress(bytes, 5, 60, FRAME_HOLE);
    assert_true(frame_chain(bytes) == chain);
    assert_int_equal(frame_header_decode(bytes, sizeof(bytes), &header), 0);
    assert_int_equal(header.base, 5);
    assert_int_equal(header.hits_before_base, 60);
    assert_int_equal(header.flags, FRAME_HOLE);
    bytes[24] ^= 1;
    assert_true(frame_chain(bytes) != chain);
}

static void the_next_header_is_found(void **state)
{
    (void)state;
    uint8_t bytes[40 + 2 * FRAME_HEADER_BYTES];

    memset(bytes, 'C', sizeof(bytes));
    memcpy(bytes + 10, "CLFR", 4);
    sample_encode(bytes + 40);
    sample_encode(bytes + 40 + FRAME_HEADER_BYTES);
    assert_int_equal(frame_find(bytes, sizeof(bytes)), 40);
    bytes[50] ^= 1;
    assert_int_equal(frame_find(bytes, sizeof(bytes)), 40 + FRAME_HEADER_BYTES);
    assert_int_equal(frame_find(bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
    assert_int_equal(frame_find(bytes, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_comes_back),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(the_payload_is_checked),
        cmocka_unit_test(packed_hits_may_take_less_than_a_byte_each),
        cmocka_unit_test(an_end_frame_is_empty),
        cmocka_unit_test(the_chain_survives_a_new_address),
        cmocka_unit_test(the_next_header_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
