// A payload of hits from any bytes. What is accepted is written back byte for byte, and its slices lie
// inside.

#include "base/hit.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hit_check(const struct hit *hit, struct slice record)
{
    uint8_t wire[HIT_RECORD_MAX + VARINT_BYTES_MAX];
    struct bytes_writer writer = bytes_writer(wire, sizeof(wire));

    int r = hit_encode(&writer, hit);
    assert(r == 0 && (size_t)(writer.at - wire) == varint_bytes(record.len) + record.len);
    assert(memcmp(writer.at - record.len, record.data, record.len) == 0);
    for (unsigned tag = 1; tag < HIT_FIELD_COUNT; tag++) {
        const char *at = hit->field[tag].data;
        assert(!at || (at >= record.data && at + hit->field[tag].len <= record.data + record.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_reader reader = bytes_reader(data, size);
    struct slice record;
    struct hit hit;

    while (!reader.bad) {
        int r = hit_next(&reader, &hit, &record);
        if (r == HIT_END)
            break;
        if (r == 0)
            hit_check(&hit, record);
    }
    return 0;
}
