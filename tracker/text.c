// Makes what a visitor sent fit to be kept. Pure; every loop is bounded by `max`.

#include "tracker/text.h"

#include <assert.h>

#include "base/http_char.h"
#include "base/utf8.h"
#include "base/util.h"

#define CODE_POINT_BYTES_MAX 4

struct slice text_keep(struct slice text, size_t max, struct scratch *scratch)
{
    assert(max <= TEXT_MAX);
    if (!text.data)
        return SLICE_NONE;
    struct slice cut = {text.data, min_of(text.len, max)};
    if (http_char_printable(cut))
        return cut;
    // A code point that begins before `max` is whole in what is looked at, so that it is left out, not
    // replaced.
    cut.len = min_of(text.len, max + CODE_POINT_BYTES_MAX);
    char *out = scratch_take(scratch, max);
    if (!out)
        return SLICE_NONE;
    return (struct slice){out, utf8_sanitize(cut, out, max)};
}

static bool is_escape(struct slice text, size_t at)
{
    return text.len - at >= 3 && http_char_is(text.data[at + 1], HTTP_CHAR_HEX) &&
           http_char_is(text.data[at + 2], HTTP_CHAR_HEX);
}

static size_t decode(struct slice text, char *out, size_t out_bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && n < out_bytes; i++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%' && is_escape(text, i)) {
            c = (char)(http_char_hex(text.data[i + 1]) << 4 | http_char_hex(text.data[i + 2]));
            i += 2;
        }
        out[n++] = c;
    }
    return n;
}

struct slice text_decode(struct slice encoded, size_t max, struct scratch *scratch)
{
    assert(max <= TEXT_MAX);
    if (!encoded.data)
        return SLICE_NONE;
    if (encoded.len == 0 ||
        (!memchr(encoded.data, '%', encoded.len) && !memchr(encoded.data, '+', encoded.len)))
        return text_keep(encoded, max, scratch);
    char *out = scratch_take(scratch, max + CODE_POINT_BYTES_MAX);
    if (!out)
        return SLICE_NONE;
    size_t len = decode(encoded, out, max + CODE_POINT_BYTES_MAX);
    return text_keep((struct slice){out, len}, max, scratch);
}
