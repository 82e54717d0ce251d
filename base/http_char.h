#pragma once

// Which bytes may stand where in HTTP and in URLs. ASCII only, no locale.

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

// TARGET is visible ASCII without '"', '<', '>', '#'. That is wider than RFC 3986, because browsers send { }
// | \ ^ ` [ ] in queries, and a click must not be lost for that.
enum http_char_bit {
    HTTP_CHAR_TOKEN = 1, // method, field name (RFC 9110, 5.6.2)
    HTTP_CHAR_TARGET = 2,
    HTTP_CHAR_VALUE = 4, // field value: HTAB, SP, visible ASCII, 0x80-0xFF
    HTTP_CHAR_HEX = 16,
    HTTP_CHAR_UNRESERVED = 32, // RFC 3986, 2.3
    HTTP_CHAR_URL = 64,        // TARGET and '#', without '\\', which browsers take for '/'
};

extern const uint8_t http_char_class[256];

static inline bool http_char_is(char c, enum http_char_bit bit)
{
    return (http_char_class[(uint8_t)c] & bit) != 0;
}

static inline bool http_char_all(struct slice text, enum http_char_bit bit)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_char_is(text.data[i], bit))
            return false;
    return true;
}

static inline char http_char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// 0..15, only for HTTP_CHAR_HEX.
static inline unsigned http_char_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static inline bool http_char_same(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (http_char_lower(a.data[i]) != http_char_lower(b.data[i]))
            return false;
    return true;
}

// Only 0x20..0x7e, so that it is UTF-8 without a control character.
bool http_char_printable(struct slice text);

// The first byte of p..end that may not stand in a token, a target or a field value, or end.
const char *http_char_token_end(const char *p, const char *end);
const char *http_char_target_end(const char *p, const char *end);
const char *http_char_value_end(const char *p, const char *end);
