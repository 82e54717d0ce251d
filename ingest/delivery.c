// Reading a stream entry. Pure. A header that cannot be read is a condition of the delivery, not an error:
// the entry is set aside like any other.

#include "ingest/delivery.h"

#include "base/delta.h"
#include "base/pack.h"

static void sizes_read(struct delivery *d)
{
    switch (d->header.version) {
    case FRAME_VERSION_PLAIN:
        d->hits_bytes = d->payload.len;
        break;
    case FRAME_VERSION_PACKED:
        d->hits_bytes = d->room_bytes = pack_raw_bytes(d->payload);
        break;
    case FRAME_VERSION_DELTA:
        d->hits_bytes = delta_hits_bytes(d->payload);
        d->room_bytes = delta_room_bytes(d->payload);
        break;
    }
}

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
        sizes_read(&d);
    return d;
}

struct slice delivery_hits(const struct delivery *delivery, void *room)
{
    if (delivery->header.version == FRAME_VERSION_PLAIN)
        return delivery->payload;
    if (delivery->hits_bytes == 0)
        return SLICE_NONE;
    bool packed = delivery->header.version == FRAME_VERSION_PACKED;
    if (packed ? pack_undo(delivery->payload, room) : delta_undo(delivery->payload, room))
        return SLICE_NONE;
    return (struct slice){room, delivery->hits_bytes};
}

uint64_t delivery_count(const struct delivery *delivery)
{
    return delivery->condition ? 0 : delivery->header.count;
}

uint64_t deliveries_count(const struct delivery deliveries[], size_t n)
{
    uint64_t hits = 0;

    for (size_t i = 0; i < n; i++)
        hits += delivery_count(&deliveries[i]);
    return hits;
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
