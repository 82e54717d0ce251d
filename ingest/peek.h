#pragma once

// Looking at the stream without disturbing anything.

#include <stdint.h>

#include "ingest/settings.h"

// Prints up to count hits of all shards, oldest first within each, one JSON object a line. Returns the exit
// status.
int peek_run(const struct ingest_settings *settings, uint64_t count);
