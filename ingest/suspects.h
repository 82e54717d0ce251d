#pragma once

// Clicks that may repeat another one: what SQL (duplicate_write) is asked about.

#include "base/array.h"
#include "ingest/recent.h"

struct suspects {
    struct array clicks,
        followed[CLICK_SHARES]; // ids: of the click; of the nearest one before it by each share
    size_t n;
};

// Of the clicks [from, to), and of those right behind one of them, all that share something with one before
// them within the window. Pure. 0 or -ENOMEM. `asked`: by click from `from` on, whether it is meant.
must_check int suspects_find(const struct recent *recent, uint32_t from, uint32_t to, const bool *asked,
                             uint64_t window_ms, struct suspects *out);
void suspects_free(struct suspects *suspects);
