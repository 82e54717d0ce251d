#pragma once

// A part of a day of clicks: the table that one large load makes, fills and hangs into its day, so that its
// indexes are made of all its rows at once.

#include "base/pg.h"
#include "ingest/row_batch.h"

enum part_condition {
    PART_NONE = 102, // the day has no room for one
};

struct part {
    uint64_t day;    // since 1970-01-01, UTC
    uint32_t number; // 0: none, rows go into the day
};

// First in the transaction of a large load: whether it may go on. Not while somebody settles, reclassifies or
// rebuilds, who read days for long; nobody does until the transaction ends. So neither waits for the other.
must_check int part_begin(struct pg *pg, bool *may);

// Makes one, in the transaction that fills it; nobody else sees it. 0, PART_NONE or a condition.
must_check int part_make(struct part *part, struct pg *pg, uint64_t day);

// Whether any of these clicks, at least one, stands in a part: they are looked for only where parts have
// clicks of their time.
must_check int part_holds(struct pg *pg, const struct batch_row rows[], size_t n, bool *holds);

// Behind its rows: makes its indexes and hangs it into its day. PG_UNIQUE: an id stands in it twice.
must_check int part_attach(const struct part *part, struct pg *pg);
