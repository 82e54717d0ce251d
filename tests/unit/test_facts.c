// What is known about a sender from his request.

#include "tracker/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "request_of.h"

static struct reference *reference;

static int setup(void **state)
{
    static struct tracker_config config = {.datacentre_class = DATACENTRE_BOT};

    (void)state;
    return reference_new(&reference, &config);
}

static int teardown(void **state)
{
    (void)state;
    reference = reference_free(reference);
    return 0;
}

static void language_test(void **state)
{
    static const struct {
        const char *header, *language; // NULL: not known
    } cases[] = {
        {"Accept-Language: ru-RU,ru;q=0.9,en;q=0.8\r\n", "ru-RU"},
        {"Accept-Language: en\r\n", "en"},
        {"Accept-Language: sr-Latn-RS;q=0.5\r\n", "sr-Latn-RS"},
        {"Accept-Language: de ;q=1\r\n", "de"},
        {"Accept-Language: *\r\n", NULL},
        {"Accept-Language: r\xc3\xbc\r\n", NULL},
        {"Accept-Language:\r\n", NULL},
        {"Accept-Language: 12345678-12345678-12345678-12345678\r\n", "12345678-12345678-12345678-12345678"},
        {"Accept-Language: 12345678-12345678-12345678-123456789\r\n", NULL},
        {"", NULL},
    };
    static struct request_of room;
    const struct in6_addr address = {0};
    struct heads heads;
    struct facts facts;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        heads_read(&heads, request_of(&room, "GET", "/", cases[i].header));
        facts_read(&facts, reference, &heads, &address);
        struct slice want = cases[i].language ? slice_of(cases[i].language) : SLICE_NONE;
        if (!slice_equal(facts.language, want) || !facts.language.data != !want.data)
            fail_msg("%s", cases[i].header);
    }
}

static void agent_test(void **state)
{
    static struct request_of room;
    const struct in6_addr address = {0};
    struct heads heads;
    struct facts facts;

    (void)state;
    heads_read(&heads,
               request_of(&room, "GET", "/",
                          "User-Agent: Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 "
                          "(KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1\r\n"));
    for (int round = 0; round < 2; round++) { // the second one from the memo
        facts_read(&facts, reference, &heads, &address);
        assert_int_equal(facts.agent_class, HIT_CLASS_HUMAN);
        assert_int_equal(facts.device, HIT_DEVICE_TABLET);
        assert_int_equal(facts.os, HIT_OS_IOS);
        assert_int_equal(facts.browser, HIT_BROWSER_SAFARI);
        assert_false(facts.datacentre);
    }
    heads_read(&heads, request_of(&room, "GET", "/", ""));
    facts_read(&facts, reference, &heads, &address);
    assert_int_equal(facts.agent_class, HIT_CLASS_BOT);
    assert_int_equal(facts.device + facts.os + facts.browser, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(language_test),
        cmocka_unit_test(agent_test),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
