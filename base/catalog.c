// Records of the catalog: from bytes to structs, and the hash that tables look keys up by. Owned by whoever
// holds the bytes; nothing is copied. The SQL function clickledger.catalog_current() is the encoder.
// Invariant: what these functions accept, PostgreSQL wrote as a whole: lengths add up to the last byte,
// booleans are 0 or 1, ids are 1..2^63-1, lists end where the value ends. Limits: CATALOG_KEY_MAX,
// CATALOG_VALUE_MAX.

#include "base/catalog.h"

#include "base/catalog_link.h"
#include "base/catalog_policy.h"
#include "base/catalog_read.h"

#include <xxhash.h>

static struct bytes_reader value_of(const struct catalog_record *record, enum catalog_type type)
{
    struct bytes_reader r = bytes_reader(record->value.data, record->value.len);
    if (record->type != type || record->tombstone)
        r.bad = true;
    return r;
}

static int value_end(const struct bytes_reader *r)
{
    return r->bad || r->at != r->end ? CATALOG_MALFORMED : 0;
}

size_t catalog_record_length(struct slice bytes)
{
    struct bytes_reader r = bytes_reader(bytes.data, bytes.len);
    (void)bytes_read(&r, 2);
    uint16_t key_bytes = catalog_read_u16(&r);
    uint32_t value_bytes = catalog_read_u32(&r);
    if (r.bad || key_bytes > CATALOG_KEY_MAX || value_bytes > CATALOG_VALUE_MAX)
        return 0;
    size_t length = CATALOG_RECORD_HEADER_BYTES + key_bytes + value_bytes;
    return length <= bytes.len ? length : 0;
}

int catalog_record_decode(struct slice bytes, struct catalog_record *record)
{
    struct bytes_reader r = bytes_reader(bytes.data, bytes.len);
    if (catalog_record_length(bytes) != bytes.len || bytes.len == 0)
        return CATALOG_MALFORMED;
    record->type = bytes_read_u8(&r);
    record->tombstone = catalog_read_bool(&r);
    record->key.len = catalog_read_u16(&r);
    record->value.len = catalog_read_u32(&r);
    record->key.data = (const char *)r.at;
    record->value.data = record->key.data + record->key.len;
    return r.bad || record->type == 0 || (record->tombstone && record->value.len > 0) ? CATALOG_MALFORMED : 0;
}

int catalog_settings_decode(const struct catalog_record *record, struct catalog_settings *settings)
{
    struct bytes_reader r = value_of(record, CATALOG_SETTINGS);
    settings->shards = catalog_read_u32(&r);
    if (settings->shards == 0 || settings->shards > CATALOG_SHARDS_MAX || record->key.len > 0)
        r.bad = true;
    return value_end(&r);
}

int catalog_program_decode(const struct catalog_record *record, struct catalog_program *program)
{
    struct bytes_reader key = bytes_reader(record->key.data, record->key.len);
    struct bytes_reader r = value_of(record, CATALOG_PROGRAM);
    program->id = catalog_read_id(&key);
    program->active = catalog_read_bool(&r);
    program->visitor_cookie = catalog_read_bool(&r);
    program->code = catalog_read_text(&r);
    program->currency = catalog_read_text(&r);
    program->fallback_url = catalog_read_text(&r);
    program->hosts = catalog_read_list(&r, 1, &program->visitor);
    if (!catalog_visitor_valid(program->visitor))
        r.bad = true;
    return value_end(&key) ? CATALOG_MALFORMED : value_end(&r);
}

int catalog_program_code_decode(const struct catalog_record *record, uint64_t *program_id)
{
    struct bytes_reader r = value_of(record, CATALOG_PROGRAM_CODE);
    *program_id = catalog_read_id(&r);
    return value_end(&r);
}

// What most links do not have.
static void link_tail_read(struct bytes_reader *r, struct catalog_link *link)
{
    link->exhausted = catalog_read_bool(r);
    link->starts_ms = catalog_read_u64(r);
    link->expires_ms = catalog_read_u64(r);
    link->fallback_url = catalog_read_text(r);
    link->rules = (struct slice){(const char *)r->at, r->bad ? 0 : (size_t)(r->end - r->at)};
    (void)bytes_read(r, link->rules.len);
}

