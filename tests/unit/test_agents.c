// The list of user agents: how words are found, what is no list, and what the built-in one says.

#include "tracker/agent_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct agents *parse(const char *rows)
{
    char text[8192];
    struct list_reader reader;
    struct agents *agents = NULL;

    int len = snprintf(text, sizeof(text), "# a list\nversion 7\n%s", rows);
    int r = agents_parse(&agents, (struct slice){text, (size_t)len}, &reader);
    if (r)
        fail_msg("line %u: %s", reader.line, reader.why);
    return agents;
}

static void check(const struct agents *agents, const char *text, enum hit_class class, enum hit_device device,
                  enum hit_os os, enum hit_browser browser)
{
    struct agent found = agents_find(agents, slice_of(text));

    if (found.class != class || found.device != device || found.os != os || found.browser != browser)
        fail_msg("%s: class %u device %u os %u browser %u", text, found.class, found.device, found.os,
                 found.browser);
}

static void classes_test(void **state)
{
    struct agents *agents = parse("class bot bot\nclass human cubot\nclass preview telegrambot\n"
                                  "class preview bot preview\nclass bot ^start\nbrowser other web\n");
    static const struct {
        const char *text;
        enum hit_class class;
    } cases[] = {
        {"web", HIT_CLASS_HUMAN},
        {"web bot", HIT_CLASS_BOT},
        {"web BoT", HIT_CLASS_BOT},
        {"bot", HIT_CLASS_BOT},
        {"web bo", HIT_CLASS_HUMAN},
        {"web cubot", HIT_CLASS_HUMAN},
        {"web CUBOT and bot", HIT_CLASS_BOT},
        {"web telegrambot", HIT_CLASS_PREVIEW},
        {"web bot telegrambot", HIT_CLASS_PREVIEW}, // wherever it stands
        {"web telegrambot bot", HIT_CLASS_PREVIEW},
        {"web bot preview", HIT_CLASS_PREVIEW}, // the longest at one place
        {"start web", HIT_CLASS_BOT},
        {"web start", HIT_CLASS_HUMAN},
        {"", HIT_CLASS_BOT},         // no browser
        {"anything", HIT_CLASS_BOT}, // likewise
        {"w", HIT_CLASS_BOT},
        {"\xff\xfe web \x80", HIT_CLASS_HUMAN},
    };

    (void)state;
    assert_int_equal(agents_version(agents), 7);
    for (size_t i = 0; i < array_length(cases); i++)
        if (agents_find(agents, slice_of(cases[i].text)).class != cases[i].class)
            fail_msg("%s", cases[i].text);
    agents_free(agents);
}

static void ranks_test(void **state)
{
    struct agents *agents =
        parse("device tv tv\ndevice phone mobile\ndevice tablet android\nos android android\nos linux linux\n"
              "browser yandex yabrowser\nbrowser chrome chrome\nbrowser safari safari\n");

    (void)state;
    check(agents, "Linux; Android; Chrome Safari", HIT_CLASS_HUMAN, HIT_DEVICE_TABLET, HIT_OS_ANDROID,
          HIT_BROWSER_CHROME);
    check(agents, "Safari Chrome Mobile YaBrowser Android Linux", HIT_CLASS_HUMAN, HIT_DEVICE_PHONE,
          HIT_OS_ANDROID, HIT_BROWSER_YANDEX);
    check(agents, "Mobile TV Safari", HIT_CLASS_HUMAN, HIT_DEVICE_TV, HIT_OS_UNKNOWN, HIT_BROWSER_SAFARI);
    agents_free(agents);
}

// What stands behind the limit is not looked at.
static void limit_test(void **state)
{
    struct agents *agents = parse("class bot bot\nbrowser other web\n");
    char text[AGENTS_TEXT_MAX + 4] = "web";

    (void)state;
    memset(text + 3, '.', sizeof(text) - 3);
    memcpy(text + AGENTS_TEXT_MAX - 3, "bot", 3);
    assert_int_equal(agents_find(agents, (struct slice){text, sizeof(text)}).class, HIT_CLASS_BOT);
    memcpy(text + AGENTS_TEXT_MAX - 3, ".bot", 4);
    assert_int_equal(agents_find(agents, (struct slice){text, sizeof(text)}).class, HIT_CLASS_HUMAN);
    agents_free(agents);
}

#define WORD_64 "0123456789012345678901234567890123456789012345678901234567890123"

