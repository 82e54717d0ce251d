#pragma once

// Syncs beside the loop: one thread, spoken to through pipes.

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"
#include "tracker/journal_unsynced.h"

struct event_base;
struct journal_syncer;

// Called in the loop. error: 0 or a negative errno; the data may be lost, a second try proves nothing.
typedef void journal_synced(void *ctx, uint64_t token, int error);

// 0 or negative errno.
must_check int journal_syncer_open(struct journal_syncer **syncer, struct event_base *base,
                                   journal_synced *synced, void *ctx);
struct journal_syncer *journal_syncer_close(struct journal_syncer *syncer); // waits; NULL; takes NULL

// Takes over the descriptors (closed in any case). 0 or negative errno.
must_check int journal_syncer_submit(struct journal_syncer *syncer, const struct journal_unsynced *unsynced,
                                     uint64_t token);
bool journal_syncer_busy(const struct journal_syncer *syncer);
