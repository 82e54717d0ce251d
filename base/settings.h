#pragma once

// The sections of clickledger.conf that programs share: a program that uses one embeds the struct and puts
// the rows into its option table, so that all programs agree on what the section may hold.
//   struct ingest_config { struct log_settings log; struct redis_settings redis; ... };
//   static const struct config_option options[] = {
//       LOG_OPTIONS(struct ingest_config, log), REDIS_OPTIONS(struct ingest_config, redis), ... };

#include "base/config.h"
#include "base/log.h"

struct log_settings {
    int level; // enum log_level
};

// The fields of struct redis_options; user and password are "" when there are none.
struct redis_settings {
    char address[256];
    char user[64], password[256];
};

struct postgres_settings {
    char conninfo[512];
};

// clang-format off
#define LOG_OPTIONS(type, member)                                                                            \
    {"log", "level", CONFIG_CHOICE, CONFIG_FIELD(type, member.level), 0, 0, "info",                          \
     "lines below this are dropped", "debug|info|warn|error", true}

#define REDIS_OPTIONS(type, member)                                                                          \
    {"redis", "address", CONFIG_STRING, CONFIG_FIELD(type, member.address), 0, 0, "/run/redis/redis.sock",   \
     "path of a unix socket, host:port or [v6]:port", NULL},                                                 \
    {"redis", "user", CONFIG_STRING, CONFIG_FIELD(type, member.user), 0, 0, "", "empty: the default user",   \
     NULL},                                                                                                  \
    {"redis", "password", CONFIG_SECRET, CONFIG_FIELD(type, member.password), 0, 0, "",                      \
     "empty: none; a file that holds one must be closed to others", NULL}

#define POSTGRES_OPTIONS(type, member)                                                                       \
    {"postgres", "conninfo", CONFIG_STRING, CONFIG_FIELD(type, member.conninfo), 0, 0, "dbname=clickledger", \
     "libpq connection string; a password belongs in ~/.pgpass", NULL}
// clang-format on
