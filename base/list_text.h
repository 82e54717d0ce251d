#pragma once

// Text files of rows: `#` in front begins a comment, the first row is `version <number>`, and whatever is
// wrong is said with its line.

#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define LIST_BYTES_MAX   (1 << 18) // of a file
#define LIST_VERSION_MAX INT32_MAX

enum list_condition {
    LIST_WRONG = 1, // the reader's `why` and `line` say what and where
};

struct list_reader {
    struct slice rest;
    unsigned line; // of the row that was taken last, from 1
    const char *why;
};

// Takes the row with the version. 0 or LIST_WRONG.
must_check int list_start(struct list_reader *reader, struct slice text, uint32_t *version);

// The next row without its line end. false: there is none.
bool list_next(struct list_reader *reader, struct slice *row);

// Takes what stands before the first blank off the row, and the blank; the whole row where there is none.
struct slice list_word(struct slice *row);

// Plain decimal digits without a leading zero, 1..max.
must_check bool list_number(struct slice text, uint32_t max, uint32_t *out);

// LIST_WRONG, with the reason noted.
must_check int list_refuse(struct list_reader *reader, const char *why);
