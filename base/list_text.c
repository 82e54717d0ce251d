// Reads texts of rows, strictly: a version first, every row as its list wants it, no row too many. Pure.

#include "base/list_text.h"

int list_refuse(struct list_reader *reader, const char *why)
{
    reader->why = why;
    return LIST_WRONG;
}

bool list_next(struct list_reader *reader, struct slice *row)
{
    while (reader->rest.len > 0) {
        const char *end = memchr(reader->rest.data, '\n', reader->rest.len);
        size_t len = end ? (size_t)(end - reader->rest.data) : reader->rest.len;
        size_t taken = end ? len + 1 : len;
        *row = (struct slice){reader->rest.data, len};
        reader->rest = (struct slice){reader->rest.data + taken, reader->rest.len - taken};
        reader->line++;
        if (row->len > 0 && row->data[0] != '#')
            return true;
    }
    return false;
}

struct slice list_word(struct slice *row)
{
    const char *blank = row->len > 0 ? memchr(row->data, ' ', row->len) : NULL;
    size_t len = blank ? (size_t)(blank - row->data) : row->len, taken = blank ? len + 1 : len;
    struct slice word = {row->data, len};

    *row = (struct slice){row->data + taken, row->len - taken};
    return word;
}

bool list_number(struct slice text, uint32_t max, uint32_t *out)
{
    uint64_t number = 0;

    if (text.len < 1 || text.len > 10 || text.data[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = (uint32_t)number;
    return number <= max;
}

int list_start(struct list_reader *reader, struct slice text, uint32_t *version)
{
    struct slice row;

    *reader = (struct list_reader){.rest = text};
    if (!list_next(reader, &row) || !slice_equal(list_word(&row), SLICE("version")) ||
        !list_number(row, LIST_VERSION_MAX, version))
        return list_refuse(reader, "the first row must be `version` and a number, 1 to 2147483647");
    return 0;
}
