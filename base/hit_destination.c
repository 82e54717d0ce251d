// Folding and unfolding of a click's own id. Pure.

#include "base/hit_destination.h"

#include <assert.h>

#include "base/click_id.h"

_Static_assert(CLICK_ID_TEXT_BYTES == 36, "the length of a UUID");

struct text {
    char *at;
    size_t left;
};

static void put(struct text *out, const char *data, size_t len)
{
    size_t bytes = min_of(len, out->left);

    memcpy(out->at, data, bytes);
    out->at += bytes;
    out->left -= bytes;
}

// memmem() is asked only where the id does not stand at the end, because it prepares itself for long
// searches.
static const char *id_find(struct slice url, const char id_text[CLICK_ID_TEXT_BYTES])
{
    if (url.len < CLICK_ID_TEXT_BYTES)
        return NULL;
    const char *tail = url.data + url.len - CLICK_ID_TEXT_BYTES;
    return memcmp(tail, id_text, CLICK_ID_TEXT_BYTES) == 0
               ? tail
               : memmem(url.data, url.len, id_text, CLICK_ID_TEXT_BYTES);
}

size_t hit_destination_fold(struct slice url, const char id_text[CLICK_ID_TEXT_BYTES], char *out)
{
    struct text text = {out, HIT_FIELD_MAX};
    const char *at = url.data, *end = url.data + url.len, *id = id_find(url, id_text);

    if (id) {
        put(&text, at, (size_t)(id - at));
        put(&text, &(char){HIT_OWN_ID}, 1);
        at = id + CLICK_ID_TEXT_BYTES;
    }
    put(&text, at, (size_t)(end - at));
    return HIT_FIELD_MAX - text.left;
}

size_t hit_destination_unfold(struct slice folded, const uint8_t id[HIT_ID_BYTES], char *out)
{
    struct text text = {out, HIT_DESTINATION_BYTES_MAX};
    const char *at = folded.data, *end = folded.data + folded.len;
    const char *mark = memchr(at, HIT_OWN_ID, folded.len);
    char id_text[CLICK_ID_TEXT_BYTES];

    assert(folded.len <= HIT_FIELD_MAX);
    if (mark) {
        click_id_format(id, id_text);
        put(&text, at, (size_t)(mark - at));
        put(&text, id_text, CLICK_ID_TEXT_BYTES);
        at = mark + 1;
    }
    put(&text, at, (size_t)(end - at));
    return HIT_DESTINATION_BYTES_MAX - text.left;
}
