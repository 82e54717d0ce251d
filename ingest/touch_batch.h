#pragma once

// What attrib is told of a load: a row of touch_batch, which says which time to look at again.

#include "base/pg.h"
#include "ingest/row_batch.h"

// Inside the load's transaction, behind its COPYs: writes the row if a touch was stored, and wakes attrib for
// that or for reports. 0, or a condition of base/pg.h.
must_check int touch_batch_tell(struct pg *pg, unsigned shard, const struct row_batch batches[COPY_TABLES]);
