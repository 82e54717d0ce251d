// Query strings, forms and percent-encoding (RFC 3986, WHATWG form-urlencoded). Strict: a '%' without two hex
// digits is an error, not a literal. Owns nothing; work is bounded by the text, and by QUERY_PARAMS_MAX
// parameters.

#include "base/query.h"

#include <errno.h>

#include "base/http_char.h"

void query_start(struct query *query, struct slice text)
{
    *query = (struct query){.rest = text};
}

static struct slice slice_skip(struct slice text, size_t n)
{
    return (struct slice){text.data + n, text.len - n};
}

static size_t slice_length_to(struct slice text, char c)
{
    const char *found = text.len > 0 ? memchr(text.data, c, text.len) : NULL;

    return found != NULL ? (size_t)(found - text.data) : text.len;
}

int query_next(struct query *query, struct query_param *param)
{
    while (query->rest.len > 0 && query->rest.data[0] == '&')
        query->rest = slice_skip(query->rest, 1);
    if (query->rest.len == 0)
        return QUERY_END;
    if (query->n == QUERY_PARAMS_MAX)
        return QUERY_TOO_MANY;
    query->n++;

    size_t len = slice_length_to(query->rest, '&');
    struct slice text = {query->rest.data, len};
    size_t name_len = slice_length_to(text, '=');
    param->name = (struct slice){text.data, name_len};
    param->value = name_len < len ? slice_skip(text, name_len + 1) : SLICE_NONE;
    query->rest = slice_skip(query->rest, len);
    return 0;
}

static bool is_escape(struct slice text, size_t at)
{
    return text.len - at >= 3 && http_char_is(text.data[at + 1], HTTP_CHAR_HEX) &&
           http_char_is(text.data[at + 2], HTTP_CHAR_HEX);
}

static int text_decode(struct slice text, bool plus_is_space, char *out, size_t out_bytes, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (!is_escape(text, i))
                return QUERY_BAD_ESCAPE;
            c = (char)(http_char_hex(text.data[i + 1]) << 4 | http_char_hex(text.data[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (n == out_bytes)
            return -ENOSPC;
        out[n++] = c;
    }
    *len = n;
    return 0;
}

int query_decode(struct slice text, char *out, size_t out_bytes, size_t *len)
{
    return text_decode(text, true, out, out_bytes, len);
}

int query_decode_path(struct slice text, char *out, size_t out_bytes, size_t *len)
{
    return text_decode(text, false, out, out_bytes, len);
}

// Whether the encoded text stands for `plain`.
static bool text_is(struct slice text, struct slice plain)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++, n++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%') {
            if (!is_escape(text, i))
                return false;
            c = (char)(http_char_hex(text.data[i + 1]) << 4 | http_char_hex(text.data[i + 2]));
            i += 2;
        }
        if (n == plain.len || c != plain.data[n])
            return false;
    }
    return n == plain.len;
}

int query_find(struct slice text, struct slice name, struct slice *value)
{
    struct query query;
    struct query_param param;
    int result;

    query_start(&query, text);
    while ((result = query_next(&query, &param)) == 0) {
        if (!text_is(param.name, name))
            continue;
        *value = param.value;
        return 0;
    }
    return result;
}

int query_encode(struct slice text, char *out, size_t out_bytes, size_t *len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = *len;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        size_t need = http_char_is((char)c, HTTP_CHAR_UNRESERVED) ? 1 : 3;
        if (out_bytes - n < need)
            return -ENOSPC;
        if (need == 1) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    *len = n;
    return 0;
}
