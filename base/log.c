// Log lines: formatting (pure), budgets per event, one write(2) per line to stderr.
// A line is what an operator and a parser trust, so values are quoted whenever they are not plain, and every
// byte that is a control, a quote, a backslash or not UTF-8 is escaped (\n, \t, \r, \", \\, \xNN). One
// single-threaded process owns it: the level, the program's name and the budgets are the only process-wide
// state of base/, because a log that must be handed everywhere is a log that is not written to. Limits:
// LOG_LINE_MAX per line, LOG_EVENTS_MAX budgets.

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/util.h"

#define PREFIX_BYTES 256 // time, level, program, pid, event
#define SUFFIX_BYTES 64  // truncated, suppressed, newline
#define LINE_COST    1000
#define BURST_COST   (LOG_BURST_LINES * LINE_COST)

struct budget {
    char event[32];
    uint64_t at_ms;  // of the last refill
    uint64_t credit; // LINE_COST per line
    uint64_t suppressed;
};

static struct {
    const char *program;
    enum log_level level;
    int pid;
    struct budget budgets[LOG_EVENTS_MAX + 1]; // the last one is shared
    size_t n_budgets;
} state = {.program = "clickledger", .level = LOG_INFO};

struct line {
    char *at, *end;
};

static bool line_add(struct line *line, const char *text, size_t len)
{
    if ((size_t)(line->end - line->at) < len)
        return false;
    memcpy(line->at, text, len);
    line->at += len;
    return true;
}

static bool line_add_text(struct line *line, const char *text)
{
    return line_add(line, text, strlen(text));
}

// Needs no quotes: a word of characters that mean nothing to logfmt, shells or terminals.
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && (c == '\0' || !strchr("-_./:+@%,{}", c)))
            return false;
    }
    return text.len > 0;
}

static bool add_escaped_byte(struct line *line, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    char text[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};

    switch (byte) {
    case '\n':
        return line_add_text(line, "\\n");
    case '\r':
        return line_add_text(line, "\\r");
    case '\t':
        return line_add_text(line, "\\t");
    case '"':
        return line_add_text(line, "\\\"");
    case '\\':
        return line_add_text(line, "\\\\");
    default:
        return line_add(line, text, sizeof(text));
    }
}

// Bytes of the printable, unquoted code point at the start, or 0. Line separators and the marks that change
// the direction of what follows (U+2028..202E, U+2066..2069, U+200E, U+200F) are not printable here.
static size_t printable_bytes(struct slice text)
{
    size_t length = utf8_length(text);
    const uint8_t *at = (const uint8_t *)text.data;

    if (length == 0 || !utf8_printable((struct slice){text.data, length}) || at[0] == '"' || at[0] == '\\')
        return 0;
    if (length == 3 && at[0] == 0xe2 && at[1] == 0x80 &&
        (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae)))
        return 0;
    if (length == 3 && at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
        return 0;
    return length;
}

// A text that does not fit is cut; the closing quote always fits, because add_text keeps room for it.
static bool add_quoted(struct line *line, struct slice text)
{
    bool fits = true;

    while (fits && text.len > 0) {
        size_t length = printable_bytes(text);
        fits = length ? line_add(line, text.data, length) : add_escaped_byte(line, (uint8_t)text.data[0]);
        length = length ? length : 1;
        text = (struct slice){text.data + length, text.len - length};
    }
    return fits;
}

static bool add_text(struct line *line, struct slice text)
{
    if (is_plain(text) && line_add(line, text.data, text.len))
        return true;
    if (line->end - line->at < 2)
        return false;
    *line->at++ = '"';
    line->end--;
    bool fits = add_quoted(line, text);
    line->end++;
    *line->at++ = '"';
    return fits;
}

