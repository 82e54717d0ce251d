#pragma once

// What ingest publishes about a producer: `generation last want evidence ended` (see docs/architecture.md).

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define POSITION_GENERATION_BYTES 96 // with NUL
#define STREAM_ID_BYTES           42 // "<20 digits>-<20 digits>" with NUL

struct stream_id {
    uint64_t ms, n;
};

struct position {
    char generation[POSITION_GENERATION_BYTES];
    uint64_t last, want;
    struct stream_id evidence;
    bool ended;
};

enum position_condition {
    POSITION_MALFORMED = 1,
};

must_check int position_parse(struct slice text, struct position *position); // 0 or POSITION_MALFORMED
must_check int stream_id_parse(struct slice text, struct stream_id *id);     // 0 or POSITION_MALFORMED
size_t stream_id_format(struct stream_id id, char out[STREAM_ID_BYTES]);     // length without the NUL

static inline bool stream_id_before(struct stream_id a, struct stream_id b)
{
    return a.ms < b.ms || (a.ms == b.ms && a.n < b.n);
}
