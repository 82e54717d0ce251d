// The table of metrics. Owner: the one thread of ingest. What belongs to a transaction is counted in a part
// of its own and added after COMMIT, so that /metrics never shows hits that were rolled back.

#include "ingest/counters.h"

#include <stddef.h>

#include "base/metrics.h"

#define AT(member) offsetof(struct counters, member)
#define COUNTER(name, help, member)                                                                          \
    {                                                                                                        \
        "clickledger_ingest_" name, help, METRIC_COUNTER, AT(member), NULL, false                            \
    }
#define LABELLED(name, help, member, label)                                                                  \
    {                                                                                                        \
        "clickledger_ingest_" name, help, METRIC_COUNTER, AT(member), label, false                           \
    }
#define GAUGE(name, help, member)                                                                            \
    {                                                                                                        \
        "clickledger_ingest_" name, help, METRIC_GAUGE, AT(member), NULL, false                              \
    }
#define FRAMES(verdict, label)                                                                               \
    LABELLED("frames_total", "Frames by what was done with them.", frames[verdict], "verdict=\"" label "\"")
#define STORED(table, label)                                                                                 \
    LABELLED("hits_stored_total", "Hits stored, by table.", stored[table], "table=\"" label "\"")
#define PRIVACY(rule, label)                                                                                 \
    {                                                                                                        \
        "clickledger_ingest_privacy_overdue_days",                                                           \
            "Days by which retention of personal data is behind, by rule, at the last look.", METRIC_GAUGE,  \
            AT(privacy_overdue_days[rule]), "rule=\"" label "\"", false                                      \
    }
#define PRIVACY_ROWS(rule, label)                                                                            \
    LABELLED("privacy_rows_total", "Rows that lost personal data, by rule, of the whole installation.",      \
             privacy_rows[rule], "rule=\"" label "\"")
#define DEAD(kind, label)                                                                                    \
    LABELLED("dead_letters_total", "What was set aside, by kind: hits; of headers and payloads, frames.",    \
             dead[kind], "kind=\"" label "\"")
#define HITS(part, member)                                                                                   \
    {                                                                                                        \
        "clickledger_ingest_hits",                                                                           \
            "Hits of all producers at the last check: accepted = stored + dead + lost + in_flight.",         \
            METRIC_GAUGE, AT(member), "part=\"" part "\"", false                                             \
    }

