// Command-line arguments of the commands. Owner: nobody, pure but for stderr. Limits: ARGUMENTS_MAX per
// command.

#include "base/arguments.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ARGUMENTS_MAX 32
#define DAY_TEXT_LEN  10 // YYYY-MM-DD
#define DAY_BEGIN     "T00:00:00Z"

struct argument argument_flag(const char *name, bool *value)
{
    return (struct argument){.name = name, .kind = ARGUMENT_FLAG, .value = value};
}

struct argument argument_number(const char *name, int64_t *value, int64_t min, int64_t max)
{
    return (struct argument){name, ARGUMENT_NUMBER, value, min, max};
}

struct argument argument_text(const char *name, const char **value)
{
    return (struct argument){.name = name, .kind = ARGUMENT_TEXT, .value = value};
}

struct argument argument_time(const char *name, int64_t *unix_ms)
{
    return (struct argument){.name = name, .kind = ARGUMENT_TIME, .value = unix_ms};
}

static bool number_parse(const struct argument *argument, const char *text)
{
    char *end = NULL;

    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || text[0] < '0' || text[0] > '9' || *end || number < argument->min || number > argument->max)
        return false;
    *(int64_t *)argument->value = number;
    return true;
}

static bool time_parse(const struct argument *argument, const char *text)
{
    char whole[DAY_TEXT_LEN + sizeof(DAY_BEGIN)];
    struct slice time = slice_of(text);

    if (time.len == DAY_TEXT_LEN && text[4] == '-') {
        snprintf(whole, sizeof(whole), "%s%s", text, DAY_BEGIN);
        time = slice_of(whole);
    }
    return clock_parse(time, argument->value) == 0;
}

static int value_refuse(const struct argument *argument)
{
    fprintf(stderr, "%s: %s takes ", program_invocation_short_name, argument->name);
    if (argument->kind == ARGUMENT_NUMBER)
        fprintf(stderr, "a number from %" PRId64 " to %" PRId64 "\n", argument->min, argument->max);
    else if (argument->kind == ARGUMENT_TIME)
        fprintf(stderr, "a day (2026-01-31, UTC) or a time (2026-01-31T12:00:00Z)\n");
    else
        fprintf(stderr, "a value\n");
    return ARGUMENTS_WRONG;
}

static bool value_read(const struct argument *argument, const char *text)
{
    switch (argument->kind) {
    case ARGUMENT_FLAG:
        *(bool *)argument->value = true;
        return true;
    case ARGUMENT_NUMBER:
        return number_parse(argument, text);
    case ARGUMENT_TEXT:
        *(const char **)argument->value = text;
        return text[0] != '\0';
    case ARGUMENT_TIME:
        return time_parse(argument, text);
    }
    return false;
}

static size_t argument_find(const struct argument arguments[], size_t n, const char *name)
{
    size_t i = 0;

    while (i < n && strcmp(arguments[i].name, name) != 0)
        i++;
    return i;
}

int arguments_read(const struct argument arguments[], size_t n, int argc, char **argv)
{
    bool seen[ARGUMENTS_MAX] = {false};

    assert(n <= ARGUMENTS_MAX);
    for (int i = 0; i < argc; i++) {
        size_t found = argument_find(arguments, n, argv[i]);
        if (found == n || seen[found]) {
            fprintf(stderr, "%s: %s argument %s; see --help\n", program_invocation_short_name,
                    found == n ? "unknown" : "repeated", argv[i]);
            return ARGUMENTS_WRONG;
        }
        seen[found] = true;
        bool flag = arguments[found].kind == ARGUMENT_FLAG;
        if ((!flag && i + 1 == argc) || !value_read(&arguments[found], flag ? "" : argv[i + 1]))
            return value_refuse(&arguments[found]);
        i += !flag;
    }
    return 0;
}
