// Rules and the facts they ask for. Owner: the batch.

#include "attrib/commission_rule.h"

static bool fact_matches(struct slice wanted, struct slice fact)
{
    return !wanted.data || (fact.data && slice_equal(wanted, fact));
}

static bool group_matches(struct slice wanted, struct slice groups)
{
    if (!wanted.data)
        return true;
    for (size_t from = 0, to; from < groups.len; from = to + 1) {
        for (to = from; to < groups.len && groups.data[to] != ' ';)
            to++;
        if (slice_equal(wanted, (struct slice){groups.data + from, to - from}))
            return true;
    }
    return false;
}

static bool rule_matches(const struct rule_facts *wants, const struct rule_facts *facts)
{
    return fact_matches(wants->product, facts->product) && fact_matches(wants->category, facts->category) &&
           group_matches(wants->groups, facts->groups) && fact_matches(wants->customer, facts->customer) &&
           fact_matches(wants->channel, facts->channel) && fact_matches(wants->country, facts->country) &&
           fact_matches(wants->kind, facts->kind);
}

// One bit per condition, the most specific the highest: so the larger number is the more specific rule.
static unsigned rule_specificity(const struct rule_facts *wants)
{
    const struct slice by_rank[] = {wants->product, wants->category, wants->groups, wants->customer,
                                    wants->channel, wants->country,  wants->kind};
    unsigned bits = 0;

    for (size_t i = 0; i < sizeof(by_rank) / sizeof(by_rank[0]); i++)
        bits = bits << 1 | (by_rank[i].data != NULL);
    return bits;
}

struct commission_rule *rule_match(struct commission_rule rules[], size_t n, const struct rule_facts *facts)
{
    struct commission_rule *best = NULL;

    for (size_t i = 0; i < n; i++) {
        if (rule_matches(&rules[i].wants, facts) &&
            (!best || rule_specificity(&rules[i].wants) > rule_specificity(&best->wants)))
            best = &rules[i];
    }
    return best;
}
