// Macros in targets: what each stands for, how values are encoded, and that a value cannot leave its place.

#include "tracker/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct scratch scratch;
static struct params params;
static struct facts facts;
static struct hit hit;

static const char query[] =
    "sub1=one&sub2=%D0%BA+%26%23%2F%3F&sub10=ten&utm_source=src&utm_medium=med&utm_campaign=cam"
    "&utm_content=con&utm_term=ter&erid=LjN8K%2fa&gclid=G-1";

static int setup(void **state)
{
    static const uint8_t id[] = {0x01, 0x9b, 0x86, 0x4d, 0xbb, 0xf2, 0x70}; // 2026-01-03T23:59:59.986Z

    (void)state;
    scratch_reset(&scratch);
    facts = (struct facts){.country = {'R', 'U'},
                           .region = {'M', 'O', 'W'},
                           .region_len = 3,
                           .asn = 12389,
                           .device = HIT_DEVICE_PHONE,
                           .os = HIT_OS_ANDROID,
                           .browser = HIT_BROWSER_YANDEX};
    hit = (struct hit){.partner_id = 7, .program_id = 8, .link_id = 9};
    memcpy(hit.id, id, sizeof(id));
    params_read(slice_of(query), &scratch, &params, hit.field);
    hit.field[HIT_LANGUAGE] = SLICE("ru-RU");
    hit.field[HIT_PROMO] = SLICE("SUMMER");
    hit.field[HIT_ADDRESS] = (struct slice){"\xc0\0\2\1", 4};
    hit.field[HIT_REFERRER] = SLICE("blog.example/a b");
    return 0;
}

static struct slice build(const char *target, bool with_id)
{
    const struct macro_values values = {&hit, &params, &facts};
    static const struct params none;

    return target_build(slice_of(target), &values, &none, with_id ? SLICE("ID") : SLICE_NONE, &scratch);
}

static struct slice value_of(enum catalog_macro macro)
{
    static char text[256];
    struct bytes_writer out = bytes_writer(text, sizeof(text));
    const struct macro_values values = {&hit, &params, &facts};

    macro_write(&out, macro, &values);
    assert_false(out.overflow);
    return (struct slice){text, (size_t)(out.at - (uint8_t *)text)};
}

