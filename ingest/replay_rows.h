#pragma once

// The hits of a dead letter, put where they would have gone.

#include "ingest/letter.h"

struct replay_rows;

enum replay_condition {
    REPLAY_REFUSED = 400, // it does not go in; the reason says why
};

struct replay_rows *replay_rows_new(void); // NULL with errno
struct replay_rows *replay_rows_free(struct replay_rows *rows);

// The hits in `bytes` (one record, if the letter stands for one hit; else records with their lengths, as in a
// frame), as many as the letter stands for: all go in and the letter is done, in one transaction, or nothing.
// dry_run: rolled back. 0, REPLAY_REFUSED, a condition of base/pg.h or above, or -ENOMEM.
must_check int replay_rows_run(struct replay_rows *rows, struct pg *pg, const struct letter *letter,
                               struct slice bytes, bool dry_run, char reason[LETTER_REASON_BYTES]);
