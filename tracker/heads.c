// One walk over a request's headers instead of one per name. Pure.
//
// Length and last letter together name at most one header that we look for, so that each costs one switch and
// one comparison.

#include "tracker/heads.h"

#include <assert.h>

#define FOLD        UINT64_C(0x2020202020202020) // lower case; a letter or '-' comes from nothing else in a token
#define KEY(len, c) ((unsigned)(len) << 8 | (c))

static uint64_t word_at(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word | FOLD;
}

// `lower` is as long as `name`.
static bool same(struct slice name, const char *lower)
{
    if (name.len < 8) {
        unsigned other = 0;
        for (size_t i = 0; i < name.len; i++)
            other |= (unsigned)((name.data[i] | 0x20) ^ lower[i]);
        return other == 0;
    }
    uint64_t other = word_at(name.data + name.len - 8) ^ word_at(lower + name.len - 8);
    for (size_t i = 0; i + 8 < name.len; i += 8)
        other |= word_at(name.data + i) ^ word_at(lower + i);
    return other == 0;
}

// HEAD_COUNT: of no interest.
static enum head head_of(struct slice name)
{
    // clang-format off
    switch (KEY(name.len, name.data[name.len - 1] | 0x20)) {
    case KEY(5, 'z'): return same(name, "x-moz") ? HEAD_X_MOZ : HEAD_COUNT;
    case KEY(6, 'e'): return same(name, "cookie") ? HEAD_COOKIE : HEAD_COUNT;
    case KEY(7, 'r'): return same(name, "referer") ? HEAD_REFERRER : HEAD_COUNT;
    case KEY(7, 'e'): return same(name, "purpose") ? HEAD_PURPOSE : HEAD_COUNT;
    case KEY(7, 'c'): return same(name, "sec-gpc") ? HEAD_SEC_GPC : HEAD_COUNT;
    case KEY(9, 'e'): return same(name, "x-purpose") ? HEAD_X_PURPOSE : HEAD_COUNT;
    case KEY(10, 't'): return same(name, "user-agent") ? HEAD_USER_AGENT : HEAD_COUNT;
    case KEY(11, 'e'): return same(name, "sec-purpose") ? HEAD_SEC_PURPOSE : HEAD_COUNT;
    case KEY(14, 't'): return same(name, "sec-fetch-dest") ? HEAD_SEC_FETCH_DEST : HEAD_COUNT;
    case KEY(14, 'e'): return same(name, "sec-fetch-mode") ? HEAD_SEC_FETCH_MODE : HEAD_COUNT;
    case KEY(15, 'e'): return same(name, "accept-language") ? HEAD_LANGUAGE : HEAD_COUNT;
    case KEY(15, 'r'): return same(name, "x-forwarded-for") ? HEAD_FORWARDED_FOR : HEAD_COUNT;
    case KEY(17, 'o'): return same(name, "x-forwarded-proto") ? HEAD_FORWARDED_PROTO : HEAD_COUNT;
    }
    // clang-format on
    return HEAD_COUNT;
}

void heads_read(struct heads *heads, const struct http_request *request)
{
    *heads = (struct heads){0};
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];
        assert(header->name.len > 0);
        enum head head = head_of(header->name);
        if (head < HEAD_COUNT && heads->n[head]++ == 0)
            heads->value[head] = header->value;
    }
}
