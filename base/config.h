#pragma once

// One file for all programs, one table of options per program. Order: the table's default, the file, the
// environment variable CLICKLEDGER_<SECTION>_<NAME>. A wrong setting is an error that names its place, never
// a warning.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"

#define CONFIG_ERROR_BYTES 512 // a good size for `error`
#define CONFIG_FILE_MAX    65536

enum config_type {
    CONFIG_BOOL,     // bool: true, false, yes, no, on, off, 1, 0
    CONFIG_INT,      // int64_t
    CONFIG_BYTES,    // int64_t, suffix k, m or g (1024)
    CONFIG_DURATION, // int64_t ms, suffix ms, s, m, h or d; a bare number only as 0
    CONFIG_STRING,   // char[], may be empty
    CONFIG_SECRET,   // char[], may be empty; from a file only if others cannot read it
    CONFIG_PATH,     // char[], not empty
    CONFIG_CHOICE,   // int: index in `choices`
};

enum config_condition {
    CONFIG_WRONG = 1, // `error` says what and where
};

struct config_option {
    const char *section, *name;
    enum config_type type;
    size_t offset, size; // CONFIG_FIELD(struct my_config, member)
    int64_t min, max;    // of the numeric types, both included; unused by the others
    const char *text;    // the default, written as in the file
    const char *help;    // one line
    const char *choices; // "a|b|c"
    bool reload;         // may change while the program runs; the others need a restart
};

#define CONFIG_FIELD(type, member) offsetof(type, member), sizeof(((type *)0)->member)

// Fills *out. path NULL: no file. 0, negative errno (file unreadable; `error` says which) or CONFIG_WRONG.
// A section that is in no row of this table is skipped when it belongs to another program, else an error.
must_check int config_load(const struct config_option *options, size_t n, void *out, const char *path,
                           char *error, size_t error_bytes);

// The first option without `reload` whose value differs between the two, or NULL.
const struct config_option *config_frozen_change(const struct config_option *options, size_t n,
                                                 const void *before, const void *after);

// The table as a documented sample file, each option commented out with its default.
void config_describe(const struct config_option *options, size_t n, FILE *out);
