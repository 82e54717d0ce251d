#pragma once

// The rows of an upload, out of its bytes as they come: CSV (RFC 4180) whose first line has the names, or
// NDJSON. Every line is a row of its own, also inside quotes: no value of ours holds a line break, so a quote
// that is not closed spoils its row and no other. A row of CSV is told as the JSON object it would have been.
// Pure.

#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define ROWS_LINE_BYTES_MAX 16384
#define ROWS_COLUMNS_MAX    64
#define ROWS_NAME_BYTES_MAX 64

enum rows_format {
    ROWS_CSV,
    ROWS_NDJSON,
};

enum rows_condition {
    ROWS_HEADER = 1, // the first line of CSV does not name columns
};

// Exactly one of object and fault: what to say to whoever made the file. Both live until the next call.
struct row {
    uint64_t line; // of the file, from 1
    struct slice object;
    const char *fault;
};

// 0, or what rows_take() returns.
typedef int rows_each(void *ctx, const struct row *row);

struct rows;

struct rows *rows_new(enum rows_format format); // NULL: no memory
struct rows *rows_free(struct rows *rows);

// Tells the rows that are complete. 0, ROWS_HEADER, -ENOMEM or what `each` returned.
must_check int rows_take(struct rows *rows, struct slice piece, rows_each *each, void *ctx);
// The last line may lack its end.
must_check int rows_end(struct rows *rows, rows_each *each, void *ctx);
