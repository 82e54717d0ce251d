#pragma once

// Partners' parts of conversions on their way from credits to commissions. Owner: the work's third step.

#include "attrib/commission_rule.h"
#include "attrib/work.h"

// What a partner should get for a line.
struct share_line {
    size_t place; // in the order, from 1
    const struct order_base *line;
    int64_t base_minor; // the partner's part
    struct commission_rule *rule;
    size_t part;                                        // of the share
    int64_t uncapped_minor, amount_minor, volume_minor; // written by work_lines_merge()
};

// What a partner should get for a conversion.
struct share {
    int64_t conversion_id, partner_id, program_id, month_us, terms_id;
    struct slice currency;
    const struct order *of;       // of this batch's
    size_t line_from, line_to;    // in the list's lines; the first part has them
    bool is_written;              // not of this batch: it is in the unit, and its row is written already
    size_t row;                   // of the latest credited touch; of the written one in the unit's rows
    struct commission_rate own;   // of the terms
    int64_t own_hold_us;          // likewise
    int64_t rule_id;              // of a written one; 0: none
    struct commission_rule *rule; // NULL: the terms' own rate pays
    struct slice customer_kind;
    struct commission_order order; // its rate is set when a unit is computed
    struct commission wanted;
};

struct share_list {
    struct share *items;
    size_t n, size;
    struct pg_result *posted;    // commission_posted()
    struct pg_result *unit_rows; // commission_unit()
    struct pg_result *fact_rows; // commission_facts()
    struct pg_result *rule_rows; // commission_rules(); the rules' texts are in it
    struct commission_rule *rules;
    struct commission_tier *tiers;
    size_t n_rules;
    struct share_line *lines;
    size_t n_lines;
};

enum posted_column {
    POSTED_CONVERSION,
    POSTED_PARTNER,
    POSTED_PROGRAM,
    POSTED_CURRENCY,
    POSTED_TERMS,
    POSTED_BASE,
    POSTED_AMOUNT,
    POSTED_STATUS,
    POSTED_APPROVED,
    POSTED_HOLD_UNTIL,
    POSTED_REVISION,
    POSTED_PENDING,
    POSTED_AVAILABLE,
    POSTED_RULE,
    POSTED_MONTH,
    POSTED_WEIGHT,
    POSTED_VOLUME,
    POSTED_UNCAPPED,
    POSTED_LIMITED_BY,
    POSTED_CUSTOMER_KIND,
};

struct share *share_list_add(struct share_list *list); // NULL: no memory. Moves the others
void share_list_free(struct share_list *list);

// Adds the written commissions of the units that this batch changes; their rules are known by number.
must_check int work_unit_load(struct work *work, struct share_list *list);
// Finds the rule of each share. `n_batch`: shares of this batch, which stand first and whose rule is
// searched.
must_check int work_rules(struct work *work, struct share_list *list, size_t n_batch);
// Computes unit by unit; leaves the list sorted by (conversion, partner).
must_check int work_unit_compute(struct share_list *list, int64_t now_us);
// Whether a written commission is not what it should be any more.
bool work_unit_changed(const struct share_list *list, const struct share *share);

// Orders with lines: the base of each line is what the partner has of it; parts by rule are computed as
// orders of their own, and are one again afterwards. In this order, work_rules() behind the first and
// work_unit_compute() behind the second.
must_check int work_lines_share(const struct work *work, struct share_list *list);
must_check int work_lines_split(struct share_list *list, size_t n_batch);
void work_lines_merge(struct share_list *list);
must_check int work_lines_post(struct work *work, const struct share_list *list); // to the database
int share_compare_id(const void *left, const void *right);
