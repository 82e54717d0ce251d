#pragma once

// Records as clickledger.catalog_take() makes them, for tests.

#include "base/catalog.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct catalog_made {
    uint8_t bytes[4096];
    size_t len;
};

static inline void made_put(struct catalog_made *made, const void *bytes, size_t len)
{
    assert(made->len + len <= sizeof(made->bytes));
    if (len > 0)
        memcpy(made->bytes + made->len, bytes, len);
    made->len += len;
}

static inline void made_number(struct catalog_made *made, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--)
        made_put(made, &(uint8_t){(uint8_t)(value >> (8 * (i - 1)))}, 1);
}

static inline void made_text(struct catalog_made *made, const char *text)
{
    made_number(made, strlen(text), 2);
    made_put(made, text, strlen(text));
}

static inline struct slice made_slice(const struct catalog_made *made)
{
    return (struct slice){(const char *)made->bytes, made->len};
}

// value NULL: a tombstone.
static inline struct catalog_made made_record(unsigned type, struct slice key,
                                              const struct catalog_made *value)
{
    struct catalog_made made = {.len = 0};
    made_number(&made, type, 1);
    made_number(&made, value == NULL, 1);
    made_number(&made, key.len, 2);
    made_number(&made, value ? value->len : 0, 4);
    made_put(&made, key.data, key.len);
    if (value)
        made_put(&made, value->bytes, value->len);
    return made;
}

static inline struct catalog_made made_settings(uint32_t shards)
{
    struct catalog_made value = {.len = 0};
    made_number(&value, shards, 4);
    return made_record(CATALOG_SETTINGS, SLICE(""), &value);
}

static inline struct catalog_made made_link(const char *slug, uint64_t id, bool active, const char *target)
{
    struct catalog_made value = {.len = 0};
    made_number(&value, id, 8);
    made_number(&value, 1, 8);
    made_number(&value, 2, 8);
    made_number(&value, active, 1);
    made_text(&value, target);
    return made_record(CATALOG_LINK, slice_of(slug), &value);
}

static inline struct catalog_made made_promo_code(const char *key, uint64_t id, const char *code)
{
    struct catalog_made value = {.len = 0};
    made_number(&value, id, 8);
    made_number(&value, 1, 8);
    made_number(&value, 2, 8);
    made_number(&value, 1, 1);
    made_text(&value, code);
    made_text(&value, "https://shop.example/p");
    return made_record(CATALOG_PROMO_CODE, slice_of(key), &value);
}

static inline struct catalog_made made_program(uint64_t id, const char *code)
{
    struct catalog_made value = {.len = 0};
    char key[CATALOG_ID_BYTES];
    made_number(&value, 0x0100, 2); // active, no visitor cookie
    made_text(&value, code);
    made_text(&value, "RUB");
    made_text(&value, "https://shop.example/");
    made_text(&value, "shop.example");
    made_text(&value, "www.shop.example");
    catalog_program_key(id, key);
    return made_record(CATALOG_PROGRAM, (struct slice){key, sizeof(key)}, &value);
}

static inline struct catalog_made made_program_code(const char *code, uint64_t id)
{
    struct catalog_made value = {.len = 0};
    made_number(&value, id, 8);
    return made_record(CATALOG_PROGRAM_CODE, slice_of(code), &value);
}

static inline struct catalog_made made_integration(const uint8_t hash[CATALOG_HASH_BYTES], uint64_t id)
{
    struct catalog_made value = {.len = 0};
    made_number(&value, id, 8);
    made_number(&value, 1, 8);
    made_number(&value, 1, 1);
    made_text(&value, "tid");
    made_text(&value, "order_id");
    return made_record(CATALOG_INTEGRATION, (struct slice){(const char *)hash, CATALOG_HASH_BYTES}, &value);
}
