// What is remembered when a frame begins: words that most frames hold. Pure. Part of the wire format: another
// list is another frame version. The slots are those that delta_text_slot() gives them; a test looks after
// that.

#include "base/delta_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const struct {
    uint8_t tag, slot;
    const char *text;
} words[] = {
    // clang-format off
    {HIT_METHOD, 13, "GET"},
    {HIT_METHOD, 28, "POST"},
    {HIT_METHOD, 62, "HEAD"},
    {HIT_LANGUAGE, 3, "ru"},
    {HIT_LANGUAGE, 15, "ru-RU"},
    {HIT_LANGUAGE, 21, "en"},
    {HIT_LANGUAGE, 22, "en-US"},
    {HIT_LANGUAGE, 28, "en-GB"},
    {HIT_LANGUAGE, 6, "de-DE"},
    {HIT_LANGUAGE, 11, "uk-UA"},
    {HIT_LANGUAGE, 38, "uz-UZ"},
    {HIT_LANGUAGE, 36, "tr-TR"},
    {HIT_UTM_SOURCE, 25, "yandex"},
    {HIT_UTM_SOURCE, 24, "google"},
    {HIT_UTM_SOURCE, 2, "vk"},
    {HIT_UTM_SOURCE, 35, "telegram"},
    {HIT_UTM_SOURCE, 21, "facebook"},
    {HIT_UTM_SOURCE, 11, "newsletter"},
    {HIT_UTM_SOURCE, 33, "partner"},
    {HIT_UTM_MEDIUM, 5, "cpc"},
    {HIT_UTM_MEDIUM, 26, "cpa"},
    {HIT_UTM_MEDIUM, 37, "email"},
    {HIT_UTM_MEDIUM, 44, "social"},
    {HIT_UTM_MEDIUM, 14, "referral"},
    {HIT_AD_NETWORK, 26, "gclid"},
    {HIT_AD_NETWORK, 29, "yclid"},
    {HIT_AD_NETWORK, 30, "fbclid"},
    {HIT_AD_NETWORK, 14, "ttclid"},
    {HIT_AD_NETWORK, 61, "msclkid"},
    {HIT_AD_NETWORK, 52, "rb_clickid"},
    {HIT_USER_AGENT, 26,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
    {HIT_USER_AGENT, 7,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"},
    {HIT_USER_AGENT, 44,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 YaBrowser/24.10.0.0 Safari/537.36"},
    {HIT_USER_AGENT, 23,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) "
     "Gecko/20100101 Firefox/131.0"},
    {HIT_USER_AGENT, 13,
     "Mozilla/5.0 (Linux; Android 10; K) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"},
    {HIT_USER_AGENT, 38,
     "Mozilla/5.0 (Linux; Android 10; K) "
     "AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36"},
    {HIT_USER_AGENT, 2,
     "Mozilla/5.0 (Linux; arm_64; Android 14; SM-A525F) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 YaBrowser/24.10.1.110.00 SA/3 Mobile Safari/537.36"},
    {HIT_USER_AGENT, 27,
     "Mozilla/5.0 (Linux; Android 13; SM-A525F; wv) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0.6367.179 Mobile Safari/537.36"},
    {HIT_USER_AGENT, 61,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) "
     "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"},
    {HIT_USER_AGENT, 36,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) "
     "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"},
    {HIT_USER_AGENT, 6,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) "
     "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"},
    {HIT_USER_AGENT, 47,
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
     "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"},
    {HIT_USER_AGENT, 5,
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"},
    {HIT_USER_AGENT, 15,
     "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
     "Gecko/20100101 Firefox/128.0"},
    {HIT_USER_AGENT, 18,
     "Mozilla/5.0 (X11; Linux x86_64) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
    // clang-format on
};

void delta_memory_start(struct delta_memory *memory)
{
    memset(memory, 0, offsetof(struct delta_memory, text));
    for (size_t i = 0; i < array_length(words); i++)
        memory->text[words[i].tag][words[i].slot] = slice_of(words[i].text);
}

// A sum, so that the same text with longer numbers has the same.
unsigned delta_text_slot(struct slice text)
{
    size_t i = 0;
    uint32_t sum = 0;

#ifdef __SSE2__
    __m128i sums = _mm_setzero_si128(), zero = sums;
    for (; i + 16 <= text.len; i += 16) {
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)(text.data + i));
        __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(chunk, _mm_set1_epi8('0' - 1)),
                                      _mm_cmplt_epi8(chunk, _mm_set1_epi8('9' + 1)));
        sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_andnot_si128(digit, chunk), zero));
    }
    sum = (uint32_t)(_mm_cvtsi128_si32(sums) + _mm_cvtsi128_si32(_mm_srli_si128(sums, 8)));
#endif
    for (; i < text.len; i++)
        sum += delta_is_digit(text.data[i]) ? 0 : (unsigned char)text.data[i];
    return (unsigned)((uint64_t)(sum * UINT32_C(0xd5f4b3b3)) * DELTA_DIGITS_SLOT >> 32);
}

// --- Ids ---------------------------------------------------------------------------------------------------
// See base/click_id.h: 48 bits ms, 4 version, 12 counter, 28 variant, key and instance, 36 tag.

static uint64_t word_big(const uint8_t *at)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < 8; i++)
        word = word << 8 | at[i];
    return word;
}

static uint64_t stamp_of(uint64_t word)
{
    return word >> 16 << 12 | (word & 0xfff);
}

uint64_t delta_id_step(const uint8_t id[HIT_ID_BYTES], const uint8_t old[HIT_ID_BYTES])
{
    uint64_t a = word_big(old), b = word_big(id);
    bool same = ((id[6] ^ old[6]) & 0xf0) == 0 && memcmp(id + 8, old + 8, 3) == 0;

    return same && stamp_of(b) >= stamp_of(a) ? stamp_of(b) - stamp_of(a) + 1 : 0;
}

void delta_id_apply(uint8_t id[HIT_ID_BYTES], const uint8_t old[HIT_ID_BYTES], uint64_t step,
                    const uint8_t tag[DELTA_TAG_BYTES])
{
    uint64_t stamp = stamp_of(word_big(old)) + step - 1;
    uint64_t word = stamp >> 12 << 16 | (uint64_t)(old[6] & 0xf0) << 8 | (stamp & 0xfff);

    for (unsigned i = 0; i < 8; i++)
        id[i] = (uint8_t)(word >> (56 - 8 * i));
    memcpy(id + 8, old + 8, 3);
    memcpy(id + HIT_ID_BYTES - DELTA_TAG_BYTES, tag, DELTA_TAG_BYTES);
}
