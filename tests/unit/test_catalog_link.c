// Link records with a tail, rules and macros: what is whole is taken, whatever is not is refused before a
// click can meet it.

#include "base/catalog_link.h"

#include "tests/unit/rule_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define ALL CATALOG_WEIGHT_TOTAL

static const struct made_condition ru[] = {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("RU")}}, {0, {NULL, 0}}};
static const struct made_condition none[] = {{0, {NULL, 0}}};
static const struct made_target there[] = {{ALL, "https://a.example/"}, {0, NULL}};

static struct catalog_made link_value(void)
{
    struct catalog_made value = {.len = 0};
    made_number(&value, 5, 8);
    made_number(&value, 1, 8);
    made_number(&value, 2, 8);
    made_number(&value, 1, 1);
    made_text(&value, "https://shop.example/?s=\x81");
    return value;
}

static void tail_put(struct catalog_made *value, const struct catalog_made *rules)
{
    made_number(value, 1, 1);
    made_number(value, 1000, 8);
    made_number(value, 2000, 8);
    made_text(value, "https://shop.example/late");
    made_put(value, rules->bytes, rules->len);
}

static int check(const struct catalog_made *value, struct catalog_link *link)
{
    static struct catalog_made made;
    struct catalog_record record;
    made = made_record(CATALOG_LINK, SLICE("slug"), value);
    assert_int_equal(catalog_record_decode(made_slice(&made), &record), 0);
    int checked = catalog_record_check(&record);
    if (checked == 0)
        assert_int_equal(catalog_link_decode(&record, link), 0);
    return checked;
}

static int rules_check(const struct catalog_made *rules)
{
    struct catalog_link link = {.target_url = SLICE("https://shop.example/"), .rules = made_rules(rules)};
    return catalog_link_check(&link);
}

static void a_link_with_and_without_a_tail(void **state)
{
    struct catalog_link link;
    struct catalog_made value = link_value(), rules = {.len = 0};

    (void)state;
    assert_int_equal(check(&value, &link), 0);
    assert_true(!link.exhausted && link.starts_ms == 0 && link.expires_ms == 0 && link.rules.len == 0);
    made_rule(&rules, 9, ru, there);
    tail_put(&value, &rules);
    assert_int_equal(check(&value, &link), 0);
    assert_true(link.active && link.exhausted && link.starts_ms == 1000 && link.expires_ms == 2000);
    assert_true(slice_equal(link.fallback_url, SLICE("https://shop.example/late")));

    struct bytes_reader reader = bytes_reader(link.rules.data, link.rules.len);
    struct catalog_rule rule;
    struct catalog_rule_condition condition;
    struct catalog_rule_target target;
    assert_true(catalog_rule_next(&reader, &rule) && rule.id == 9);
    assert_true(catalog_rule_condition_next(&rule, &condition) && condition.kind == CATALOG_RULE_COUNTRY);
    assert_true(slice_equal(condition.list, SLICE("RU")) && !catalog_rule_condition_next(&rule, &condition));
    assert_true(catalog_rule_target_next(&rule, &target) && target.weight == ALL);
    assert_true(slice_equal(target.url, SLICE("https://a.example/")) &&
                !catalog_rule_target_next(&rule, &target));
    assert_false(catalog_rule_next(&reader, &rule) || reader.bad);
}

// Every prefix is malformed, but the one without a tail and the one without rules.
static void a_tail_is_whole(void **state)
{
    struct catalog_link link;
    struct catalog_made value = link_value(), rules = {.len = 0};
    size_t without_tail = value.len;

    (void)state;
    tail_put(&value, &rules);
    size_t without_rules = value.len;
    made_rule(&value, 9, ru, there);
    for (struct catalog_made cut = value; cut.len-- > 0;)
        if ((check(&cut, &link) == 0) != (cut.len == without_tail || cut.len == without_rules))
            fail_msg("%zu of %zu bytes", cut.len, value.len);
    value.bytes[without_tail] = 2;
    assert_int_equal(check(&value, &link), CATALOG_MALFORMED);
}

