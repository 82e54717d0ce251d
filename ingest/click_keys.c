// Hashes of who clicked what. Pure. Keys are compared among themselves only, so they are XXH3; the place in a
// sketch must be the one that sql/0021_unique.sql finds in the row, and so must the text that is hashed.

#include "ingest/click_keys.h"

#include <string.h>

#include <xxhash.h>

#include "base/utf8.h"
#include "ingest/pg_hash.h"

struct agent {
    char text[UTF8_SANITIZED_BYTES(HIT_FIELD_MAX)];
    size_t len;
};

// As it stands in the row.
static void agent_read(const struct hit *click, struct agent *agent)
{
    struct slice text = click->field[HIT_USER_AGENT];
    agent->len = text.data ? utf8_sanitize(text, agent->text, sizeof(agent->text)) : 0;
}

static uint64_t address_of(const struct hit *click)
{
    return bytes_get_u64((const uint8_t *)click->field[HIT_ADDRESS_HASH].data);
}

static uint64_t key_of(const void *data, size_t len, uint64_t target)
{
    uint64_t key = XXH3_64bits_withSeed(data, len, target);
    return key ? key : 1;
}

void click_keys_of(const struct hit *click, struct click_keys *keys)
{
    struct slice visitor = click->field[HIT_VISITOR];
    uint64_t target = click->link_id ? click->link_id : -click->promo_code_id;

    memset(keys->key, 0, sizeof(keys->key));
    memcpy(keys->id, click->id, HIT_ID_BYTES);
    if (target == 0)
        return;
    if (visitor.data)
        keys->key[SHARE_VISITOR] = key_of(visitor.data, visitor.len, target);
    if (click->field[HIT_ADDRESS_HASH].data) {
        struct agent agent;
        agent_read(click, &agent);
        const uint64_t both[] = {address_of(click), XXH3_64bits(agent.text, agent.len)};
        keys->key[SHARE_ADDRESS] = key_of(both, sizeof(both), target);
    }
}

static uint64_t person_hash(const struct hit *click)
{
    struct slice visitor = click->field[HIT_VISITOR];
    struct agent agent;

    if (visitor.data)
        return pg_hash_bytes(visitor.data, visitor.len, 0);
    if (!click->field[HIT_ADDRESS_HASH].data)
        return pg_hash_bytes(click->id, HIT_ID_BYTES, 0);
    agent_read(click, &agent);
    return pg_hash_int8((int64_t)address_of(click), pg_hash_bytes(agent.text, agent.len, 0));
}

uint16_t click_place(const struct hit *click)
{
    uint64_t hash = person_hash(click), rest = hash >> 10;
    unsigned level = rest ? (unsigned)__builtin_ctzll(rest) : SKETCH_LEVELS;

    return (uint16_t)(hash % SKETCH_LEVEL_BITS +
                      SKETCH_LEVEL_BITS * min_of(level, (unsigned)SKETCH_LEVELS - 1));
}
