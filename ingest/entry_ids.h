#pragma once

// Ids of stream entries whose load goes on over several reads: they are deleted when it has committed.

#include "ingest/stream.h"

struct entry_ids {
    char (*ids)[STREAM_ID_BYTES];
    size_t n, room;
};

must_check int entry_ids_add(struct entry_ids *entries, struct slice id); // 0 or -ENOMEM
void entry_ids_clear(struct entry_ids *entries);                          // frees them; {0} again

// Deletes them from the stream. 0 or a condition of stream_delete().
must_check int entry_ids_delete(const struct entry_ids *entries, struct redis_client *redis, unsigned shard);
