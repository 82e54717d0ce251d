// Rules from any bytes: the first 40 are the visitor, the rest the rules. Whatever they are, evaluation ends
// inside of them and always gives the same target; of rules that pass the check, the target is one of theirs.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tracker/rule.h"

#define VISITOR_BYTES 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct facts facts_of(const uint8_t *data)
{
    struct facts facts = {.region_len = (uint8_t)(data[5] % (HIT_REGION_MAX + 1)),
                          .device = data[6],
                          .os = data[7],
                          .browser = data[8],
                          .asn = (uint32_t)(data[9] << 8 | data[10]),
                          .language = {(const char *)data + 11, data[11] % 6u}};
    memcpy(facts.country, data, HIT_COUNTRY_BYTES);
    memcpy(facts.region, data + 2, HIT_REGION_MAX);
    return facts;
}

static bool is_target(struct slice rules, struct slice url)
{
    struct bytes_reader reader = bytes_reader(rules.data, rules.len);
    struct catalog_rule rule;
    struct catalog_rule_condition condition;
    struct catalog_rule_target target;

    while (catalog_rule_next(&reader, &rule)) {
        while (catalog_rule_condition_next(&rule, &condition))
            ;
        while (catalog_rule_target_next(&rule, &target))
            if (target.url.data == url.data && target.url.len == url.len)
                return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < VISITOR_BYTES)
        return 0;
    struct facts facts = facts_of(data);
    struct rule_visitor visitor = {.facts = &facts,
                                   .visitor = {(const char *)data + 16, data[17] % 17u},
                                   .address = {(const char *)data + 24, 8},
                                   .user_agent = {(const char *)data + 32, 8}};
    struct catalog_link link = {.rules = {(const char *)data + VISITOR_BYTES, size - VISITOR_BYTES}};
    memcpy(&visitor.now_ms, data + 18, 5);
    struct slice chosen = rule_choose(link.rules, &visitor);
    assert(chosen.data == rule_choose(link.rules, &visitor).data);
    if (chosen.data)
        assert(chosen.data >= link.rules.data &&
               chosen.data + chosen.len <= link.rules.data + link.rules.len);
    if (catalog_link_check(&link) == 0 && chosen.data)
        assert(is_target(link.rules, chosen));
    return 0;
}