static void lists_have_whole_entries(void **state)
{
    static const struct {
        struct made_condition condition;
        bool good;
    } cases[] = {
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("RUKZ")}}, true},
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("")}}, false},
        {{CATALOG_RULE_COUNTRY, {SLICE_PARTS("RUK")}}, false},
        {{CATALOG_RULE_REGION, {SLICE_PARTS("RUMOW")}}, true},
        {{CATALOG_RULE_REGION, {SLICE_PARTS("RUMO")}}, false},
        {{CATALOG_RULE_ASN, {SLICE_PARTS("1234")}}, true},
        {{CATALOG_RULE_ASN, {SLICE_PARTS("12345")}}, false},
        {{CATALOG_RULE_DEVICE, {SLICE_PARTS("\1")}}, true},
        {{CATALOG_RULE_LANGUAGE, {SLICE_PARTS("ru")}}, false},
        {{0x55, {SLICE_PARTS("RU")}}, false},
        {{CATALOG_RULE_KIND_COUNT, {SLICE_PARTS("RU")}}, false},
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\0\0\0\0\0\1")}}, true},
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\0\0\0\0\x27\x60")}}, true},      // the whole week
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\0\0\0\0\x27\x61")}}, false},     // behind its end
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\0\0\0\1\0\1")}}, false},         // empty
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\0\0\0\0\0\2\0\1\0\3")}}, false}, // overlap
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\0\0")}}, false},                 // no window
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\0\0\0\0\1")}}, false},                     // no offset
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\1\0\0\0\0\0\1")}}, false},         // not from the begin
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\1\0\0\0\0\x7f\0\0\0\0\1")}}, false},       // offset too large
        {{CATALOG_RULE_TIME, {SLICE_PARTS("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")}}, false}, // not rising
        {{CATALOG_RULE_TIME, {SLICE_PARTS("")}}, false},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct catalog_made rules = {.len = 0};
        const struct made_condition conditions[] = {cases[i].condition, {0, SLICE_NONE}};
        made_rule(&rules, 1, conditions, there);
        if ((rules_check(&rules) == 0) != cases[i].good)
            fail_msg("case %zu", i);
    }
}

static void a_rule_is_consistent(void **state)
{
    const struct made_condition twice[] = {ru[0], ru[0], {0, SLICE_NONE}};
    const struct made_target less[] = {{ALL - 1, "https://a.example/"}, {0, NULL}};
    const struct made_target more[] = {{ALL, "https://a.example/"}, {1, "https://b.example/"}, {0, NULL}};
    const struct made_target half[] = {
        {ALL / 2, "https://a.example/"}, {ALL / 2, "https://b.example/"}, {0, NULL}};
    const struct made_target empty[] = {{ALL, ""}, {0, NULL}};
    const struct made_target nowhere[] = {{0, NULL}};
    struct made_target many[CATALOG_RULE_TARGETS_MAX + 2] = {{0, NULL}};
    const struct {
        const struct made_condition *conditions;
        const struct made_target *targets;
        bool good;
    } cases[] = {{ru, there, true}, {none, half, true}, {twice, there, false}, {ru, less, false},
                 {ru, more, false}, {ru, empty, false}, {ru, nowhere, false},  {ru, many, false}};

    (void)state;
    for (size_t i = 0; i <= CATALOG_RULE_TARGETS_MAX; i++)
        many[i] = (struct made_target){i == 0 ? ALL - CATALOG_RULE_TARGETS_MAX : 1, "https://a.example/"};
    for (size_t i = 0; i < array_length(cases); i++) {
        struct catalog_made rules = {.len = 0};
        made_rule(&rules, 1, cases[i].conditions, cases[i].targets);
        if ((rules_check(&rules) == 0) != cases[i].good)
            fail_msg("case %zu", i);
    }
    struct catalog_made rules = {.len = 0};
    made_rule(&rules, 0, ru, there); // no id
    assert_int_equal(rules_check(&rules), CATALOG_MALFORMED);
}

static void a_link_has_so_many_rules(void **state)
{
    struct catalog_made rules = {.len = 0};

    (void)state;
    for (unsigned i = 0; i < CATALOG_RULES_MAX; i++)
        made_rule(&rules, 1, ru, there);
    assert_int_equal(rules_check(&rules), 0);
    made_rule(&rules, 1, ru, there);
    assert_int_equal(rules_check(&rules), CATALOG_MALFORMED);
}

static void macros_stand_behind_the_host(void **state)
{
    static const struct {
        const char *target;
        bool good;
    } cases[] = {
        {"", true},
        {"https://a.b", true},
        {"https://a.b/\x80", true},
        {"https://a.b?\x81=\x82#\xa2", true}, // the last there is
        {"https://a.b#\x80", true},
        {"https://a.b/\xa3", false},
        {"https://a.b/\xff", false},
        {"https://\x81.b/", false},
        {"https://a.b\x81", false},
        {"https://a.b:\x81/", false},
        {"\x81://a.b/", false},
        {"\x81", false},
    };
    char many[64] = "https://a.b/";

    (void)state;
    assert_int_equal(CATALOG_MACRO_FIRST + CATALOG_MACRO_COUNT, 0xa3);
    for (size_t i = 0; i < array_length(cases); i++)
        if ((catalog_target_check(slice_of(cases[i].target)) == 0) != cases[i].good)
            fail_msg("case %zu", i);
    memset(many + 12, '\x80', CATALOG_MACROS_MAX);
    assert_int_equal(catalog_target_check(slice_of(many)), 0);
    many[12 + CATALOG_MACROS_MAX] = '\x80';
    assert_int_equal(catalog_target_check(slice_of(many)), CATALOG_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_with_and_without_a_tail), cmocka_unit_test(a_tail_is_whole),
        cmocka_unit_test(lists_have_whole_entries),       cmocka_unit_test(a_rule_is_consistent),
        cmocka_unit_test(a_link_has_so_many_rules),       cmocka_unit_test(macros_stand_behind_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
