// The option table of clickledger-ingest.

#include "ingest/settings.h"

#define FIELD(member) CONFIG_FIELD(struct ingest_settings, member)

// clang-format off
const struct config_option ingest_options[] = {
    LOG_OPTIONS(struct ingest_settings, log),
    REDIS_OPTIONS(struct ingest_settings, redis),
    POSTGRES_OPTIONS(struct ingest_settings, postgres),
    {"ingest", "admin_host", CONFIG_STRING, FIELD(admin_host), 0, 0, "127.0.0.1",
     "address of /healthz and /metrics", NULL},
    {"ingest", "admin_port", CONFIG_INT, FIELD(admin_port), 0, 65535, "9402", "their port; 0: none", NULL},
    {"ingest", "shards", CONFIG_INT, FIELD(shards), 1, 1024, "1",
     "streams of hits of a new installation; later: clickledger-ingest shards --set N", NULL},
    {"ingest", "read_entries", CONFIG_INT, FIELD(read_entries), 1, 100000, "10000",
     "most stream entries (frames) read at once from each shard", NULL},
    {"ingest", "read_bytes", CONFIG_BYTES, FIELD(read_bytes), 4096, 1 << 30, "8m",
     "bytes of a read of all its shards, about: so many entries as made them the last time", NULL},
    {"ingest", "load_hits", CONFIG_INT, FIELD(load_hits), 1, 1000000, "50000", "hits in one transaction", NULL},
    {"ingest", "large_hits", CONFIG_INT, FIELD(large_hits), 0, 2000000, "500000",
     "hits in a large one, made where half of them wait, whose clicks make a part of their day; 0: never", NULL},
    {"ingest", "load_bytes", CONFIG_BYTES, FIELD(load_bytes), 4096, 1 << 30, "32m", "bytes in one transaction", NULL},
    {"ingest", "keep_ended", CONFIG_DURATION, FIELD(keep_ended_ms), 3600000, INT64_C(31536000000), "7d",
     "how long the position of an ended producer is published; at least the trackers' journal_keep", NULL},
    {"ingest", "keep_open", CONFIG_DURATION, FIELD(keep_open_ms), 3600000, INT64_C(31536000000), "90d",
     "how long that of a silent producer which has not ended is published", NULL},
    {"ingest", "partition_look", CONFIG_DURATION, FIELD(partition_look_ms), 100, 3600000, "10s",
     "how often partitions are looked at: made ahead, sealed, detached", NULL},
    {"ingest", "agents_list", CONFIG_STRING, FIELD(agents_list), 0, 0, "",
     "reclassify: user agents in place of the built-in list; best the trackers' file", NULL},
    {"ingest", "datacentres_list", CONFIG_STRING, FIELD(datacentres_list), 0, 0, "",
     "reclassify: data centres in place of the built-in list; best the trackers' file", NULL},
    {"ingest", "datacentre_class", CONFIG_CHOICE, FIELD(datacentre_class), 0, 0, "bot",
     "reclassify: what hits from a data centre are; best what the trackers say", "bot|human"},
    {"ingest", "conservation_check", CONFIG_DURATION, FIELD(conservation_check_ms), 0, INT64_C(86400000), "1m",
     "how often it is checked whether every hit is accounted for; 0: never", NULL},
};
// clang-format on

const size_t ingest_options_n = array_length(ingest_options);
