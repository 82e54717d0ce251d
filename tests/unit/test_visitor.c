// The visitor's cookie: only what we issued is taken, whatever surrounds it.

#include "tracker/visitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "request_of.h"

static struct click_id_keys keys;
static uint8_t id[CLICK_ID_BYTES];
static char text[CLICK_ID_TEXT_BYTES + 1];

static int setup(void **state)
{
    struct click_id_generator generator;

    (void)state;
    assert_int_equal(click_id_keys_parse(&keys, SLICE("1 000102030405060708090a0b0c0d0e0f\n")), 0);
    click_id_generator_init(&generator, &keys, 7);
    click_id_next(&generator, 1700000000000, id);
    click_id_format(id, text);
    return 0;
}

// `$` in the headers stands for the cookie's value.
static bool read_from(const char *template, uint8_t out[CLICK_ID_BYTES])
{
    static struct request_of room;
    char headers[16000];
    size_t len = strcspn(template, "$");

    snprintf(headers, sizeof(headers), "%.*s%s%s", (int)len, template, template[len] ? text : "",
             template + len + (template[len] != 0));
    const struct http_request *request = request_of(&room, "GET", "/c/x", headers);
    struct heads heads;
    heads_read(&heads, request);
    return visitor_read(request, &heads, &keys, out);
}

static void found_test(void **state)
{
    static const char *const cases[] = {
        "Cookie: cl_v=$\r\n",
        "cookie: a=b; cl_v=$; c=d\r\n",
        "Cookie: a=b\r\nCookie: cl_v=$\r\n",
        "Cookie: cl_v=garbage; cl_v=$\r\n",
        "Cookie: ;;;  cl_v=$  ;\r\n",
    };
    uint8_t out[CLICK_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        if (!read_from(cases[i], out))
            fail_msg("%s", cases[i]);
        assert_memory_equal(out, id, sizeof(id));
    }
}

static void not_found_test(void **state)
{
    static const char *const cases[] = {
        "",
        "Cookie: cl_v=\r\n",
        "Cookie: cl_v\r\n",
        "Cookie: xcl_v=$\r\n",
        "Cookie: CL_V=%s\r\n",
        "Cookie: cl_v=\"$\"\r\n",
        "Cookie: cl_v=$x\r\n",
        "Cookie: cl_v=018bcfe5-6800-7000-8000-000000000000\r\n", // not our tag
        "Cookie: cl_v=zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz\r\n",
        "X-Cookie: cl_v=$\r\n",
    };
    uint8_t out[CLICK_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (read_from(cases[i], out))
            fail_msg("%s", cases[i]);
}

static void cookies_end_test(void **state)
{
    char template[4096] = "Cookie: ";
    uint8_t out[CLICK_ID_BYTES];

    (void)state;
    for (int i = 0; i < VISITOR_COOKIES_MAX; i++)
        strcat(template, "a=b;");
    strcat(template, "cl_v=$\r\n");
    assert_false(read_from(template, out));
}

static void bit_flip_test(void **state)
{
    uint8_t out[CLICK_ID_BYTES];
    char kept[sizeof(text)];

    (void)state;
    memcpy(kept, text, sizeof(kept));
    for (size_t at = 0; at < CLICK_ID_TEXT_BYTES; at++) {
        if (text[at] == '-')
            continue;
        text[at] = text[at] == '0' ? '1' : '0';
        assert_false(read_from("Cookie: cl_v=$\r\n", out));
        memcpy(text, kept, sizeof(kept));
    }
}

// What browsers send is large, and not all of it is ours.
static void many_and_long_test(void **state)
{
    static char template[16000];
    uint8_t out[CLICK_ID_BYTES];
    size_t len = (size_t)sprintf(template, "Cookie: ");

    (void)state;
    for (int i = 0; i < 59; i++)
        len += (size_t)sprintf(template + len, "name%d=\"quoted value; ", i);
    strcpy(template + len, "cl_v=$\r\n");
    assert_true(read_from(template, out));

    len = (size_t)sprintf(template, "Cookie: cl_v=");
    memset(template + len, 'a', 5000);
    strcpy(template + len + 5000, "; b=c; cl_v=$\r\n");
    assert_true(read_from(template, out));
    memcpy(template + len + 5000, ";      ;     ", 13);
    assert_false(read_from(template, out));
}

static void write_test(void **state)
{
    static const struct {
        bool known, secure, cross_site;
        const char *domain, *want;
    } cases[] = {
        {true, false, false, "", "; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax"},
        {true, true, false, "", "; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax; Secure"},
        {true, true, true, "", "; Max-Age=34560000; Path=/; HttpOnly; SameSite=None; Secure"},
        {true, false, true, "", "; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax"}, // None needs Secure
        {true, true, false, "shop.example",
         "; Max-Age=34560000; Path=/; Domain=shop.example; HttpOnly; SameSite=Lax; Secure"},
        {false, true, false, "shop.example",
         "; Max-Age=0; Path=/; Domain=shop.example; HttpOnly; SameSite=Lax; Secure"},
    };
    char out[VISITOR_COOKIE_BYTES_MAX], want[256];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct visitor_cookie cookie = {cases[i].known ? id : NULL, slice_of(cases[i].domain),
                                              cases[i].secure, cases[i].cross_site};
        size_t len = visitor_cookie_write(&cookie, out);
        snprintf(want, sizeof(want), "cl_v=%s%s", cases[i].known ? text : "", cases[i].want);
        assert_true(slice_equal((struct slice){out, len}, slice_of(want)));
    }
}

static void longest_domain_test(void **state)
{
    char out[VISITOR_COOKIE_BYTES_MAX], domain[VISITOR_DOMAIN_MAX + 1];

    (void)state;
    memset(domain, 'a', sizeof(domain));
    const struct visitor_cookie longest = {id, {domain, VISITOR_DOMAIN_MAX}, true, true};
    const struct visitor_cookie longer = {id, {domain, sizeof(domain)}, true, true};
    assert_true(visitor_cookie_write(&longest, out) > VISITOR_DOMAIN_MAX);
    assert_true(visitor_cookie_write(&longer, out) < VISITOR_DOMAIN_MAX);
}

static bool opted_out(const char *headers)
{
    static struct request_of room;
    struct heads heads;

    heads_read(&heads, request_of(&room, "GET", "/", headers));
    return visitor_opted_out(&heads);
}

static void opt_out_test(void **state)
{
    (void)state;
    assert_true(opted_out("Sec-GPC: 1\r\n"));
    assert_false(opted_out("Sec-GPC: 0\r\n"));
    assert_false(opted_out(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_test),          cmocka_unit_test(not_found_test),
        cmocka_unit_test(cookies_end_test),    cmocka_unit_test(bit_flip_test),
        cmocka_unit_test(write_test),          cmocka_unit_test(many_and_long_test),
        cmocka_unit_test(longest_domain_test), cmocka_unit_test(opt_out_test),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
