#pragma once

// The settings of the tracker.

#include "base/program.h"
#include "base/redis.h"
#include "base/settings.h"

#define TRACKER_WORKERS_MAX 64

enum address_policy { ADDRESS_TRUNCATED, ADDRESS_FULL, ADDRESS_NONE };
enum datacentre_class { DATACENTRE_BOT, DATACENTRE_HUMAN };

struct tracker_config {
    struct log_settings log;
    struct redis_settings redis;
    char host[64];
    int64_t port;
    char admin_host[64];
    int64_t admin_port;
    int64_t workers;
    char state[256];
    char pid_file[256];
    char click_keys[256];
    char fallback_url[2049];
    char trusted_proxies[1024];
    int address_policy; // enum address_policy
    char geo_country[256];
    char geo_asn[256];
    char agents_list[256];
    char datacentres_list[256];
    int datacentre_class; // enum datacentre_class
    int64_t journal_sync_ms;
    int64_t journal_keep_ms;
    int64_t journal_keep_bytes;
    int64_t journal_segment_bytes;
    int64_t redis_window_bytes;
    int64_t connections_max;
    int64_t drain_ms;
};

extern const struct config_option tracker_options[];
extern const size_t tracker_options_count;

// How Redis is reached; the strings are those of the settings.
struct redis_options options_redis(const struct tracker_config *config);
