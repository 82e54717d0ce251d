// Varints: LEB128, unsigned, at most VARINT_BYTES_MAX bytes. The rest of this module is inline in its header.
// Invariant: a value has one form only. A reader refuses padded forms (0x80 0x00) and anything above 64 bits,
// because the bytes of frames are compared and checksummed.

#include "base/bytes.h"

size_t varint_bytes(uint64_t value)
{
    return (63 - (size_t)__builtin_clzll(value | 1)) / 7 + 1;
}

void bytes_write_u16(struct bytes_writer *w, uint16_t value)
{
    uint8_t wire[2];
    bytes_put_u16(wire, value);
    bytes_write(w, wire, sizeof(wire));
}

uint8_t *bytes_put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

void bytes_write_varint(struct bytes_writer *w, uint64_t value)
{
    if (w->overflow || (size_t)(w->end - w->at) < varint_bytes(value)) {
        w->overflow = true;
        return;
    }
    w->at = bytes_put_varint(w->at, value);
}

uint64_t bytes_read_varint(struct bytes_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_read_u8(r);
        if (r->bad || (shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->bad = true;
    return 0;
}
