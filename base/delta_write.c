// Writing deltas. Owner: the producer. Hits are written as they are added, so that a turn's end has only the
// texts left to pack. Invariant: the memory is what the reader's will be behind the same codes. Limits: the
// plain hits take at most hits_bytes_max; codes and texts have room for that and one hit more.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/delta_text.h"
#include "base/pack.h"

#define CHANGED_MAX  4096
#define HIT_KEPT_MAX (2 * HIT_RECORD_MAX) // steady fields and the destination may stand there twice

struct delta_writer {
    struct delta_out out;
    struct packer *packer;
    uint8_t *codes;
    char *texts, *kept;
    size_t codes_room, texts_room, kept_room, hits_bytes_max, hits_bytes;
    unsigned n_changed;
    struct slice *changed[CHANGED_MAX]; // slots, so that a frame need not clear all of them
    struct delta_memory memory;
};

struct delta_writer *delta_writer_new(size_t hits_bytes_max)
{
    struct delta_writer *writer = calloc(1, sizeof(*writer));

    if (!writer)
        return NULL;
    writer->hits_bytes_max = hits_bytes_max;
    writer->codes_room = hits_bytes_max + DELTA_HIT_CODES_MAX;
    writer->texts_room = hits_bytes_max + HIT_RECORD_MAX;
    writer->codes = malloc(writer->codes_room);
    writer->texts = malloc(writer->texts_room);
    writer->kept_room = hits_bytes_max + HIT_KEPT_MAX;
    writer->kept = malloc(writer->kept_room);
    writer->packer = packer_new();
    if (!writer->packer || !writer->codes || !writer->texts || !writer->kept) {
        delta_writer_free(writer);
        return NULL;
    }
    delta_start(writer);
    return writer;
}

void delta_writer_free(struct delta_writer *writer)
{
    if (!writer)
        return;
    packer_free(writer->packer);
    free(writer->codes);
    free(writer->texts);
    free(writer->kept);
    free(writer);
}

void delta_start(struct delta_writer *writer)
{
    if (writer->n_changed > CHANGED_MAX)
        memset(writer->memory.text, 0, sizeof(writer->memory.text));
    else
        for (unsigned i = 0; i < writer->n_changed; i++)
            *writer->changed[i] = SLICE_NONE;
    writer->n_changed = 0;
    writer->hits_bytes = 0;
    writer->out = (struct delta_out){writer->codes, writer->texts, writer->kept};
    delta_memory_start(&writer->memory);
}

// --- Parts of a hit ----------------------------------------------------------------------------------------

static uint8_t *put(uint8_t *at, const void *data, size_t bytes)
{
    memcpy(at, data, bytes);
    return at + bytes;
}

