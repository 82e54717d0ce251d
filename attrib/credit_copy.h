#pragma once

// Credits as rows of PostgreSQL's binary COPY into their table.

#include "attrib/attribution.h"
#include "base/bytes.h"
#include "base/pg.h"

struct credit_copy {
    struct pg *pg; // the caller's; nothing else may be asked of it between begin and end
    uint8_t *chunk;
    struct bytes_writer writer; // what of the chunk is filled
};

// Each 0, an enum pg_condition or a negative errno. After a failure the connection is to be closed.
must_check int credit_copy_begin(struct credit_copy *copy, struct pg *pg);
// A touch that has a weight; link_id 0: it has none.
must_check int credit_copy_put(struct credit_copy *copy, const struct touch *touch, int64_t conversion_id,
                               int64_t link_id, struct slice model);
must_check int credit_copy_end(struct credit_copy *copy, uint64_t *credits); // *credits: how many came
void credit_copy_free(struct credit_copy *copy);                             // begun or zeroed
