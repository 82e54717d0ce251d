// A row of a COPY from any bytes: never behind them, and what was read is written as the same bytes.

#include "base/copy_cell.h"

#include <assert.h>
#include <stdlib.h>

#define CELLS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice row = {(const char *)data, size}, cell[CELLS_MAX];
    uint8_t *again = malloc(size + 1);
    struct bytes_writer w = bytes_writer(again, size);

    (void)copy_skip_header(&row);
    size_t cells = row.len > 1 ? (uint8_t)row.data[1] % (CELLS_MAX + 1) : 0;
    if (copy_get_row(row, cell, cells)) {
        copy_put_row(&w, cells);
        for (size_t i = 0; i < cells; i++) {
            (void)copy_get_time(cell[i]);
            if (cell[i].data)
                copy_put_bytes(&w, cell[i].data, cell[i].len);
            else
                copy_put_null(&w);
        }
        assert(!w.overflow && (size_t)(w.at - again) == row.len && memcmp(again, row.data, row.len) == 0);
    }
    free(again);
    return 0;
}
