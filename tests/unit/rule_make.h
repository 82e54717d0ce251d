#pragma once

// Compiled rules as clickledger.rule_compile() makes them, for tests.

#include "base/catalog_link.h"
#include "tests/unit/catalog_make.h"

struct made_condition {
    unsigned kind;
    struct slice list;
};

struct made_target {
    uint32_t weight;
    const char *url;
};

// Conditions end with kind 0, targets with weight 0.
static inline void made_rule(struct catalog_made *rules, uint64_t id, const struct made_condition *conditions,
                             const struct made_target *targets)
{
    struct catalog_made rule = {.len = 0};
    unsigned n = 0;
    made_number(&rule, id, 8);
    while (conditions[n].kind != 0)
        n++;
    made_number(&rule, n, 1);
    for (unsigned i = 0; i < n; i++) {
        made_number(&rule, conditions[i].kind, 1);
        made_number(&rule, conditions[i].list.len, 2);
        made_put(&rule, conditions[i].list.data, conditions[i].list.len);
    }
    for (n = 0; targets[n].weight != 0;)
        n++;
    made_number(&rule, n, 1);
    for (unsigned i = 0; i < n; i++) {
        made_number(&rule, targets[i].weight, 4);
        made_text(&rule, targets[i].url);
    }
    made_number(rules, rule.len, 2);
    made_put(rules, rule.bytes, rule.len);
}

static inline struct slice made_rules(const struct catalog_made *rules)
{
    return (struct slice){(const char *)rules->bytes, rules->len};
}
