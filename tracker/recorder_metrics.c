// The recorder's counters as metrics. One row per field of struct recorder_counters.

#include "tracker/recorder.h"

#define COUNTER(field, text)                                                                                 \
    {                                                                                                        \
        "clickledger_recorder_" #field "_total", text, METRIC_COUNTER,                                       \
            offsetof(struct recorder_counters, field), NULL, false                                           \
    }
#define GAUGE(field, text)                                                                                   \
    {                                                                                                        \
        "clickledger_recorder_" #field, text, METRIC_GAUGE, offsetof(struct recorder_counters, field), NULL, \
            true                                                                                             \
    }

// clang-format off
const struct metric recorder_metrics[] = {
    COUNTER(accepted, "Hits that were recorded, in a journal or held."),
    COUNTER(journaled, "Hits written to a journal."),
    COUNTER(held, "Hits recorded without a journal; their answers wait for Redis."),
    COUNTER(settled, "Turns without a journal that Redis has."),
    COUNTER(refused_by_redis, "Turns without a journal that Redis has not; their requests were answered anew."),
    COUNTER(lost, "Hits answered without being recorded: neither journal nor Redis."),
    COUNTER(too_large, "Hits not recorded because they break a limit."),
    COUNTER(frames, "Frames recorded."),
    COUNTER(frame_bytes, "Bytes of the frames recorded."),
    COUNTER(retried_turns, "Turns that could not be recorded and were answered anew."),
    COUNTER(sent_frames, "Frames sent to Redis, each time."),
    COUNTER(sent_bytes, "Bytes of the frames sent to Redis."),
    COUNTER(confirmed_frames, "Frames that PostgreSQL has."),
    COUNTER(resent_frames, "Frames sent to Redis once more."),
    COUNTER(passes, "In-order passes begun, at a connect or on evidence of loss."),
    COUNTER(wants, "Passes because ingest asked."),
    COUNTER(vanished, "Passes because an entry was gone from the stream."),
    COUNTER(rewinds, "Passes because PostgreSQL went back to an earlier moment."),
    COUNTER(not_stored, "Frames whose reply was an error or did not come."),
    COUNTER(hole_frames, "Frames of which only the header could be read."),
    COUNTER(hole_hits, "Hits in those frames."),
    COUNTER(gap_frames, "Frames of which not even the header could be read."),
    COUNTER(torn_bytes, "Bytes cut off from the ends of adopted journals."),
    COUNTER(syncs, "Journal syncs finished."),
    COUNTER(journal_failures, "Journals given up after an error."),
    COUNTER(segments, "Journals begun."),
    COUNTER(segments_trimmed, "Journal segments deleted: PostgreSQL has them, and the time to keep them is over."),
    GAUGE(journal_bytes, "Bytes in the live journal."),
    GAUGE(window_bytes, "Bytes of the live producer in Redis and not yet in PostgreSQL."),
    GAUGE(window_full, "1 while frames wait in the journal because redis_window_bytes are under way."),
    GAUGE(behind_frames, "Frames of the live producer that were not sent yet."),
    GAUGE(redis_up, "1 while connected to Redis."),
    COUNTER(redis_connects, "Connections made to Redis."),
    COUNTER(redis_losses, "Connections to Redis lost."),
    GAUGE(redis_persistent, "1 if Redis has appendonly on."),
    GAUGE(redis_evicts, "1 if Redis has an allkeys-* policy: nothing is sent to it."),
    GAUGE(adopted, "Journals without an owner that this worker looks after."),
    GAUGE(adopted_waiting, "Those of them that are not wholly in PostgreSQL."),
    GAUGE(mode, "0: journaled, 1: no journal, answers wait for Redis, 2: neither, hits are lost."),
};
// clang-format on

const size_t recorder_metrics_count = array_length(recorder_metrics);
