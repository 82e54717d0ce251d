#pragma once

// The daily partitions of the hit tables: which are known to be there, which must be made before a COPY. A
// day is counted from 1970-01-01, UTC.

#include <assert.h>

#include "base/pg.h"
#include "ingest/copy_row.h"

#define DAY_SLOTS        512 // more than the days that a hit may be away from today
#define MISSING_DAYS_MAX 64  // made at once; the next attempt makes the next ones

static_assert(DAY_SLOTS > COPY_DAYS_BACK_MAX + COPY_DAYS_AHEAD_MAX, "a slot is one day");

struct days {
    uint64_t known[DAY_SLOTS]; // by day modulo DAY_SLOTS
    uint64_t missing[MISSING_DAYS_MAX];
    size_t n_missing;
};

// Makes yesterday's to the day's after the day after tomorrow, and forgets which others there are.
must_check int days_prepare(struct days *days, struct pg *pg, uint64_t today);

// Notes a day as missing unless it is known.
void days_need(struct days *days, uint64_t day);

must_check int days_make_missing(struct days *days, struct pg *pg);
