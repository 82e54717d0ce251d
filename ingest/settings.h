#pragma once

// The settings of clickledger-ingest.

#include <stddef.h>
#include <stdint.h>

#include "base/settings.h"

enum ingest_datacentre_class { INGEST_DATACENTRE_BOT, INGEST_DATACENTRE_HUMAN };

struct ingest_settings {
    struct log_settings log;
    struct redis_settings redis;
    struct postgres_settings postgres;
    char admin_host[64];
    int64_t admin_port;
    int64_t shards;
    int64_t read_entries, read_bytes;
    int64_t load_hits, load_bytes, large_hits;
    int64_t keep_ended_ms, keep_open_ms;
    int64_t partition_look_ms;
    char agents_list[256], datacentres_list[256];
    int datacentre_class; // enum ingest_datacentre_class
    int64_t conservation_check_ms;
};

extern const struct config_option ingest_options[];
extern const size_t ingest_options_n;
