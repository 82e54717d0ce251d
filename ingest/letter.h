#pragma once

// Dead letters as replay sees them.

#include "base/frame.h"
#include "base/pg.h"
#include "base/slice.h"
#include "ingest/counters.h"

#define LETTER_REASON_BYTES 256

struct letter {
    int64_t id;
    unsigned shard;
    enum dead_kind kind;
    bool placed; // producer and seq are known
    uint8_t producer[PRODUCER_BYTES];
    uint64_t seq, hits;
    bool replayed;
    char reason[LETTER_REASON_BYTES], found_at[32];
    struct slice bytes; // in `result`
    struct pg_result *result;
};

struct letter_choice {
    int64_t id;       // 0: by the others
    const char *kind; // NULL: all
    int64_t from_ms, to_ms;
};

// The numbers of the chosen letters, ascending; of those that were not replayed unless `all`. The caller
// frees *result. 0 or a condition.
must_check int letters_choose(struct pg *pg, const struct letter_choice *choice, bool all,
                              struct pg_result **result);

// Reads one; in a transaction it is locked. *found tells whether it is there. letter_free() after 0.
must_check int letter_read(struct pg *pg, int64_t id, struct letter *letter, bool *found);
void letter_free(struct letter *letter);

must_check int letter_done(struct pg *pg, int64_t id);                        // it went in
must_check int letter_refused(struct pg *pg, int64_t id, const char *reason); // it did not, and why
