#pragma once

// Work on stored clicks from one moment to another: hour by hour, each hour one transaction, beside running
// loads and never beside what else corrects them.

#include "base/pg.h"
#include "ingest/settings.h"

struct history {
    const char *name;       // of the command, in its messages
    int64_t from_ms, to_ms; // unix, full hours, [from, to)
    const char *begin;      // of each transaction
    bool dry_run;           // each transaction is rolled back
    void *ctx;
    // The work of an hour, inside its transaction; may be called again for the same hour when that failed. 0,
    // a condition or -ENOMEM.
    int (*hour)(void *ctx, struct pg *pg, int64_t from_ms, int64_t to_ms);
    // The transaction is over. Returns how many things changed.
    uint64_t (*hour_done)(void *ctx);
};

// Rounds --from down and --to up to full hours. 0, or ARGUMENTS_WRONG after a sentence on stderr.
must_check int history_range(struct history *history);

// All hours in turn, with a line on stderr per day. SIGTERM and SIGINT end it behind an hour. The exit
// status.
must_check int history_run(const struct history *history, const struct ingest_settings *settings);

// For messages: "2026-01-02 03:00".
#define HISTORY_HOUR_BYTES 17
void history_hour_format(int64_t unix_ms, char out[HISTORY_HOUR_BYTES]);
