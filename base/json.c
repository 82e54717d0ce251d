// The door to jansson. A `struct json` is a json_t. Owner: whoever made or parsed it; containers own what was
// put into them. Limits: jansson refuses nesting beyond 2048 levels and integers beyond 64 bits.

#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static json_t *value_of(const struct json *json)
{
    return (json_t *)json;
}

static struct json *json_of(json_t *value)
{
    return (struct json *)value;
}

int json_parse(struct json **out, struct slice text, char error[JSON_ERROR_BYTES])
{
    json_error_t found;
    json_t *value = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &found);
    if (!value) {
        if (json_error_code(&found) == json_error_out_of_memory)
            return -ENOMEM;
        snprintf(error, JSON_ERROR_BYTES, "line %d, column %d: %s", found.line, found.column, found.text);
        return JSON_MALFORMED;
    }
    if (!json_is_object(value)) {
        json_decref(value);
        snprintf(error, JSON_ERROR_BYTES, "the body must be an object");
        return JSON_MALFORMED;
    }
    *out = json_of(value);
    return 0;
}

static void free_zeroed(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void json_forget_freed(void)
{
    json_set_alloc_funcs(malloc, free_zeroed);
}

struct json *json_map(void)
{
    return json_of(json_object());
}

struct json *json_list(void)
{
    return json_of(json_array());
}

struct json *json_text(struct slice text)
{
    return json_of(json_stringn(text.data ? text.data : "", text.len));
}

struct json *json_whole(int64_t value)
{
    return json_of(json_integer(value));
}

struct json *json_truth(bool value)
{
    return json_of(value ? json_true() : json_false());
}

struct json *json_free(struct json *json)
{
    json_decref(value_of(json));
    return NULL;
}

bool json_put(struct json *map, const char *name, struct json *value)
{
    return json_object_set_new(value_of(map), name, value_of(value)) == 0;
}

bool json_add(struct json *list, struct json *value)
{
    return json_array_append_new(value_of(list), value_of(value)) == 0;
}

bool json_put_text(struct json *map, const char *name, struct slice text)
{
    return json_put(map, name, json_text(text));
}

void json_drop(struct json *map, const char *name)
{
    (void)json_object_del(value_of(map), name);
}

enum json_kind json_kind(const struct json *json)
{
    if (!json)
        return JSON_NONE;
    switch (json_typeof(value_of(json))) {
    case JSON_OBJECT:
        return JSON_MAP;
    case JSON_ARRAY:
        return JSON_LIST;
    case JSON_STRING:
        return JSON_TEXT;
    case JSON_INTEGER:
        return JSON_WHOLE;
    case JSON_REAL:
        return JSON_FRACTION;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_TRUTH;
    case JSON_NULL:
        return JSON_NOTHING;
    }
    abort();
}

struct slice json_text_of(const struct json *json)
{
    assert(json_is_string(value_of(json)));
    return (struct slice){json_string_value(value_of(json)), json_string_length(value_of(json))};
}

int64_t json_whole_of(const struct json *json)
{
    assert(json_is_integer(value_of(json)));
    return json_integer_value(value_of(json));
}

size_t json_length(const struct json *json)
{
    return json_is_object(value_of(json)) ? json_object_size(value_of(json))
                                          : json_array_size(value_of(json));
}

const struct json *json_at(const struct json *list, size_t i)
{
    return json_of(json_array_get(value_of(list), i));
}

const struct json *json_get(const struct json *map, const char *name)
{
    return json_of(json_object_get(value_of(map), name));
}

struct json *json_share(const struct json *json)
{
    return json_of(json_incref(value_of(json)));
}

int json_each(const struct json *map, int (*each)(void *ctx, const char *name, const struct json *value),
              void *ctx)
{
    const char *name;
    json_t *value;
    int result = 0;
    json_object_foreach(value_of(map), name, value)
    {
        result = each(ctx, name, json_of(value));
        if (result != 0)
            break;
    }
    return result;
}

char *json_print(const struct json *json)
{
    return json_dumps(value_of(json), JSON_COMPACT | JSON_ENCODE_ANY);
}
