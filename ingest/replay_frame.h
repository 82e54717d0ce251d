#pragma once

// A frame of a dead letter, put back into its stream: there it goes the way of every frame.

#include "base/redis.h"
#include "ingest/letter.h"

enum replay_frame_condition {
    REPLAY_FRAME_BAD = 410,   // it does not go in; the reason says why
    REPLAY_FRAME_REDIS = 411, // Redis failed
    REPLAY_FRAME_SENT = 412,  // it is in its stream and was not applied in time
};

#define REPLAY_FRAME_WAIT_MS 5000 // for ingest to apply a frame

// Appends `bytes` to the stream of the letter's shard. A header or payload must be whole again; what ingest
// has of it already is dropped by its seq. A fork becomes a frame of a producer of its own, whose number
// follows from its bytes: twice is once. dry_run: nothing is appended.
must_check int replay_frame_run(struct redis_client *redis, const struct letter *letter, struct slice bytes,
                                bool dry_run, char reason[LETTER_REASON_BYTES]);

// Waits up to wait_ms until the position of the frame's producer shows that `bytes`, which were put into the
// stream, have been applied; Redis may lose them until then. 0, REPLAY_FRAME_SENT or what PostgreSQL says.
must_check int replay_frame_await(struct pg *pg, const struct letter *letter, struct slice bytes,
                                  unsigned wait_ms);
