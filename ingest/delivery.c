// Reading a stream entry. Pure. A header that cannot be read is a condition of the delivery, not an error:
// the entry is set aside like any other.

#include "ingest/delivery.h"

#include "base/pack.h"

struct delivery delivery_of(struct slice entry_id, struct slice bytes)
{
    struct delivery d = {.entry_id = entry_id, .bytes = bytes};

    d.condition = bytes.data ? frame_header_decode(bytes.data, bytes.len, &d.header) : FRAME_NOT_A_FRAME;
    if (d.condition)
        return d;
    size_t len = bytes.len - FRAME_HEADER_BYTES;
    d.payload = (struct slice){bytes.data + FRAME_HEADER_BYTES, min_of(len, frame_payload_length(&d.header))};
    d.payload_ok = frame_payload_check(&d.header, d.payload.data, len) == 0;
    if (d.payload_ok)
        d.hits_bytes = d.header.packed ? pack_raw_bytes(d.payload) : d.payload.len;
    return d;
}

struct slice delivery_hits(const struct delivery *delivery, void *room)
{
    if (!delivery->header.packed)
        return delivery->payload;
    if (delivery->hits_bytes == 0 || pack_undo(delivery->payload, room) != 0)
        return SLICE_NONE;
    return (struct slice){room, delivery->hits_bytes};
}

const char *frame_condition_name(int condition)
{
    switch ((enum frame_condition)condition) {
    case FRAME_SHORT:
        return "short";
    case FRAME_NOT_A_FRAME:
        return "not_a_frame";
    case FRAME_VERSION_UNKNOWN:
        return "version_unknown";
    case FRAME_DAMAGED:
        return "damaged";
    case FRAME_LIMIT:
        return "limit";
    }
    return "ok";
}
