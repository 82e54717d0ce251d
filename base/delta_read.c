// Reading deltas, strictly. Pure. Every hit is made as a whole and encoded again, so that what is not allowed
// in a hit does not come out. Room: the plain hits, behind them the texts' values, which stand in the hits
// too and so take no more than these, destinations twice; and the texts as they were packed.

#include "base/delta_text.h"
#include "base/pack.h"

struct reader {
    struct delta_in in;
    struct bytes_writer hits;
    struct delta_memory memory;
};

struct parts {
    size_t hits_bytes, texts_bytes;
    struct slice codes, packed;
};

static bool parts_of(struct slice payload, struct parts *parts)
{
    if (payload.len < DELTA_HEADER_BYTES)
        return false;
    const uint8_t *head = (const uint8_t *)payload.data;
    parts->hits_bytes = bytes_get_u32(head);
    size_t left = payload.len - DELTA_HEADER_BYTES, codes = bytes_get_u32(head + 4);
    if (parts->hits_bytes == 0 || parts->hits_bytes > PACK_RAW_MAX || codes > left)
        return false;
    parts->codes = (struct slice){payload.data + DELTA_HEADER_BYTES, codes};
    parts->packed = (struct slice){parts->codes.data + codes, left - codes};
    parts->texts_bytes = parts->packed.len > 0 ? pack_raw_bytes(parts->packed) : 0;
    return parts->texts_bytes <= parts->hits_bytes && (parts->texts_bytes > 0 || parts->packed.len == 0);
}

size_t delta_hits_bytes(struct slice payload)
{
    struct parts parts;

    return parts_of(payload, &parts) ? parts.hits_bytes : 0;
}

size_t delta_room_bytes(struct slice payload)
{
    struct parts parts;

    return parts_of(payload, &parts) ? 3 * parts.hits_bytes + parts.texts_bytes : 0;
}

// --- Parts of a hit ----------------------------------------------------------------------------------------

static bool shape_changes_read(struct bytes_reader *codes, struct delta_shape *shape)
{
    unsigned changes = bytes_read_u8(codes);

    for (unsigned i = 0; i < DELTA_PRESENT_BYTES; i++)
        if (changes & 1u << i)
            shape->present ^= (uint64_t)bytes_read_u8(codes) << 8 * i;
    if (changes & 1u << DELTA_PRESENT_BYTES) {
        const uint8_t *head = bytes_read(codes, DELTA_HEAD_BYTES);
        if (head)
            memcpy(shape->head, head, DELTA_HEAD_BYTES);
    }
    return !codes->bad && shape->present >> HIT_FIELD_COUNT == 0 && !(shape->present & 1) &&
           shape->head[DELTA_HEAD_ADDRESS] <= 16 &&
           shape->head[DELTA_HEAD_KEPT] <= shape->head[DELTA_HEAD_ADDRESS];
}

static bool shape_read(struct reader *reader, struct delta_shape *shape)
{
    struct delta_memory *memory = &reader->memory;
    unsigned code = bytes_read_u8(&reader->in.codes), slot = code & (DELTA_SLOTS - 1);

    if (code & DELTA_NEW) {
        if (!shape_changes_read(&reader->in.codes, &memory->last_shape))
            return false;
        memory->shape[slot] = memory->last_shape;
    }
    *shape = memory->shape[slot];
    return !reader->in.codes.bad;
}

// Returns the fields that are not the last ones.
static uint64_t numbers_read(struct reader *reader, struct hit *hit, uint64_t present)
{
    struct delta_memory *memory = &reader->memory;
    unsigned changes = bytes_read_u8(&reader->in.codes);

    for (unsigned i = 0; i < DELTA_NUMBERS; i++)
        if (changes & 1u << i)
            memory->number[i] = bytes_read_varint(&reader->in.codes);
    hit->program_id = memory->number[0];
    hit->partner_id = memory->number[1];
    hit->link_id = memory->number[2];
    hit->promo_code_id = memory->number[3];
    hit->catalog_revision = memory->number[4];
    for (unsigned i = 0; i < DELTA_STEADY; i++) {
        if (!(changes & 1u << (DELTA_NUMBERS + i)))
            continue;
        reader->in.codes.bad |= !(present & DELTA_BIT(delta_steady[i])) || !memory->steady[i].data;
        hit->field[delta_steady[i]] = memory->steady[i];
        present &= ~DELTA_BIT(delta_steady[i]);
    }
    return present;
}

