#pragma once

// Previews of terms: what a month would have cost by terms that are only thought of.

#include <stdbool.h>

#include "base/pg.h"

#define PREVIEW_MS_MAX 30000 // batches wait as long

// Computes the next open preview, if there is one, and writes what came out. 0, an enum pg_condition or a
// negative errno. A preview that fails is ended with its fault, which is no failure of this.
must_check int preview_run(struct pg *pg, bool *did);
