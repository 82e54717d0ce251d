// UTF-8: what is valid, what is printable, what bad bytes become.

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"

#define BAD "\xef\xbf\xbd"
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        ("" literal), sizeof(literal) - 1                                                                    \
    }

static const struct {
    struct slice text;
    bool valid, printable;
    struct slice sanitized;
} texts[] = {
    {TEXT(""), true, true, TEXT("")},
    {TEXT("abc ~"), true, true, TEXT("abc ~")},
    {TEXT("\xd0\xbf\xd1\x80"), true, true, TEXT("\xd0\xbf\xd1\x80")},
    {TEXT("\xf0\x9f\x98\x80"), true, true, TEXT("\xf0\x9f\x98\x80")},
    {TEXT("\xf4\x8f\xbf\xbf"), true, true, TEXT("\xf4\x8f\xbf\xbf")},
    {TEXT("\xed\x9f\xbf"), true, true, TEXT("\xed\x9f\xbf")},
    {TEXT("\xee\x80\x80"), true, true, TEXT("\xee\x80\x80")},
    {TEXT("a\nb"), true, false, TEXT("a\nb")},
    {TEXT("\x7f"), true, false, TEXT("\x7f")},
    {TEXT("\x1b[31m"), true, false, TEXT("\x1b[31m")},
    {TEXT("\xc2\x85"), true, false, TEXT("\xc2\x85")},
    {TEXT("\xc2\xa0"), true, true, TEXT("\xc2\xa0")},
    {TEXT("a\0b"), true, false, TEXT("a" BAD "b")},
    {TEXT("\x80"), false, false, TEXT(BAD)},
    {TEXT("\xff\xfe"), false, false, TEXT(BAD BAD)},
    {TEXT("\xc0\x80"), false, false, TEXT(BAD BAD)},
    {TEXT("\xc1\xbf"), false, false, TEXT(BAD BAD)},
    {TEXT("\xe0\x9f\xbf"), false, false, TEXT(BAD BAD BAD)},
    {TEXT("\xed\xa0\x80"), false, false, TEXT(BAD BAD BAD)},
    {TEXT("\xf0\x8f\xbf\xbf"), false, false, TEXT(BAD BAD BAD BAD)},
    {TEXT("\xf4\x90\x80\x80"), false, false, TEXT(BAD BAD BAD BAD)},
    {TEXT("\xf5\x80\x80\x80"), false, false, TEXT(BAD BAD BAD BAD)},
    {TEXT("a\xd0"), false, false, TEXT("a" BAD)},
    {TEXT("\xe2\x82"), false, false, TEXT(BAD BAD)},
    {TEXT("\xe2\x82z"), false, false, TEXT(BAD BAD "z")},
    {TEXT("abcdefgh"), true, true, TEXT("abcdefgh")},
    {TEXT("abcdefg\0abcdefgh"), true, false, TEXT("abcdefg" BAD "abcdefgh")},
    {TEXT("abcdefgh\0\x01"
          "bcdefg"),
     true, false,
     TEXT("abcdefgh" BAD "\x01"
          "bcdefg")},
    {TEXT("abcdefg\x80"
          "abcdefgh"),
     false, false, TEXT("abcdefg" BAD "abcdefgh")},
    {TEXT("abcdefghi\xd0\xbf"
          "abcdef"),
     true, true,
     TEXT("abcdefghi\xd0\xbf"
          "abcdef")},
    {TEXT("\xd0\xd0\xbf"), false, false, TEXT(BAD "\xd0\xbf")},
};

static void texts_are_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(texts); i++) {
        char out[64];
        if (utf8_valid(texts[i].text) != texts[i].valid ||
            utf8_printable(texts[i].text) != texts[i].printable)
            fail_msg("case %zu", i);
        size_t len = utf8_sanitize(texts[i].text, out, UTF8_SANITIZED_BYTES(texts[i].text.len));
        if (!slice_equal((struct slice){out, len}, texts[i].sanitized))
            fail_msg("case %zu: %.*s", i, (int)len, out);
        assert_true(utf8_valid((struct slice){out, len}));
    }
}

static void a_copy_ends_before_what_does_not_fit(void **state)
{
    (void)state;
    char out[8];
    assert_int_equal(utf8_sanitize(SLICE("ab\xd0\xbf"), out, 3), 2);
    assert_int_equal(utf8_sanitize(SLICE("ab\xd0\xbf"), out, 4), 4);
    assert_int_equal(utf8_sanitize(SLICE("ab\xff"), out, 4), 2);
    assert_int_equal(utf8_sanitize(SLICE("ab"), out, 0), 0);
}

// Every code point in its only form; counted against the definition.
static void every_code_point_is_valid_once(void **state)
{
    (void)state;
    unsigned valid = 0;
    for (uint32_t n = 0; n < 0x110000; n++) {
        char four[4] = {(char)(0xf0 | n >> 18), (char)(0x80 | (n >> 12 & 63)), (char)(0x80 | (n >> 6 & 63)),
                        (char)(0x80 | (n & 63))};
        valid += utf8_valid((struct slice){four, 4});
        char three[3] = {(char)(0xe0 | (n >> 12 & 15)), four[2], four[3]};
        valid += n < 0x10000 && utf8_valid((struct slice){three, 3});
    }
    assert_int_equal(valid, 0x100000 + 0x10000 - 0x800 - 0x800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_what_they_are),
        cmocka_unit_test(a_copy_ends_before_what_does_not_fit),
        cmocka_unit_test(every_code_point_is_valid_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
