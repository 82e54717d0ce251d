// Rules of a link: each kind of condition, their order, time windows across changes of the clock, and splits.

#include "tracker/rule.h"

#include "tests/unit/rule_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MONDAY_MS 1767571200000 // 2026-01-05T00:00:00Z
#define MINUTE_MS 60000
#define VISITORS  100000

static const struct facts moscow = {.country = {'R', 'U'},
                                    .region = {'M', 'O', 'W'},
                                    .region_len = 3,
                                    .asn = 12389,
                                    .device = HIT_DEVICE_PHONE,
                                    .os = HIT_OS_ANDROID,
                                    .browser = HIT_BROWSER_YANDEX,
                                    .language = {SLICE_PARTS("ru-RU")}};
static const struct facts almaty = {.country = {'K', 'Z'},
                                    .region = {'7', '5'},
                                    .region_len = 2,
                                    .asn = 9198,
                                    .device = HIT_DEVICE_DESKTOP,
                                    .os = HIT_OS_WINDOWS,
                                    .browser = HIT_BROWSER_CHROME,
                                    .language = {SLICE_PARTS("KK")}};
static const struct facts nobody = {.country = {0}};
static const struct made_target there[] = {{CATALOG_WEIGHT_TOTAL, "https://a.example/"}, {0, NULL}};

static bool chosen(const struct catalog_made *rules, const struct facts *facts, uint64_t now_ms,
                   const char *url)
{
    const struct rule_visitor visitor = {
        .facts = facts, .now_ms = now_ms, .address = SLICE("1"), .user_agent = SLICE("2")};
    struct slice target = rule_choose(made_rules(rules), &visitor);
    return url ? slice_equal(target, slice_of(url)) : target.data == NULL;
}

static bool matches(struct made_condition condition, const struct facts *facts, uint64_t now_ms)
{
    struct catalog_made rules = {.len = 0};
    const struct made_condition conditions[] = {condition, {0, SLICE_NONE}};
    made_rule(&rules, 1, conditions, there);
    struct catalog_link link = {.rules = made_rules(&rules)};
    assert_int_equal(catalog_link_check(&link), 0);
    return chosen(&rules, facts, now_ms, "https://a.example/");
}

static void each_condition_looks_at_its_fact(void **state)
{
    static const struct {
        struct made_condition condition;
        bool of_moscow, of_almaty;
    } cases[] = {
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("RU")}}, true, false},
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("DEKZ")}}, false, true},
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("ERUK")}}, false, false}, // only whole entries
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("\0\0")}}, false, false}, // not known is in no list
        {{CATALOG_RULE_REGION, {SLICE_PARTS("RUMOW")}}, true, false},
        {{CATALOG_RULE_REGION, {SLICE_PARTS("RUMO\0KZ75\0")}}, false, true},
        {{CATALOG_RULE_REGION, {SLICE_PARTS("RU75\0KZMOW")}}, false, false},
        {{CATALOG_RULE_ASN, {SLICE_PARTS("\0\0\x30\x65")}}, true, false},
        {{CATALOG_RULE_ASN, {SLICE_PARTS("\0\0\0\x01\0\0\x23\xee")}}, false, true},
        {{CATALOG_RULE_DEVICE, {SLICE_PARTS("\2\3")}}, true, false}, // phone, tablet
        {{CATALOG_RULE_DEVICE, {SLICE_PARTS("\1")}}, false, true},
        {{CATALOG_RULE_DEVICE, {SLICE_PARTS("\0")}}, false, false},
        {{CATALOG_RULE_OS, {SLICE_PARTS("\5")}}, true, false},
        {{CATALOG_RULE_OS, {SLICE_PARTS("\1\2\3")}}, false, true},
        {{CATALOG_RULE_BROWSER, {SLICE_PARTS("\6")}}, true, false},
        {{CATALOG_RULE_BROWSER, {SLICE_PARTS("\1\6")}}, true, true},
        {{CATALOG_RULE_LANGUAGE, {SLICE_PARTS("ru\0")}}, true, false},
        {{CATALOG_RULE_LANGUAGE, {SLICE_PARTS("en\0kk\0")}}, false, true},
        {{CATALOG_RULE_LANGUAGE, {SLICE_PARTS("rus")}}, false, false},
        {{200, {SLICE_PARTS("RU")}}, false, false},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct catalog_made rules = {.len = 0};
        const struct made_condition conditions[] = {cases[i].condition, {0, SLICE_NONE}};
        made_rule(&rules, 1, conditions, there);
        if (chosen(&rules, &moscow, 0, "https://a.example/") != cases[i].of_moscow ||
            chosen(&rules, &almaty, 0, "https://a.example/") != cases[i].of_almaty ||
            !chosen(&rules, &nobody, 0, NULL))
            fail_msg("case %zu", i);
    }
}

