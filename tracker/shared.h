#pragma once

// What supervisor and workers share: anonymous memory, mapped before the first fork. Each part has one
// writer.

#include "tracker/catalog.h"
#include "tracker/counters.h"
#include "tracker/options.h"
#include "tracker/recorder.h"
#include "tracker/settings.h"

struct shared_worker {
    struct counters counters;
    struct recorder_counters recorder;
} __attribute__((aligned(64)));

struct shared {
    struct catalog_shared catalog; // by the supervisor, as all but the workers'
    struct settings_shared settings;
    bool open;                                        // workers may listen
    bool relieved;                                    // another tracker serves the port
    uint64_t orphans;                                 // goes up when a journal has lost its owner
    struct shared_worker worker[TRACKER_WORKERS_MAX]; // each by its worker
};
