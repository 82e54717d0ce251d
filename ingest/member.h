#pragma once

// This process among those that divide the shards.

#include <stdint.h>

#include "base/redis.h"
#include "ingest/counters.h"
#include "ingest/duty.h"

#define MEMBER_SHARDS_MAX 1024
#define MEMBER_NAME_BYTES 48 // "clickledger-ingest-conservation 0a1b2c3d"

struct member_options {
    const char *conninfo;
    int64_t shards; // of a new installation
    int64_t keep_open_ms, keep_ended_ms;
};

struct member {
    const struct member_options *options;
    struct counters *counters;
    struct pg *pg;
    uint32_t number; // drawn at start
    char session[MEMBER_NAME_BYTES], catalog[MEMBER_NAME_BYTES], conservation[MEMBER_NAME_BYTES]; // names
    uint64_t retry_ms, pause_ms;
    bool complained;
    struct duty_entry entries[MEMBER_SHARDS_MAX]; // as last seen
    size_t n;
    unsigned members, place;
};

void member_init(struct member *member, const struct member_options *options, struct counters *counters);
void member_deinit(struct member *member);

// Looks, if it is time: true when the entries are new. Their `ours` and `assigned` are not set.
bool member_look(struct member *member, uint64_t monotonic_ms);

// Whether the process takes part; false while PostgreSQL is away.
bool member_joined(const struct member *member);