static void languages_are_compared_by_their_primary_subtag(void **state)
{
    static const struct {
        const char *sent;
        bool fits;
    } cases[] = {{"ru", true},    {"RU", true},     {"ru-Latn-RU", true}, {"Ru-ru", true},
                 {"", false},     {"r", false},     {"-ru", false},       {"rus", false},
                 {"russ", false}, {"uk-ru", false}, {"*", false}};

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct facts facts = {.language = slice_of(cases[i].sent)};
        struct made_condition condition = {CATALOG_RULE_LANGUAGE, SLICE("en\0ru\0")};
        if (matches(condition, &facts, 0) != cases[i].fits)
            fail_msg("%s", cases[i].sent);
    }
}

static void the_first_rule_counts_and_all_its_conditions(void **state)
{
    struct catalog_made rules = {.len = 0};
    const struct made_condition phone_ru[] = {
        {CATALOG_RULE_COUNTRY, SLICE("RU")}, {CATALOG_RULE_DEVICE, SLICE("\2")}, {0, SLICE_NONE}};
    const struct made_condition both[] = {{CATALOG_RULE_COUNTRY, SLICE("RUKZ")}, {0, SLICE_NONE}};
    const struct made_condition none[] = {{0, SLICE_NONE}};
    const struct made_target first[] = {{CATALOG_WEIGHT_TOTAL, "https://1.example/"}, {0, NULL}};
    const struct made_target second[] = {{CATALOG_WEIGHT_TOTAL, "https://2.example/"}, {0, NULL}};
    const struct made_target third[] = {{CATALOG_WEIGHT_TOTAL, "https://3.example/"}, {0, NULL}};

    (void)state;
    made_rule(&rules, 1, phone_ru, first);
    made_rule(&rules, 2, both, second);
    assert_true(chosen(&rules, &moscow, 0, "https://1.example/"));
    assert_true(chosen(&rules, &almaty, 0, "https://2.example/"));
    assert_true(chosen(&rules, &nobody, 0, NULL));
    struct facts tablet = moscow;
    tablet.device = HIT_DEVICE_TABLET;
    assert_true(chosen(&rules, &tablet, 0, "https://2.example/"));
    made_rule(&rules, 3, none, third);
    assert_true(chosen(&rules, &nobody, 0, "https://3.example/"));
    assert_true(rule_choose(SLICE_NONE, &(struct rule_visitor){.facts = &moscow}).data == NULL);
}

// Monday 09:00 to 18:00 and Saturday 22:00 to Sunday 24:00.
#define WINDOWS "\x02\x1c\x04\x38\x21\x48\x27\x60"

static void a_window_is_local_time(void **state)
{
    static const struct {
        const char *offset; // i16
        int minute;         // since Monday 00:00 UTC
        bool inside;
    } cases[] = {
        {"\0\0", 9 * 60 - 1, false},
        {"\0\0", 9 * 60, true},
        {"\0\0", 18 * 60 - 1, true},
        {"\0\0", 18 * 60, false},
        {"\0\0", (5 * 24 + 22) * 60, true},
        {"\0\0", (5 * 24 + 22) * 60 - 1, false},
        {"\0\0", 7 * 1440 - 1, true},
        {"\0\0", 7 * 1440, false},
        {"\0\xb4", 6 * 60, true},
        {"\0\xb4", 6 * 60 - 1, false}, // +03:00
        {"\0\xb4", 15 * 60, false},
        {"\0\xb4", 7 * 1440 - 181, true},
        {"\0\xb4", 7 * 1440 - 180, false},
        {"\xfe\xd4", 14 * 60, true}, // -05:00
        {"\xfe\xd4", 14 * 60 - 1, false},
        {"\xfe\xd4", 0, true},                       // still Sunday
        {"\x01\x4a", (5 * 24 + 16) * 60 + 30, true}, // +05:30
        {"\x01\x4a", (5 * 24 + 16) * 60 + 29, false},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        char list[16] = "\1\0\0\0\0";
        memcpy(list + 5, cases[i].offset, 2);
        memcpy(list + 7, WINDOWS, 8);
        struct made_condition condition = {CATALOG_RULE_TIME, {list, 15}};
        uint64_t now_ms = MONDAY_MS + (uint64_t)cases[i].minute * MINUTE_MS;
        if (matches(condition, &nobody, now_ms) != cases[i].inside ||
            matches(condition, &nobody, now_ms + MINUTE_MS - 1) != cases[i].inside)
            fail_msg("case %zu", i);
    }
}

