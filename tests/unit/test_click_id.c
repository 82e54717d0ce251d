// Click ids: layout, order, forgery, text, keys.

#include "base/click_id.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_A "000102030405060708090a0b0c0d0e0f"
#define KEY_B "ffeeddccbbaa99887766554433221100"

static struct click_id_keys keys;

static int keys_make(void **state)
{
    (void)state;
    return click_id_keys_parse(&keys, SLICE("2 " KEY_A "\n"));
}

static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    struct click_id_generator generator;
    uint8_t id[CLICK_ID_BYTES];
    char text[CLICK_ID_TEXT_BYTES];

    click_id_generator_init(&generator, &keys, 0xabcdef);
    click_id_next(&generator, 0x0123456789ab, id);
    click_id_format(id, text);
    // variant 10, key id 10, instance abcdef, 36 bits of tag
    assert_memory_equal(text, "01234567-89ab-7000-aabc-def", 27);
    assert_true(click_id_ms(id) == 0x0123456789ab);
    assert_int_equal(click_id_check(&keys, id), 0);
    click_id_next(&generator, 0x0123456789ab, id);
    click_id_format(id, text);
    assert_memory_equal(text, "01234567-89ab-7001-aabc-def", 27);
}

static void the_tag_is_siphash_2_4(void **state)
{
    (void)state;
    // Computed apart from this code (Python, SipHash-2-4 of the id with its last 36 bits zero, key 00..0f).
    static const char known[] = "01234567-89ab-7000-aabc-def6840168d1";
    struct click_id_generator generator;
    uint8_t id[CLICK_ID_BYTES];
    char text[CLICK_ID_TEXT_BYTES];

    click_id_generator_init(&generator, &keys, 0xabcdef);
    click_id_next(&generator, 0x0123456789ab, id);
    click_id_format(id, text);
    assert_memory_equal(text, known, CLICK_ID_TEXT_BYTES);
}

static const uint64_t clocks[] = {5, 5, 4, 100, 0, 99, 100, 101, 50};

static void ids_ascend_whatever_the_clock_does(void **state)
{
    (void)state;
    struct click_id_generator generator;
    uint8_t last[CLICK_ID_BYTES] = {0}, id[CLICK_ID_BYTES];
    uint64_t highest = 0;

    click_id_generator_init(&generator, &keys, 1);
    for (size_t i = 0; i < array_length(clocks); i++) {
        highest = clocks[i] > highest ? clocks[i] : highest;
        click_id_next(&generator, clocks[i], id);
        assert_true(memcmp(last, id, sizeof(id)) < 0);
        assert_true(click_id_ms(id) == highest);
        memcpy(last, id, sizeof(id));
    }
}

