// Splitting uploads. A line is gathered up to ROWS_LINE_BYTES_MAX; the rest of a longer one is skipped. Cells
// are unquoted in place and written as JSON by base/json.

#include "api/rows.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"

#define BOM "\xef\xbb\xbf"

struct rows {
    enum rows_format format;
    uint64_t line;
    bool too_long;
    size_t len;
    size_t n_columns; // 0: the names are still to come
    char names[ROWS_COLUMNS_MAX][ROWS_NAME_BYTES_MAX + 1];
    char text[ROWS_LINE_BYTES_MAX];
};

struct rows *rows_new(enum rows_format format)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    if (rows)
        rows->format = format;
    return rows;
}

struct rows *rows_free(struct rows *rows)
{
    free(rows);
    return NULL;
}

// The cell that begins at *at, unquoted in place; *at is behind its comma, or NULL behind the last. NULL, or
// the fault.
static const char *cell_read(char **at, char *end, struct slice *cell)
{
    char *in = *at, *out = *at;
    bool quoted = in < end && *in == '"';
    *cell = (struct slice){out, 0};
    for (in += quoted; in < end; in++) {
        bool is_quote = *in == '"';
        if (is_quote && !quoted)
            return "a quote stands inside a value that is not quoted";
        if (is_quote && (in + 1 == end || in[1] != '"'))
            break;
        if (!quoted && *in == ',')
            break;
        in += is_quote;
        *out++ = *in;
    }
    cell->len = (size_t)(out - *at);
    if (quoted && in == end)
        return "a quote is not closed";
    in += quoted;
    if (in < end && *in != ',')
        return "something stands between a closing quote and the comma";
    *at = in < end ? in + 1 : NULL;
    return NULL;
}

static int header_read(struct rows *rows, char *at, char *end)
{
    struct slice cell;
    while (at) {
        if (cell_read(&at, end, &cell) || cell.len == 0 || cell.len > ROWS_NAME_BYTES_MAX ||
            !utf8_printable(cell) || rows->n_columns == ROWS_COLUMNS_MAX)
            return ROWS_HEADER;
        memcpy(rows->names[rows->n_columns], cell.data, cell.len);
        for (size_t i = 0; i < rows->n_columns; i++)
            if (strcmp(rows->names[i], rows->names[rows->n_columns]) == 0)
                return ROWS_HEADER;
        rows->n_columns++;
    }
    return 0;
}

// An empty cell is a value that is not given.
static const char *cells_read(const struct rows *rows, char *at, char *end, struct json *object)
{
    struct slice cell;
    for (size_t n = 0; at; n++) {
        const char *fault = cell_read(&at, end, &cell);
        if (fault)
            return fault;
        if (n == rows->n_columns)
            return "it has more values than there are names";
        if (!utf8_printable(cell))
            return "it is not UTF-8 without control characters";
        if (cell.len > 0 && !json_put_text(object, rows->names[n], cell))
            return "there was no memory for it";
        if (!at && n + 1 < rows->n_columns)
            return "it has fewer values than there are names";
    }
    return NULL;
}

static int csv_row(struct rows *rows, char *text, char *end, rows_each *each, void *ctx)
{
    if (rows->n_columns == 0)
        return rows->too_long ? ROWS_HEADER : header_read(rows, text, end);
    struct json *object = json_map();
    struct row row = {.line = rows->line};
    row.fault = cells_read(rows, text, end, object);
    char *printed = row.fault ? NULL : json_print(object);
    json_free(object);
    if (!row.fault && !printed)
        return -ENOMEM;
    if (printed)
        row.object = slice_of(printed);
    int result = each(ctx, &row);
    free(printed);
    return result;
}

static int line_end(struct rows *rows, rows_each *each, void *ctx)
{
    char *text = rows->text, *end = rows->text + rows->len;
    int result = 0;
    rows->line++;
    if (rows->line == 1 && rows->len >= 3 && memcmp(text, BOM, 3) == 0)
        text += 3;
    if (end > text && end[-1] == '\r')
        end--;
    if (rows->too_long && (rows->format == ROWS_NDJSON || rows->n_columns > 0))
        result = each(ctx, &(struct row){.line = rows->line, .fault = "it is longer than 16384 bytes"});
    else if (end == text)
        result = 0; // an empty line is no row
    else if (rows->format == ROWS_NDJSON)
        result = each(ctx, &(struct row){.line = rows->line, .object = {text, (size_t)(end - text)}});
    else
        result = csv_row(rows, text, end, each, ctx);
    rows->len = 0;
    rows->too_long = false;
    return result;
}

int rows_take(struct rows *rows, struct slice piece, rows_each *each, void *ctx)
{
    const char *at = piece.data, *end = piece.data + piece.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at), room = sizeof(rows->text) - rows->len;
        memcpy(rows->text + rows->len, at, min_of(len, room));
        rows->len += min_of(len, room);
        rows->too_long |= len > room;
        if (!newline)
            return 0;
        int result = line_end(rows, each, ctx);
        if (result != 0)
            return result;
        at = newline + 1;
    }
    return 0;
}

int rows_end(struct rows *rows, rows_each *each, void *ctx)
{
    int result = rows->len > 0 || rows->too_long ? line_end(rows, each, ctx) : 0;
    if (result == 0 && rows->format == ROWS_CSV && rows->n_columns == 0)
        return ROWS_HEADER;
    return result;
}
