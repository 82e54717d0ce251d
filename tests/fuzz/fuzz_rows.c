// Uploads: however the bytes are cut, the rows are the same, every line is at most one row, and what is told as an
// object is one.

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/rows.h"
#include "base/json.h"

struct seen {
    uint64_t rows, sum, last;
    bool csv;
};

static int look(void *ctx, const struct row *row)
{
    struct seen *seen = ctx;
    char error[JSON_ERROR_BYTES];
    struct json *json = NULL;
    assert(row->line > seen->last);
    assert((row->fault == NULL) == (row->object.data != NULL));
    seen->last = row->line;
    seen->rows++;
    seen->sum = seen->sum * 31 + row->line + (row->fault ? 1 : row->object.len);
    if (seen->csv && row->object.data) {
        assert(json_parse(&json, row->object, error) == 0);
        json_free(json);
    }
    return 0;
}

static struct seen read_all(const uint8_t *data, size_t size, size_t step, enum rows_format format)
{
    struct seen seen = {.csv = format == ROWS_CSV};
    struct rows *rows = rows_new(format);
    int result = 0;
    assert(rows != NULL);
    for (size_t at = 0; at < size && result == 0; at += step)
        result = rows_take(rows, (struct slice){(const char *)data + at, min_of(step, size - at)}, look, &seen);
    if (result == 0)
        result = rows_end(rows, look, &seen);
    assert(result == 0 || (result == ROWS_HEADER && seen.csv));
    rows_free(rows);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int format = ROWS_CSV; format <= ROWS_NDJSON; format++) {
        struct seen whole = read_all(data, size, size + 1, (enum rows_format)format);
        struct seen cut = read_all(data, size, 1 + size % 7, (enum rows_format)format);
        assert(whole.rows == cut.rows && whole.sum == cut.sum);
    }
    return 0;
}