static void refused_test(void **state)
{
    static const struct {
        const char *text;
        int result;
        unsigned line;
    } cases[] = {
        {"version 1\nclass bot bot\n", 0, 0},
        {"version 1\nclass bot bot", 0, 0},
        {"version 2147483647\nclass bot " WORD_64 "\n", 0, 0},
        {"", LIST_WRONG, 0},
        {"class bot bot\n", LIST_WRONG, 1},
        {"version 0\n", LIST_WRONG, 1},
        {"version 01\n", LIST_WRONG, 1},
        {"version 2147483648\n", LIST_WRONG, 1},
        {"version 1 \n", LIST_WRONG, 1},
        {"version 1\r\nclass bot bot\r\n", LIST_WRONG, 1},
        {"version 1\nclass bot bot\r\n", LIST_WRONG, 2},
        {"version 1\nclass bot bot \n", LIST_WRONG, 2},
        {"version 1\nclass bot  bot\n", LIST_WRONG, 2},
        {"version 1\nclass bot b\n", LIST_WRONG, 2},
        {"version 1\nclass bot ^b\n", LIST_WRONG, 2},
        {"version 1\nclass bot Bot\n", LIST_WRONG, 2},
        {"version 1\nclass bot b\xc3\xb6t\n", LIST_WRONG, 2},
        {"version 1\nclass bot b\tt\n", LIST_WRONG, 2},
        {"version 1\nclass bot " WORD_64 "4\n", LIST_WRONG, 2},
        {"version 1\n\n# no class\nclass robot bot\n", LIST_WRONG, 4},
        {"version 1\nclass head bot\n", LIST_WRONG, 2},
        {"version 1\nclass\n", LIST_WRONG, 2},
        {"version 1\nos unknown bot\n", LIST_WRONG, 2},
        {"version 1\nkind bot bot\n", LIST_WRONG, 2},
        {"version 1\nversion 2\n", LIST_WRONG, 2},
        {"version 1\nclass bot bot\nclass preview bot\n", LIST_WRONG, 3},
        {"version 1\nclass bot bot\nbrowser other bot\n", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct agents *agents = NULL;
        struct list_reader reader;
        int r = agents_parse(&agents, slice_of(cases[i].text), &reader);
        if (r != cases[i].result || (r && reader.line != cases[i].line))
            fail_msg("case %zu: %d in line %u", i, r, reader.line);
        agents_free(agents);
    }
}

static int rows_parse(size_t rows)
{
    static char text[LIST_BYTES_MAX];
    struct agents *agents = NULL;
    struct list_reader reader;
    size_t len = (size_t)sprintf(text, "version 1\n");

    for (size_t i = 0; i < rows; i++)
        len += (size_t)sprintf(text + len, "class bot w%zu\n", i);
    int r = agents_parse(&agents, (struct slice){text, len}, &reader);
    agents_free(agents);
    return r;
}

static void rows_end_test(void **state)
{
    struct agents *agents = NULL;
    struct list_reader reader;
    char *large = calloc(1, LIST_BYTES_MAX + 1);

    (void)state;
    assert_int_equal(rows_parse(AGENTS_ROWS_MAX), 0);
    assert_int_equal(rows_parse(AGENTS_ROWS_MAX + 1), LIST_WRONG);
    assert_non_null(large);
    assert_true(agents_parse(&agents, (struct slice){large, LIST_BYTES_MAX + 1}, &reader) < 0);
    free(large);
}

// The memo says what the list says, also when it forgets.
static void memo_test(void **state)
{
    struct agents *agents = parse("class bot bot\nbrowser other web\n");
    struct agent_memo *memo = malloc(sizeof(*memo));
    char text[32];

    (void)state;
    assert_non_null(memo);
    agent_memo_init(memo);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 3 * AGENT_MEMO_SETS * AGENT_MEMO_WAYS; i++) {
            int len = snprintf(text, sizeof(text), "%s %d", i % 3 ? "web" : "bot", i);
            struct agent agent = agent_memo_find(memo, agents, (struct slice){text, (size_t)len});
            assert_int_equal(agent.class, i % 3 ? HIT_CLASS_HUMAN : HIT_CLASS_BOT);
        }
    agents_free(agents);
    agents = parse("class preview bot\nbrowser other web\n");
    assert_int_equal(agent_memo_find(memo, agents, slice_of(text)).class, HIT_CLASS_HUMAN);
    snprintf(text, sizeof(text), "bot %d", 3 * AGENT_MEMO_SETS * AGENT_MEMO_WAYS - 3);
    assert_int_equal(agent_memo_find(memo, agents, slice_of(text)).class, HIT_CLASS_BOT); // remembered
    agent_memo_init(memo);
    assert_int_equal(agent_memo_find(memo, agents, slice_of(text)).class, HIT_CLASS_PREVIEW);
    agents_free(agents);
    free(memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_test), cmocka_unit_test(ranks_test),    cmocka_unit_test(limit_test),
        cmocka_unit_test(refused_test), cmocka_unit_test(rows_end_test), cmocka_unit_test(memo_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