static const struct metric table[] = {
    FRAMES(APPLY_LOAD, "load"),
    FRAMES(APPLY_LATE, "late"),
    FRAMES(APPLY_HOLE, "hole"),
    FRAMES(APPLY_END, "end"),
    FRAMES(APPLY_END_AGAIN, "end_again"),
    FRAMES(APPLY_RESEND, "resend"),
    FRAMES(APPLY_GAP, "gap"),
    FRAMES(APPLY_SKIP, "skip"),
    FRAMES(APPLY_DAMAGED, "damaged"),
    FRAMES(APPLY_FORK, "fork"),
    STORED(COPY_CLICK, "click"),
    STORED(COPY_IMPRESSION, "impression"),
    STORED(COPY_VISIT, "visit"),
    STORED(COPY_PROMO_ENTRY, "promo_entry"),
    STORED(COPY_REPORT, "conversion_report"),
    DEAD(DEAD_HEADER, "header"),
    DEAD(DEAD_PAYLOAD, "payload"),
    DEAD(DEAD_FORK, "fork"),
    DEAD(DEAD_HIT, "hit"),
    DEAD(DEAD_ROW, "row"),
    DEAD(DEAD_CONFLICT, "conflict"),
    LABELLED("hits_lost_total", "Hits that nobody can send any more.", lost_gap, "reason=\"gap\""),
    LABELLED("hits_lost_total", "Hits that nobody can send any more.", lost_hole, "reason=\"hole\""),
    COUNTER("hits_found_total", "Hits counted as lost that came after all.", found),
    COUNTER("loads_total", "Transactions that loaded frames.", loads),
    COUNTER("loads_large_total", "Of them, those whose clicks made a part of their day.", loads_large),
    COUNTER("loads_failed_total", "Transactions that failed and were tried again.", loads_failed),
    COUNTER("postgres_failures_total", "Connections to PostgreSQL that failed or were lost.",
            postgres_failures),
    COUNTER("redis_failures_total", "Connections to Redis that failed or were lost.", redis_failures),
    COUNTER("takeovers_total", "Shards taken over.", takeovers),
    COUNTER("members_ended_total", "Silent processes whose sessions this one ended.", members_ended),
    COUNTER("rewinds_total", "Times PostgreSQL was found to be put back.", rewinds),
    COUNTER("streams_reset_total", "Times a stream was found to have begun anew.", streams_reset),
    COUNTER("entries_trimmed_total", "Stream entries deleted after they were applied or dropped.",
            entries_trimmed),
    COUNTER("positions_published_total", "Positions written to Redis.", positions_published),
    COUNTER("turns_total", "Turns of the main loop.", turns),
    COUNTER("catalog_changes_total", "Changed rows turned into catalog records.", catalog_changes),
    COUNTER("catalog_entries_total", "Catalog records appended to the log in Redis.", catalog_entries),
    COUNTER("catalog_images_total", "Catalog images built and published.", catalog_images),
    COUNTER("links_exhausted_total", "Links whose clicks have reached their cap.", links_exhausted),
    COUNTER("spans_settled_total",
            "Spans of loaded clicks that were looked at for duplicates and unique visitors.", spans_settled),
    COUNTER("duplicates_marked_total", "Clicks whose class became duplicate, or was found not to be.",
            duplicates_marked),
    COUNTER("partitions_made_total", "Partitions made ahead.", partitions_made),
    COUNTER("partitions_sealed_total", "Partitions sealed: all rows checked and counted.", partitions_sealed),
    COUNTER("partitions_clustered_total", "Days of clicks whose rollups were laid together by partner.",
            partitions_clustered),
    COUNTER("partitions_detached_total", "Partitions detached by hit_retention.", partitions_detached),
    COUNTER("partition_failures_total", "Times the care of partitions failed and was tried again.",
            partition_failures),
    COUNTER("conservation_checks_total", "Times it was checked whether every hit is accounted for.",
            conservation_checks),
    GAUGE("conservation_alarms", "Sums that do not add up at the last check; rows of conservation_alarm.",
          conservation_alarms),
    HITS("accepted", accepted),
    HITS("stored", all_stored),
    HITS("dead", all_dead),
    HITS("lost", all_lost),
    HITS("in_flight", in_flight),
    GAUGE("shards", "Shards that somebody must own, those of old producers included.", shards),
    GAUGE("shards_owned", "Shards that this process owns.", shards_owned),
    GAUGE("shards_unowned", "Shards that nobody owned at the last look; for moments while one changes hands.",
          shards_unowned),
    GAUGE("shards_retired", "Shards that take no new producers but are still needed.", shards_retired),
    GAUGE("members", "Ingest processes that divide the shards, as this one sees it.", members),
    GAUGE("producers", "Producers whose positions are published.", producers),
    GAUGE("waiting_entries", "Stream entries in the owned shards, at the last look.", waiting_entries),
    GAUGE("waiting_ms", "Age of the oldest stream entry that is not yet applied, at the last look.",
          waiting_ms),
    GAUGE("settle_behind_ms",
          "How long the oldest loaded clicks had waited when they were last looked at for duplicates.",
          settle_behind_ms),
    PRIVACY(PRIVACY_DETAIL, "detail"),
    PRIVACY(PRIVACY_FORGOTTEN, "forgotten"),
    PRIVACY(PRIVACY_IDENTITY, "identity"),
    PRIVACY_ROWS(PRIVACY_DETAIL, "detail"),
    PRIVACY_ROWS(PRIVACY_FORGOTTEN, "forgotten"),
    PRIVACY_ROWS(PRIVACY_IDENTITY, "identity"),
    GAUGE("partitions_open", "Partitions that are not sealed, at the last look.", partitions_open),
    GAUGE("partitions_due", "Of them, those whose day has been over for a day.", partitions_due),
    GAUGE("partitions_faulty", "Partitions that cannot be sealed: see hit_partition.fault.",
          partitions_faulty),
    GAUGE("partitions_closed", "Partitions that are sealed.", partitions_closed),
    GAUGE("partitions_gone", "Partitions that are detached.", partitions_gone),
    GAUGE("partitions_ahead_days", "Days from today on that have their partitions.", partitions_ahead),
};

void counters_add(struct counters *total, const struct counters *part)
{
    uint64_t *to = (uint64_t *)total;
    const uint64_t *from = (const uint64_t *)part;

    for (size_t i = 0; i < offsetof(struct counters, accepted) / sizeof(uint64_t); i++)
        metric_add(&to[i], from[i]);
}

ssize_t counters_render(const struct counters *counters, char *out, size_t out_bytes)
{
    const void *const instances[] = {counters};
    return metrics_render(table, array_length(table), instances, 1, out, out_bytes);
}

const char *dead_kind_name(enum dead_kind kind)
{
    static const char *const names[DEAD_KINDS] = {
        [DEAD_HEADER] = "header", [DEAD_PAYLOAD] = "payload", [DEAD_FORK] = "fork",
        [DEAD_HIT] = "hit",       [DEAD_ROW] = "row",         [DEAD_CONFLICT] = "conflict",
    };
    return names[kind];
}
