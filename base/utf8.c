// UTF-8: length of a code point by the table of RFC 3629 (Unicode's table 3-7), and what follows from it.
// Pure. Invariant: utf8_valid(utf8_sanitize(x)), without NUL, for any bytes x; valid text without NUL comes
// out unchanged.

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; // U+FFFD

// The second byte's range depends on the first: no overlong forms, no surrogates, nothing above U+10FFFF.
static bool second_fits(uint8_t first, uint8_t second)
{
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

static size_t length_by_first(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_length(struct slice text)
{
    const uint8_t *at = (const uint8_t *)text.data;

    if (text.len == 0)
        return 0;
    size_t length = length_by_first(at[0]);
    if (length > text.len || (length > 1 && !second_fits(at[0], at[1])))
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

static struct slice slice_after(struct slice text, size_t bytes)
{
    return (struct slice){text.data + bytes, text.len - bytes};
}

bool utf8_valid(struct slice text)
{
    while (text.len > 0) {
        size_t length = utf8_length(text);
        if (length == 0)
            return false;
        text = slice_after(text, length);
    }
    return true;
}

static bool is_control(struct slice text, size_t length)
{
    const uint8_t *at = (const uint8_t *)text.data;
    return at[0] < 0x20 || at[0] == 0x7f || (length == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

bool utf8_printable(struct slice text)
{
    while (text.len > 0) {
        size_t length = utf8_length(text);
        if (length == 0 || is_control(text, length))
            return false;
        text = slice_after(text, length);
    }
    return true;
}

// Copies 8 bytes at a time while all of them are ASCII and none is NUL, as nearly all text is. Returns how
// many.
static size_t ascii_copy(struct slice text, char *out, size_t out_bytes)
{
    const uint64_t high = UINT64_C(0x8080808080808080), low = UINT64_C(0x0101010101010101);
    size_t used = 0, limit = text.len < out_bytes ? text.len : out_bytes;

    for (uint64_t word; limit - used >= sizeof(word); used += sizeof(word)) {
        memcpy(&word, text.data + used, sizeof(word));
        if ((word | (word - low)) & high) // high bit set, or, among bytes without it, a NUL
            break;
        memcpy(out + used, &word, sizeof(word));
    }
    return used;
}

size_t utf8_sanitize(struct slice text, char *out, size_t out_bytes)
{
    size_t used = ascii_copy(text, out, out_bytes);

    text = slice_after(text, used);
    while (text.len > 0) {
        size_t length = utf8_length(text);
        bool good = length > 0 && text.data[0] != '\0';
        size_t bytes = good ? length : sizeof(replacement) - 1;
        if (bytes > out_bytes - used)
            break;
        memcpy(out + used, good ? text.data : replacement, bytes);
        used += bytes;
        text = slice_after(text, good ? length : 1);
    }
    return used;
}
