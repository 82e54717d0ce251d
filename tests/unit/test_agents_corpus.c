// What the built-in list makes of known user agents: test_agents_corpus FOLDER (tests/data/agents). At least
// 97 % of the bots and previews must be found, at most 0.5 % of the browsers taken for one; prints the rates.

#include "base/agents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINE_MAX_BYTES     2048
#define FLAGGED_PER_10000  9700 // at least, of bots
#define MISTAKEN_PER_10000 50   // at most, of browsers

static const char *folder;
static struct agents *agents;

struct tally {
    unsigned n, flagged;
};

static FILE *file_open(const char *name)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be read", path);
    return file;
}

// The line without its end. false: there is none.
static bool line_read(FILE *file, char line[LINE_MAX_BYTES], struct slice *text)
{
    if (!fgets(line, LINE_MAX_BYTES, file))
        return false;
    *text = (struct slice){line, strcspn(line, "\n")};
    assert_int_equal(line[text->len], '\n');
    return true;
}

static struct tally tally(const char *name, bool labelled)
{
    char line[LINE_MAX_BYTES];
    struct tally tally = {0};
    struct slice text;
    FILE *file = file_open(name);

    while (line_read(file, line, &text)) {
        size_t skip = labelled ? strcspn(line, "\t") + 1 : 0;
        struct agent agent = agents_find(agents, (struct slice){text.data + skip, text.len - skip});
        tally.n++;
        tally.flagged += agent.class != HIT_CLASS_HUMAN;
    }
    fclose(file);
    print_message("%-20s %5u agents, %5u flagged (%.2f %%)\n", name, tally.n, tally.flagged,
                  100.0 * tally.flagged / tally.n);
    assert_true(tally.n > 500);
    return tally;
}

static void bots_test(void **state)
{
    static const char *const names[] = {"bots_tuned.txt", "bots_held.txt"};

    (void)state;
    for (size_t i = 0; i < array_length(names); i++) {
        struct tally found = tally(names[i], false);
        assert_true(10000 * found.flagged >= FLAGGED_PER_10000 * found.n);
    }
}

static void browsers_test(void **state)
{
    static const struct {
        const char *name;
        bool labelled;
    } files[] = {{"browsers_tuned.txt", false},
                 {"browsers_held.txt", false},
                 {"labelled_tuned.txt", true},
                 {"labelled_held.txt", true}};

    (void)state;
    for (size_t i = 0; i < array_length(files); i++) {
        struct tally found = tally(files[i].name, files[i].labelled);
        assert_true(10000 * found.flagged <= MISTAKEN_PER_10000 * found.n);
    }
}

static void label_check(const char *line, struct slice label, struct slice user_agent)
{
    struct agent agent = agents_find(agents, user_agent);
    const char *device = hit_device_name(agent.device), *os = hit_os_name(agent.os),
               *browser = hit_browser_name(agent.browser);
    char found[128];

    snprintf(found, sizeof(found), "%s %s %s", device ? device : "-", os ? os : "-", browser ? browser : "-");
    if (agent.class != HIT_CLASS_HUMAN || !slice_equal(slice_of(found), label))
        fail_msg("class %u, %s: %s", agent.class, found, line);
}

static void labels_test(void **state)
{
    static const char *const names[] = {"labelled_tuned.txt", "labelled_held.txt"};
    char line[LINE_MAX_BYTES];
    struct slice text;

    (void)state;
    for (size_t i = 0; i < array_length(names); i++) {
        FILE *file = file_open(names[i]);
        while (line_read(file, line, &text)) {
            size_t len = strcspn(line, "\t");
            label_check(line, (struct slice){line, len}, (struct slice){line + len + 1, text.len - len - 1});
        }
        fclose(file);
    }
}

// Whose class is preview, not bot.
static void previews_test(void **state)
{
    static const char *const previews[] = {
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) "
        "Version/9.0.1 "
        "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "TelegramBot (like TwitterBot)",
        "WhatsApp/2.23.20.0 A",
        "WhatsApp",
        "Viber",
        "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Twitterbot/1.0",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (compatible; OdklBot/1.0 like Linux; klass@odnoklassniki.ru)",
        "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
        "Iframely/1.3.1 (+https://iframely.com/docs/about)",
    };

    (void)state;
    for (size_t i = 0; i < array_length(previews); i++)
        if (agents_find(agents, slice_of(previews[i])).class != HIT_CLASS_PREVIEW)
            fail_msg("%s", previews[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bots_test),
        cmocka_unit_test(browsers_test),
        cmocka_unit_test(labels_test),
        cmocka_unit_test(previews_test),
    };
    struct list_reader reader;

    if (argc != 2 ||
        agents_parse(&agents, (struct slice){(const char *)agents_list, agents_list_bytes}, &reader) != 0)
        return EXIT_FAILURE;
    folder = argv[1];
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    agents = agents_free(agents);
    return failed;
}