// Berlin: +01:00, from 2026-03-29T01:00Z on +02:00, from 2026-10-25T01:00Z on +01:00 again.
static void a_window_follows_the_clock_of_its_zone(void **state)
{
    static const char list[] = "\3\0\0\0\0\0\x3c\x69\xc8\x79\x90\0\x78\x6a\xdd\x54\x90\0\x3c"
                               "\x02\x1c\x04\x38"; // Monday 09:00 to 18:00
    const struct made_condition condition = {CATALOG_RULE_TIME, {list, sizeof(list) - 1}};
    const uint64_t before = 1774252800000; // Monday 2026-03-23T08:00Z = 09:00
    const uint64_t summer = 1774854000000; // Monday 2026-03-30T07:00Z = 09:00
    const uint64_t autumn = 1793001600000; // Monday 2026-10-26T08:00Z = 09:00

    (void)state;
    assert_true(matches(condition, &nobody, before));
    assert_false(matches(condition, &nobody, before - 1));
    assert_true(matches(condition, &nobody, summer));
    assert_false(matches(condition, &nobody, summer - 1));
    assert_true(matches(condition, &nobody, autumn));
    assert_false(matches(condition, &nobody, autumn - 1));
    // The hour from 02:00 to 03:00 does not exist on that Sunday.
    static const char sunday[] = "\3\0\0\0\0\0\x3c\x69\xc8\x79\x90\0\x78\x6a\xdd\x54\x90\0\x3c"
                                 "\x22\x74\x22\xb0"; // Sunday 03:00 to 04:00
    const struct made_condition after = {CATALOG_RULE_TIME, {sunday, sizeof(sunday) - 1}};
    assert_true(matches(after, &nobody, 1774746000000));
    assert_false(matches(after, &nobody, 1774746000000 - 1));
}

static struct slice side(uint64_t rule_id, struct slice visitor, struct slice address,
                         struct slice user_agent)
{
    static const struct made_condition none[] = {{0, {NULL, 0}}};
    static const struct made_target split[] = {{600000, "https://a.example/"},
                                               {300000, "https://b.example/"},
                                               {100000, "https://c.example/"},
                                               {0, NULL}};
    static struct catalog_made rules;
    rules.len = 0;
    made_rule(&rules, rule_id, none, split);
    const struct rule_visitor who = {
        .facts = &nobody, .visitor = visitor, .address = address, .user_agent = user_agent};
    return rule_choose(made_rules(&rules), &who);
}

// Six standard deviations: sqrt(n p (1 - p)) is at most 155 for these.
static void count_is_near(unsigned count, double share)
{
    assert_in_range(count, (unsigned)(VISITORS * share) - 950, (unsigned)(VISITORS * share) + 950);
}

static void a_split_keeps_its_proportions(void **state)
{
    unsigned by_visitor[3] = {0}, by_address[3] = {0}, same_side = 0;

    (void)state;
    for (uint64_t i = 0; i < VISITORS; i++) {
        uint8_t id[16] = {0};
        char agent[32];
        memcpy(id + 8, &i, sizeof(i)); // ids that differ in little
        struct slice visitor = {(const char *)id, sizeof(id)};
        struct slice user_agent = {agent, (size_t)sprintf(agent, "Browser/%u", (unsigned)(i % 2000))};
        struct slice address = {(const char *)&(uint64_t){i / 7}, sizeof(uint64_t)};
        struct slice chosen_url = side(1, visitor, SLICE_NONE, SLICE_NONE);
        by_visitor[chosen_url.data[8] - 'a']++;
        by_address[side(1, SLICE_NONE, address, user_agent).data[8] - 'a']++;
        same_side += slice_equal(chosen_url, side(2, visitor, SLICE_NONE, SLICE_NONE));
        // Whoever is known stays, wherever he comes from.
        assert_true(slice_equal(chosen_url, side(1, visitor, address, user_agent)));
    }
    for (unsigned i = 0; i < 3; i++) {
        static const double shares[] = {0.6, 0.3, 0.1};
        count_is_near(by_visitor[i], shares[i]);
        count_is_near(by_address[i], shares[i]);
    }
    count_is_near(same_side, 0.6 * 0.6 + 0.3 * 0.3 + 0.1 * 0.1); // two rules are independent
}

static void a_split_needs_both_address_and_user_agent(void **state)
{
    unsigned moved = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct slice address = {(const char *)&i, sizeof(i)};
        moved += !slice_equal(side(1, SLICE_NONE, address, SLICE("one")),
                              side(1, SLICE_NONE, address, SLICE("two")));
        assert_true(slice_equal(side(1, SLICE_NONE, address, SLICE("one")),
                                side(1, SLICE_NONE, address, SLICE("one"))));
    }
    assert_in_range(moved, 400, 700); // 0.54 of them
}

// Whatever the bytes are, evaluation stays inside of them, and what is cut matches nothing that it does not
// hold.
static void broken_rules_match_nothing(void **state)
{
    struct catalog_made rules = {.len = 0};
    const struct made_condition ru[] = {{CATALOG_RULE_COUNTRY, SLICE("RU")}, {0, SLICE_NONE}};

    (void)state;
    made_rule(&rules, 1, ru, there);
    size_t whole = rules.len;
    for (rules.len = 0; rules.len < whole; rules.len++)
        assert_true(chosen(&rules, &moscow, 0, NULL));
    assert_true(chosen(&rules, &moscow, 0, "https://a.example/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition_looks_at_its_fact),
        cmocka_unit_test(languages_are_compared_by_their_primary_subtag),
        cmocka_unit_test(the_first_rule_counts_and_all_its_conditions),
        cmocka_unit_test(a_window_is_local_time),
        cmocka_unit_test(a_window_follows_the_clock_of_its_zone),
        cmocka_unit_test(a_split_keeps_its_proportions),
        cmocka_unit_test(a_split_needs_both_address_and_user_agent),
        cmocka_unit_test(broken_rules_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
