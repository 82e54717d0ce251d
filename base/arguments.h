#pragma once

// The arguments of a command, read strictly: --name VALUE, or --name alone for a flag, each at most once.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define ARGUMENTS_WRONG 2 // exit status after a mistake

enum argument_kind {
    ARGUMENT_FLAG,   // bool
    ARGUMENT_NUMBER, // int64_t between min and max
    ARGUMENT_TEXT,   // const char *
    ARGUMENT_TIME,   // int64_t unix ms: YYYY-MM-DD (00:00 UTC) or what clock_parse() takes
};

struct argument {
    const char *name; // "--count"
    enum argument_kind kind;
    void *value; // stays as it is when the argument is not there
    int64_t min, max;
};

struct argument argument_flag(const char *name, bool *value);
struct argument argument_number(const char *name, int64_t *value, int64_t min, int64_t max);
struct argument argument_text(const char *name, const char **value);
struct argument argument_time(const char *name, int64_t *unix_ms);

// Fills what `argv` names. 0, or ARGUMENTS_WRONG after a sentence on stderr.
must_check int arguments_read(const struct argument arguments[], size_t n, int argc, char **argv);
