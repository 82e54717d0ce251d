// From rows to the hash of a transaction. Owner: sealer and verifier. Pure but for the result it reads.

#include "attrib/seal_rows.h"

static void cells_add(struct seal_state *state, const struct pg_result *rows, size_t row, size_t from,
                      size_t to)
{
    for (size_t i = from; i < to; i++)
        seal_cell(state, pg_result_cell(rows, row, i));
}

struct seal_hash seal_rows_hash(const struct pg_result *rows, size_t key, size_t *row)
{
    struct seal_state state;
    int64_t id = pg_result_int(rows, *row, key);

    seal_transaction_begin(&state);
    cells_add(&state, rows, *row, 0, SEAL_TRANSACTION_CELLS);
    for (; *row < pg_result_rows(rows) && pg_result_int(rows, *row, key) == id; (*row)++)
        cells_add(&state, rows, *row, SEAL_TRANSACTION_CELLS, SEAL_CELLS);
    return seal_end(&state);
}
