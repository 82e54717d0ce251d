// Cookie headers, one a line. What is found is a plain key and stands in the headers behind our name; a
// cookie that we write beside headers without one of ours is found, beside one of ours it is not.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "api/session.h"

#define HEADERS_MAX 8

static size_t lines_take(struct slice text, struct http_header *headers)
{
    size_t n = 0;

    while (text.len > 0 && n < HEADERS_MAX) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len, skip = end ? len + 1 : len;
        headers[n++] = (struct http_header){SLICE("Cookie"), {text.data, len}};
        text = (struct slice){text.data + skip, text.len - skip};
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char own[] = SESSION_COOKIE "=cl_session_0";
    struct http_header headers[HEADERS_MAX + 1] = {{SLICE("Cookie"), {own, sizeof(own) - 1}}};
    struct slice token;

    size_t n = lines_take((struct slice){(const char *)data, size}, headers + 1);
    const struct http_request foreign = {.headers = headers + 1, .n_headers = n};
    bool found = session_from_request(&foreign, &token) == 0;
    if (found) {
        assert(key_is_plain(token));
        assert(memmem(data, size, SESSION_COOKIE "=", strlen(SESSION_COOKIE "=")) != NULL);
        assert(memmem(data, size, token.data, token.len) != NULL);
    }
    const struct http_request both = {.headers = headers, .n_headers = n + 1};
    bool found_own = session_from_request(&both, &token) == 0;
    assert(!(found && found_own));
    if (found_own)
        assert(slice_equal(token, SLICE("cl_session_0")));
    return 0;
}
