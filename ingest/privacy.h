#pragma once

// Retention of personal data: the command that does it, and what the daemon tells about it.

#include "base/pg.h"
#include "ingest/counters.h"
#include "ingest/settings.h"

// `clickledger-ingest privacy`: does what is due (sql/0024, sql/0025), with `everything` from the first day
// on, in transactions of at most rows_max rows. The exit status.
int privacy_run(const struct ingest_settings *settings, unsigned rows_max, bool everything);

// How far behind retention is, into the gauges, over a connection that is not in a transaction. 0 or an enum
// pg_condition; then they stay as they are.
must_check int privacy_look(struct pg *pg, struct counters *counters);
