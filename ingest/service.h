#pragma once

// The daemon: a sequential loop over admin requests, shards and the stream.

#include "ingest/settings.h"

enum {
    SERVICE_VERSION_UNKNOWN = 3, // exit status: a frame of a newer release waits; upgrade ingest first
};

// Runs until SIGTERM or SIGINT. Returns the exit status.
int service_run(const struct ingest_settings *settings);

struct redis_options redis_options_of(const struct ingest_settings *settings);
