#pragma once

// `clickledger-ingest rebuild`: the rollups of clicks against the rows.

#include "ingest/settings.h"

int rebuild_command(const void *settings, int argc, char **argv);
