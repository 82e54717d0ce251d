// Query strings: parameters lie inside the text and in order, decoding never grows, and encoding is undone by
// decoding.

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/http_char.h"
#include "base/query.h"

static void text_survives_encoding(struct slice text)
{
    size_t len = 0, plain_len = 0;
    char *encoded = malloc(3 * text.len + 1), *plain = malloc(text.len + 1);

    assert(encoded != NULL && plain != NULL);
    assert(query_encode(text, encoded, 3 * text.len, &len) == 0);
    assert(query_decode((struct slice){encoded, len}, plain, text.len, &plain_len) == 0);
    assert(slice_equal((struct slice){plain, plain_len}, text));
    free(encoded);
    free(plain);
}

static void param_is_found(struct slice text, struct slice name)
{
    char *plain = malloc(name.len + 1);
    struct slice value;
    size_t len;

    assert(plain != NULL);
    int result = query_decode(name, plain, name.len, &len);
    assert(result == 0 || result == QUERY_BAD_ESCAPE);
    if (result == 0)
        assert(query_find(text, (struct slice){plain, len}, &value) == 0);
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct query query;
    struct query_param param;
    const char *last = text.data;
    int result, n = 0;

    query_start(&query, text);
    while ((result = query_next(&query, &param)) == 0) {
        assert(param.name.data >= last && param.name.data + param.name.len <= text.data + text.len);
        last = param.name.data + param.name.len;
        if (n++ < 4)
            param_is_found(text, param.name);
    }
    assert(result == QUERY_END || n == QUERY_PARAMS_MAX);
    text_survives_encoding(text);
    return 0;
}
