#pragma once

// Structured log lines on stderr, logfmt, one write(2) each:
//   time=2026-01-02T03:04:05.678Z level=warn program=tracker pid=7 event=journal.full path=/var/lib
//   free_bytes=0 log_event(LOG_WARN, "journal.full", log_str("path", path), log_int("free_bytes", n));
// Nothing in a value can end the line or reach a terminal raw. Each event name has a budget of lines; what
// was suppressed is counted and told with the event's next line (suppressed=N).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define LOG_LINE_MAX      2048 // bytes; a longer line is cut and says truncated=true
#define LOG_EVENTS_MAX    128  // event names with a budget of their own; the others share one
#define LOG_BURST_LINES   20   // lines of an event at once
#define LOG_LINES_PER_SEC 2    // and then

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
};

enum log_type {
    LOG_TYPE_TEXT,
    LOG_TYPE_INT,
    LOG_TYPE_UINT,
    LOG_TYPE_BOOL,
};

struct log_field {
    const char *name; // ours, a literal: [a-z0-9_]
    enum log_type type;
    union {
        struct slice text;
        int64_t integer;
        uint64_t natural;
        bool truth;
    };
};

// Once at start, and again after fork. Lines below `level` are dropped. Both strings must live on.
void log_open(const char *program, enum log_level level);

// `fields` end with LOG_FIELDS_END.
void log_write(enum log_level level, const char *event, const struct log_field fields[]);

// " name=value" for each field, as many as fit whole; pure. Returns the length; *all tells whether every
// field fitted.
size_t log_format(char *out, size_t out_bytes, const struct log_field fields[], bool *all);

#define LOG_FIELDS_END        ((struct log_field){.name = NULL})
#define log_event(level, ...) log_event_ended(level, __VA_ARGS__, LOG_FIELDS_END)
#define log_event_ended(level, event, ...)                                                                   \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__})

static inline struct log_field log_slice(const char *name, struct slice value)
{
    return (struct log_field){.name = name, .type = LOG_TYPE_TEXT, .text = value};
}

static inline struct log_field log_str(const char *name, const char *value)
{
    return log_slice(name, value ? slice_of(value) : SLICE_NONE);
}

static inline struct log_field log_int(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .type = LOG_TYPE_INT, .integer = value};
}

static inline struct log_field log_uint(const char *name, uint64_t value)
{
    return (struct log_field){.name = name, .type = LOG_TYPE_UINT, .natural = value};
}

static inline struct log_field log_bool(const char *name, bool value)
{
    return (struct log_field){.name = name, .type = LOG_TYPE_BOOL, .truth = value};
}

// errno = 5 (or -5) as error="Input/output error".
struct log_field log_errno(int error);
