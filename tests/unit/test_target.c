// Destinations: attacks on deep links (open redirect, header injection), and how parameters come onto a URL.

#include "tracker/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/util.h"

// The hosts shop.example and www.shop.example, as in a catalog record.
static const struct catalog_program program = {
    .id = 1,
    .active = true,
    .hosts = {"\0\14shop.example\0\20www.shop.example", 32},
};

static struct scratch scratch;

static const char *const deep_links_good[] = {
    "https://shop.example",
    "http://shop.example/",
    "https://www.shop.example/a/b?c=d#e",
    "HTTPS://SHOP.Example/x",
    "https://shop.example:443/",
    "http://shop.example:80/",
    "https://shop.example?x=@evil.com",
    "https://shop.example#//evil.com",
    "https://shop.example/%0d%0a",
    "https://shop.example/\xD0\xBA?\xD0\xBA",
    "https://shop.example/a b",
};
static const char *const deep_links_bad[] = {
    "",
    "/",
    "shop.example",
    "//shop.example/",
    "//evil.com",
    "///evil.com/%2f..",
    "https:evil.com",
    "https:/evil.com",
    "https:///shop.example/",
    "https:shop.example",
    "https:\\\\shop.example",
    "\\/\\/evil.com/",
    "/\\evil.com",
    "https://shop.example\\@evil.com/",
    "https://evil.com\\@shop.example/",
    "https://evil.com\\.shop.example/",
    "https://shop.example/\\evil.com",
    "https://shop.example@evil.com/",
    "https://evil.com@shop.example/",
    "https://user:pass@shop.example/",
    "https://@shop.example/",
    "https://shop.example.evil.com",
    "https://evilshop.example",
    "https://x.shop.example/",
    "https://shop.example.",
    "https://shop.example./",
    "https://.shop.example/",
    "//evil%E3%80%82com",
    "https://evil\xE3\x80\x82.com",
    "https://shop%2eexample/",
    "https://shop.example%00.evil.com",
    "//evil%00.com",
    "https://shop.example%2f@evil.com/",
    "https://shop.example:8443/",
    "https://shop.example:80/",
    "http://shop.example:443/",
    "https://shop.example:/",
    "https://shop.example:443:443/",
    "https://shop.example:0443/",
    "https://[::1]/",
    "https://127.0.0.1/",
    "javascript:alert(1)",
    "javascript://shop.example/%0aalert(1)",
    "data:text/html,x",
    "java\r\nscript\r\n:alert(1)",
    "ht\ttps://shop.example/",
    "https\n://shop.example/",
    " https://shop.example/",
    "\x01https://shop.example/",
    "https://shop.example/\r\nSet-Cookie: a=b",
    "https://shop.example/\t",
    "https://shop.example/\x7f",
    "https://shop .example/",
    "https:// shop.example/",
    "https://evil.c\xE2\x84\x80.shop.example",
    "https://\xEF\xBD\x93hop.example/",
    "https://shop.example/\xff",
    "https://shop.example/\xC2\x85",
    "ftp://shop.example/",
    "httpss://shop.example/",
    "view-source:https://shop.example/",
};

static void deep_link_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(deep_links_good); i++)
        if (!target_deep_link_good(slice_of(deep_links_good[i]), &program))
            fail_msg("refused: %s", deep_links_good[i]);
    for (size_t i = 0; i < array_length(deep_links_bad); i++)
        if (target_deep_link_good(slice_of(deep_links_bad[i]), &program))
            fail_msg("taken: %s", deep_links_bad[i]);
    assert_false(target_deep_link_good((struct slice){"https://shop.example/\0", 22}, &program));
    assert_false(
        target_deep_link_good(SLICE("https://shop.example/"), &(struct catalog_program){.hosts = SLICE("")}));
}

static void deep_link_length_test(void **state)
{
    static char url[TARGET_URL_MAX + 1] = "https://shop.example/";
    size_t len = strlen(url);

    (void)state;
    memset(url + len, 'a', sizeof(url) - len);
    assert_true(target_deep_link_good((struct slice){url, TARGET_URL_MAX}, &program));
    assert_false(target_deep_link_good((struct slice){url, TARGET_URL_MAX + 1}, &program));
}

static struct slice build(const char *target, const char *query, const char *click_id)
{
    static struct params params;
    static struct slice field[HIT_FIELD_COUNT];

    scratch_reset(&scratch);
    memset(field, 0, sizeof(field));
    params_read(slice_of(query), &scratch, &params, field);
    return target_build(slice_of(target), NULL, &params, click_id ? slice_of(click_id) : SLICE_NONE, &scratch);
}

