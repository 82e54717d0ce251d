#pragma once

// Which rule of a version of terms pays an order. Pure.

#include "attrib/commission.h"

// What is known of an order and a partner's touch; .data NULL: it is not known. As conditions of a rule NULL
// is: any.
struct rule_facts {
    struct slice product, category;
    struct slice groups;   // of the partner, separated by blanks; in a rule one
    struct slice customer; // "new", "returning"
    struct slice channel;  // "code", "click"
    struct slice country;  // "RU"
    struct slice kind;     // "sale"
};

struct commission_rule {
    int64_t id, terms_id;
    struct rule_facts wants;
    int64_t hold_us; // -1: that of the terms
    struct commission_rate rate;
};

// The most specific of the rules that match: with product beats without; of those alike, with category, then
// partner group, customer, channel, country, kind. Rules of one version never ask the same, so there is at
// most one. NULL: none matches.
struct commission_rule *rule_match(struct commission_rule rules[], size_t n, const struct rule_facts *facts);
