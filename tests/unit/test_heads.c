// Every header of interest is found, in any case, and nothing that looks like it.

#include "tracker/heads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "request_of.h"

static const struct {
    enum head head;
    const char *name;
} names[] = {
    {HEAD_COOKIE, "Cookie"},
    {HEAD_REFERRER, "Referer"},
    {HEAD_USER_AGENT, "User-Agent"},
    {HEAD_LANGUAGE, "Accept-Language"},
    {HEAD_FORWARDED_FOR, "X-Forwarded-For"},
    {HEAD_FORWARDED_PROTO, "X-Forwarded-Proto"},
    {HEAD_SEC_FETCH_DEST, "Sec-Fetch-Dest"},
    {HEAD_SEC_FETCH_MODE, "Sec-Fetch-Mode"},
    {HEAD_SEC_GPC, "Sec-GPC"},
    {HEAD_SEC_PURPOSE, "Sec-Purpose"},
    {HEAD_PURPOSE, "Purpose"},
    {HEAD_X_MOZ, "X-Moz"},
    {HEAD_X_PURPOSE, "X-Purpose"},
};

static void heads_of(struct heads *heads, const char *name)
{
    static struct request_of room;
    char headers[128];

    snprintf(headers, sizeof(headers), "%s: v\r\n", name);
    heads_read(heads, request_of(&room, "GET", "/", headers));
}

static unsigned found(const struct heads *heads)
{
    unsigned n = 0;

    for (unsigned head = 0; head < HEAD_COUNT; head++)
        n += heads->n[head];
    return n;
}

static void each_is_found_test(void **state)
{
    struct heads heads;

    (void)state;
    assert_int_equal(array_length(names), HEAD_COUNT);
    for (size_t i = 0; i < array_length(names); i++) {
        char name[32], *end = name + snprintf(name, sizeof(name), "%s", names[i].name);
        for (int round = 0; round < 2; round++) {
            heads_of(&heads, name);
            assert_int_equal(heads.n[names[i].head], 1);
            assert_true(slice_equal(heads.value[names[i].head], SLICE("v")));
            assert_int_equal(found(&heads), 1);
            for (char *c = name; c < end; c++)
                *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        }
    }
}

// One character changed at each place.
static void neighbours_test(void **state)
{
    struct heads heads;

    (void)state;
    for (size_t i = 0; i < array_length(names); i++) {
        for (size_t at = 0; names[i].name[at] != '\0'; at++) {
            char name[32];
            snprintf(name, sizeof(name), "%s", names[i].name);
            name[at] = name[at] == 'q' ? 'j' : 'q';
            heads_of(&heads, name);
            assert_int_equal(found(&heads), 0);
        }
    }
}

static void first_counts_test(void **state)
{
    static struct request_of room;
    struct heads heads;

    (void)state;
    heads_read(&heads, request_of(&room, "GET", "/", "cookie: a\r\nCOOKIE: b\r\nAccept: x\r\n"));
    assert_int_equal(heads.n[HEAD_COOKIE], 2);
    assert_true(slice_equal(heads.value[HEAD_COOKIE], SLICE("a")));
    assert_null(heads.value[HEAD_REFERRER].data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_test),
        cmocka_unit_test(neighbours_test),
        cmocka_unit_test(first_counts_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
