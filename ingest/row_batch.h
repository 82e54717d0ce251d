#pragma once

// The rows of one hit table in one load, as the bytes of a COPY and a list that tells them apart again.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hit.h"
#include "ingest/click_keys.h"
#include "ingest/copy_row.h"

struct batch_row {
    size_t at, bytes;    // in row_batch.data
    uint32_t delivery;   // index of the frame it came in
    uint32_t producer;   // index of its producer
    struct slice record; // the hit as it came
    uint8_t id[HIT_ID_BYTES];
    uint64_t ms;
    uint64_t program_id, partner_id, link_id; // 0: none
    uint64_t content_hash;
    struct click_keys keys; // of a click of a person, as is its place
    uint16_t place;
    uint8_t class;
    bool stored;
};

struct row_batch {
    uint8_t *data;
    size_t len, room;
    struct batch_row *rows;
    size_t n, rows_room;
};

void row_batch_clear(struct row_batch *batch);  // keeps the memory
void row_batch_deinit(struct row_batch *batch); // frees it

// Adds one hit of this table. 0, an enum copy_condition (nothing is added) or -ENOMEM. The record must
// outlive the batch.
must_check int row_batch_add(struct row_batch *batch, const struct hit *hit, const struct copy_origin *origin,
                             struct slice record, uint32_t delivery, uint32_t producer);

// The day that all rows belong to; COPY_ANY_DAY when they belong to several, or there are none.
uint64_t row_batch_day(const struct row_batch *batch);
