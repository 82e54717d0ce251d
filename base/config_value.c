// The types of settings: text to value, and what a type accepts in words.
// Numbers are plain decimal digits; a suffix multiplies and the product is checked. Strings live inside the
// program's struct, so that a configuration is one value that can be copied and compared. Invariant: *out is
// written only when the text is good.

#include "base/config_value.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct suffix {
    const char *name;
    int64_t factor;
};

static const struct suffix no_suffixes[] = {{"", 1}, {NULL, 0}};
static const struct suffix byte_suffixes[] = {
    {"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0}};
static const struct suffix duration_suffixes[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                                  {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

static const struct suffix *suffixes_of(enum config_type type)
{
    return type == CONFIG_BYTES ? byte_suffixes : type == CONFIG_DURATION ? duration_suffixes : no_suffixes;
}

static bool number_read(const char *text, const struct suffix *suffixes, int64_t *value)
{
    bool minus = text[0] == '-';
    const char *digits = text + minus;
    size_t n = strspn(digits, "0123456789");

    if (n == 0 || n > 18)
        return false;
    int64_t number = strtoll(digits, NULL, 10) * (minus ? -1 : 1);
    for (; suffixes->name; suffixes++) {
        if (strcmp(suffixes->name, digits + n) == 0)
            return !__builtin_mul_overflow(number, suffixes->factor, value);
    }
    *value = 0;
    return number == 0 && digits[n] == '\0';
}

static int number_store(const struct config_option *option, const char *text, void *out)
{
    int64_t value;

    assert(option->size == sizeof(value));
    if (!number_read(text, suffixes_of(option->type), &value) || value < option->min || value > option->max)
        return CONFIG_WRONG;
    memcpy((char *)out + option->offset, &value, sizeof(value));
    return 0;
}

static int bool_store(const struct config_option *option, const char *text, void *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    assert(option->size == sizeof(bool));
    for (size_t i = 0; i < array_length(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *(bool *)((char *)out + option->offset) = i % 2 == 1;
            return 0;
        }
    }
    return CONFIG_WRONG;
}

static int string_store(const struct config_option *option, const char *text, void *out)
{
    size_t len = strlen(text);

    if (len >= option->size || (option->type == CONFIG_PATH && len == 0))
        return CONFIG_WRONG;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return CONFIG_WRONG;
    }
    memcpy((char *)out + option->offset, text, len + 1);
    return 0;
}

static int choice_store(const struct config_option *option, const char *text, void *out)
{
    size_t len = strlen(text);
    int index = 0;

    assert(option->size == sizeof(index));
    for (const char *at = option->choices; len > 0; at++, index++) {
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, text, n) == 0) {
            memcpy((char *)out + option->offset, &index, sizeof(index));
            return 0;
        }
        at += n;
        if (*at == '\0')
            break;
    }
    return CONFIG_WRONG;
}

static int typed_store(const struct config_option *option, const char *text, void *out)
{
    switch (option->type) {
    case CONFIG_BOOL:
        return bool_store(option, text, out);
    case CONFIG_INT:
    case CONFIG_BYTES:
    case CONFIG_DURATION:
        return number_store(option, text, out);
    case CONFIG_STRING:
    case CONFIG_SECRET:
    case CONFIG_PATH:
        return string_store(option, text, out);
    case CONFIG_CHOICE:
        return choice_store(option, text, out);
    }
    return CONFIG_WRONG;
}

int config_value_store(const struct config_option *option, const char *text, void *out,
                       char reason[CONFIG_REASON_BYTES])
{
    int r = typed_store(option, text, out);
    if (r)
        config_value_describe(option, reason);
    return r;
}

// 86400000 -> "1d": the largest suffix that divides.
static void number_describe(int64_t value, const struct suffix *suffixes, char out[32])
{
    const struct suffix *best = suffixes;

    for (; suffixes->name; suffixes++) {
        if (value != 0 && value % suffixes->factor == 0)
            best = suffixes;
    }
    snprintf(out, 32, "%" PRId64 "%s", value / best->factor, best->name);
}

static void range_describe(const struct config_option *option, const char *what,
                           char out[CONFIG_REASON_BYTES])
{
    const struct suffix *suffixes = suffixes_of(option->type);
    char min[32], max[32];

    number_describe(option->min, suffixes, min);
    number_describe(option->max, suffixes, max);
    snprintf(out, CONFIG_REASON_BYTES, "%s from %s to %s", what, min, max);
}

void config_value_describe(const struct config_option *option, char out[CONFIG_REASON_BYTES])
{
    switch (option->type) {
    case CONFIG_BOOL:
        snprintf(out, CONFIG_REASON_BYTES, "true or false");
        return;
    case CONFIG_INT:
        range_describe(option, "an integer", out);
        return;
    case CONFIG_BYTES:
        range_describe(option, "bytes (with k, m or g)", out);
        return;
    case CONFIG_DURATION:
        range_describe(option, "a time (with ms, s, m, h or d)", out);
        return;
    case CONFIG_STRING:
    case CONFIG_SECRET:
        snprintf(out, CONFIG_REASON_BYTES, "at most %zu bytes of text", option->size - 1);
        return;
    case CONFIG_PATH:
        snprintf(out, CONFIG_REASON_BYTES, "a path of 1 to %zu bytes", option->size - 1);
        return;
    case CONFIG_CHOICE:
        snprintf(out, CONFIG_REASON_BYTES, "one of %s", option->choices);
        return;
    }
}
