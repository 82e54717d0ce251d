// Arguments of the commands: what is taken, and what is refused.

#include "base/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 8

static const struct {
    const char *words[WORDS_MAX];
    int status;
    int64_t count, from_ms;
    bool dry;
} cases[] = {
    {{NULL}, 0, 7, 0, false},
    {{"--count", "0"}, 0, 0, 0, false},
    {{"--count", "100"}, 0, 100, 0, false},
    {{"--dry-run", "--count", "3"}, 0, 3, 0, true},
    {{"--from", "1970-01-02"}, 0, 7, 86400000, false},
    {{"--from", "1970-01-01T00:00:01Z", "--file", "a"}, 0, 7, 1000, false},
    {{"--count", "101"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", "-1"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", "+1"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", " 1"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", "1x"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", ""}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", "99999999999999999999"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--count", "1", "--count", "1"}, ARGUMENTS_WRONG, 1, 0, false},
    {{"--from", "1970-02-30"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--from", "yesterday"}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--file", ""}, ARGUMENTS_WRONG, 7, 0, false},
    {{"--dry-run", "1"}, ARGUMENTS_WRONG, 7, 0, true},
    {{"count", "1"}, ARGUMENTS_WRONG, 7, 0, false},
};

static void cases_are_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        int64_t count = 7, from_ms = 0;
        bool dry = false;
        const char *file = NULL;
        const struct argument arguments[] = {
            argument_number("--count", &count, 0, 100), argument_flag("--dry-run", &dry),
            argument_time("--from", &from_ms), argument_text("--file", &file)};
        char *words[WORDS_MAX];
        int n = 0;
        for (; n < WORDS_MAX && cases[i].words[n]; n++)
            words[n] = (char *)(uintptr_t)cases[i].words[n];
        int status = arguments_read(arguments, array_length(arguments), n, words);
        if (status != cases[i].status || count != cases[i].count || from_ms != cases[i].from_ms ||
            dry != cases[i].dry)
            fail_msg("case %zu: status %d count %d", i, status, (int)count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
