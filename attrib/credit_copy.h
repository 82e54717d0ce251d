#pragma once

// Credits as rows of PostgreSQL's binary COPY (its documentation, COPY, "Binary Format") into the table.

#include "attrib/attribution.h"
#include "base/pg.h"

#define COPY_HEAD_BYTES 19
#define COPY_EPOCH_US   INT64_C(946684800000000) // of PostgreSQL's times, 2000-01-01

extern const char copy_head[COPY_HEAD_BYTES];

struct credit_copy {
    struct pg *pg; // the caller's; nothing else may be asked of it between begin and end
    char *chunk;
    size_t chunk_bytes;
};

// Each 0, an enum pg_condition or a negative errno. After a failure the connection is to be closed.
must_check int credit_copy_begin(struct credit_copy *copy, struct pg *pg);
// A touch that has a weight; link_id 0: it has none.
must_check int credit_copy_put(struct credit_copy *copy, const struct touch *touch, int64_t conversion_id,
                               int64_t link_id, struct slice model);
must_check int credit_copy_end(struct credit_copy *copy, uint64_t *credits); // *credits: how many came
void credit_copy_free(struct credit_copy *copy);                             // begun or zeroed
