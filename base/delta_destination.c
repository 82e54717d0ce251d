// The destination in a delta. Pure. What is passed on to the shop stands in the hit's own fields too; behind
// a '=', one byte says which, so that the destinations of a frame are few. None of these bytes can be in a
// URL; where one is in a destination all the same, it stands as it is behind MARK_AS_IS.

#include "base/delta_text.h"

#define FIRST      HIT_UTM_SOURCE
#define LAST       HIT_AD_CLICK_ID
#define MARK_FIRST 2 // HIT_OWN_ID of base/hit_destination.h is 1
#define MARK_LAST  (MARK_FIRST + LAST - FIRST)
#define MARK_AS_IS (MARK_LAST + 1)

static bool is_mark(char c)
{
    return (unsigned char)(c - MARK_FIRST) <= MARK_AS_IS - MARK_FIRST;
}

// Bytes up to MARK_AS_IS are rare: usually there is one HIT_OWN_ID.
static bool has_mark(struct slice url)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    bool found = false;
    size_t i = 0;

    for (uint64_t word; i + 8 <= url.len; i += 8) {
        memcpy(&word, url.data + i, 8);
        if (((word - ones * (MARK_AS_IS + 1)) & ~word & ones * 0x80) == 0)
            continue;
        for (size_t k = i; k < i + 8; k++)
            found |= is_mark(url.data[k]);
    }
    for (; i < url.len; i++)
        found |= is_mark(url.data[i]);
    return found;
}

// The field of `left` with whose text this begins, or 0.
static unsigned field_of(const struct hit *hit, uint64_t left, const char *at, const char *end)
{
    for (; left > 0; left &= left - 1) {
        unsigned tag = (unsigned)__builtin_ctzll(left);
        struct slice text = hit->field[tag];
        if (text.len > 1 && (size_t)(end - at) >= text.len && memcmp(at, text.data, text.len) == 0)
            return tag;
    }
    return 0;
}

static char *put(char *out, const char *from, const char *to)
{
    memcpy(out, from, (size_t)(to - from));
    return out + (to - from);
}

struct slice delta_destination_fold(const struct hit *hit, uint64_t present, char *room)
{
    struct slice url = hit->field[HIT_DESTINATION];
    uint64_t passed = present & (DELTA_BIT(LAST + 1) - DELTA_BIT(FIRST));
    const char *at = url.data, *end = at + url.len, *equals;
    char *out = room;

    if (has_mark(url)) {
        *out++ = MARK_AS_IS;
        return (struct slice){room, (size_t)(put(out, at, end) - room)};
    }
    if (passed == 0)
        return url;
    while ((equals = memchr(at, '=', (size_t)(end - at)))) {
        out = put(out, at, equals + 1);
        at = equals + 1;
        unsigned tag = field_of(hit, passed, at, end);
        if (tag == 0)
            continue;
        *out++ = (char)(MARK_FIRST + tag - FIRST);
        at += hit->field[tag].len;
    }
    return (struct slice){room, (size_t)(put(out, at, end) - room)};
}

struct slice delta_destination_unfold(const struct hit *hit, struct slice folded, struct bytes_writer *values)
{
    const uint8_t *start = values->at;

    if (folded.len > 0 && folded.data[0] == MARK_AS_IS)
        return (struct slice){folded.data + 1, folded.len - 1};
    if (!has_mark(folded))
        return folded;
    size_t begin = 0;
    for (size_t i = 0; i < folded.len; i++) {
        unsigned mark = (unsigned char)folded.data[i] - (unsigned)MARK_FIRST; // below it: a large number
        if (mark > LAST - FIRST)
            continue;
        struct slice text = hit->field[FIRST + mark];
        if (!text.data)
            return SLICE_NONE;
        bytes_write(values, folded.data + begin, i - begin);
        bytes_write(values, text.data, text.len);
        begin = i + 1;
    }
    bytes_write(values, folded.data + begin, folded.len - begin);
    return (struct slice){(const char *)start, (size_t)(values->at - start)};
}
