// Reading positions and stream ids as text. Pure. Strict: five words, one blank between, decimal without
// signs.

#include "tracker/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int number_parse(struct slice text, uint64_t *value)
{
    *value = 0;
    if (text.len == 0)
        return POSITION_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return POSITION_MALFORMED;
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text.data[i] - '0'), value))
            return POSITION_MALFORMED;
    }
    return 0;
}

// Cuts the next word off *text, up to `end` or the text's end.
static struct slice word_take(struct slice *text, char end)
{
    if (text->len == 0)
        return *text;
    const char *at = memchr(text->data, end, text->len);
    struct slice word = {text->data, at ? (size_t)(at - text->data) : text->len};
    size_t used = word.len + (at ? 1 : 0);

    *text = (struct slice){text->data + used, text->len - used};
    return word;
}

int stream_id_parse(struct slice text, struct stream_id *id)
{
    struct slice ms = word_take(&text, '-');
    return number_parse(ms, &id->ms) || number_parse(text, &id->n) ? POSITION_MALFORMED : 0;
}

size_t stream_id_format(struct stream_id id, char out[STREAM_ID_BYTES])
{
    return (size_t)snprintf(out, STREAM_ID_BYTES, "%" PRIu64 "-%" PRIu64, id.ms, id.n);
}

int position_parse(struct slice text, struct position *position)
{
    struct slice generation = word_take(&text, ' ');

    if (generation.len == 0 || generation.len >= POSITION_GENERATION_BYTES)
        return POSITION_MALFORMED;
    *position = (struct position){.generation = ""};
    memcpy(position->generation, generation.data, generation.len);
    if (number_parse(word_take(&text, ' '), &position->last) ||
        number_parse(word_take(&text, ' '), &position->want))
        return POSITION_MALFORMED;
    if (stream_id_parse(word_take(&text, ' '), &position->evidence))
        return POSITION_MALFORMED;
    if (text.len != 1 || (text.data[0] != '0' && text.data[0] != '1'))
        return POSITION_MALFORMED;
    position->ended = text.data[0] == '1';
    return 0;
}
