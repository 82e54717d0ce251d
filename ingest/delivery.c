// Reading a stream entry. Pure. A header that cannot be read is a condition of the delivery, not an error:
// the entry is set aside like any other.

#include "ingest/delivery.h"

struct delivery delivery_of(struct slice entry_id, struct slice bytes)
{
    struct delivery d = {.entry_id = entry_id, .bytes = bytes};

    d.condition = bytes.data ? frame_header_decode(bytes.data, bytes.len, &d.header) : FRAME_NOT_A_FRAME;
    if (d.condition)
        return d;
    size_t len = bytes.len - FRAME_HEADER_BYTES;
    d.payload = (struct slice){bytes.data + FRAME_HEADER_BYTES, min_of(len, frame_payload_length(&d.header))};
    d.payload_ok = frame_payload_check(&d.header, d.payload.data, len) == 0;
    return d;
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
