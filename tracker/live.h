#pragma once

// A producer that is being written: its journal and its sender.

#include <stdbool.h>
#include <stdint.h>

#include "tracker/journal.h"
#include "tracker/recorder.h"
#include "tracker/sender.h"

struct live {
    struct live *next; // for its owner
    uint64_t token;    // names it in the results of syncs
    struct journal journal;
    struct sender sender;
    struct store *store;
    const struct recorder_options *options;
    struct recorder_counters *counters;
    bool polling;  // an HGET is outstanding
    uint64_t told; // hits that ingest was told of
};

// 0 or negative errno (nothing is left behind). All must outlive it.
must_check int live_new(struct live **live, int root_fd, const uint8_t producer[PRODUCER_BYTES],
                        const struct journal_meta *meta, const struct recorder_options *options,
                        struct store *store, struct recorder_counters *counters, uint64_t token);

// Appends the frame (and syncs it, if journal_sync_ms is 0), then hands it to the sender. 0 or negative
// errno: the journal has failed.
must_check int live_append(struct live *live, struct slice frame, uint64_t seq, uint64_t hits_before);

void live_tick(struct live *live);                  // about four times a second
void live_keep(struct live *live, uint64_t now_ms); // unix ms; about once a second

// Tells ingest how many hits were answered, for the sum of all of them; again, too, because Redis may have
// been emptied.
void live_tell(struct live *live, uint64_t hits, bool again);

void live_retire(struct live *live);       // writes and sends nothing more
bool live_idle(const struct live *live);   // no reply is outstanding: may be freed
struct live *live_free(struct live *live); // NULL; takes NULL; syncs and unlocks the journal
