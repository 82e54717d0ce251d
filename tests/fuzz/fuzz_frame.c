// Frame headers from any bytes. What is accepted is written back byte for byte. The checksum is put right
// first, or the fuzzer would never come behind it.

#include "base/frame.h"

#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[FRAME_HEADER_BYTES] = {0}, again[FRAME_HEADER_BYTES];
    struct frame_header header;

    size_t at = frame_find(data, size);
    assert(at == size || frame_header_decode(data + at, size - at, &header) == 0);
    memcpy(bytes, data, min_of(size, sizeof(bytes)));
    bytes_put_u32(bytes, FRAME_MAGIC);
    bytes_put_u64(bytes + 88, XXH3_64bits(bytes, 88));
    if (frame_header_decode(bytes, sizeof(bytes), &header))
        return 0;
    assert(frame_payload_length(&header) <= FRAME_PAYLOAD_MAX && header.count <= FRAME_HITS_MAX);
    (void)!frame_payload_check(&header, data, size);
    frame_header_encode(&header, again);
    assert(memcmp(bytes, again, sizeof(bytes)) == 0);
    return 0;
}
