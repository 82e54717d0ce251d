// Varints: every width, the only form, the end of the buffer.

#include "base/bytes.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    uint64_t value;
    size_t bytes;
} values[] = {
    {0, 1},     {1, 1},          {127, 1},       {128, 2},         {16383, 2},
    {16384, 3}, {UINT32_MAX, 5}, {INT64_MAX, 9}, {1ull << 63, 10}, {UINT64_MAX, 10},
};

static void every_width_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(values); i++) {
        uint8_t wire[VARINT_BYTES_MAX];
        struct bytes_writer w = bytes_writer(wire, sizeof(wire));
        bytes_write_varint(&w, values[i].value);
        assert_false(w.overflow);
        assert_int_equal(w.at - wire, values[i].bytes);
        assert_int_equal(varint_bytes(values[i].value), values[i].bytes);
        struct bytes_reader r = bytes_reader(wire, values[i].bytes);
        assert_true(bytes_read_varint(&r) == values[i].value);
        assert_false(r.bad);
        for (size_t cut = 0; cut < values[i].bytes; cut++) {
            r = bytes_reader(wire, cut);
            (void)bytes_read_varint(&r);
            assert_true(r.bad);
            w = bytes_writer(wire, cut);
            bytes_write_varint(&w, values[i].value);
            assert_true(w.overflow && w.at == wire);
        }
    }
}

static const struct slice bad_varints[] = {
    {"\x80\x00", 2},
    {"\xff\x80\x00", 3},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11},
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11},
};

static void other_forms_are_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(bad_varints); i++) {
        struct bytes_reader r = bytes_reader(bad_varints[i].data, bad_varints[i].len);
        assert_true(bytes_read_varint(&r) == 0);
        assert_true(r.bad);
        assert_null(bytes_read(&r, 0));
    }
}

static void integers_are_little_endian(void **state)
{
    (void)state;
    uint8_t wire[8];
    bytes_put_u64(wire, 0x0102030405060708);
    assert_memory_equal(wire, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    assert_true(bytes_get_u64(wire) == 0x0102030405060708);
    assert_int_equal(bytes_get_u16(wire), 0x0708);
    bytes_put_u32(wire, 0xfffefdfc);
    assert_true(bytes_get_u32(wire) == 0xfffefdfc);
}

static void a_length_beyond_the_end_is_bad(void **state)
{
    (void)state;
    struct bytes_reader r = bytes_reader("abc", 3);
    assert_non_null(bytes_read(&r, 3));
    assert_non_null(bytes_read(&r, 0));
    assert_null(bytes_read(&r, UINT64_MAX));
    assert_true(r.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_comes_back),
        cmocka_unit_test(other_forms_are_bad),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(a_length_beyond_the_end_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
