#pragma once

// A run of bytes that somebody else owns. Not NUL-terminated, not checked for UTF-8.

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal)       ((struct slice){("" literal), sizeof(literal) - 1})
#define SLICE_PARTS(literal) ("" literal), sizeof(literal) - 1 // {SLICE_PARTS("x")}: static initialiser
#define SLICE_NONE           ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *string)
{
    return (struct slice){string, strlen(string)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Without the blanks (SP, HTAB) at both ends.
static inline struct slice slice_trim(struct slice text)
{
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = (struct slice){text.data + 1, text.len - 1};
    return text;
}
