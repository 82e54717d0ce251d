#pragma once

// `clickledger-ingest reclassify`: stored hits by the lists of today.

#include "ingest/settings.h"

int reclassify_command(const void *settings, int argc, char **argv);
