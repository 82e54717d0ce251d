#pragma once

// What a link's record says beyond where it leads: rules and macros. Compiled by clickledger.rule_compile()
// and clickledger.target_bytes() in SQL; integers are big-endian.
//   rules:     rule...; the first that matches counts
//   rule:      bytes u16 (of what follows), id u64, conditions u8, condition..., targets u8, target...
//   condition: kind u8, bytes u16, list; all must hold, one entry of each list is enough
//   target:    weight u32, url text; the weights of a rule sum to CATALOG_WEIGHT_TOTAL
// In a target one byte from CATALOG_MACRO_FIRST on stands for a macro, which is never in scheme or host.

#include <stdint.h>

#include "base/bytes.h"
#include "base/catalog.h"

#define CATALOG_RULES_MAX        32 // of a link
#define CATALOG_RULE_TARGETS_MAX 16 // of a rule
#define CATALOG_WEIGHT_TOTAL     1000000
#define CATALOG_MACRO_FIRST      0x80
#define CATALOG_MACROS_MAX       32 // in a target
#define CATALOG_WEEK_MINUTES     10080

// Numbers of the wire format: append, never change. A list's entries:
enum catalog_rule_kind {
    CATALOG_RULE_COUNTRY = 1, // 2 bytes: ISO 3166-1 alpha-2
    CATALOG_RULE_REGION,      // 5 bytes: country, then the rest of ISO 3166-2 filled up with NUL
    CATALOG_RULE_ASN,         // u32
    CATALOG_RULE_DEVICE,      // u8: enum hit_device
    CATALOG_RULE_OS,          // u8: enum hit_os
    CATALOG_RULE_BROWSER,     // u8: enum hit_browser
    CATALOG_RULE_LANGUAGE,    // 3 bytes: primary subtag in lower case, filled up with NUL
    CATALOG_RULE_TIME,        // offsets u8, offset...; window...
                              // offset: since u32 (unix s; 0 in the first), minutes east of UTC i16
                              // window: from u16, to u16 in minutes since Monday 00:00 of local time
    CATALOG_RULE_KIND_COUNT
};

// clang-format off
enum catalog_macro {
    CATALOG_MACRO_CLICK_ID,
    CATALOG_MACRO_SUB1, CATALOG_MACRO_SUB2, CATALOG_MACRO_SUB3, CATALOG_MACRO_SUB4, CATALOG_MACRO_SUB5,
    CATALOG_MACRO_SUB6, CATALOG_MACRO_SUB7, CATALOG_MACRO_SUB8, CATALOG_MACRO_SUB9, CATALOG_MACRO_SUB10,
    CATALOG_MACRO_PARTNER_ID, CATALOG_MACRO_PROGRAM_ID, CATALOG_MACRO_LINK_ID,
    CATALOG_MACRO_COUNTRY, CATALOG_MACRO_REGION, CATALOG_MACRO_ASN,
    CATALOG_MACRO_DEVICE, CATALOG_MACRO_OS, CATALOG_MACRO_BROWSER, CATALOG_MACRO_LANGUAGE,
    CATALOG_MACRO_UTM_SOURCE, CATALOG_MACRO_UTM_MEDIUM, CATALOG_MACRO_UTM_CAMPAIGN, CATALOG_MACRO_UTM_CONTENT,
    CATALOG_MACRO_UTM_TERM,
    CATALOG_MACRO_ERID, CATALOG_MACRO_AD_NETWORK, CATALOG_MACRO_AD_CLICK_ID, CATALOG_MACRO_PROMO_CODE,
    CATALOG_MACRO_TIMESTAMP, CATALOG_MACRO_DATE, CATALOG_MACRO_IP, CATALOG_MACRO_REFERRER, CATALOG_MACRO_RAND,
    CATALOG_MACRO_COUNT
};
// clang-format on

struct catalog_rule {
    uint64_t id;
    uint8_t conditions_left, targets_left;
    struct bytes_reader rest; // first the conditions, behind them the targets
};

struct catalog_rule_condition {
    uint8_t kind;
    struct slice list;
};

struct catalog_rule_target {
    uint32_t weight;
    struct slice url;
};

// The next of its kind; false when there is none, or when the bytes are not what they must be (then the
// reader is bad). rules: bytes_reader over catalog_link.rules. All conditions of a rule come before its
// targets.
bool catalog_rule_next(struct bytes_reader *rules, struct catalog_rule *rule);
bool catalog_rule_condition_next(struct catalog_rule *rule, struct catalog_rule_condition *condition);
bool catalog_rule_target_next(struct catalog_rule *rule, struct catalog_rule_target *target);

// Everything above, strictly: for records that come in, not for clicks. 0 or CATALOG_MALFORMED.
must_check int catalog_link_check(const struct catalog_link *link);
must_check int catalog_target_check(struct slice target);
