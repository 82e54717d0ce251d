#pragma once

// The lists by which senders are classified, from files or those of the binary.

#include "base/agents.h"
#include "base/datacentres.h"

#define LIST_WHY_BYTES 256

// The list of the file, or with an empty path the binary's own. 0, or not 0 with the reason in `why`. What
// was made is freed with agents_free() and free().
must_check int agents_load(struct agents **out, const char *path, char why[LIST_WHY_BYTES]);
must_check int datacentres_load(struct datacentres **out, const char *path, char why[LIST_WHY_BYTES]);

// Of both lists together, as hits keep it.
uint32_t lists_version(const struct agents *agents, const struct datacentres *datacentres);
