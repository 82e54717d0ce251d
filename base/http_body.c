// The body of a request, decoded in place. A Content-Length body is passed through; a chunked one is a state
// machine over the wire's bytes, where only chunk data is copied. Strict: a chunk size is 1 to 16 hex digits,
// directly followed by CR or ';' and a name (RFC 9112, 7.1, without BWS), every line ends in CR LF. Extensions
// and trailers are bounded together by HTTP_BODY_EXTRA_BYTES_MAX.

#include "base/http_body.h"

#include <assert.h>

#include "base/http_char.h"

enum {
    CHUNK_DIGITS_MAX = 16,
};

enum body_state {
    BODY_PLAIN,
    BODY_SIZE,
    BODY_EXTENSION_START,
    BODY_EXTENSION,
    BODY_SIZE_LF,
    BODY_DATA,
    BODY_DATA_CR,
    BODY_DATA_LF,
    BODY_TRAILER_START,
    BODY_TRAILER_NAME,
    BODY_TRAILER_VALUE,
    BODY_TRAILER_LF,
    BODY_END_LF,
    BODY_DONE,
};

static enum http_parse body_bad(struct http_body *body, enum http_fault fault)
{
    body->fault = fault;
    return HTTP_PARSE_BAD;
}

enum http_parse http_body_start(struct http_body *body, enum http_framing framing, uint64_t content_length,
                                size_t bytes_max)
{
    *body = (struct http_body){.bytes_max = bytes_max, .left = content_length};
    switch (framing) {
    case HTTP_FRAMING_NONE:
        body->state = BODY_DONE;
        return HTTP_PARSE_DONE;
    case HTTP_FRAMING_LENGTH:
        if (content_length > bytes_max)
            return body_bad(body, HTTP_FAULT_BODY_LARGE);
        body->state = content_length > 0 ? BODY_PLAIN : BODY_DONE;
        return content_length > 0 ? HTTP_PARSE_MORE : HTTP_PARSE_DONE;
    case HTTP_FRAMING_CHUNKED:
        body->left = 0;
        body->state = BODY_SIZE;
        return HTTP_PARSE_MORE;
    }
    assert(false);
    return HTTP_PARSE_BAD;
}

static enum http_fault body_size(struct http_body *body, char c)
{
    if (http_char_is(c, HTTP_CHAR_HEX)) {
        if (++body->digits > CHUNK_DIGITS_MAX)
            return HTTP_FAULT_CHUNK;
        body->left = body->left << 4 | http_char_hex(c);
        return HTTP_FAULT_NONE;
    }
    if (body->digits == 0 || (c != '\r' && c != ';'))
        return HTTP_FAULT_CHUNK;
    if (body->left > body->bytes_max - body->bytes)
        return HTTP_FAULT_BODY_LARGE;
    body->state = c == '\r' ? BODY_SIZE_LF : BODY_EXTENSION_START;
    return HTTP_FAULT_NONE;
}

// `c` must be `wanted`; the next state is `next`.
static enum http_fault body_expect(struct http_body *body, char c, char wanted, enum body_state next)
{
    if (c != wanted)
        return HTTP_FAULT_CHUNK;
    body->state = next;
    return HTTP_FAULT_NONE;
}

static enum http_fault body_extra(struct http_body *body, bool is_legal)
{
    return is_legal && ++body->extra_bytes <= HTTP_BODY_EXTRA_BYTES_MAX ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK;
}

static enum http_fault body_trailer_name(struct http_body *body, char c)
{
    if (c == ':' && body->state == BODY_TRAILER_NAME) {
        body->state = BODY_TRAILER_VALUE;
        return body_extra(body, true);
    }
    body->state = BODY_TRAILER_NAME;
    return body_extra(body, http_char_is(c, HTTP_CHAR_TOKEN));
}

// Up to CR: an extension or the value of a trailer.
static enum http_fault body_text(struct http_body *body, char c, enum body_state next)
{
    if (c == '\r')
        return body_expect(body, c, '\r', next);
    return body_extra(body, http_char_is(c, HTTP_CHAR_VALUE));
}

static enum http_fault body_size_end(struct http_body *body, char c)
{
    body->digits = 0;
    return body_expect(body, c, '\n', body->left > 0 ? BODY_DATA : BODY_TRAILER_START);
}

// One byte that is not payload.
static enum http_fault body_byte(struct http_body *body, char c)
{
    switch ((enum body_state)body->state) {
    case BODY_SIZE:
        return body_size(body, c);
    case BODY_EXTENSION_START:
        body->state = BODY_EXTENSION;
        return body_extra(body, http_char_is(c, HTTP_CHAR_TOKEN));
    case BODY_EXTENSION:
        return body_text(body, c, BODY_SIZE_LF);
    case BODY_SIZE_LF:
        return body_size_end(body, c);
    case BODY_DATA_CR:
        return body_expect(body, c, '\r', BODY_DATA_LF);
    case BODY_DATA_LF:
        return body_expect(body, c, '\n', BODY_SIZE);
    case BODY_TRAILER_START:
        return c == '\r' ? body_expect(body, c, '\r', BODY_END_LF) : body_trailer_name(body, c);
    case BODY_TRAILER_NAME:
        return body_trailer_name(body, c);
    case BODY_TRAILER_VALUE:
        return body_text(body, c, BODY_TRAILER_LF);
    case BODY_TRAILER_LF:
        return body_expect(body, c, '\n', BODY_TRAILER_START);
    case BODY_END_LF:
        return body_expect(body, c, '\n', BODY_DONE);
    case BODY_PLAIN:
    case BODY_DATA:
    case BODY_DONE:
        break;
    }
    assert(false);
    return HTTP_FAULT_CHUNK;
}

static size_t body_payload(struct http_body *body, char *out, const char *data, size_t len)
{
    size_t n = body->left < len ? (size_t)body->left : len;

    if (out != data)
        memmove(out, data, n);
    body->left -= n;
    body->bytes += n;
    if (body->left == 0)
        body->state = body->state == BODY_PLAIN ? BODY_DONE : BODY_DATA_CR;
    return n;
}

enum http_parse http_body_decode(struct http_body *body, char *out, const char *data, size_t len,
                                 size_t *out_len, size_t *used)
{
    *out_len = *used = 0;
    while (*used < len && body->state != BODY_DONE) {
        if (body->state == BODY_PLAIN || body->state == BODY_DATA) {
            size_t n = body_payload(body, out + *out_len, data + *used, len - *used);
            *out_len += n;
            *used += n;
            continue;
        }
        enum http_fault fault = body_byte(body, data[(*used)++]);
        if (fault != HTTP_FAULT_NONE)
            return body_bad(body, fault);
    }
    return body->state == BODY_DONE ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}
