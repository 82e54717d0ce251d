// Which rule pays: conditions, and that the more specific one wins.

#include "attrib/commission_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define S(text)                                                                                              \
    {                                                                                                        \
        SLICE_PARTS(text)                                                                                    \
    }

// In a mixed order: specificity decides and not the place.
static struct commission_rule rules[] = {
    {.id = 1, .wants = {.kind = S("lead")}},
    {.id = 2, .wants = {.product = S("tea")}},
    {.id = 3},
    {.id = 4, .wants = {.country = S("RU")}},
    {.id = 5, .wants = {.category = S("drinks"), .groups = S("vip"), .country = S("RU")}},
    {.id = 6, .wants = {.groups = S("vip")}},
    {.id = 7, .wants = {.customer = S("new"), .channel = S("code")}},
    {.id = 8, .wants = {.channel = S("code")}},
    {.id = 9, .wants = {.product = S("tea"), .kind = S("lead")}},
};

static const struct {
    struct rule_facts facts;
    int64_t id;
} cases[] = {
    {{.kind = S("sale")}, 3},
    {{.kind = S("lead")}, 1},
    {{.kind = S("lead"), .country = S("RU")}, 4},
    {{.kind = S("sale"), .country = S("US")}, 3},
    {{.kind = S("sale"),
      .product = S("tea"),
      .category = S("drinks"),
      .groups = S("vip"),
      .country = S("RU")},
     2},
    {{.kind = S("lead"), .product = S("tea")}, 9},
    {{.kind = S("sale"), .product = S("teapot")}, 3},
    {{.kind = S("sale"), .product = S("te")}, 3},
    {{.kind = S("sale"), .groups = S("a vip z")}, 6},
    {{.kind = S("sale"), .groups = S("vip")}, 6},
    {{.kind = S("sale"), .groups = S("viper svip")}, 3},
    {{.kind = S("sale"), .category = S("drinks"), .groups = S("new vip"), .country = S("RU")}, 5},
    {{.kind = S("sale"), .category = S("drinks"), .groups = S("new vip")}, 6},
    {{.kind = S("sale"), .channel = S("code"), .customer = S("returning")}, 8},
    {{.kind = S("sale"), .channel = S("code"), .customer = S("new"), .country = S("RU")}, 7},
    {{.kind = S("sale"), .customer = S("new"), .channel = S("click")}, 3},
};

static void test_the_most_specific_matches(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct commission_rule *rule =
            rule_match(rules, sizeof(rules) / sizeof(rules[0]), &cases[i].facts);
        assert_non_null(rule);
        if (rule->id != cases[i].id)
            print_error("case %zu\n", i);
        assert_int_equal(rule->id, cases[i].id);
    }
}

static void test_none_matches(void **unused)
{
    (void)unused;
    const struct rule_facts facts = {.kind = S("sale")};

    assert_null(rule_match(rules, 2, &facts));
    assert_null(rule_match(rules, 0, &facts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_most_specific_matches),
                                       cmocka_unit_test(test_none_matches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
