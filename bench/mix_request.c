// Makes requests of a mix. Pure but for the random state. Recursion ends at MIX_DEPTH_MAX.

#include "bench/mix_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "bench/random.h"

struct text {
    char *data;
    size_t len, room; // len > room: it did not fit
};

static void put(struct text *text, struct slice part)
{
    if (text->len + part.len <= text->room)
        memcpy(text->data + text->len, part.data, part.len);
    text->len += part.len;
}

// Cuts off what stands before the next {NAME}, and the name. False: there is none.
static bool placeholder(struct slice *rest, struct slice *before, struct slice *name)
{
    const char *open = memchr(rest->data, '{', rest->len);
    const char *close = open ? memchr(open, '}', (size_t)(rest->data + rest->len - open)) : NULL;

    if (!close)
        return false;
    *before = (struct slice){rest->data, (size_t)(open - rest->data)};
    *name = (struct slice){open + 1, (size_t)(close - open - 1)};
    *rest = (struct slice){close + 1, (size_t)(rest->data + rest->len - close - 1)};
    return true;
}

static void expand(const struct mix *mix, struct slice template, uint64_t *random, unsigned depth,
                   struct text *out)
{
    struct slice before, name;

    while (placeholder(&template, &before, &name)) {
        const struct mix_list *list = mix_list_find(mix, name);
        put(out, before);
        if (list->is_range) {
            char digits[24];
            uint64_t n = (uint64_t)(list->last - list->first) + 1;
            int len =
                snprintf(digits, sizeof(digits), "%" PRId64, list->first + (int64_t)random_below(random, n));
            put(out, (struct slice){digits, (size_t)len});
        } else if (depth < MIX_DEPTH_MAX) {
            expand(mix, list->values[random_below(random, list->n)], random, depth + 1, out);
        }
    }
    put(out, template);
}

static const struct mix_template *path_choose(const struct mix *mix, uint64_t *random)
{
    uint64_t at = random_below(random, mix->weights);
    size_t i = 0;

    while (at >= mix->paths[i].weight)
        at -= mix->paths[i++].weight;
    return &mix->paths[i];
}

static void put_header(struct text *out, struct slice name, struct slice value)
{
    put(out, SLICE("\r\n"));
    put(out, name);
    put(out, SLICE(": "));
    put(out, value);
}

size_t mix_request(const struct mix *mix, uint64_t *random, struct slice host, struct slice connection,
                   char *out, size_t room)
{
    struct text text = {out, 0, room};

    put(&text, SLICE("GET "));
    expand(mix, path_choose(mix, random)->text, random, 0, &text);
    put(&text, SLICE(" HTTP/1.1"));
    put_header(&text, SLICE("Host"), host);
    if (connection.len > 0)
        put_header(&text, SLICE("Connection"), connection);
    for (size_t i = 0; i < mix->n_headers; i++) {
        if (random_below(random, 100) >= mix->headers[i].weight)
            continue;
        put_header(&text, mix->headers[i].name, SLICE(""));
        expand(mix, mix->headers[i].text, random, 0, &text);
    }
    put(&text, SLICE("\r\n\r\n"));
    return text.len <= room ? text.len : 0;
}

// --- Checks ----------------------------------------------------------------------------------

static int template_check(const struct mix *mix, struct slice template, unsigned depth,
                          char error[MIX_ERROR_BYTES])
{
    struct slice before, name;

    while (placeholder(&template, &before, &name)) {
        const struct mix_list *list = mix_list_find(mix, name);
        if (!list || (!list->is_range && list->n == 0)) {
            (void)snprintf(error, MIX_ERROR_BYTES, "there is no list {%.*s}, or it is empty", (int)name.len,
                           name.data);
            return MIX_WRONG;
        }
        if (!list->is_range && depth == MIX_DEPTH_MAX) {
            (void)snprintf(error, MIX_ERROR_BYTES, "{%.*s}: lists name each other more than %d deep",
                           (int)name.len, name.data, MIX_DEPTH_MAX);
            return MIX_WRONG;
        }
        for (size_t i = 0; i < list->n; i++) {
            int r = template_check(mix, list->values[i], depth + 1, error);
            if (r)
                return r;
        }
    }
    return 0;
}

int mix_check(const struct mix *mix, char error[MIX_ERROR_BYTES])
{
    int r = 0;

    if (mix->n_paths == 0) {
        (void)snprintf(error, MIX_ERROR_BYTES, "neither the URL nor the mix names a path");
        return MIX_WRONG;
    }
    for (size_t i = 0; i < mix->n_paths && r == 0; i++)
        r = template_check(mix, mix->paths[i].text, 0, error);
    for (size_t i = 0; i < mix->n_headers && r == 0; i++)
        r = template_check(mix, mix->headers[i].text, 0, error);
    return r;
}