static bool add_value(struct line *line, const struct log_field *field)
{
    char number[24];

    switch (field->type) {
    case LOG_TYPE_TEXT:
        return add_text(line, field->text);
    case LOG_TYPE_INT:
        snprintf(number, sizeof(number), "%" PRId64, field->integer);
        return line_add_text(line, number);
    case LOG_TYPE_UINT:
        snprintf(number, sizeof(number), "%" PRIu64, field->natural);
        return line_add_text(line, number);
    case LOG_TYPE_BOOL:
        return line_add_text(line, field->truth ? "true" : "false");
    }
    return false;
}

size_t log_format(char *out, size_t out_bytes, const struct log_field fields[], bool *all)
{
    struct line line = {out, out + out_bytes};

    *all = true;
    for (const struct log_field *field = fields; field->name; field++) {
        char *start = line.at;
        bool named =
            line_add_text(&line, " ") && line_add_text(&line, field->name) && line_add_text(&line, "=");
        char *value = line.at;
        if (!named || !add_value(&line, field))
            *all = false;
        if (!named || line.at == value)
            line.at = start;
    }
    return (size_t)(line.at - out);
}

struct log_field log_errno(int error)
{
    const char *text = strerrordesc_np(error < 0 ? -error : error);
    return log_str("error", text ? text : "unknown error");
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

void log_open(const char *program, enum log_level level)
{
    state.program = program;
    state.level = level;
    state.pid = (int)getpid();
}

static struct budget *budget_of(const char *event, uint64_t now_ms)
{
    for (size_t i = 0; i < state.n_budgets; i++) {
        if (strncmp(state.budgets[i].event, event, sizeof(state.budgets[i].event) - 1) == 0)
            return &state.budgets[i];
    }
    bool shared = state.n_budgets >= LOG_EVENTS_MAX;
    struct budget *budget = &state.budgets[shared ? LOG_EVENTS_MAX : state.n_budgets];
    if (shared && budget->at_ms > 0)
        return budget;
    *budget = (struct budget){.at_ms = now_ms, .credit = BURST_COST};
    snprintf(budget->event, sizeof(budget->event), "%s", event);
    state.n_budgets += !shared;
    return budget;
}

// Token bucket. Takes one line's cost, or counts the line as suppressed.
static bool budget_take(struct budget *budget, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - budget->at_ms;

    budget->credit = min_of(budget->credit + min_of(passed_ms, 1000000) * LOG_LINES_PER_SEC, BURST_COST);
    budget->at_ms = now_ms;
    if (budget->credit < LINE_COST) {
        budget->suppressed++;
        return false;
    }
    budget->credit -= LINE_COST;
    return true;
}

static void line_write(const char *text, size_t len)
{
    ssize_t written;
    do {
        written = write(STDERR_FILENO, text, len);
    } while (written < 0 && errno == EINTR);
    // A log that cannot be written has nobody to tell.
}

void log_write(enum log_level level, const char *event, const struct log_field fields[])
{
    char text[LOG_LINE_MAX], time[CLOCK_TEXT_BYTES];
    uint64_t now_ms = clock_monotonic_ms();
    bool all;

    if (level < state.level)
        return;
    struct budget *budget = budget_of(event, now_ms);
    if (!budget_take(budget, now_ms))
        return;
    if (state.pid == 0)
        state.pid = (int)getpid();
    clock_format((int64_t)clock_wall_ms(), time);
    int n = snprintf(text, PREFIX_BYTES, "time=%s level=%s program=%s pid=%d event=%s", time,
                     level_name(level), state.program, state.pid, event);
    size_t len = (size_t)min_of(n, PREFIX_BYTES - 1);
    len += log_format(text + len, sizeof(text) - SUFFIX_BYTES - len, fields, &all);
    if (!all)
        len += (size_t)snprintf(text + len, sizeof(text) - len, " truncated=true");
    if (budget->suppressed > 0)
        len += (size_t)snprintf(text + len, sizeof(text) - len, " suppressed=%" PRIu64, budget->suppressed);
    budget->suppressed = 0;
    text[len++] = '\n';
    line_write(text, len);
}
