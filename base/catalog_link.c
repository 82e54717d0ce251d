// Rules and macros of a link's record: reading them one after another, and the strict check of a record that
// comes in. Pure; slices point into the record. Invariant: what passes the check can be evaluated without
// looking at lengths again, but the readers do so all the same. Limits: CATALOG_RULES_MAX,
// CATALOG_RULE_TARGETS_MAX, CATALOG_MACROS_MAX, each kind of condition once per rule.

#include "base/catalog_link.h"

#include "base/catalog_read.h"

bool catalog_rule_next(struct bytes_reader *rules, struct catalog_rule *rule)
{
    if (rules->bad || rules->at == rules->end)
        return false;
    uint16_t bytes = catalog_read_u16(rules);
    const uint8_t *at = bytes_read(rules, bytes);
    rule->rest = bytes_reader(at, at ? bytes : 0);
    rule->id = catalog_read_id(&rule->rest);
    rule->conditions_left = bytes_read_u8(&rule->rest);
    rule->targets_left = 0;
    if (rule->conditions_left == 0)
        rule->targets_left = bytes_read_u8(&rule->rest);
    if (rule->rest.bad)
        rules->bad = true;
    return !rules->bad;
}

bool catalog_rule_condition_next(struct catalog_rule *rule, struct catalog_rule_condition *condition)
{
    if (rule->conditions_left == 0 || rule->rest.bad)
        return false;
    condition->kind = bytes_read_u8(&rule->rest);
    condition->list = catalog_read_text(&rule->rest);
    if (--rule->conditions_left == 0)
        rule->targets_left = bytes_read_u8(&rule->rest);
    return !rule->rest.bad;
}

bool catalog_rule_target_next(struct catalog_rule *rule, struct catalog_rule_target *target)
{
    if (rule->targets_left == 0 || rule->rest.bad)
        return false;
    target->weight = catalog_read_u32(&rule->rest);
    target->url = catalog_read_text(&rule->rest);
    rule->targets_left--;
    return !rule->rest.bad;
}

static bool is_authority_end(uint8_t c)
{
    return c == '/' || c == '?' || c == '#';
}

// Bytes up to the end of scheme and host. A target without a scheme is all of it that.
static size_t origin_length(struct slice target)
{
    const char *mark = target.len > 0 ? memmem(target.data, target.len, "://", 3) : NULL;
    size_t at = mark ? (size_t)(mark - target.data) + 3 : target.len;
    while (at < target.len && !is_authority_end((uint8_t)target.data[at]))
        at++;
    return at;
}

int catalog_target_check(struct slice target)
{
    size_t origin = origin_length(target);
    unsigned macros = 0;
    for (size_t i = 0; i < target.len; i++) {
        uint8_t c = (uint8_t)target.data[i];
        if (c < CATALOG_MACRO_FIRST)
            continue;
        if (i < origin || c - CATALOG_MACRO_FIRST >= CATALOG_MACRO_COUNT || ++macros > CATALOG_MACROS_MAX)
            return CATALOG_MALFORMED;
    }
    return 0;
}

static bool time_is_good(struct slice list)
{
    struct bytes_reader r = bytes_reader(list.data, list.len);
    uint8_t offsets = bytes_read_u8(&r);
    uint32_t before = 0;
    for (unsigned i = 0; i < offsets && !r.bad; i++) {
        uint32_t since = catalog_read_u32(&r);
        int16_t minutes = (int16_t)catalog_read_u16(&r);
        if ((i == 0) != (since == 0) || (i > 0 && since <= before) || minutes < -1440 || minutes > 1440)
            return false;
        before = since;
    }
    unsigned windows = 0;
    uint16_t end = 0;
    for (; !r.bad && r.at < r.end; windows++) {
        uint16_t from = catalog_read_u16(&r), to = catalog_read_u16(&r);
        if (from >= to || to > CATALOG_WEEK_MINUTES || (windows > 0 && from < end))
            return false;
        end = to;
    }
    return !r.bad && offsets > 0 && windows > 0;
}

static bool condition_is_good(const struct catalog_rule_condition *condition)
{
    static const uint8_t entry_bytes[CATALOG_RULE_KIND_COUNT] = {
        [CATALOG_RULE_COUNTRY] = 2, [CATALOG_RULE_REGION] = 5, [CATALOG_RULE_ASN] = 4,
        [CATALOG_RULE_DEVICE] = 1,  [CATALOG_RULE_OS] = 1,     [CATALOG_RULE_BROWSER] = 1,
        [CATALOG_RULE_LANGUAGE] = 3};
    if (condition->kind == CATALOG_RULE_TIME)
        return time_is_good(condition->list);
    return condition->kind > 0 && condition->kind < CATALOG_RULE_KIND_COUNT && condition->list.len > 0 &&
           condition->list.len % entry_bytes[condition->kind] == 0;
}

static bool rule_is_good(struct catalog_rule *rule)
{
    struct catalog_rule_condition condition;
    struct catalog_rule_target target;
    uint32_t seen = 0;
    uint64_t weights = 0;
    while (catalog_rule_condition_next(rule, &condition)) {
        if (!condition_is_good(&condition) || seen & 1u << condition.kind)
            return false;
        seen |= 1u << condition.kind;
    }
    if (rule->targets_left > CATALOG_RULE_TARGETS_MAX)
        return false;
    while (catalog_rule_target_next(rule, &target)) {
        if (target.weight == 0 || target.url.len == 0 || catalog_target_check(target.url))
            return false;
        weights += target.weight;
    }
    return !rule->rest.bad && rule->rest.at == rule->rest.end && weights == CATALOG_WEIGHT_TOTAL;
}

int catalog_link_check(const struct catalog_link *link)
{
    struct bytes_reader rules = bytes_reader(link->rules.data, link->rules.len);
    struct catalog_rule rule;
    unsigned n = 0;
    for (; catalog_rule_next(&rules, &rule); n++)
        if (!rule_is_good(&rule))
            return CATALOG_MALFORMED;
    if (rules.bad || n > CATALOG_RULES_MAX)
        return CATALOG_MALFORMED;
    return catalog_target_check(link->target_url);
}