static void id_read(struct bytes_reader *codes, uint8_t id[HIT_ID_BYTES], const uint8_t old[HIT_ID_BYTES])
{
    uint64_t step = bytes_read_varint(codes);
    const uint8_t *rest = bytes_read(codes, step > 0 ? DELTA_TAG_BYTES : HIT_ID_BYTES);

    if (!rest)
        return;
    if (step == 0)
        memcpy(id, rest, HIT_ID_BYTES);
    else
        delta_id_apply(id, old, step, rest);
}

// So many bytes in the values, of which `kept` come from the codes and the others are 0.
static struct slice bytes_take(struct delta_in *in, size_t len, size_t kept)
{
    static const uint8_t zeros[16];
    const uint8_t *data = bytes_read(&in->codes, kept), *start = in->values.at;

    if (data)
        bytes_write(&in->values, data, kept);
    bytes_write(&in->values, zeros, len - kept);
    return (struct slice){(const char *)start, len};
}

static struct slice id_take(struct reader *reader, const struct hit *hit)
{
    uint8_t id[HIT_ID_BYTES] = {0};
    const uint8_t *start = reader->in.values.at;

    id_read(&reader->in.codes, id, hit->id);
    bytes_write(&reader->in.values, id, HIT_ID_BYTES);
    return (struct slice){(const char *)start, HIT_ID_BYTES};
}

static struct slice field_read(struct reader *reader, const struct hit *hit, unsigned tag,
                               const struct delta_shape *shape)
{
    if (delta_is_id(tag))
        return id_take(reader, hit);
    if (delta_is_fixed(tag))
        return bytes_take(&reader->in, 8, 8);
    if (tag == HIT_ADDRESS)
        return bytes_take(&reader->in, shape->head[DELTA_HEAD_ADDRESS], shape->head[DELTA_HEAD_KEPT]);
    return delta_text_read(&reader->in, reader->memory.text[tag]);
}

static bool place_is_good(const struct delta_place *place)
{
    size_t region = place->lengths >> 4 & 7, system = place->lengths & 15;

    return 2 + region + system <= sizeof(place->bytes);
}

static size_t place_bytes(const struct delta_place *place)
{
    return (place->lengths & 0x80 ? 2u : 0u) + (place->lengths >> 4 & 7u) + (place->lengths & 15u);
}

// Which fields a place has must be what the shape says; the slices live as long as the place stays.
static bool place_fill(const struct delta_place *place, struct hit *hit, uint64_t present)
{
    const char *at = (const char *)place->bytes;
    size_t len[3] = {place->lengths & 0x80 ? 2 : 0, place->lengths >> 4 & 7, place->lengths & 15};
    const unsigned tag[3] = {HIT_COUNTRY, HIT_REGION, HIT_ASN};

    for (unsigned i = 0; i < 3; i++) {
        if ((len[i] > 0) != ((present & DELTA_BIT(tag[i])) != 0))
            return false;
        if (len[i] > 0)
            hit->field[tag[i]] = (struct slice){at, len[i]};
        at += len[i];
    }
    return true;
}

static bool place_read(struct reader *reader, struct hit *hit, uint64_t present)
{
    unsigned code = bytes_read_u8(&reader->in.codes);
    struct delta_place *place = &reader->memory.place[code & (DELTA_SLOTS - 1)];

    if (code & DELTA_NEW) {
        *place = (struct delta_place){.lengths = bytes_read_u8(&reader->in.codes)};
        if (!place_is_good(place))
            return false;
        const uint8_t *bytes = bytes_read(&reader->in.codes, place_bytes(place));
        if (!bytes)
            return false;
        memcpy(place->bytes, bytes, place_bytes(place));
    }
    return place_fill(place, hit, present);
}

