// Journals that were left, because they failed or because the next producer belongs to another shard. Owner:
// the recorder. None is written any more. Limits: one a second at most comes in.

#include "tracker/retired.h"

void retired_add(struct retired *retired, struct live *live)
{
    live_retire(live);
    live->next = retired->first;
    retired->first = live;
}

static bool is_unsynced(const struct live *live)
{
    return live->journal.dirty && !live->journal.error;
}

struct live *retired_unsynced(const struct retired *retired)
{
    struct live *live = retired->first;

    while (live && !is_unsynced(live))
        live = live->next;
    return live;
}

bool retired_release(struct retired *retired)
{
    bool released = false;

    for (struct live **link = &retired->first; *link;) {
        struct live *live = *link;
        if (!live_idle(live) || is_unsynced(live)) {
            link = &live->next;
            continue;
        }
        *link = live->next;
        live_free(live);
        released = true;
    }
    return released;
}

void retired_deinit(struct retired *retired)
{
    while (retired->first) {
        struct live *live = retired->first;
        retired->first = live->next;
        live_free(live);
    }
}
