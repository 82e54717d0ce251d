// Cookie headers, one a line. What is found was issued by us and stands in the headers; one of ours in front
// of them is found whatever follows; what is written is read back.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tracker/visitor.h"

#define HEADERS_MAX 8

static struct click_id_keys keys;
static uint8_t ours[CLICK_ID_BYTES];
static char ours_text[VISITOR_COOKIE_BYTES_MAX];
static size_t ours_len;

static void start(void)
{
    struct click_id_generator generator;

    if (ours_len > 0)
        return;
    assert(click_id_keys_parse(&keys, SLICE("1 000102030405060708090a0b0c0d0e0f\n")) == 0);
    click_id_generator_init(&generator, &keys, 7);
    click_id_next(&generator, 1700000000000, ours);
    const struct visitor_cookie cookie = {.id = ours, .domain = SLICE("shop.example"), .secure = true};
    ours_len = visitor_cookie_write(&cookie, ours_text);
}

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

static bool read_all(struct http_header *headers, size_t n, uint8_t out[CLICK_ID_BYTES])
{
    const struct http_request request = {.headers = headers, .n_headers = n};
    struct heads heads;

    heads_read(&heads, &request);
    return visitor_read(&request, &heads, &keys, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[HEADERS_MAX + 1];
    uint8_t out[CLICK_ID_BYTES];

    start();
    size_t n = lines_take((struct slice){(const char *)data, size}, headers + 1);
    if (read_all(headers + 1, n, out)) {
        assert(click_id_check(&keys, out) == 0);
        assert(memmem(data, size, VISITOR_COOKIE_NAME "=", strlen(VISITOR_COOKIE_NAME "=")) != NULL);
    }
    headers[0] = (struct http_header){SLICE("cookie"), {ours_text, ours_len}};
    assert(read_all(headers, n + 1, out) && memcmp(out, ours, sizeof(out)) == 0);
    return 0;
}
