// What operators ask ingest. Owner: the main loop, which keeps `healthy`: false while a store is away or a shard
// is neither ours nor another's.

#include "ingest/admin.h"

#include <string.h>

static ssize_t metrics_write(const void *ctx, char *out, size_t out_bytes)
{
    const struct admin_state *state = ctx;
    return counters_render(state->counters, out, out_bytes);
}

static bool health_write(const void *ctx, char *out)
{
    const struct admin_state *state = ctx;

    strcpy(out, state->healthy ? "ok\n" : "a store is away\n");
    return state->healthy;
}

struct admin_source admin_source_of(const struct admin_state *state)
{
    return (struct admin_source){.health = health_write, .metrics = metrics_write, .ctx = state};
}
