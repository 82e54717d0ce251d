// The table behind http_char.h, one row for 16 bytes. test_http_parse.c holds it against the definitions of
// RFC 9110 (token, field-value) and RFC 3986 (unreserved).

#include "base/http_char.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// clang-format off
const uint8_t http_char_class[256] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x04, 0x47, 0x04, 0x45, 0x47, 0x47, 0x47, 0x47, 0x46, 0x46, 0x47, 0x47, 0x46, 0x67, 0x67, 0x46,
    0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x46, 0x46, 0x04, 0x46, 0x04, 0x46,
    0x46, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67,
    0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x46, 0x06, 0x46, 0x47, 0x67,
    0x47, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67,
    0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x46, 0x47, 0x46, 0x67, 0x00,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
};
// clang-format on

// Long texts are looked at CHUNK_BYTES at a time; where a chunk holds something unusual, the table decides
// byte by byte.

#ifdef __SSE2__

#define CHUNK_BYTES 16

// Control characters, DEL included; a HTAB too.
static bool chunk_has_control(const char *p)
{
    __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)p), top = _mm_set1_epi8(0x1f);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(chunk, top), chunk);
    __m128i del = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(0x7f));

    return _mm_movemask_epi8(_mm_or_si128(low, del)) != 0;
}

static bool chunk_has_high(const char *p)
{
    return _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p)) != 0;
}

static __m128i chunk_between(__m128i chunk, char low, char high)
{
    __m128i above = _mm_cmpgt_epi8(chunk, _mm_set1_epi8((char)(low - 1)));
    return _mm_and_si128(above, _mm_cmplt_epi8(chunk, _mm_set1_epi8((char)(high + 1))));
}

static unsigned chunk_first_clear(__m128i good)
{
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(good) | 1u << CHUNK_BYTES);
}

// How many bytes at the start are letters, digits or '-', the usual ones of a token.
static unsigned chunk_token(const char *p)
{
    __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i letter = chunk_between(_mm_or_si128(chunk, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i digit = chunk_between(chunk, '0', '9'), dash = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('-'));

    return chunk_first_clear(_mm_or_si128(_mm_or_si128(letter, digit), dash));
}

// How many bytes at the start are of a target; some that are may stop it.
static unsigned chunk_target(const char *p)
{
    __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i marks = _mm_or_si128(chunk_between(chunk, '!', '#'), chunk_between(chunk, '<', '>'));
    __m128i equals = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('='));
    __m128i odd = _mm_andnot_si128(equals, marks);

    return chunk_first_clear(_mm_andnot_si128(odd, chunk_between(chunk, '!', '~')));
}

#else

#define CHUNK_BYTES 8

static uint64_t chunk_of(const char *p)
{
    uint64_t chunk;

    memcpy(&chunk, p, sizeof(chunk));
    return chunk;
}

// Bytes below 0x20, and bytes equal to 0x7f, each by the carry of a subtraction.
static bool chunk_has_control(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t chunk = chunk_of(p), del = chunk ^ (ones * 0x7f);

    return ((((chunk - ones * 0x20) & ~chunk) | ((del - ones) & ~del)) & high) != 0;
}

static bool chunk_has_high(const char *p)
{
    return (chunk_of(p) & 0x8080808080808080u) != 0;
}

static unsigned chunk_token(const char *p)
{
    (void)p;
    return 0;
}

static unsigned chunk_target(const char *p)
{
    (void)p;
    return 0;
}

#endif

const char *http_char_value_end(const char *p, const char *end)
{
    for (;;) {
        while (end - p >= CHUNK_BYTES && !chunk_has_control(p))
            p += CHUNK_BYTES;
        const char *stop = end - p > CHUNK_BYTES ? p + CHUNK_BYTES : end;
        while (p < stop && http_char_is(*p, HTTP_CHAR_VALUE))
            p++;
        if (p < stop || p == end)
            return p;
    }
}

// Whole chunks by `chunk_prefix`, which counts only bytes that have the bit, the others by the table.
static const char *run_end(const char *p, const char *end, enum http_char_bit bit,
                           unsigned (*chunk_prefix)(const char *p))
{
    unsigned n = CHUNK_BYTES;

    for (; n == CHUNK_BYTES && end - p >= CHUNK_BYTES; p += n)
        n = chunk_prefix(p);
    while (p < end && http_char_is(*p, bit))
        p++;
    return p;
}

const char *http_char_token_end(const char *p, const char *end)
{
    return run_end(p, end, HTTP_CHAR_TOKEN, chunk_token);
}

const char *http_char_target_end(const char *p, const char *end)
{
    return run_end(p, end, HTTP_CHAR_TARGET, chunk_target);
}

bool http_char_printable(struct slice text)
{
    const char *p = text.data, *end = text.data + text.len;

    for (; end - p >= CHUNK_BYTES; p += CHUNK_BYTES)
        if (chunk_has_control(p) || chunk_has_high(p))
            return false;
    for (; p < end; p++)
        if ((uint8_t)*p < ' ' || (uint8_t)*p >= 0x7f)
            return false;
    return true;
}
