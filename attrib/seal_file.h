#pragma once

// The append-only file of heads: one line per seal, "<number> <head, 64 hex digits>".

#include <stdint.h>

#include "attrib/seal.h"
#include "base/util.h"

#define SEAL_LINE_BYTES 96 // holds any line with its end

enum seal_file_condition {
    SEAL_FILE_MALFORMED = 1, // a line is not one of ours
};

// "7 0123.." without its end. Pure. 0 or SEAL_FILE_MALFORMED.
must_check int seal_file_parse(struct slice line, uint64_t *id, struct seal_hash *head);

// Number in the last line; 0: there is no file, or it is empty. A torn last line is cut off. 0, a negative
// errno or SEAL_FILE_MALFORMED.
must_check int seal_file_last(const char *path, uint64_t *id);

// Appends and syncs `text`, whole lines. 0 or a negative errno.
must_check int seal_file_append(const char *path, struct slice text);
