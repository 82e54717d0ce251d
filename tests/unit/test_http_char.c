// Scans of long texts: the same verdict as byte by byte, wherever the odd byte stands.

#include "base/http_char.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LEN 40 // more than two chunks of any size

static void the_odd_byte_is_found_anywhere(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 0; at < LEN; at++) {
            char text[LEN];
            memset(text, 'a', sizeof(text));
            text[at] = (char)c;
            bool good = http_char_is((char)c, HTTP_CHAR_VALUE);
            assert_ptr_equal(http_char_value_end(text, text + LEN), good ? text + LEN : text + at);
            good = http_char_is((char)c, HTTP_CHAR_TOKEN);
            assert_ptr_equal(http_char_token_end(text, text + LEN), good ? text + LEN : text + at);
            good = http_char_is((char)c, HTTP_CHAR_TARGET);
            assert_ptr_equal(http_char_target_end(text, text + LEN), good ? text + LEN : text + at);
            assert_int_equal(http_char_printable((struct slice){text, LEN}), c >= 0x20 && c < 0x7f);
        }
}

static void every_length_is_looked_at_whole(void **state)
{
    (void)state;
    char text[LEN + 1];

    for (size_t len = 0; len <= LEN; len++) {
        memset(text, 'a', len);
        text[len] = '\n'; // behind the end
        assert_ptr_equal(http_char_value_end(text, text + len), text + len);
        assert_ptr_equal(http_char_token_end(text, text + len), text + len);
        assert_ptr_equal(http_char_target_end(text, text + len), text + len);
        assert_true(http_char_printable((struct slice){text, len}));
        assert_false(http_char_printable((struct slice){text, len + 1}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_odd_byte_is_found_anywhere),
        cmocka_unit_test(every_length_is_looked_at_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
