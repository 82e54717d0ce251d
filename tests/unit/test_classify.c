// Who is taken for a person: user agents, HEAD, prefetches, loads that are no navigation.

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
#define UA "User-Agent: " CHROME "\r\n"

static void user_agents_test(void **state)
{
    static const struct {
        const char *text;
        enum hit_class class;
    } cases[] = {
        {CHROME, HIT_CLASS_HUMAN},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.0 "
         "Mobile/15E148 Safari/604.1",
         HIT_CLASS_HUMAN},
        {"Mozilla/5.0 (Linux; Android 12; CUBOT P50) AppleWebKit/537.36 Chrome/110.0 Mobile Safari/537.36",
         HIT_CLASS_HUMAN},
        {"Mozilla/5.0 (Linux; Android 12; CUBOT) compatible; SomeBot/1.0", HIT_CLASS_BOT},
        {"Mozilla/5.0 (Linux; Android 13; SM-A5) AppleWebKit/537.36 Chrome/118.0 YaBrowser/23.9.0 Mobile "
         "Safari/537.36",
         HIT_CLASS_HUMAN},
        {"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/440.0]", HIT_CLASS_HUMAN},
        {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", HIT_CLASS_BOT},
        {"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", HIT_CLASS_BOT},
        {"Mozilla/5.0 (compatible; bingbot/2.0)", HIT_CLASS_BOT},
        {"Mozilla/5.0 (compatible; Baiduspider/2.0)", HIT_CLASS_BOT},
        {"Mozilla/5.0 (compatible; Linux x86_64; Mail.RU_Bot/2.0)", HIT_CLASS_BOT},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.0)", HIT_CLASS_BOT},
        {"Mediapartners-Google", HIT_CLASS_BOT},
        {"curl/7.88.1", HIT_CLASS_BOT},
        {"Wget/1.21", HIT_CLASS_BOT},
        {"python-requests/2.31", HIT_CLASS_BOT},
        {"Go-http-client/1.1", HIT_CLASS_BOT},
        {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/119.0", HIT_CLASS_BOT},
        {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", HIT_CLASS_PREVIEW},
        {"TelegramBot (like TwitterBot)", HIT_CLASS_PREVIEW},
        {"WhatsApp/2.23.20.0", HIT_CLASS_PREVIEW},
        {"Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)", HIT_CLASS_PREVIEW},
        {"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", HIT_CLASS_PREVIEW},
        {"Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", HIT_CLASS_PREVIEW},
        {"LinkedInBot/1.0", HIT_CLASS_PREVIEW},
        {"bot", HIT_CLASS_BOT},
        {"bo", HIT_CLASS_HUMAN},
        {"z", HIT_CLASS_HUMAN},
        {"\xff\xfe{", HIT_CLASS_HUMAN},
    };
    struct agents agents;

    (void)state;
    agents_init(&agents);
    for (size_t i = 0; i < array_length(cases); i++)
        if (agents_class(&agents, slice_of(cases[i].text)) != cases[i].class)
            fail_msg("%s", cases[i].text);
}

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
        {"GET", "User-Agent: curl/8\r\n", true, HIT_CLASS_BOT, HIT_REASON_UA_BOT},
        {"GET", "User-Agent: WhatsApp/2\r\n", true, HIT_CLASS_PREVIEW, HIT_REASON_UA_PREVIEW},
        {"HEAD", UA, true, HIT_CLASS_HEAD, HIT_REASON_METHOD_HEAD},
        {"GET", UA "Sec-Purpose: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Sec-Purpose: prefetch;prerender\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "sec-purpose: Prefetch;anonymous-client-ip\r\n", true, HIT_CLASS_PREFETCH,
         HIT_REASON_SEC_PURPOSE},
        {"GET", UA "Purpose: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "X-Moz: prefetch\r\n", true, HIT_CLASS_PREFETCH, HIT_REASON_SEC_PURPOSE},
        {"GET", UA "X-Purpose: preview\r\n", true, HIT_CLASS_PREVIEW, HIT_REASON_SEC_PURPOSE},
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
    struct agents agents;
    struct request_of room;

    (void)state;
    agents_init(&agents);
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct http_request *request = request_of(&room, cases[i].method, "/c/x", cases[i].headers);
        struct heads heads;
        heads_read(&heads, request);
        struct classification found = classify(&agents, request->method, &heads, cases[i].navigation);
        if (found.class != cases[i].class || found.reason != cases[i].reason)
            fail_msg("%s %s: class %d reason %d", cases[i].method, cases[i].headers, found.class,
                     found.reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_agents_test),
        cmocka_unit_test(requests_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
