#pragma once

// `clickledger-ingest shards`: how the work is divided, and into how many shards.

#include "ingest/settings.h"

// Sets the number of shards unless wanted is 0, then prints one line a shard. Returns the exit status.
int division_run(const struct ingest_settings *settings, int64_t wanted);
