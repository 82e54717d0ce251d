// Producers of a load, in ascending order. Owner: the loader. Invariant: for every one of them hits = stored
// + dead + lost when it is saved. Limit: PRODUCERS_PER_LOAD_MAX.

#include "ingest/load_producers.h"

#include <assert.h>
#include <string.h>

bool load_producers_note(struct load_producers *producers, const uint8_t producer[PRODUCER_BYTES])
{
    size_t at = 0;
    int order = 1;

    while (at < producers->n &&
           (order = memcmp(producers->all[at].row.producer, producer, PRODUCER_BYTES)) < 0)
        at++;
    if (at < producers->n && order == 0)
        return true;
    if (producers->n == PRODUCERS_PER_LOAD_MAX)
        return false;
    memmove(&producers->all[at + 1], &producers->all[at], (producers->n - at) * sizeof(producers->all[0]));
    producers->all[at] = (struct loaded_producer){0};
    memcpy(producers->all[at].row.producer, producer, PRODUCER_BYTES);
    producers->n++;
    return true;
}

size_t load_producers_index(const struct load_producers *producers, const uint8_t producer[PRODUCER_BYTES])
{
    size_t i = 0;
    while (memcmp(producers->all[i].row.producer, producer, PRODUCER_BYTES) != 0)
        i++;
    return i;
}

void load_producers_unlock(struct load_producers *producers)
{
    for (size_t i = 0; i < producers->n; i++)
        producers->all[i].locked = false;
}

int load_producers_lock(struct load_producers *producers, struct pg *pg, unsigned shard)
{
    struct producer_row rows[PRODUCERS_PER_LOAD_MAX];
    size_t of[PRODUCERS_PER_LOAD_MAX], n = 0;

    for (size_t i = 0; i < producers->n; i++) {
        if (producers->all[i].locked)
            continue;
        of[n] = i;
        rows[n++] = producers->all[i].row;
    }
    int r = n > 0 ? producer_rows_lock(pg, shard, rows, n) : 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        producers->all[of[i]] = (struct loaded_producer){.row = rows[i], .locked = true};
    return r;
}

int load_producers_save(const struct load_producers *producers, struct pg *pg)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < producers->n; i++) {
        const struct producer_row *row = &producers->all[i].row;
        if (row->foreign)
            continue;
        assert(row->position.hits == row->stored + row->dead + row->lost);
        r = producer_row_save(pg, row);
    }
    return r;
}
