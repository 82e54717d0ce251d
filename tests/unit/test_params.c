// Parameters of a click: what is kept, what is passed on, and that nothing a visitor sends fails.

#include "tracker/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "base/util.h"

static struct scratch scratch;
static struct params params;
static struct slice field[HIT_FIELD_COUNT];

static void read_text(struct slice query)
{
    scratch_reset(&scratch);
    memset(field, 0, sizeof(field));
    params_read(query, &scratch, &params, field);
}

static void kept_test(void **state)
{
    static const struct {
        const char *query;
        enum hit_field field;
        const char *text; // NULL: absent
    } cases[] = {
        {"sub1=a", HIT_SUB1, "a"},
        {"sub10=j", HIT_SUB10, "j"},
        {"sub_id_3=c", HIT_SUB3, "c"},
        {"aff_sub=a", HIT_SUB1, "a"},
        {"aff_sub2=b", HIT_SUB2, "b"},
        {"s%75b1=a", HIT_SUB1, "a"},
        {"sub0=x", HIT_SUB1, NULL},
        {"sub11=x", HIT_SUB1, NULL},
        {"sub01=x", HIT_SUB1, NULL},
        {"SUB1=x", HIT_SUB1, NULL},
        {"sub1=", HIT_SUB1, NULL},
        {"sub1", HIT_SUB1, NULL},
        {"sub1=first&sub1=second", HIT_SUB1, "first"},
        {"sub_id_1=first&sub1=second", HIT_SUB1, "first"},
        {"sub1=&sub1=second", HIT_SUB1, "second"},
        {"sub1=a+b%20c%2B", HIT_SUB1, "a b c+"},
        {"sub1=%25%25%32%35", HIT_SUB1, "%%25"},
        {"sub1=100%&sub2=%zz%4", HIT_SUB1, "100%"},
        {"sub1=100%&sub2=%zz%4", HIT_SUB2, "%zz%4"},
        {"sub1=a%00b", HIT_SUB1,
         "a\xEF\xBF\xBD"
         "b"},
        {"sub1=%ff", HIT_SUB1, "\xEF\xBF\xBD"},
        {"sub1=a%0d%0aLocation:%20http://evil", HIT_SUB1, "a\r\nLocation: http://evil"},
        {"sub1=%D0%BF", HIT_SUB1, "\xD0\xBF"},
        {"sub1=';DROP%20TABLE", HIT_SUB1, "';DROP TABLE"},
        {"utm_source=s&utm_medium=m", HIT_UTM_MEDIUM, "m"},
        {"erid=LjN8Kabc", HIT_ERID, "LjN8Kabc"},
        {"gclid=G", HIT_AD_NETWORK, "gclid"},
        {"gclid=G", HIT_AD_CLICK_ID, "G"},
        {"rb_clickid=R&yclid=Y", HIT_AD_NETWORK, "rb_clickid"},
        {"rb_clickid=R&yclid=Y", HIT_AD_CLICK_ID, "R"},
        {"gclid=&yclid=Y", HIT_AD_NETWORK, "yclid"},
        {"page=https%3A%2F%2Fshop.example%2F", HIT_PAGE, "https://shop.example/"},
        {"u=https://evil.example", HIT_PAGE, NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        read_text(slice_of(cases[i].query));
        struct slice found = field[cases[i].field];
        if (!cases[i].text ? found.data != NULL : !slice_equal(found, slice_of(cases[i].text)) || !found.data)
            fail_msg("%s: %.*s", cases[i].query, (int)found.len, found.data ? found.data : "");
    }
}

static void passed_test(void **state)
{
    (void)state;
    read_text(SLICE("utm_source=a%20b&sub1=x&erid=E&utm_source=c&fbclid=F&utm_term=&yclid=Y"));
    assert_int_equal(params.n_passed, 4);
    assert_true(slice_equal(params.passed[0].name, SLICE("utm_source")));
    assert_true(slice_equal(params.passed[0].value, SLICE("a%20b")));
    assert_true(slice_equal(params.passed[1].value, SLICE("E")));
    assert_true(slice_equal(params.passed[2].value, SLICE("F")));
    assert_true(slice_equal(params.passed[3].name, SLICE("yclid")));
}

static void deep_link_test(void **state)
{
    static const struct {
        const char *query;
        bool given;
        const char *to;
    } cases[] = {
        {"sub1=x", false, ""},
        {"to=https%3A%2F%2Fshop.example%2Fa%3Fb%3Dc", true, "https://shop.example/a?b=c"},
        {"to=https://shop.example/a", true, "https://shop.example/a"},
        {"to=", true, ""},
        {"to=%zz", true, ""},
        {"to=https://a.example&to=https://b.example", true, ""},
        {"u=https://a.example", false, ""},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        read_text(slice_of(cases[i].query));
        assert_int_equal(params.to_given, cases[i].given);
        assert_true(slice_equal(params.to, slice_of(cases[i].to)));
    }
}

// Whatever comes, what is kept is valid, bounded, and there is room for all of it.
static void limits_test(void **state)
{
    static char query[8192];
    static const char *const units[] = {"%F0%9F%98%80", "%ff", "%00", "a", "%25", "+", "%D0"};

    (void)state;
    for (size_t u = 0; u < array_length(units); u++) {
        size_t len = 0;
        for (unsigned sub = 1; sub <= 10; sub++) {
            len += (size_t)sprintf(query + len, "&sub%u=", sub);
            while (len < sub * (sizeof(query) / 10) - 32)
                len += (size_t)sprintf(query + len, "%s", units[u]);
        }
        read_text((struct slice){query, len});
        for (unsigned sub = 0; sub < 10; sub++) {
            struct slice found = field[HIT_SUB1 + sub];
            assert_non_null(found.data);
            assert_in_range(found.len, 100, PARAMS_TEXT_MAX);
            assert_true(utf8_valid(found));
        }
    }
}

static void many_test(void **state)
{
    static char query[200000];
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++)
        len += (size_t)sprintf(query + len, "p%u=1&", i);
    len += (size_t)sprintf(query + len, "sub1=late");
    read_text((struct slice){query, len});
    assert_null(field[HIT_SUB1].data);
}

static void consent_test(void **state)
{
    static const struct {
        const char *query;
        enum consent want;
    } cases[] = {
        {"", CONSENT_UNSAID},
        {"sub1=1", CONSENT_UNSAID},
        {"consent=1", CONSENT_GIVEN},
        {"sub1=a&consent=1&sub2=b", CONSENT_GIVEN},
        {"consent=0", CONSENT_REFUSED},
        {"consent", CONSENT_REFUSED},
        {"consent=", CONSENT_REFUSED},
        {"consent=true", CONSENT_REFUSED},
        {"consent=11", CONSENT_REFUSED},
        {"consent=1&consent=0", CONSENT_REFUSED},
        {"consent=0&consent=1", CONSENT_REFUSED},
        {"consent=1&consent=1", CONSENT_GIVEN},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        read_text(slice_of(cases[i].query));
        if (params.consent != cases[i].want || params_consent(slice_of(cases[i].query)) != cases[i].want)
            fail_msg("%s", cases[i].query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_test),      cmocka_unit_test(consent_test), cmocka_unit_test(passed_test),
        cmocka_unit_test(deep_link_test), cmocka_unit_test(limits_test),  cmocka_unit_test(many_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
