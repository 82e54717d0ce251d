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
    uint64_t late[COPY_TABLES][DAY_SLOTS / 64]; // bits by day modulo DAY_SLOTS: days that were over
    bool any_late;
};

// Makes yesterday's to the day's after the day after tomorrow, and forgets which others there are.
must_check int days_prepare(struct days *days, struct pg *pg, uint64_t today);

// Before each load.
void days_begin(struct days *days);

// Notes that a row of this day comes into the table: a day that is not known is missing, one before today is
// late.
void days_need(struct days *days, enum copy_table table, uint64_t day, uint64_t today);

must_check int days_make_missing(struct days *days, struct pg *pg);

// In the transaction that loads them, behind the rows: the late days are open again, and other loads into them wait.
must_check int days_tell_late(const struct days *days, struct pg *pg, uint64_t today);
