// Array literals in PostgreSQL's text form: {1,2} and {"a","say \"b\"",NULL}. Owner: whoever builds a
// statement. Every text is quoted, so that none can be taken for NULL or for two. Text must be free of NUL,
// as all text from PostgreSQL is.

#include "base/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_BYTES_MIN 256

static bool array_reserve(struct array *array, size_t more)
{
    size_t size = array->size ? array->size : ARRAY_BYTES_MIN;

    if (array->failed)
        return false;
    while (size - array->len < more)
        size *= 2;
    if (size == array->size)
        return true;
    char *data = realloc(array->data, size);
    if (!data) {
        array->failed = true;
        return false;
    }
    array->data = data;
    array->size = size;
    return true;
}

static void array_put(struct array *array, const char *bytes, size_t len)
{
    memcpy(array->data + array->len, bytes, len);
    array->len += len;
}

// Room for an element of `len` bytes, its comma and the closing brace and NUL.
static bool element_begin(struct array *array, size_t len)
{
    if (!array_reserve(array, len + 3))
        return false;
    array_put(array, array->len == 0 ? "{" : ",", 1);
    return true;
}

void array_text(struct array *array, struct slice text)
{
    if (!text.data) {
        if (element_begin(array, 4))
            array_put(array, "NULL", 4);
        return;
    }
    if (!element_begin(array, 2 * text.len + 2))
        return;
    array_put(array, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            array_put(array, "\\", 1);
        array_put(array, &text.data[i], 1);
    }
    array_put(array, "\"", 1);
}

void array_int(struct array *array, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, value);

    if (element_begin(array, (size_t)len))
        array_put(array, text, (size_t)len);
}

void array_bool(struct array *array, bool value)
{
    if (element_begin(array, 1))
        array_put(array, value ? "t" : "f", 1);
}

struct slice array_literal(struct array *array)
{
    if (array->failed)
        return SLICE_NONE;
    if (array->len == 0)
        return SLICE("{}");
    array->data[array->len] = '}'; // behind the elements, so that more may follow
    return (struct slice){array->data, array->len + 1};
}

void array_free(struct array *array)
{
    free(array->data);
    *array = (struct array){0};
}
