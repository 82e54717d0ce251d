// Walks over Cookie headers. Pure.

#include "base/http_cookie.h"

#include <string.h>

#include "base/http_char.h"

static bool header_next(struct http_cookies *cookies)
{
    while (cookies->header < cookies->request->n_headers) {
        const struct http_header *header = &cookies->request->headers[cookies->header++];
        if (http_char_same(header->name, SLICE("Cookie")) && header->value.len > 0) {
            cookies->rest = header->value;
            return true;
        }
    }
    return false;
}

bool http_cookie_next(struct http_cookies *cookies, struct slice *pair)
{
    if (cookies->rest.len == 0 && !header_next(cookies))
        return false;
    struct slice rest = cookies->rest;
    const char *end = memchr(rest.data, ';', rest.len);
    size_t len = end ? (size_t)(end - rest.data) : rest.len, skip = end ? len + 1 : len;
    *pair = slice_trim((struct slice){rest.data, len});
    cookies->rest = (struct slice){rest.data + skip, rest.len - skip};
    return true;
}
