#pragma once

// One pass over what loads left behind: which clicks may be duplicates, and the sketches of unique visitors,
// from what the loads noted and from the clicks remembered of earlier passes.

#include "base/pg.h"

struct settle;

struct settle *settle_new(void);                   // NULL with errno
struct settle *settle_free(struct settle *settle); // NULL; takes NULL

#define SETTLE_DUE_SQL "select * from clickledger.click_settle_due($1)" // its parameter: how many clicks
#define SETTLE_FOUND_SQL                                                                                     \
    "select dues, marked, epoch from clickledger.click_settle_found($1, $2, $3, $4, $5, $6, $7, $8, $9, "    \
    "$10, $11, $12)"
#define SETTLE_FOUND_PARAMS 12

// Looks at the rows of SETTLE_DUE_SQL (binary, at least one; of many links only the first rows), which must
// live until settle_end(), and gives the parameters of SETTLE_FOUND_SQL, which live as long. 0 or -ENOMEM.
must_check int settle_begin(struct settle *settle, const struct pg_result *due,
                            struct pg_param params[SETTLE_FOUND_PARAMS]);

int64_t settle_waited_ms(const struct pg_result *due); // since its oldest span was loaded

// The pass is over: with this epoch, or it has failed (epoch < 0), and then all is forgotten.
void settle_end(struct settle *settle, int64_t epoch);
