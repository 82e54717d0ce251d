#pragma once

// PostgreSQL array literals, built element by element: how a batch goes into one statement.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

// Start with {0}. Memory that runs out makes it `failed`, which stays.
struct array {
    char *data;
    size_t len, size;
    bool failed;
};

void array_text(struct array *array, struct slice text); // .data NULL: SQL null
void array_int(struct array *array, int64_t value);
void array_bool(struct array *array, bool value);

// The literal, "{}" when empty; valid until the next change. SLICE_NONE if it failed.
struct slice array_literal(struct array *array);

void array_free(struct array *array); // empty again, failure forgotten
