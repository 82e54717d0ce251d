// The division of shards. Pure. Members agree without talking: the quotas add up to the number of wanted
// shards, nobody keeps more than the quota, and only an unowned shard is tried, so a shard changes hands only
// when it must.

#include "ingest/duty.h"

static unsigned quota_of(const struct duty_entry entries[], size_t n, unsigned members, unsigned place)
{
    unsigned wanted = 0;

    for (size_t i = 0; i < n; i++)
        wanted += entries[i].wanted;
    if (members == 0)
        return wanted;
    return wanted / members + (place < wanted % members);
}

void duty_assign(struct duty_entry entries[], size_t n, unsigned members, unsigned place)
{
    unsigned left = quota_of(entries, n, members, place);
    size_t from = members > 0 ? n * place / members : 0;

    for (size_t i = 0; i < n; i++) {
        struct duty_entry *entry = &entries[i];
        entry->assigned = entry->wanted && entry->ours && left > 0;
        left -= entry->assigned;
    }
    for (size_t i = 0; i < n && left > 0; i++) {
        struct duty_entry *entry = &entries[(from + i) % n];
        if (entry->assigned || entry->owned || entry->ours || !entry->wanted)
            continue;
        entry->assigned = true;
        left--;
    }
}
