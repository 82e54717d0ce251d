// Who is taken for a person: user agents, networks, HEAD, prefetches, loads that are no navigation.

#include "tracker/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "request_of.h"

#define CHROME                                                                                               \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 "     \
    "Safari/537.36"
static const struct facts person = {.agent_class = HIT_CLASS_HUMAN};

#define UA "User-Agent: " CHROME "\r\n"

static void requests_test(void **state)
{
    static const struct {
        const char *method, *headers;
        bool navigation;
        enum hit_class class;
        enum hit_reason reason;
    } cases[] = {
        {"GET", UA, true, HIT_CLASS_HUMAN, HIT_REASON_NONE},
        {"GET", "", true, HIT_CLASS_BOT, HIT_REASON_UA_EMPTY},
        {"GET", "User-Agent:\r\n", true, HIT_CLASS_BOT, HIT_REASON_UA_EMPTY},
        {"HEAD", UA, true, HIT_CLASS_HEAD, HIT_REASON_METHOD_HEAD},
        {"GET", UA "Sec-Purpose: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Sec-Purpose: prefetch;prerender\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "sec-purpose: Prefetch;anonymous-client-ip\r\n", true, HIT_CLASS_PREFETCH,
         HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Purpose: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "X-Moz: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "X-Purpose: preview\r\n", true, HIT_CLASS_PREVIEW, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "X-Purpose: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Purpose: preview\r\n", true, HIT_CLASS_PREVIEW, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Sec-Purpose: Prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Sec-Purpose: prerender\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Sec-Purpose: preview\r\n", true, HIT_CLASS_PREVIEW, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Sec-Purpose: prefetch\r\n", false, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "X-Moz: preview\r\n", true, HIT_CLASS_HUMAN, HIT_REASON_NONE},
        {"HEAD", UA "Sec-Purpose: prefetch\r\n", true, HIT_CLASS_HEAD, HIT_REASON_METHOD_HEAD},
        {"GET", UA "Sec-Fetch-Dest: object\r\n", true, HIT_CLASS_INVALID, HIT_REASON_SEC_FETCH_DEST},
        {"GET", UA "Sec-Fetch-Mode: navigate\r\n", true, HIT_CLASS_HUMAN, HIT_REASON_NONE},
        {"GET", UA "Purpose: navigation\r\n", true, HIT_CLASS_HUMAN, HIT_REASON_NONE},
        {"GET", UA "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n", true, HIT_CLASS_HUMAN,
         HIT_REASON_NONE},
        {"GET", UA "Sec-Fetch-Dest: image\r\nSec-Fetch-Mode: no-cors\r\n", true, HIT_CLASS_INVALID,
         HIT_REASON_SEC_FETCH_DEST},
        {"GET", UA "Sec-Fetch-Dest: iframe\r\nSec-Fetch-Mode: navigate\r\n", true, HIT_CLASS_INVALID,
         HIT_REASON_SEC_FETCH_DEST},
        {"GET", UA "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: no-cors\r\n", true, HIT_CLASS_INVALID,
         HIT_REASON_SEC_FETCH_DEST},
        {"GET", UA "Sec-Fetch-Mode: cors\r\n", true, HIT_CLASS_INVALID, HIT_REASON_SEC_FETCH_DEST},
        {"GET", UA "Sec-Fetch-Dest: image\r\nSec-Fetch-Mode: no-cors\r\n", false, HIT_CLASS_HUMAN,
         HIT_REASON_NONE},
    };
    struct request_of room;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct http_request *request = request_of(&room, cases[i].method, "/c/x", cases[i].headers);
        struct heads heads;
        heads_read(&heads, request);
        struct classification found = classify(request->method, &heads, &person, cases[i].navigation);
        if (found.class != cases[i].class || found.reason != cases[i].reason)
            fail_msg("%s %s: class %d reason %d", cases[i].method, cases[i].headers, found.class,
                     found.reason);
    }
}

// What a request says more plainly comes first.
static void facts_test(void **state)
{
    static const struct {
        const char *headers;
        struct facts facts;
        enum hit_class class;
        enum hit_reason reason;
    } cases[] = {
        {UA, {.agent_class = HIT_CLASS_BOT}, HIT_CLASS_BOT, HIT_REASON_UA_BOT},
        {UA, {.agent_class = HIT_CLASS_PREVIEW}, HIT_CLASS_PREVIEW, HIT_REASON_UA_PREVIEW},
        {UA, {.agent_class = HIT_CLASS_HUMAN, .datacentre = true}, HIT_CLASS_BOT, HIT_REASON_ASN_DATACENTRE},
        {UA,
         {.agent_class = HIT_CLASS_PREVIEW, .datacentre = true},
         HIT_CLASS_PREVIEW,
         HIT_REASON_UA_PREVIEW},
        {UA "Purpose: prefetch\r\n",
         {.agent_class = HIT_CLASS_BOT},
         HIT_CLASS_PREFETCH,
         HIT_REASON_SEC_PURPOSE},
        {UA "Sec-Fetch-Dest: image\r\n",
         {.agent_class = HIT_CLASS_HUMAN, .datacentre = true},
         HIT_CLASS_BOT,
         HIT_REASON_ASN_DATACENTRE},
        {"", {.agent_class = HIT_CLASS_BOT, .datacentre = true}, HIT_CLASS_BOT, HIT_REASON_UA_EMPTY},
    };
    struct request_of room;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct http_request *request = request_of(&room, "GET", "/c/x", cases[i].headers);
        struct heads heads;
        heads_read(&heads, request);
        struct classification found = classify(request->method, &heads, &cases[i].facts, true);
        if (found.class != cases[i].class || found.reason != cases[i].reason)
            fail_msg("case %zu: class %d reason %d", i, found.class, found.reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_test),
        cmocka_unit_test(facts_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
