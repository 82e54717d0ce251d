#pragma once

// What ingest counts, and how /metrics calls it.

#include <stdint.h>
#include <sys/types.h>

#include "ingest/apply.h"
#include "ingest/copy_row.h"

enum dead_kind {
    DEAD_HEADER,   // a header that cannot be read
    DEAD_PAYLOAD,  // a payload that does not fit its header
    DEAD_FORK,     // a frame of a copied journal
    DEAD_HIT,      // a record that cannot be decoded
    DEAD_ROW,      // a row that PostgreSQL refuses
    DEAD_CONFLICT, // an id that is there already
    DEAD_KINDS
};

// As clickledger.privacy_status() orders them.
enum privacy_rule { PRIVACY_DETAIL, PRIVACY_FORGOTTEN, PRIVACY_IDENTITY, PRIVACY_RULES };

// Only uint64_t. Counters first, gauges last.
struct counters {
    uint64_t frames[APPLY_VERDICTS];
    uint64_t stored[COPY_TABLES];
    uint64_t dead[DEAD_KINDS]; // hits; of headers and payloads: frames
    uint64_t lost_gap, lost_hole, found;
    uint64_t loads, loads_large, loads_failed;
    uint64_t postgres_failures, redis_failures;
    uint64_t conservation_checks;
    uint64_t takeovers, rewinds, streams_reset, members_ended;
    uint64_t entries_trimmed, positions_published, turns;
    uint64_t catalog_changes, catalog_entries, catalog_images, links_exhausted;
    uint64_t spans_settled, duplicates_marked;
    uint64_t partitions_made, partitions_sealed, partitions_clustered, partitions_detached,
        partition_failures;
    uint64_t accepted, all_stored, all_dead, all_lost, in_flight, conservation_alarms; // gauges from here
    uint64_t shards, shards_owned, shards_unowned, shards_retired, members, producers, waiting_entries,
        waiting_ms, settle_behind_ms; // gauges
    uint64_t partitions_open, partitions_due, partitions_faulty, partitions_closed, partitions_gone,
        partitions_ahead;
    uint64_t privacy_overdue_days[PRIVACY_RULES], privacy_rows[PRIVACY_RULES]; // as PostgreSQL tells them
};

// Adds the counters of `part`, not its gauges.
void counters_add(struct counters *total, const struct counters *part);

// See metrics_render().
ssize_t counters_render(const struct counters *counters, char *out, size_t out_bytes);

const char *dead_kind_name(enum dead_kind kind);
