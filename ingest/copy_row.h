#pragma once

// A hit as one row of PostgreSQL's binary COPY format. One table of columns per hit table gives both the
// statement and the rows.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hit.h"
#include "base/util.h"

#define COPY_ROW_BYTES_MAX   65536 // of any decodable hit
#define COPY_DAYS_BACK_MAX   400   // a hit's day must not be further from today
#define COPY_DAYS_AHEAD_MAX  2
#define COPY_DAY_MS          86400000
#define COPY_ANY_DAY         0
#define COPY_STATEMENT_BYTES 2048

enum copy_table { COPY_CLICK, COPY_IMPRESSION, COPY_VISIT, COPY_PROMO_ENTRY, COPY_REPORT, COPY_TABLES };

// Where a hit came from.
struct copy_origin {
    const uint8_t *producer; // PRODUCER_BYTES
    uint64_t seq;
    uint64_t content_hash; // XXH3_64 of the record
};

enum copy_condition {
    COPY_TIME = 1,   // an event time that PostgreSQL cannot store
    COPY_NUMBER = 2, // a varint that is none, or too large for its column
};

enum copy_table copy_table_of(enum hit_kind kind);
const char *copy_table_name(enum copy_table table);      // "click"
const char *copy_table_id_column(enum copy_table table); // "click_id"

// "copy clickledger.click_20260131 (...) from stdin (format binary)": straight into the partition of a day
// (since 1970-01-01), or with COPY_ANY_DAY into the table, which puts each row where it belongs. A part that
// is not 0 is one of the day's.
void copy_statement(enum copy_table table, uint64_t day, uint32_t part, char out[COPY_STATEMENT_BYTES]);

// Appends one row. 0 or an enum copy_condition (nothing useful was written then). The writer must have room
// for COPY_ROW_BYTES_MAX. Text that is not UTF-8, or holds NUL, is sanitised.
must_check int copy_row_write(struct bytes_writer *writer, const struct hit *hit,
                              const struct copy_origin *origin);

const char *copy_condition_name(int condition);
