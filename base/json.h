#pragma once

// JSON (RFC 8259) where C must read or build it; mostly PostgreSQL does. Reading is strict: one object, no
// name twice, no NUL, valid UTF-8, integers of 64 bits; numbers with a fraction or exponent are kept apart so
// that callers can refuse them (money and counts are integers).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

enum json_kind {
    JSON_NONE, // no such member
    JSON_TEXT,
    JSON_WHOLE, // an integer
    JSON_FRACTION,
    JSON_TRUTH,
    JSON_NOTHING, // null
    JSON_LIST,
    JSON_MAP,
};

enum json_condition {
    JSON_MALFORMED = 1, // `error` says what and where
};

#define JSON_ERROR_BYTES 224

struct json; // a value; counted references, NULL after a failed allocation is taken by all functions

// The top value must be an object. 0, JSON_MALFORMED or -ENOMEM.
must_check int json_parse(struct json **out, struct slice text, char error[JSON_ERROR_BYTES]);

// From now on the memory of values and of their texts is zeroed when it is given back, but for what
// json_print() gives. Call it before anything else here.
void json_forget_freed(void);

struct json *json_map(void);
struct json *json_list(void);
struct json *json_text(struct slice text); // NULL if it is not valid UTF-8
struct json *json_whole(int64_t value);
struct json *json_truth(bool value);
struct json *json_free(struct json *json); // NULL; takes NULL

// Both take the value over, also when they fail. False (also for a NULL value): the container is incomplete.
bool json_put(struct json *map, const char *name, struct json *value);
bool json_add(struct json *list, struct json *value);
bool json_put_text(struct json *map, const char *name, struct slice text);

void json_drop(struct json *map, const char *name); // nothing where it has none

enum json_kind json_kind(const struct json *json);  // JSON_NONE for NULL
struct slice json_text_of(const struct json *json); // of JSON_TEXT
int64_t json_whole_of(const struct json *json);     // of JSON_WHOLE
size_t json_length(const struct json *json);        // of a list or map
const struct json *json_at(const struct json *list, size_t i);
const struct json *json_get(const struct json *map, const char *name); // NULL if there is none

// The same value, to be put elsewhere.
struct json *json_share(const struct json *json);

// Calls `each` for the members in their order until it returns other than 0; returns that.
int json_each(const struct json *map, int (*each)(void *ctx, const char *name, const struct json *value),
              void *ctx);

// As compact text, NUL-terminated, for free(). NULL: no memory.
char *json_print(const struct json *json);