static bool agent_read(struct reader *reader, struct hit *hit, uint64_t present)
{
    unsigned code = bytes_read_u8(&reader->in.codes);
    uint8_t *agent = reader->memory.agent[code & (DELTA_SLOTS - 1)];

    if (code & DELTA_NEW) {
        const uint8_t *new = bytes_read(&reader->in.codes, 3);
        if (!new)
            return false;
        memcpy(agent, new, 3);
    }
    for (unsigned i = 0; i < 3; i++) {
        if ((agent[i] != 0) != ((present & DELTA_BIT(HIT_DEVICE + i)) != 0))
            return false;
        if (agent[i] != 0)
            hit->field[HIT_DEVICE + i] = (struct slice){(const char *)&agent[i], 1};
    }
    return true;
}

// --- Hits --------------------------------------------------------------------------------------------------

static bool fields_read(struct reader *reader, struct hit *hit, uint64_t left,
                        const struct delta_shape *shape)
{
    for (; left > 0; left &= left - 1) {
        unsigned tag = (unsigned)__builtin_ctzll(left);
        hit->field[tag] = field_read(reader, hit, tag, shape);
        if (!hit->field[tag].data)
            return false;
    }
    for (unsigned i = 0; i < DELTA_STEADY; i++)
        if (hit->field[delta_steady[i]].data)
            reader->memory.steady[i] = hit->field[delta_steady[i]];
    return true;
}

static bool hit_read(struct reader *reader)
{
    struct delta_shape shape;

    if (!shape_read(reader, &shape))
        return false;
    struct hit hit = {.kind = shape.head[0],
                      .class = shape.head[1],
                      .reason = shape.head[2],
                      .status = bytes_get_u16(shape.head + 3)};
    uint64_t left = numbers_read(reader, &hit, shape.present) & ~DELTA_APART_BITS;
    id_read(&reader->in.codes, hit.id, reader->memory.id);
    memcpy(reader->memory.id, hit.id, HIT_ID_BYTES);
    struct slice folded = SLICE_NONE;
    if (shape.present & DELTA_BIT(HIT_DESTINATION)) {
        folded = delta_text_read(&reader->in, reader->memory.text[HIT_DESTINATION]);
        if (!folded.data)
            return false;
    }
    if (!fields_read(reader, &hit, left, &shape) ||
        (shape.present & DELTA_PLACE_BITS && !place_read(reader, &hit, shape.present)) ||
        (shape.present & DELTA_AGENT_BITS && !agent_read(reader, &hit, shape.present)))
        return false;
    if (folded.data) {
        hit.field[HIT_DESTINATION] = delta_destination_unfold(&hit, folded, &reader->in.values);
        if (!hit.field[HIT_DESTINATION].data)
            return false;
    }
    return !reader->in.codes.bad && !reader->in.values.overflow && hit_encode(&reader->hits, &hit) == 0;
}

int delta_undo(struct slice payload, void *room)
{
    struct reader reader = {0};
    struct parts parts;

    if (!parts_of(payload, &parts))
        return DELTA_MALFORMED;
    uint8_t *values = (uint8_t *)room + parts.hits_bytes, *texts = values + 2 * parts.hits_bytes;
    if (parts.texts_bytes > 0 && pack_undo(parts.packed, texts))
        return DELTA_MALFORMED;
    reader.hits = bytes_writer(room, parts.hits_bytes);
    reader.in =
        (struct delta_in){bytes_reader(parts.codes.data, parts.codes.len),
                          bytes_reader(texts, parts.texts_bytes), bytes_writer(values, 2 * parts.hits_bytes)};
    delta_memory_start(&reader.memory);
    while (reader.in.codes.at < reader.in.codes.end)
        if (!hit_read(&reader))
            return DELTA_MALFORMED;
    return reader.hits.at == reader.hits.end && reader.in.texts.at == reader.in.texts.end ? 0
                                                                                          : DELTA_MALFORMED;
}
