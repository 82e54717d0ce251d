// A list that grows. Owner: the shard. Limit: ENTRIES_PER_DELETE handed over at once.

#include "ingest/entry_ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_PER_DELETE 500

int entry_ids_add(struct entry_ids *entries, struct slice id)
{
    if (entries->n == entries->room) {
        size_t room = 2 * entries->room + 256;
        char(*ids)[STREAM_ID_BYTES] = reallocarray(entries->ids, room, sizeof(*ids));
        if (!ids)
            return -ENOMEM;
        entries->ids = ids;
        entries->room = room;
    }
    snprintf(entries->ids[entries->n++], STREAM_ID_BYTES, "%.*s", (int)id.len, id.data);
    return 0;
}

void entry_ids_clear(struct entry_ids *entries)
{
    free(entries->ids);
    *entries = (struct entry_ids){0};
}

int entry_ids_delete(const struct entry_ids *entries, struct redis_client *redis, unsigned shard)
{
    struct slice ids[ENTRIES_PER_DELETE];
    int r = 0;

    for (size_t at = 0, n; r == 0 && at < entries->n; at += n) {
        n = min_of(entries->n - at, (size_t)ENTRIES_PER_DELETE);
        for (size_t i = 0; i < n; i++)
            ids[i] = slice_of(entries->ids[at + i]);
        r = stream_delete(redis, shard, ids, n);
    }
    return r;
}
