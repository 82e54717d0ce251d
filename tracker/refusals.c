// Buckets of refused reports, forgotten every minute. Bounded by REFUSALS_KEYS_MAX; the search is linear
// because only keys that were refused in this minute are in it.

#include "tracker/refusals.h"

#define MINUTE_MS 60000

static unsigned bucket_of(struct refusals *refusals, uint64_t key)
{
    for (unsigned i = 0; i < refusals->used; i++)
        if (refusals->bucket[i].key == key)
            return i;
    if (refusals->used == REFUSALS_KEYS_MAX)
        return 0;
    refusals->bucket[refusals->used].key = key;
    refusals->bucket[refusals->used].n = 0;
    return refusals->used++;
}

static void minute_begin(struct refusals *refusals, uint64_t minute)
{
    refusals->minute = minute;
    refusals->used = 1;
    refusals->bucket[0].key = 0;
    refusals->bucket[0].n = 0;
}

bool refusals_keep(struct refusals *refusals, uint64_t key, uint64_t now_ms)
{
    if (refusals->used == 0 || refusals->minute != now_ms / MINUTE_MS)
        minute_begin(refusals, now_ms / MINUTE_MS);
    unsigned at = bucket_of(refusals, key);
    if (refusals->bucket[at].n == REFUSALS_PER_MINUTE_MAX)
        return false;
    refusals->bucket[at].n++;
    return true;
}