static void each_macro_has_its_value(void **state)
{
    static const struct {
        enum catalog_macro macro;
        const char *value;
    } cases[] = {
        {CATALOG_MACRO_SUB1, "one"},
        {CATALOG_MACRO_SUB2, "%D0%BA%20%26%23%2F%3F"},
        {CATALOG_MACRO_SUB3, ""},
        {CATALOG_MACRO_SUB10, "ten"},
        {CATALOG_MACRO_PARTNER_ID, "7"},
        {CATALOG_MACRO_PROGRAM_ID, "8"},
        {CATALOG_MACRO_LINK_ID, "9"},
        {CATALOG_MACRO_COUNTRY, "RU"},
        {CATALOG_MACRO_REGION, "MOW"},
        {CATALOG_MACRO_ASN, "12389"},
        {CATALOG_MACRO_DEVICE, "phone"},
        {CATALOG_MACRO_OS, "android"},
        {CATALOG_MACRO_BROWSER, "yandex"},
        {CATALOG_MACRO_LANGUAGE, "ru-RU"},
        {CATALOG_MACRO_UTM_SOURCE, "src"},
        {CATALOG_MACRO_UTM_MEDIUM, "med"},
        {CATALOG_MACRO_UTM_CAMPAIGN, "cam"},
        {CATALOG_MACRO_UTM_CONTENT, "con"},
        {CATALOG_MACRO_UTM_TERM, "ter"},
        {CATALOG_MACRO_ERID, "LjN8K%2fa"}, // byte for byte
        {CATALOG_MACRO_AD_NETWORK, "gclid"},
        {CATALOG_MACRO_AD_CLICK_ID, "G-1"},
        {CATALOG_MACRO_PROMO_CODE, "SUMMER"},
        {CATALOG_MACRO_TIMESTAMP, "1767484799"},
        {CATALOG_MACRO_DATE, "2026-01-03"},
        {CATALOG_MACRO_IP, "192.0.2.1"},
        {CATALOG_MACRO_REFERRER, "blog.example%2Fa%20b"},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (!slice_equal(value_of(cases[i].macro), slice_of(cases[i].value)))
            fail_msg("macro %d", cases[i].macro);
    assert_true(value_of(CATALOG_MACRO_RAND).len > 0);
}

static void what_is_not_known_is_empty(void **state)
{
    (void)state;
    facts = (struct facts){.country = {0}};
    hit = (struct hit){.kind = HIT_CLICK};
    params = (struct params){0};
    for (unsigned macro = 0; macro < CATALOG_MACRO_COUNT; macro++)
        if (macro != CATALOG_MACRO_TIMESTAMP && macro != CATALOG_MACRO_DATE && macro != CATALOG_MACRO_RAND)
            assert_int_equal(value_of((enum catalog_macro)macro).len, 0);
    hit.field[HIT_ADDRESS] = (struct slice){"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16};
    assert_true(slice_equal(value_of(CATALOG_MACRO_IP), SLICE("2001%3Adb8%3A%3A1")));
}

// \x80 is the click id, \x81 sub1, \x82 sub2.
static void macros_are_expanded_where_they_stand(void **state)
{
    static const struct {
        const char *target, *with_id, *without_id;
    } cases[] = {
        {"https://a.b/", "https://a.b/?click_id=ID", "https://a.b/"},
        {"https://a.b/\x81/x", "https://a.b/one/x?click_id=ID", "https://a.b/one/x"},
        {"https://a.b/?s=\x82&t=\x81", "https://a.b/?s=%D0%BA%20%26%23%2F%3F&t=one&click_id=ID",
         "https://a.b/?s=%D0%BA%20%26%23%2F%3F&t=one"},
        {"https://a.b/?cid=\x80", "https://a.b/?cid=ID", "https://a.b/?cid="},
        {"https://a.b/\x80/", "https://a.b/ID/", "https://a.b//"},
        {"https://a.b/#\x80", "https://a.b/#ID", "https://a.b/#"},
        // Where the parameter is called as ours is: one, with our id.
        {"https://a.b/?click_id=\x80&x=1", "https://a.b/?click_id=ID&x=1", "https://a.b/?x=1"},
        {"https://a.b/?click_id=theirs&cid=\x80", "https://a.b/?cid=ID", "https://a.b/?cid="},
        {"https://a.b/?click_id=\x81", "https://a.b/?click_id=ID", "https://a.b/"},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (!slice_equal(build(cases[i].target, true), slice_of(cases[i].with_id)) ||
            !slice_equal(build(cases[i].target, false), slice_of(cases[i].without_id)))
            fail_msg("case %zu", i);
}

// What a visitor sends in place of a macro stays a value, in a parameter that is passed on too.
static void a_visitor_brings_no_macros(void **state)
{
    const struct macro_values values = {&hit, &params, &facts};
    struct slice field[HIT_FIELD_COUNT] = {{NULL, 0}};
    struct params sent;

    (void)state;
    params_read(SLICE("utm_source=\x80\xa2&utm_medium={click_id}"), &scratch, &sent, field);
    struct slice built = target_build(SLICE("https://a.b/"), &values, &sent, SLICE("ID"), &scratch);
    assert_true(
        slice_equal(built, SLICE("https://a.b/?utm_source=%80%A2&utm_medium={click_id}&click_id=ID")));
    built = target_build(SLICE("https://a.b/?x=\x80"), NULL, &params, SLICE_NONE, &scratch); // a deep link
    assert_true(memmem(built.data, built.len, "?x=%80&", 7) != NULL);
}

// A value that is too long is left out as a whole; the click id never is.
static void long_values_yield_to_the_click_id(void **state)
{
    static char long_value[PARAMS_TEXT_MAX];
    char target[64] = "https://a.b/?";
    size_t len = strlen(target);

    (void)state;
    memset(long_value, '/', sizeof(long_value));
    hit.field[HIT_SUB1] = (struct slice){long_value, sizeof(long_value)};
    memset(target + len, '\x81', CATALOG_MACROS_MAX - 1);
    strcpy(target + len + CATALOG_MACROS_MAX - 1, "\x80");
    struct slice built = build(target, true);
    assert_int_equal(built.len, len + 3 * sizeof(long_value) + 2); // one of them fits, another would not
    assert_memory_equal(built.data + built.len - 2, "ID", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_macro_has_its_value, setup),
        cmocka_unit_test_setup(what_is_not_known_is_empty, setup),
        cmocka_unit_test_setup(macros_are_expanded_where_they_stand, setup),
        cmocka_unit_test_setup(a_visitor_brings_no_macros, setup),
        cmocka_unit_test_setup(long_values_yield_to_the_click_id, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
