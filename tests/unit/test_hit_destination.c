// Destinations come back as they were answered, whatever they hold.

#include "base/hit_destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/click_id.h"

#define ID "01a206d2-fa81-7000-8a7c-d108ed43ed0e"

static const struct {
    const char *url;
    size_t folded_bytes;
} cases[] = {
    {"https://shop.example/", 21},
    {"https://shop.example/?click_id=" ID, 32},
    {ID, 1},
    {"https://shop.example/" ID "?a=1", 26},
    {"https://shop.example/" ID "?a=" ID, 61}, // the last of two
    {"https://shop.example/" ID "?a=" ID "#b", 63},
    {"https://shop.example/?click_id=01A206D2-FA81-7000-8A7C-D108ED43ED0E", 67},
    {"https://shop.example/?click_id=01a206d2-fa81-7000-8a7c-d108ed43ed0", 66},
    {"", 0},
};

static void what_was_answered_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        char folded[HIT_FIELD_MAX], url[HIT_DESTINATION_BYTES_MAX];
        uint8_t id[CLICK_ID_BYTES];
        assert_int_equal(click_id_parse(SLICE(ID), id), 0);
        size_t len = hit_destination_fold(slice_of(cases[i].url), ID, folded);
        assert_int_equal(len, cases[i].folded_bytes);
        size_t bytes = hit_destination_unfold((struct slice){folded, len}, id, url);
        assert_int_equal(bytes, strlen(cases[i].url));
        assert_memory_equal(url, cases[i].url, bytes);
    }
}

static void the_longest_is_cut_and_fits(void **state)
{
    (void)state;
    static char url[3 * HIT_FIELD_MAX], folded[HIT_FIELD_MAX], out[HIT_DESTINATION_BYTES_MAX];
    uint8_t id[CLICK_ID_BYTES] = {0};

    memset(url, 'a', sizeof(url));
    memcpy(url, ID, 36);
    assert_int_equal(hit_destination_fold((struct slice){url, sizeof(url)}, ID, folded), HIT_FIELD_MAX);
    assert_int_equal(folded[0], HIT_OWN_ID);
    memset(folded, HIT_OWN_ID, sizeof(folded)); // nobody makes this
    assert_int_equal(hit_destination_unfold((struct slice){folded, sizeof(folded)}, id, out),
                     HIT_DESTINATION_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_answered_comes_back),
        cmocka_unit_test(the_longest_is_cut_and_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
