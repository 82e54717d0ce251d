// The option table of the tracker. Owns nothing.

#include "tracker/options.h"

#include "tracker/recorder.h"

// RELOADED ones may change at SIGHUP; what is new in them reaches the workers through tracker/settings.c.
#define TRACKER(name, type, member, min, max, text, help)                                                    \
    {                                                                                                        \
        "tracker", name, type, CONFIG_FIELD(struct tracker_config, member), min, max, text, help, NULL,      \
            false                                                                                            \
    }
#define RELOADED(name, type, member, min, max, text, help)                                                   \
    {                                                                                                        \
        "tracker", name, type, CONFIG_FIELD(struct tracker_config, member), min, max, text, help, NULL, true \
    }
#define CHOICE(name, member, text, help, choices)                                                            \
    {                                                                                                        \
        "tracker", name, CONFIG_CHOICE, CONFIG_FIELD(struct tracker_config, member), 0, 0, text, help,       \
            choices, true                                                                                    \
    }

#define REDIS_REPLY_TIMEOUT_MS 4000 // a dead one is found within 5 s

#define HOUR_MS INT64_C(3600000)
#define GIB     (INT64_C(1) << 30)

const struct config_option tracker_options[] = {
    LOG_OPTIONS(struct tracker_config, log),
    REDIS_OPTIONS(struct tracker_config, redis),
    TRACKER("host", CONFIG_STRING, host, 0, 0, "127.0.0.1", "numeric address that visitors reach"),
    TRACKER("port", CONFIG_INT, port, 1, 65535, "8080", "its port"),
    TRACKER("admin_host", CONFIG_STRING, admin_host, 0, 0, "127.0.0.1",
            "numeric address of /healthz and /metrics"),
    TRACKER("admin_port", CONFIG_INT, admin_port, 1, 65535, "8090", "its port"),
    TRACKER("workers", CONFIG_INT, workers, 1, TRACKER_WORKERS_MAX, "2",
            "worker processes; one per core is enough"),
    TRACKER("state", CONFIG_PATH, state, 0, 0, "/var/lib/clickledger/tracker",
            "folder of journal and catalog"),
    TRACKER("pid_file", CONFIG_STRING, pid_file, 0, 0, "",
            "where the pid of the supervisor is told, also of the one after an upgrade; empty: nowhere"),
    RELOADED(
        "click_keys", CONFIG_PATH, click_keys, 0, 0, "/etc/clickledger/click_keys",
        "lines `<key id 0..3> <32 hex digits>`, the first signs new click ids; readable by the owner only"),
    RELOADED("fallback_url", CONFIG_STRING, fallback_url, 0, 0, "",
             "where unknown links lead, and inactive ones of programmes without their own; empty: 404"),
    RELOADED("trusted_proxies", CONFIG_STRING, trusted_proxies, 0, 0, "",
             "addresses and networks, by comma, whose X-Forwarded-For and X-Forwarded-Proto are believed"),
    CHOICE(
        "address_policy", address_policy, "truncated",
        "kept of a visitor's address: its network (/24, /48), all of it, or none; a keyed hash of it always",
        "truncated|full|none"),
    RELOADED("geo_country", CONFIG_STRING, geo_country, 0, 0, "",
             "MaxMind DB of countries or cities; replace it by renaming, then SIGHUP; empty: not known"),
    RELOADED("geo_asn", CONFIG_STRING, geo_asn, 0, 0, "", "MaxMind DB of autonomous systems, likewise"),
    RELOADED("agents_list", CONFIG_STRING, agents_list, 0, 0, "",
             "user agents in place of the built-in list, base/agents.list"),
    RELOADED("datacentres_list", CONFIG_STRING, datacentres_list, 0, 0, "",
             "data centres in place of the built-in list, base/datacentres.list"),
    CHOICE("datacentre_class", datacentre_class, "bot",
           "what a click from a data centre is taken for; people behind a VPN come from there, too",
           "bot|human"),
    TRACKER("journal_sync_ms", CONFIG_DURATION, journal_sync_ms, 0, 60000, "100ms",
            "most that a power cut costs; 0: synced before each answer"),
    RELOADED("journal_keep", CONFIG_DURATION, journal_keep_ms, 0, 90 * 24 * HOUR_MS, "24h",
             "kept on disk after PostgreSQL has it, for a restore"),
    RELOADED("journal_keep_bytes", CONFIG_BYTES, journal_keep_bytes, 0, 16384 * GIB, "4g",
             "bound of what is kept so, per worker"),
    TRACKER("journal_segment_bytes", CONFIG_BYTES, journal_segment_bytes, RECORDER_SEGMENT_BYTES_MIN, GIB,
            "64m", "size of a journal file"),
    TRACKER("redis_window_bytes", CONFIG_BYTES, redis_window_bytes, 1 << 20, 64 * GIB, "256m",
            "most in Redis and not yet in PostgreSQL, per worker; more waits in the journal"),
    TRACKER("connections_max", CONFIG_INT, connections_max, 16, 65536, "4096",
            "per worker; more displace who is silent or slow, else get 503"),
    RELOADED("drain", CONFIG_DURATION, drain_ms, 0, HOUR_MS, "60s",
             "longest wait for open connections when stopped or replaced by an upgrade"),
};

const size_t tracker_options_count = array_length(tracker_options);

struct redis_options options_redis(const struct tracker_config *config)
{
    return (struct redis_options){
        .reply_timeout_ms = REDIS_REPLY_TIMEOUT_MS,
        .address = config->redis.address,
        .user = config->redis.user[0] != '\0' ? config->redis.user : NULL,
        .password = config->redis.password[0] != '\0' ? config->redis.password : NULL,
    };
}