int catalog_link_decode(const struct catalog_record *record, struct catalog_link *link)
{
    struct bytes_reader r = value_of(record, CATALOG_LINK);
    link->link_id = catalog_read_id(&r);
    link->program_id = catalog_read_id(&r);
    link->partner_id = catalog_read_id(&r);
    link->active = catalog_read_bool(&r);
    link->target_url = catalog_read_text(&r);
    if (r.at != r.end) {
        link_tail_read(&r, link);
        return value_end(&r);
    }
    link->exhausted = false;
    link->starts_ms = link->expires_ms = 0;
    link->fallback_url = link->rules = SLICE_NONE;
    return value_end(&r);
}

int catalog_promo_code_decode(const struct catalog_record *record, struct catalog_promo_code *promo)
{
    struct bytes_reader r = value_of(record, CATALOG_PROMO_CODE);
    promo->promo_code_id = catalog_read_id(&r);
    promo->program_id = catalog_read_id(&r);
    promo->partner_id = catalog_read_id(&r);
    promo->active = catalog_read_bool(&r);
    promo->code = catalog_read_text(&r);
    promo->target_url = catalog_read_text(&r);
    return value_end(&r);
}

int catalog_integration_decode(const struct catalog_record *record, struct catalog_integration *out)
{
    struct bytes_reader r = value_of(record, CATALOG_INTEGRATION);
    struct slice extension;
    out->integration_id = catalog_read_id(&r);
    out->program_id = catalog_read_id(&r);
    out->active = catalog_read_bool(&r);
    out->aliases = catalog_read_list(&r, 2, &extension);
    if (!catalog_integration_extend(out, extension) || record->key.len != CATALOG_HASH_BYTES)
        r.bad = true;
    return value_end(&r);
}

int catalog_record_check(const struct catalog_record *record)
{
    union {
        struct catalog_settings settings;
        struct catalog_program program;
        uint64_t program_id;
        struct catalog_link link;
        struct catalog_promo_code promo;
        struct catalog_integration integration;
    } value;

    if (record->tombstone)
        return 0;
    switch ((enum catalog_type)record->type) {
    case CATALOG_SETTINGS:
        return catalog_settings_decode(record, &value.settings);
    case CATALOG_PROGRAM:
        return catalog_program_decode(record, &value.program);
    case CATALOG_PROGRAM_CODE:
        return catalog_program_code_decode(record, &value.program_id);
    case CATALOG_LINK:
        return catalog_link_decode(record, &value.link) ? CATALOG_MALFORMED : catalog_link_check(&value.link);
    case CATALOG_PROMO_CODE:
        if (catalog_promo_code_decode(record, &value.promo))
            return CATALOG_MALFORMED;
        return catalog_target_check(value.promo.target_url);
    case CATALOG_INTEGRATION:
        return catalog_integration_decode(record, &value.integration);
    }
    return 0;
}

bool catalog_program_allows(const struct catalog_program *program, struct slice host)
{
    struct bytes_reader r = bytes_reader(program->hosts.data, program->hosts.len);
    while (!r.bad && r.at < r.end) {
        struct slice allowed = catalog_read_text(&r);
        if (!r.bad && allowed.len > 0 && slice_equal(allowed, host))
            return true;
    }
    return false;
}

struct slice catalog_integration_alias(const struct catalog_integration *integration, struct slice name)
{
    struct bytes_reader r = bytes_reader(integration->aliases.data, integration->aliases.len);
    while (!r.bad && r.at < r.end) {
        struct slice theirs = catalog_read_text(&r);
        struct slice ours = catalog_read_text(&r);
        if (!r.bad && slice_equal(theirs, name))
            return ours;
    }
    return SLICE_NONE;
}

void catalog_program_key(uint64_t program_id, char key[CATALOG_ID_BYTES])
{
    for (unsigned i = 0; i < CATALOG_ID_BYTES; i++)
        key[i] = (char)(uint8_t)(program_id >> (8 * (CATALOG_ID_BYTES - 1 - i)));
}

uint64_t catalog_hash(uint8_t type, struct slice key)
{
    return XXH3_64bits_withSeed(key.data, key.len, type);
}
