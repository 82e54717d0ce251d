#pragma once

// Journals that their producer has left: they still wait for replies or for their last sync, then they are
// closed and adoption finds them.

#include <stdbool.h>

#include "tracker/live.h"

struct retired {
    struct live *first;
};

void retired_add(struct retired *retired, struct live *live);

// One with bytes that are not on the disk yet, or NULL.
struct live *retired_unsynced(const struct retired *retired);

// Closes those that wait for nothing any more. Whether there were any.
bool retired_release(struct retired *retired);
void retired_deinit(struct retired *retired); // closes them all; behind store_deinit()
