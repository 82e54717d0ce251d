// Hits on the wire: varint record_bytes, then the record:
//   u8 kind, class, reason | u16 status | 16 bytes id | varint program, partner, link, promo code, catalog
//   revision | fields { u8 tag, varint len, bytes }, tags ascending, each at most once, absent = not there.
// Pure; nothing is copied on decoding. Invariant: what hit_decode accepts, hit_encode writes back byte for
// byte. Limits: HIT_RECORD_MAX, HIT_FIELD_MAX, HIT_RAW_MAX; ids and revisions fit a PostgreSQL bigint.

#include "base/hit.h"

#include <assert.h>
#include <errno.h>

#define VARINT_SIZE                                                                                          \
    {                                                                                                        \
        1, VARINT_BYTES_MAX                                                                                  \
    }

// Fewest and most bytes of the fields that are no text. ADDRESS has just these two sizes.
static const struct {
    uint8_t min, max;
} field_size[HIT_FIELD_COUNT] = {
    [HIT_VISITOR] = {16, 16},
    [HIT_REPORT_CLICK_ID] = {16, 16},
    [HIT_REPORT_AMOUNT_MINOR] = {8, 8},
    [HIT_REPORT_EVENT_TIME] = {8, 8},
    [HIT_REPORT_INTEGRATION] = VARINT_SIZE,
    [HIT_ADDRESS] = {4, 16},
    [HIT_ADDRESS_HASH] = {8, 8},
    [HIT_COUNTRY] = {HIT_COUNTRY_BYTES, HIT_COUNTRY_BYTES},
    [HIT_REGION] = {1, HIT_REGION_MAX},
    [HIT_ASN] = VARINT_SIZE,
    [HIT_DEVICE] = {1, 1},
    [HIT_OS] = {1, 1},
    [HIT_BROWSER] = {1, 1},
    [HIT_CLASS_VERSION] = VARINT_SIZE,
    [HIT_REPORT_SIGNED] = {1, 1},
};

static int listed_check(unsigned tag, struct slice value)
{
    uint8_t number = (uint8_t)value.data[0];
    const char *name = tag == HIT_DEVICE ? hit_device_name(number)
                       : tag == HIT_OS   ? hit_os_name(number)
                                         : hit_browser_name(number);

    return name ? 0 : HIT_KIND_UNKNOWN;
}

static int sized_check(unsigned tag, struct slice value)
{
    size_t len = value.len;

    if (len < field_size[tag].min || len > field_size[tag].max ||
        (tag == HIT_ADDRESS && len != 4 && len != 16))
        return HIT_FIELD_SIZE;
    if (tag == HIT_REPORT_SIGNED && value.data[0] != 1)
        return HIT_KIND_UNKNOWN;
    return tag >= HIT_DEVICE && tag <= HIT_BROWSER ? listed_check(tag, value) : 0;
}

static inline int field_check(unsigned tag, struct slice value)
{
    if (field_size[tag].max > 0)
        return sized_check(tag, value);
    return value.len > (tag == HIT_REPORT_RAW ? HIT_RAW_MAX : HIT_FIELD_MAX) ? HIT_TOO_LONG : 0;
}

static bool kinds_known(const struct hit *hit)
{
    return hit_kind_name(hit->kind) && hit_class_name(hit->class) && hit_reason_name(hit->reason);
}

static bool numbers_fit(const struct hit *hit)
{
    return hit->program_id <= INT64_MAX && hit->partner_id <= INT64_MAX && hit->link_id <= INT64_MAX &&
           hit->promo_code_id <= INT64_MAX && hit->catalog_revision <= INT64_MAX;
}

static size_t head_bytes(const struct hit *hit)
{
    return 3 + 2 + HIT_ID_BYTES + varint_bytes(hit->program_id) + varint_bytes(hit->partner_id) +
           varint_bytes(hit->link_id) + varint_bytes(hit->promo_code_id) +
           varint_bytes(hit->catalog_revision);
}

// varint_bytes() of a length, most of which are short.
static size_t length_bytes(size_t len)
{
    return len < 0x80 ? 1 : varint_bytes(len);
}

// Most fields of most hits are absent, so they are looked through once.
static uint64_t present_of(const struct hit *hit)
{
    uint64_t present = 0;

    for (unsigned tag = 1; tag < HIT_FIELD_COUNT; tag++)
        present |= (uint64_t)(hit->field[tag].data != NULL) << tag;
    return present;
}

