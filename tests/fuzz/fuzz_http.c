// Head and body of requests. The verdict must not depend on how the bytes were cut: the first byte of the
// input says where, the rest is parsed in one piece and in two. What is accepted must keep the promises of
// http_parse.h.

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/http_body.h"
#include "base/http_char.h"

enum {
    BODY_BYTES_MAX = 4096,
    HEADERS_MAX = 16,
};

static const struct http_head_limits limits = {
    .line_bytes_max = 512, .headers_bytes_max = 1024, .headers_max = HEADERS_MAX};

struct outcome {
    struct http_head head;
    struct http_header headers[HEADERS_MAX];
    struct http_body body;
    enum http_parse result;
    size_t body_bytes, used;
};

static void head_keeps_its_promises(const struct http_head *head)
{
    const struct http_request *request = &head->request;

    assert(http_char_all(request->method_name, HTTP_CHAR_TOKEN) && request->method_name.len > 0);
    assert(http_char_all(request->path, HTTP_CHAR_TARGET) && request->path.len > 0);
    assert(request->path.data[0] == '/' || head->options_star);
    assert(http_char_all(request->query, HTTP_CHAR_TARGET));
    assert(request->minor == 0 || request->host.len > 0);
    for (size_t i = 0; i < request->n_headers; i++) {
        assert(http_char_all(request->headers[i].name, HTTP_CHAR_TOKEN) && request->headers[i].name.len > 0);
        assert(http_char_all(request->headers[i].value, HTTP_CHAR_VALUE));
    }
}

// Decodes data[0..len) in place; payload gathers at its beginning.
static void parse_body(struct outcome *outcome, char *data, size_t len, size_t cut)
{
    size_t got, used;

    outcome->result =
        http_body_start(&outcome->body, outcome->head.framing, outcome->head.content_length, BODY_BYTES_MAX);
    outcome->used = outcome->body_bytes = 0;
    while (outcome->result == HTTP_PARSE_MORE && outcome->used < len) {
        size_t n = outcome->used < cut ? cut - outcome->used : len - outcome->used;
        outcome->result = http_body_decode(&outcome->body, data + outcome->body_bytes, data + outcome->used,
                                           n, &got, &used);
        assert(got <= used && used <= n && (used == n || outcome->result != HTTP_PARSE_MORE));
        outcome->body_bytes += got;
        outcome->used += used;
    }
    assert(outcome->body_bytes <= BODY_BYTES_MAX);
}

static void parse(struct outcome *outcome, char *data, size_t len, size_t cut)
{
    struct http_head *head = &outcome->head;

    *outcome = (struct outcome){.head.request.headers = outcome->headers};
    http_head_start(head);
    outcome->result = http_head_parse(head, &limits, data, cut);
    if (outcome->result == HTTP_PARSE_MORE && cut < len)
        outcome->result = http_head_parse(head, &limits, data, len);
    if (outcome->result != HTTP_PARSE_DONE)
        return;
    assert(head->parsed <= len);
    head_keeps_its_promises(head);
    parse_body(outcome, data + head->parsed, len - head->parsed, cut > head->parsed ? cut - head->parsed : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, halves;

    if (size < 1)
        return 0;
    size_t len = size - 1, cut = len * data[0] / 255;
    char *one = malloc(len + 1), *two = malloc(len + 1);
    assert(one != NULL && two != NULL);
    memcpy(one, data + 1, len);
    memcpy(two, data + 1, len);
    parse(&whole, one, len, len);
    parse(&halves, two, len, cut);
    assert(whole.result == halves.result && whole.head.fault == halves.head.fault);
    assert(whole.head.request.n_headers == halves.head.request.n_headers);
    assert(whole.body.fault == halves.body.fault && whole.used == halves.used &&
           whole.body_bytes == halves.body_bytes);
    if (whole.result != HTTP_PARSE_BAD)
        assert(memcmp(one + whole.head.parsed, two + halves.head.parsed, whole.body_bytes) == 0);
    free(one);
    free(two);
    return 0;
}