static unsigned slot_of(uint64_t value)
{
    return (unsigned)(value * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

static uint8_t *changes_put(uint8_t *at, const struct delta_shape *old, const struct delta_shape *new)
{
    uint8_t *changes = at++;

    *changes = 0;
    for (unsigned i = 0; i < DELTA_PRESENT_BYTES; i++) {
        uint8_t byte = (uint8_t)((old->present ^ new->present) >> 8 * i);
        if (byte == 0)
            continue;
        *changes |= (uint8_t)(1 << i);
        *at++ = byte;
    }
    if (memcmp(old->head, new->head, DELTA_HEAD_BYTES) == 0)
        return at;
    *changes |= 1 << DELTA_PRESENT_BYTES;
    return put(at, new->head, DELTA_HEAD_BYTES);
}

static void shape_write(struct delta_writer *writer, const struct hit *hit, const struct delta_shape *shape)
{
    struct delta_memory *memory = &writer->memory;
    unsigned slot = slot_of(shape->present ^ (uint64_t)(hit->reason << 3 ^ hit->class) << 56);
    uint8_t *at = writer->out.codes;

    if (memcmp(&memory->shape[slot], shape, sizeof(*shape)) == 0) {
        *at++ = (uint8_t)slot;
    } else {
        *at++ = (uint8_t)(DELTA_NEW | slot);
        at = changes_put(at, &memory->last_shape, shape);
        memory->shape[slot] = memory->last_shape = *shape;
    }
    writer->out.codes = at;
}

// Returns the fields that are not the last ones.
static uint64_t numbers_write(struct delta_writer *writer, const struct hit *hit, uint64_t present)
{
    const uint64_t number[DELTA_NUMBERS] = {hit->program_id, hit->partner_id, hit->link_id,
                                            hit->promo_code_id, hit->catalog_revision};
    struct delta_memory *memory = &writer->memory;
    uint8_t *changes = writer->out.codes, *at = changes + 1;

    *changes = 0;
    for (unsigned i = 0; i < DELTA_NUMBERS; i++) {
        if (number[i] == memory->number[i])
            continue;
        *changes |= (uint8_t)(1 << i);
        at = bytes_put_varint(at, number[i]);
        memory->number[i] = number[i];
    }
    for (unsigned i = 0; i < DELTA_STEADY; i++) {
        struct slice field = hit->field[delta_steady[i]];
        if (!field.data || !memory->steady[i].data || !slice_equal(field, memory->steady[i]))
            continue;
        *changes |= (uint8_t)(1 << (DELTA_NUMBERS + i));
        present &= ~DELTA_BIT(delta_steady[i]);
    }
    writer->out.codes = at;
    return present;
}

static void id_write(struct delta_writer *writer, const uint8_t id[HIT_ID_BYTES],
                     const uint8_t old[HIT_ID_BYTES])
{
    uint64_t step = delta_id_step(id, old);

    writer->out.codes = bytes_put_varint(writer->out.codes, step);
    writer->out.codes = step > 0
                            ? put(writer->out.codes, id + HIT_ID_BYTES - DELTA_TAG_BYTES, DELTA_TAG_BYTES)
                            : put(writer->out.codes, id, HIT_ID_BYTES);
}

static void text_write(struct delta_writer *writer, unsigned tag, struct slice text)
{
    struct slice *slots = writer->memory.text[tag];
    int slot = delta_text_write(&writer->out, slots, text);

    if (slot < 0)
        return;
    if (writer->n_changed < CHANGED_MAX)
        writer->changed[writer->n_changed] = &slots[slot];
    writer->n_changed += writer->n_changed <= CHANGED_MAX;
}

static void destination_write(struct delta_writer *writer, const struct hit *hit, uint64_t present)
{
    struct slice folded = delta_destination_fold(hit, present, writer->out.kept);

    if (folded.data == writer->out.kept)
        writer->out.kept += folded.len;
    text_write(writer, HIT_DESTINATION, folded);
}

static void field_write(struct delta_writer *writer, const struct hit *hit, unsigned tag, size_t address_kept)
{
    struct slice field = hit->field[tag];

    if (delta_is_id(tag))
        id_write(writer, (const uint8_t *)field.data, hit->id);
    else if (delta_is_fixed(tag))
        writer->out.codes = put(writer->out.codes, field.data, field.len);
    else if (tag == HIT_ADDRESS)
        writer->out.codes = put(writer->out.codes, field.data, address_kept);
    else
        text_write(writer, tag, field);
}

static void steady_keep(struct delta_writer *writer, const struct hit *hit, uint64_t written)
{
    struct delta_out *out = &writer->out;

    for (unsigned i = 0; i < DELTA_STEADY; i++) {
        struct slice field = hit->field[delta_steady[i]];
        if (!(written & DELTA_BIT(delta_steady[i])))
            continue;
        writer->memory.steady[i] = (struct slice){memcpy(out->kept, field.data, field.len), field.len};
        out->kept += field.len;
    }
}

static void place_write(struct delta_writer *writer, const struct hit *hit)
{
    struct delta_place place = {0};
    struct slice country = hit->field[HIT_COUNTRY], region = hit->field[HIT_REGION],
                 system = hit->field[HIT_ASN];
    uint8_t *end = place.bytes;
    uint64_t first;

    if (country.data) {
        place.lengths |= 0x80;
        end = put(end, country.data, country.len);
    }
    if (region.data) {
        place.lengths |= (uint8_t)(region.len << 4);
        end = put(end, region.data, region.len);
    }
    if (system.data) {
        place.lengths |= (uint8_t)system.len;
        end = put(end, system.data, system.len);
    }
    memcpy(&first, place.bytes, sizeof(first));
    unsigned slot = slot_of(first ^ place.lengths);
    if (memcmp(&writer->memory.place[slot], &place, sizeof(place)) == 0) {
        *writer->out.codes++ = (uint8_t)slot;
        return;
    }
    writer->memory.place[slot] = place;
    *writer->out.codes++ = (uint8_t)(DELTA_NEW | slot);
    *writer->out.codes++ = place.lengths;
    writer->out.codes = put(writer->out.codes, place.bytes, (size_t)(end - place.bytes));
}

static void agent_write(struct delta_writer *writer, const struct hit *hit)
{
    uint8_t agent[3] = {0};

    for (unsigned i = 0; i < 3; i++)
        if (hit->field[HIT_DEVICE + i].data)
            agent[i] = (uint8_t)hit->field[HIT_DEVICE + i].data[0];
    unsigned slot = slot_of(agent[0] | (uint64_t)agent[1] << 8 | (uint64_t)agent[2] << 16);
    if (memcmp(writer->memory.agent[slot], agent, sizeof(agent)) == 0) {
        *writer->out.codes++ = (uint8_t)slot;
        return;
    }
    memcpy(writer->memory.agent[slot], agent, sizeof(agent));
    *writer->out.codes++ = (uint8_t)(DELTA_NEW | slot);
    writer->out.codes = put(writer->out.codes, agent, sizeof(agent));
}

// --- Hits --------------------------------------------------------------------------------------------------

static struct delta_shape shape_of(const struct hit *hit, uint64_t present)
{
    struct slice address = hit->field[HIT_ADDRESS];
    size_t kept = address.len;

    while (kept > 0 && address.data[kept - 1] == 0)
        kept--;
    return (struct delta_shape){.present = present,
                                .head = {hit->kind, hit->class, hit->reason, (uint8_t)hit->status,
                                         (uint8_t)(hit->status >> 8), (uint8_t)address.len, (uint8_t)kept}};
}

static void hit_write(struct delta_writer *writer, const struct hit *hit, uint64_t present)
{
    const struct delta_shape shape = shape_of(hit, present);

    shape_write(writer, hit, &shape);
    uint64_t written = numbers_write(writer, hit, present);
    id_write(writer, hit->id, writer->memory.id);
    memcpy(writer->memory.id, hit->id, HIT_ID_BYTES);
    if (present & DELTA_BIT(HIT_DESTINATION))
        destination_write(writer, hit, present);
    for (uint64_t left = written & ~DELTA_APART_BITS; left > 0; left &= left - 1)
        field_write(writer, hit, (unsigned)__builtin_ctzll(left), shape.head[DELTA_HEAD_KEPT]);
    steady_keep(writer, hit, written);
    if (present & DELTA_PLACE_BITS)
        place_write(writer, hit);
    if (present & DELTA_AGENT_BITS)
        agent_write(writer, hit);
}

static bool has_room(const struct delta_writer *writer)
{
    size_t codes = (size_t)(writer->out.codes - writer->codes),
           texts = (size_t)(writer->out.texts - writer->texts),
           kept = (size_t)(writer->out.kept - writer->kept);

    return writer->codes_room - codes >= DELTA_HIT_CODES_MAX &&
           writer->texts_room - texts >= HIT_RECORD_MAX && writer->kept_room - kept >= HIT_KEPT_MAX;
}

int delta_add(struct delta_writer *writer, const struct hit *hit)
{
    struct hit_measure measure;

    int r = hit_measure(hit, &measure);
    if (r)
        return r;
    if (writer->hits_bytes + measure.bytes > writer->hits_bytes_max || !has_room(writer))
        return -ENOBUFS;
    writer->hits_bytes += measure.bytes;
    hit_write(writer, hit, measure.present);
    return 0;
}

size_t delta_bytes_max(const struct delta_writer *writer)
{
    return DELTA_HEADER_BYTES + writer->codes_room + pack_bytes_max(writer->texts_room);
}

size_t delta_finish(struct delta_writer *writer, void *out, size_t out_bytes)
{
    size_t codes = (size_t)(writer->out.codes - writer->codes),
           texts = (size_t)(writer->out.texts - writer->texts);
    uint8_t *at = out;

    assert(writer->hits_bytes > 0 && out_bytes >= delta_bytes_max(writer));
    bytes_put_u32(at, (uint32_t)writer->hits_bytes);
    bytes_put_u32(at + 4, (uint32_t)codes);
    at = put(at + DELTA_HEADER_BYTES, writer->codes, codes);
    if (texts > 0)
        at += pack(writer->packer, writer->texts, texts, at, out_bytes - DELTA_HEADER_BYTES - codes);
    return (size_t)(at - (uint8_t *)out);
}