int hit_measure(const struct hit *hit, struct hit_measure *measure)
{
    size_t bytes = head_bytes(hit);

    if (!kinds_known(hit) || !numbers_fit(hit))
        return HIT_KIND_UNKNOWN;
    measure->present = present_of(hit);
    for (uint64_t left = measure->present; left > 0; left &= left - 1) {
        unsigned tag = (unsigned)__builtin_ctzll(left);
        int r = field_check(tag, hit->field[tag]);
        if (r)
            return r;
        bytes += 1 + length_bytes(hit->field[tag].len) + hit->field[tag].len;
    }
    measure->record_bytes = bytes;
    measure->bytes = length_bytes(bytes) + bytes;
    return bytes > HIT_RECORD_MAX ? HIT_TOO_LONG : 0;
}

static uint8_t *put(uint8_t *at, const void *data, size_t bytes)
{
    memcpy(at, data, bytes);
    return at + bytes;
}

// It was measured: there is room. Returns its end.
static uint8_t *record_write(uint8_t *at, const struct hit *hit, uint64_t present)
{
    *at++ = hit->kind;
    *at++ = hit->class;
    *at++ = hit->reason;
    bytes_put_u16(at, hit->status);
    at = put(at + 2, hit->id, HIT_ID_BYTES);
    at = bytes_put_varint(at, hit->program_id);
    at = bytes_put_varint(at, hit->partner_id);
    at = bytes_put_varint(at, hit->link_id);
    at = bytes_put_varint(at, hit->promo_code_id);
    at = bytes_put_varint(at, hit->catalog_revision);
    for (; present > 0; present &= present - 1) {
        unsigned tag = (unsigned)__builtin_ctzll(present);
        *at++ = (uint8_t)tag;
        at = bytes_put_varint(at, hit->field[tag].len);
        at = put(at, hit->field[tag].data, hit->field[tag].len);
    }
    return at;
}

int hit_encode(struct bytes_writer *writer, const struct hit *hit)
{
    struct hit_measure measure;

    int r = hit_measure(hit, &measure);
    if (r)
        return r;
    if (writer->overflow || (size_t)(writer->end - writer->at) < measure.bytes) {
        writer->overflow = true;
        return -ENOBUFS;
    }
    uint8_t *end = record_write(bytes_put_varint(writer->at, measure.record_bytes), hit, measure.present);
    assert(end == writer->at + measure.bytes);
    writer->at = end;
    return 0;
}

static void head_read(struct bytes_reader *r, struct hit *hit)
{
    *hit = (struct hit){.kind = bytes_read_u8(r)};
    hit->class = bytes_read_u8(r);
    hit->reason = bytes_read_u8(r);
    hit->status = bytes_read_u16(r);
    const uint8_t *id = bytes_read(r, HIT_ID_BYTES);
    if (id)
        memcpy(hit->id, id, HIT_ID_BYTES);
    hit->program_id = bytes_read_varint(r);
    hit->partner_id = bytes_read_varint(r);
    hit->link_id = bytes_read_varint(r);
    hit->promo_code_id = bytes_read_varint(r);
    hit->catalog_revision = bytes_read_varint(r);
}

static int field_read(struct bytes_reader *r, struct hit *hit, unsigned *last_tag)
{
    unsigned tag = bytes_read_u8(r);
    uint64_t len = bytes_read_varint(r);
    const uint8_t *data = bytes_read(r, len);

    if (!data)
        return HIT_TRUNCATED;
    if (tag == 0 || tag >= HIT_FIELD_COUNT)
        return HIT_FIELD_UNKNOWN;
    if (tag <= *last_tag)
        return HIT_FIELD_ORDER;
    *last_tag = tag;
    hit->field[tag] = (struct slice){(const char *)data, len};
    return field_check(tag, hit->field[tag]);
}

int hit_decode(const void *record, size_t len, struct hit *hit)
{
    struct bytes_reader r = bytes_reader(record, len);
    unsigned last_tag = 0;

    if (len > HIT_RECORD_MAX)
        return HIT_TOO_LONG;
    head_read(&r, hit);
    if (r.bad)
        return HIT_TRUNCATED;
    if (!kinds_known(hit) || !numbers_fit(hit))
        return HIT_KIND_UNKNOWN;
    while (r.at < r.end) {
        int condition = field_read(&r, hit, &last_tag);
        if (condition)
            return condition;
    }
    return 0;
}

int hit_next(struct bytes_reader *reader, struct hit *hit, struct slice *record)
{
    if (record)
        *record = SLICE_NONE;
    if (!reader->bad && reader->at == reader->end)
        return HIT_END;
    uint64_t len = bytes_read_varint(reader);
    const uint8_t *data = bytes_read(reader, len);
    if (!data)
        return HIT_TRUNCATED;
    if (record)
        *record = (struct slice){(const char *)data, len};
    return hit_decode(data, len, hit);
}