static void a_full_counter_takes_the_next_ms(void **state)
{
    (void)state;
    struct click_id_generator generator;
    uint8_t last[CLICK_ID_BYTES] = {0}, id[CLICK_ID_BYTES];

    click_id_generator_init(&generator, &keys, 1);
    for (unsigned i = 0; i < 3 * 4096; i++) {
        click_id_next(&generator, 7, id);
        assert_true(click_id_ms(id) == 7 + i / 4096);
        assert_true(memcmp(last, id, sizeof(id)) < 0);
        assert_int_equal(click_id_check(&keys, id), 0);
        memcpy(last, id, sizeof(id));
    }
    click_id_next(&generator, 8, id);
    assert_true(click_id_ms(id) == 10);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct click_id_generator generator;
    uint8_t id[CLICK_ID_BYTES];

    click_id_generator_init(&generator, &keys, 99);
    click_id_next(&generator, 1700000000000, id);
    for (size_t bit = 0; bit < 128; bit++) {
        id[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        int expected = bit == 66 || bit == 67 ? CLICK_ID_KEY_UNKNOWN : CLICK_ID_FORGED;
        assert_int_equal(click_id_check(&keys, id), expected);
        id[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    assert_int_equal(click_id_check(&keys, id), 0);
}

static void keys_rotate(void **state)
{
    (void)state;
    struct click_id_keys both, other;
    struct click_id_generator generator;
    uint8_t id[CLICK_ID_BYTES];

    assert_int_equal(click_id_keys_parse(&both, SLICE("1 " KEY_B "\n2 " KEY_A)), 0);
    assert_int_equal(click_id_keys_parse(&other, SLICE("2 " KEY_B)), 0);
    assert_int_equal(both.current, 1);
    click_id_generator_init(&generator, &keys, 5);
    click_id_next(&generator, 1, id);
    assert_int_equal(click_id_check(&both, id), 0);
    assert_int_equal(click_id_check(&other, id), CLICK_ID_FORGED);
    click_id_generator_init(&generator, &both, 5);
    click_id_next(&generator, 1, id);
    assert_int_equal(click_id_check(&both, id), 0);
    assert_int_equal(click_id_check(&keys, id), CLICK_ID_KEY_UNKNOWN);
}

static const struct {
    const char *text;
    int condition;
} texts[] = {
    {"01890a5d-ac96-774b-bcce-b302099a8057", 0},
    {"01890A5D-AC96-774B-BCCE-B302099A8057", 0},
    {"", CLICK_ID_MALFORMED},
    {"01890a5dac96774bbcceb302099a8057", CLICK_ID_MALFORMED},
    {"01890a5d-ac96-774b-bcce-b302099a805", CLICK_ID_MALFORMED},
    {"01890a5d-ac96-774b-bcce-b302099a80577", CLICK_ID_MALFORMED},
    {"01890a5dxac96-774b-bcce-b302099a8057", CLICK_ID_MALFORMED},
    {"01890a5d-ac96-774b-bcce-b302099a805g", CLICK_ID_MALFORMED},
    {"0-890a5d-ac96-774b-bcce-b302099a8057", CLICK_ID_MALFORMED},
    {"{1890a5d-ac96-774b-bcce-b302099a805}", CLICK_ID_MALFORMED},
    {" 1890a5d-ac96-774b-bcce-b302099a8057", CLICK_ID_MALFORMED},
};

static void only_36_characters_are_an_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(texts); i++) {
        uint8_t id[CLICK_ID_BYTES];
        char again[CLICK_ID_TEXT_BYTES];
        assert_int_equal(click_id_parse(slice_of(texts[i].text), id), texts[i].condition);
        if (texts[i].condition)
            continue;
        click_id_format(id, again);
        assert_memory_equal(again, texts[0].text, sizeof(again));
    }
}

static const struct {
    const char *text;
    int condition;
} key_texts[] = {
    {"0 " KEY_A, 0},
    {"# rotated\n\n0 " KEY_A "\n3 " KEY_B "\n", 0},
    {"", CLICK_ID_KEYS_BAD},
    {"# nothing\n", CLICK_ID_KEYS_BAD},
    {"4 " KEY_A, CLICK_ID_KEYS_BAD},
    {"0 " KEY_A "0", CLICK_ID_KEYS_BAD},
    {"0 " KEY_A "\r\n", CLICK_ID_KEYS_BAD},
    {"0  000102030405060708090a0b0c0d0e0", CLICK_ID_KEYS_BAD},
    {"0 g00102030405060708090a0b0c0d0e0f", CLICK_ID_KEYS_BAD},
    {"0 " KEY_A "\n0 " KEY_B "\n", CLICK_ID_KEYS_BAD},
};

static void key_files_are_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(key_texts); i++) {
        struct click_id_keys parsed;
        int r = click_id_keys_parse(&parsed, slice_of(key_texts[i].text));
        if (r != key_texts[i].condition)
            fail_msg("case %zu: %d", i, r);
    }
}

static void instances_are_24_bits_and_differ(void **state)
{
    (void)state;
    uint32_t first = click_id_instance(), differ = 0;
    for (unsigned i = 0; i < 16; i++) {
        uint32_t next = click_id_instance();
        assert_true(next < 1u << 24);
        differ |= next ^ first;
    }
    assert_true(differ != 0);
}

static void an_open_key_file_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/click_id_keys.XXXXXX";
    struct click_id_keys loaded;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "1 " KEY_B "\n", 35), 35);
    assert_int_equal(click_id_keys_load(&loaded, path), 0);
    assert_int_equal(loaded.current, 1);
    assert_int_equal(loaded.key[1][0], 0xff);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(click_id_keys_load(&loaded, path), CLICK_ID_KEYS_OPEN);
    assert_non_null(strstr(click_id_keys_reason(CLICK_ID_KEYS_OPEN), "chmod 600"));
    assert_string_equal(click_id_keys_reason(-ENOENT), "No such file or directory");
    assert_int_equal(fchmod(fd, 0604), 0);
    assert_int_equal(click_id_keys_load(&loaded, path), CLICK_ID_KEYS_OPEN);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(ftruncate(fd, 5000), 0);
    assert_int_equal(click_id_keys_load(&loaded, path), CLICK_ID_KEYS_BAD);
    close(fd);
    unlink(path);
    assert_int_equal(click_id_keys_load(&loaded, path), -ENOENT);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(click_id_keys_load(&loaded, path), CLICK_ID_KEYS_BAD);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(the_tag_is_siphash_2_4),
        cmocka_unit_test(ids_ascend_whatever_the_clock_does),
        cmocka_unit_test(a_full_counter_takes_the_next_ms),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(keys_rotate),
        cmocka_unit_test(only_36_characters_are_an_id),
        cmocka_unit_test(key_files_are_strict),
        cmocka_unit_test(instances_are_24_bits_and_differ),
        cmocka_unit_test(an_open_key_file_is_refused),
    };
    return cmocka_run_group_tests(tests, keys_make, NULL);
}
