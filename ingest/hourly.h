#pragma once

// Clicks counted by hour and what they belong to: the rows of click_hourly that one load adds.

#include "base/pg.h"
#include "ingest/click_group.h"

// The groups in the order of click_hourly's key, sorted in place. Pure.
void hourly_sort(struct click_group *groups, size_t n);

// Adds the stored clicks of a load, inside its transaction. 0, a condition or -ENOMEM.
must_check int hourly_add(struct pg *pg, unsigned shard, const struct click_groups *clicks);