static void build_test(void **state)
{
    static const struct {
        const char *target, *query, *click_id, *built; // NULL: refused
    } cases[] = {
        {"https://a.b", "", "I", "https://a.b?click_id=I"},
        {"https://a.b/", "", "I", "https://a.b/?click_id=I"},
        {"https://a.b/?x=1", "", "I", "https://a.b/?x=1&click_id=I"},
        {"https://a.b/?", "", "I", "https://a.b/?click_id=I"},
        {"https://a.b/?x=1&", "", "I", "https://a.b/?x=1&click_id=I"},
        {"https://a.b/#f", "", "I", "https://a.b/?click_id=I#f"},
        {"https://a.b/?x=1#f?y=2", "", "I", "https://a.b/?x=1&click_id=I#f?y=2"},
        {"https://a.b/#", "", "I", "https://a.b/?click_id=I#"},
        {"https://a.b/?x=1#f", "", NULL, "https://a.b/?x=1#f"},
        {"https://a.b", "", NULL, "https://a.b"},
        // Ours is the only click_id.
        {"https://a.b/?click_id=X", "", "I", "https://a.b/?click_id=I"},
        {"https://a.b/?click%5Fid=X&y=1&click_id=Z", "", "I", "https://a.b/?y=1&click_id=I"},
        {"https://a.b/?click_id=X", "", NULL, "https://a.b/"},
        {"https://a.b/?x=1", "click_id=Y", "I", "https://a.b/?x=1&click_id=I"},
        // Passed on byte for byte, unless the target has its own.
        {"https://a.b/", "erid=LjN8%2fK+%20x&sub1=s", "I", "https://a.b/?erid=LjN8%2fK+%20x&click_id=I"},
        {"https://a.b/?utm_source=t", "utm_source=q&utm_medium=m", "I",
         "https://a.b/?utm_source=t&utm_medium=m&click_id=I"},
        {"https://a.b/?utm%5Fsource=t", "utm_source=q", "I", "https://a.b/?utm%5Fsource=t&click_id=I"},
        {"https://a.b/", "gclid=G&fbclid=F", "I", "https://a.b/?gclid=G&fbclid=F&click_id=I"},
        {"https://a.b/", "utm_source=%0d%0aLocation:%20http://evil", "I",
         "https://a.b/?utm_source=%0d%0aLocation:%20http://evil&click_id=I"},
        {"https://a.b/", "utm_source=%E5%98%8A%E5%98%8D", "I",
         "https://a.b/?utm_source=%E5%98%8A%E5%98%8D&click_id=I"},
        {"https://a.b/", "utm_source=\\", "I", "https://a.b/?utm_source=%5C&click_id=I"},
        // What a header or browser could misread is encoded.
        {"https://a.b/\r\nX: y", "", "I", "https://a.b/%0D%0AX:%20y?click_id=I"},
        {"https://a.b/\xD0\xBA\"<>\\", "", "I", "https://a.b/%D0%BA%22%3C%3E%5C?click_id=I"},
        {"https://a.b/?q=\x7f#\t", "", "I", "https://a.b/?q=%7F&click_id=I#%09"},
        {"https://a.b/%zz%", "", "I", "https://a.b/%zz%?click_id=I"},
        {"javascript:alert(1)", "", "I", NULL},
        {"//a.b/", "", "I", NULL},
        {"", "", "I", NULL},
        {"/relative", "", "I", NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct slice built = build(cases[i].target, cases[i].query, cases[i].click_id);
        if (!cases[i].built ? built.data != NULL : !slice_equal(built, slice_of(cases[i].built)))
            fail_msg("%s with %s: %.*s", cases[i].target, cases[i].query, (int)built.len,
                     built.data ? built.data : "");
    }
}

// Whatever byte is in a target, only visible ASCII comes out.
static void bytes_test(void **state)
{
    char target[] = "https://a.b/_?_=_#_";

    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        for (size_t at = 11; at < sizeof(target) - 1; at++)
            if (target[at] == '_')
                target[at] = (char)c;
        struct slice built = build(target, "", "I");
        assert_non_null(built.data);
        for (size_t i = 0; i < built.len; i++)
            assert_in_range((unsigned char)built.data[i], 0x21, 0x7e);
        strcpy(target, "https://a.b/_?_=_#_");
    }
}

// A long target still gets its click id; what is passed on yields.
static void length_test(void **state)
{
    static char target[TARGET_URL_MAX + 2] = "https://a.b/";
    static char query[8192];

    (void)state;
    memset(target + 12, '\xD0', TARGET_URL_MAX - 12);
    struct slice built = build(target, "utm_source=x", "0123456789");
    assert_non_null(built.data);
    assert_int_equal(built.len, 12 + 3 * (TARGET_URL_MAX - 12) + strlen("?click_id=0123456789"));

    size_t len = (size_t)sprintf(query, "utm_source=");
    memset(query + len, 'x', 4000);
    strcpy(query + len + 4000, "&utm_medium=m");
    built = build("https://a.b/", query, "I");
    assert_true(slice_equal(built, SLICE("https://a.b/?utm_medium=m&click_id=I")));

    target[TARGET_URL_MAX] = 'a';
    assert_null(build(target, "", "I").data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deep_link_test), cmocka_unit_test(deep_link_length_test),
        cmocka_unit_test(build_test),     cmocka_unit_test(bytes_test),
        cmocka_unit_test(length_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
