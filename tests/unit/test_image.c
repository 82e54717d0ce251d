// Images by their bytes: where each format says how large it is, and what is none of them. Whole files of
// each are in tests/fuzz/corpus/image and uploaded by tests/system/test_creatives.py.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "api/image.h"

#define PNG      "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x1e\0\0\0\x14\x08\x06\0\0\0CRC!"
#define PNG_END  "\0\0\0\0IENDCRC!"
#define JPEG     "\xff\xd8\xff\xe0\0\x04JF"
#define FRAME(c) "\xff" c "\0\x0b\x08\0\x14\0\x1e\x01\x01\x11\0"
#define GIF(v)   "GIF" v "\x1e\0\x14\0\x80\0\0"
#define WEBP     "RIFF\x16\0\0\0WEBP"

static void sizes(void **state)
{
    const struct {
        struct slice bytes;
        int expected;
        enum image_format format;
    } cases[] = {
        {SLICE(PNG PNG_END), 0, IMAGE_PNG},
        {SLICE(PNG "\0\0\0\x02tEXtabCRC!" PNG_END), 0, IMAGE_PNG},
        {SLICE(PNG), IMAGE_BROKEN, 0},
        {SLICE(PNG PNG_END "<script>"), IMAGE_BROKEN, 0},
        {SLICE(PNG "\xff\xff\xff\xf4IDATCRC!" PNG_END), IMAGE_BROKEN, 0},
        {SLICE("\x89PNG\r\n\x1a\n"), IMAGE_BROKEN, 0},
        {SLICE(JPEG FRAME("\xc0")), 0, IMAGE_JPEG},
        {SLICE(JPEG "\xff\xff" FRAME("\xc2")), 0, IMAGE_JPEG},
        {SLICE("\xff\xd8" FRAME("\xcf")), 0, IMAGE_JPEG},
        {SLICE(JPEG FRAME("\xc4")), IMAGE_BROKEN, 0}, // a Huffman table
        {SLICE("\xff\xd8\xff\xe0\xff\xff"), IMAGE_BROKEN, 0},
        {SLICE("\xff\xd8\xff\xe0\0\x01"), IMAGE_BROKEN, 0},
        {SLICE("\xff\xd8\xff"), IMAGE_BROKEN, 0},
        {SLICE(GIF("87a")), 0, IMAGE_GIF},
        {SLICE(GIF("89a")), 0, IMAGE_GIF},
        {SLICE("GIF89a\x1e\0"), IMAGE_BROKEN, 0},
        {SLICE(WEBP "VP8X\x0a\0\0\0\0\0\0\0\x1d\0\0\x13\0\0"), 0, IMAGE_WEBP},
        {SLICE(WEBP "VP8L\x0a\0\0\0\x2f\x1d\xc0\x04\0xxxxx"), 0, IMAGE_WEBP},
        {SLICE(WEBP "VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\x1e\0\x14\0"), 0, IMAGE_WEBP},
        {SLICE(WEBP "VP8 \x0a\0\0\0\x10\0\0abc\x1e\0\x14\0"), IMAGE_BROKEN, 0},
        {SLICE("RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1d\0\0\x13\0\0"), IMAGE_BROKEN, 0},
        {SLICE("RIFF\x16\0\0\0WAVE"), IMAGE_UNKNOWN, 0},
        {SLICE("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), IMAGE_UNKNOWN, 0},
        {SLICE("<!doctype html>"), IMAGE_UNKNOWN, 0},
        {SLICE(""), IMAGE_UNKNOWN, 0},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct image image = {0};
        assert_int_equal(image_measure(cases[i].bytes, &image), cases[i].expected);
        if (cases[i].expected != 0)
            continue;
        assert_int_equal(image.format, cases[i].format);
        assert_int_equal(image.width, 30);
        assert_int_equal(image.height, 20);
    }
}

static void sides(void **state)
{
    const struct {
        struct slice bytes;
        int expected;
    } cases[] = {
        {SLICE("GIF89a\0\x10\0\x10\x80\0\0"), 0}, // 4096
        {SLICE("GIF89a\x01\x10\x01\0\x80\0\0"), IMAGE_LARGE},
        {SLICE("GIF89a\x01\0\x01\x10\x80\0\0"), IMAGE_LARGE},
        {SLICE("GIF89a\0\0\x01\0\x80\0\0"), IMAGE_LARGE},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct image image;
        assert_int_equal(image_measure(cases[i].bytes, &image), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(sides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
