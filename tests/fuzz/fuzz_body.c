// Chunked bodies. The verdict, the payload and what is taken must not depend on how the bytes were cut: the
// first byte of the input says where, the rest is decoded in one piece, in two, and byte by byte. And what is
// chunked by the book comes out as it went in: the input is also taken as a payload.

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/http_body.h"

enum {
    BODY_BYTES_MAX = 4096,
    CHUNK_BYTES_MAX = 64, // of our own chunks
    FRAMING_BYTES_MAX = 32,
};

struct outcome {
    struct http_body body;
    enum http_parse result;
    size_t payload_bytes, used;
    char *wire; // the payload gathers at its beginning
};

// The first piece has `first` bytes, the others `step`.
static void decode(struct outcome *outcome, const uint8_t *data, size_t len, size_t first, size_t step)
{
    size_t got, used, n = first;

    *outcome = (struct outcome){.wire = malloc(len + 1)};
    assert(outcome->wire != NULL);
    memcpy(outcome->wire, data, len);
    outcome->result = http_body_start(&outcome->body, HTTP_FRAMING_CHUNKED, 0, BODY_BYTES_MAX);
    for (; outcome->result == HTTP_PARSE_MORE && outcome->used < len; n = step) {
        n = min_of(n, len - outcome->used);
        outcome->result = http_body_decode(&outcome->body, outcome->wire + outcome->payload_bytes,
                                           outcome->wire + outcome->used, n, &got, &used);
        assert(got <= used && used <= n && (used == n || outcome->result != HTTP_PARSE_MORE));
        outcome->payload_bytes += got;
        outcome->used += used;
    }
    assert(outcome->payload_bytes <= BODY_BYTES_MAX);
}

static void same(const struct outcome *a, const struct outcome *b)
{
    assert(a->result == b->result && a->body.fault == b->body.fault && a->used == b->used);
    assert(a->payload_bytes == b->payload_bytes && memcmp(a->wire, b->wire, a->payload_bytes) == 0);
}

// The lengths of the chunks are taken from the payload itself.
static size_t encode(const uint8_t *payload, size_t len, uint8_t *wire)
{
    size_t at = 0, out = 0;

    while (at < len) {
        size_t n = min_of(len - at, (size_t)payload[at] % CHUNK_BYTES_MAX + 1);
        out += (size_t)sprintf((char *)wire + out, n % 2 ? "%zx\r\n" : "%04zX;a=\"b\"\r\n", n);
        memcpy(wire + out, payload + at, n);
        out += n + (size_t)sprintf((char *)wire + out + n, "\r\n");
        at += n;
    }
    return out + (size_t)sprintf((char *)wire + out, "0\r\nTrailer: x\r\n\r\nrest");
}

static void a_payload_survives(const uint8_t *payload, size_t len, size_t cut)
{
    struct outcome outcome;

    len = min_of(len, (size_t)BODY_BYTES_MAX / 2); // extensions and trailers have a bound of their own
    uint8_t *wire = malloc(len * FRAMING_BYTES_MAX + FRAMING_BYTES_MAX);
    assert(wire != NULL);
    size_t wire_len = encode(payload, len, wire);
    decode(&outcome, wire, wire_len, cut, wire_len);
    if (outcome.body.fault == HTTP_FAULT_NONE) {
        assert(outcome.result == HTTP_PARSE_DONE && wire_len - outcome.used == 4);
        assert(outcome.payload_bytes == len && memcmp(outcome.wire, payload, len) == 0);
    } else {
        assert(outcome.body.extra_bytes > HTTP_BODY_EXTRA_BYTES_MAX);
    }
    free(outcome.wire);
    free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, halves, bytes;

    if (size < 2)
        return 0;
    size_t len = size - 1, cut = len * data[0] / 255;
    decode(&whole, data + 1, len, len, len);
    decode(&halves, data + 1, len, cut, len);
    decode(&bytes, data + 1, len, 1, 1);
    same(&whole, &halves);
    same(&whole, &bytes);
    a_payload_survives(data + 1, len, cut + 1);
    free(whole.wire);
    free(halves.wire);
    free(bytes.wire);
    return 0;
}
