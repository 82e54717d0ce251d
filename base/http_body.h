#pragma once

// The body of a request, by Content-Length or chunked (RFC 9112, sections 6 and 7). Pure and in place. Chunk
// extensions and trailers are checked, bounded and discarded.

#include "base/http_parse.h"

enum {
    HTTP_BODY_EXTRA_BYTES_MAX = 4096, // all extensions and trailers of one body
};

// Private.
struct http_body {
    unsigned state;
    unsigned digits;
    uint64_t left; // of the body (LENGTH) or of the chunk
    size_t bytes;  // payload so far
    size_t bytes_max;
    size_t extra_bytes;
    enum http_fault fault;
};

// HTTP_PARSE_BAD with HTTP_FAULT_BODY_LARGE if a Content-Length exceeds bytes_max, DONE if there is no body.
must_check enum http_parse http_body_start(struct http_body *body, enum http_framing framing,
                                           uint64_t content_length, size_t bytes_max);

// Takes `len` bytes of the wire and moves what is payload to `out` (out <= data; the two may overlap, and are
// equal for Content-Length). *out_len is the payload, *used what was taken: all of it unless DONE.
must_check enum http_parse http_body_decode(struct http_body *body, char *out, const char *data, size_t len,
                                            size_t *out_len, size_t *used);
