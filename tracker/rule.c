// Evaluates the compiled rules of a link: one pass over their bytes, nothing is allocated or kept. Pure;
// owned by whoever holds the record. What is not known about a visitor is in no list. A rule whose bytes are
// broken ends the rules (records are checked when they come in, so none is). Limits: base/catalog_link.h.

#include "tracker/rule.h"

#include "base/catalog_read.h"

#include <xxhash.h>

#define LANGUAGE_BYTES    3
#define WEEK_MINUTES_1970 (3 * 1440) // 1970-01-01 was a Thursday; weeks begin on Monday

static bool list_has(struct slice list, const void *entry, size_t bytes)
{
    for (size_t at = 0; at + bytes <= list.len; at += bytes)
        if (memcmp(list.data + at, entry, bytes) == 0)
            return true;
    return false;
}

static bool region_matches(struct slice list, const struct facts *facts)
{
    char entry[HIT_COUNTRY_BYTES + HIT_REGION_MAX] = {0};

    if (facts->region_len == 0)
        return false;
    memcpy(entry, facts->country, HIT_COUNTRY_BYTES);
    memcpy(entry + HIT_COUNTRY_BYTES, facts->region, facts->region_len);
    return list_has(list, entry, sizeof(entry));
}

static bool asn_matches(struct slice list, uint32_t asn)
{
    const uint8_t entry[] = {(uint8_t)(asn >> 24), (uint8_t)(asn >> 16), (uint8_t)(asn >> 8), (uint8_t)asn};

    return asn != 0 && list_has(list, entry, sizeof(entry));
}

static bool language_matches(struct slice list, struct slice language)
{
    char entry[LANGUAGE_BYTES] = {0};
    size_t len = 0;

    while (len < language.len && language.data[len] != '-')
        len++;
    if (len == 0 || len > sizeof(entry))
        return false;
    for (size_t i = 0; i < len; i++)
        entry[i] = (char)(language.data[i] | 0x20); // letters, or nothing that is in a list
    return list_has(list, entry, sizeof(entry));
}

// Minutes east of UTC: those of the last offset that began.
static int16_t offset_read(struct bytes_reader *r, uint64_t now_s)
{
    int16_t minutes = 0;

    for (unsigned left = bytes_read_u8(r); left > 0 && !r->bad; left--) {
        uint32_t since = catalog_read_u32(r);
        int16_t offset = (int16_t)catalog_read_u16(r);
        if (since <= now_s)
            minutes = offset;
    }
    return minutes;
}

static bool time_matches(struct slice list, uint64_t now_ms)
{
    struct bytes_reader r = bytes_reader(list.data, list.len);
    int64_t minute = (int64_t)(now_ms / 60000) + offset_read(&r, now_ms / 1000) + WEEK_MINUTES_1970;
    uint16_t of_week = (uint16_t)((minute + CATALOG_WEEK_MINUTES) % CATALOG_WEEK_MINUTES);

    while (!r.bad && r.at < r.end) {
        uint16_t from = catalog_read_u16(&r), to = catalog_read_u16(&r);
        if (of_week >= from && of_week < to)
            return !r.bad;
    }
    return false;
}

static bool condition_matches(const struct catalog_rule_condition *condition,
                              const struct rule_visitor *visitor)
{
    const struct facts *facts = visitor->facts;
    struct slice list = condition->list;

    switch ((enum catalog_rule_kind)condition->kind) {
    case CATALOG_RULE_COUNTRY:
        return facts->country[0] != 0 && list_has(list, facts->country, HIT_COUNTRY_BYTES);
    case CATALOG_RULE_REGION:
        return region_matches(list, facts);
    case CATALOG_RULE_ASN:
        return asn_matches(list, facts->asn);
    case CATALOG_RULE_DEVICE:
        return facts->device != 0 && list_has(list, &facts->device, 1);
    case CATALOG_RULE_OS:
        return facts->os != 0 && list_has(list, &facts->os, 1);
    case CATALOG_RULE_BROWSER:
        return facts->browser != 0 && list_has(list, &facts->browser, 1);
    case CATALOG_RULE_LANGUAGE:
        return language_matches(list, facts->language);
    case CATALOG_RULE_TIME:
        return time_matches(list, visitor->now_ms);
    case CATALOG_RULE_KIND_COUNT:
        break;
    }
    return false;
}

static bool rule_matches(struct catalog_rule *rule, const struct rule_visitor *visitor)
{
    struct catalog_rule_condition condition;

    while (catalog_rule_condition_next(rule, &condition))
        if (!condition_matches(&condition, visitor))
            return false;
    return !rule->rest.bad;
}

// 0..CATALOG_WEIGHT_TOTAL - 1. The rule's id is the seed, so that the sides of two rules have nothing to do
// with each other.
static uint32_t visitor_place(const struct rule_visitor *visitor, uint64_t rule_id)
{
    uint64_t hash;

    if (visitor->visitor.len > 0) {
        hash = XXH3_64bits_withSeed(visitor->visitor.data, visitor->visitor.len, rule_id);
    } else {
        const uint64_t both[] = {XXH3_64bits(visitor->address.data, visitor->address.len),
                                 XXH3_64bits(visitor->user_agent.data, visitor->user_agent.len)};
        hash = XXH3_64bits_withSeed(both, sizeof(both), rule_id);
    }
    return (uint32_t)((hash >> 32) * CATALOG_WEIGHT_TOTAL >> 32);
}

static struct slice target_choose(struct catalog_rule *rule, const struct rule_visitor *visitor)
{
    struct catalog_rule_target target = {.url = SLICE_NONE};
    uint32_t place = rule->targets_left > 1 ? visitor_place(visitor, rule->id) : 0;

    while (catalog_rule_target_next(rule, &target)) {
        if (place < target.weight)
            return target.url;
        place -= target.weight;
    }
    return SLICE_NONE;
}

struct slice rule_choose(struct slice rules, const struct rule_visitor *visitor)
{
    struct bytes_reader reader = bytes_reader(rules.data, rules.len);
    struct catalog_rule rule;

    while (catalog_rule_next(&reader, &rule))
        if (rule_matches(&rule, visitor))
            return target_choose(&rule, visitor);
    return SLICE_NONE;
}
