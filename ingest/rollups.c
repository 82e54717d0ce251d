// Everything that follows from stored rows, once for the loader and for replay. Owner: the transaction.

#include "ingest/rollups.h"

#include "ingest/click_due.h"
#include "ingest/hourly.h"
#include "ingest/stored_hour.h"
#include "ingest/touch_batch.h"

static int clicks_add(struct pg *pg, unsigned shard, const struct row_batch *clicks)
{
    struct click_groups groups = {0};

    if (clicks->n == 0)
        return 0;
    int r = click_groups_find(clicks, &groups);
    if (r == 0)
        r = hourly_add(pg, shard, &groups);
    if (r == 0)
        r = click_due_tell(pg, clicks, &groups);
    click_groups_free(&groups);
    return r;
}

int rollups_add(struct pg *pg, unsigned shard, const struct row_batch batches[COPY_TABLES])
{
    int r = clicks_add(pg, shard, &batches[COPY_CLICK]);

    if (r == 0)
        r = stored_hours_add(pg, shard, batches);
    return r ? r : touch_batch_tell(pg, shard, batches);
}
