#pragma once

// Which target a link's rules choose for a visitor. Pure.

#include "base/catalog_link.h"
#include "tracker/facts.h"

struct rule_visitor {
    const struct facts *facts;
    uint64_t now_ms; // unix
    // By what a split keeps a visitor on one side: the visitor's id, or, where that is empty, the other two.
    struct slice visitor, address, user_agent;
};

// The target of the first rule that matches; SLICE_NONE: none does. rules: catalog_link.rules.
struct slice rule_choose(struct slice rules, const struct rule_visitor *visitor);
