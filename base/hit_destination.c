// Folding and unfolding of a click's own id. Pure; the loops are bounded by HIT_OWN_IDS_MAX.

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

size_t hit_destination_fold(struct slice url, const char id_text[CLICK_ID_TEXT_BYTES], char *out)
{
    struct text text = {out, HIT_FIELD_MAX};
    const char *at = url.data, *end = url.data + url.len, *id;

    for (unsigned n = 0; n < HIT_OWN_IDS_MAX; n++) {
        id = memmem(at, (size_t)(end - at), id_text, CLICK_ID_TEXT_BYTES);
        if (!id)
            break;
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
    const char *at = folded.data, *end = folded.data + folded.len, *mark;
    char id_text[CLICK_ID_TEXT_BYTES];

    assert(folded.len <= HIT_FIELD_MAX);
    click_id_format(id, id_text);
    for (unsigned n = 0; n < HIT_OWN_IDS_MAX; n++) {
        mark = memchr(at, HIT_OWN_ID, (size_t)(end - at));
        if (!mark)
            break;
        put(&text, at, (size_t)(mark - at));
        put(&text, id_text, CLICK_ID_TEXT_BYTES);
        at = mark + 1;
    }
    put(&text, at, (size_t)(end - at));
    return HIT_DESTINATION_BYTES_MAX - text.left;
}
