// What is known about a sender from his request.

#include "tracker/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "request_of.h"

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
        facts_read(&facts, &heads, &address);
        struct slice want = cases[i].language ? slice_of(cases[i].language) : SLICE_NONE;
        if (!slice_equal(facts.language, want) || !facts.language.data != !want.data)
            fail_msg("%s", cases[i].header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(language_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
