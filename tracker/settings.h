#pragma once

// What a tracker works by, as one value: the options and what the files that they name hold. The supervisor
// reads it and publishes it in shared memory; each worker takes a copy between two turns.

#include "base/click_id.h"
#include "tracker/address.h"
#include "tracker/options.h"

#define SETTINGS_ERROR_BYTES (CONFIG_ERROR_BYTES + 512)

struct settings {
    struct tracker_config config;
    struct click_id_keys keys;
    struct http_proxies proxies;
    uint8_t address_key[ADDRESS_KEY_BYTES];
};

// Written by the supervisor only, under `turn`: odd while it writes, then 2 for each generation.
struct settings_shared {
    uint64_t turn;
    struct settings settings;
};

// Fills in what settings->config names. 0, or CONFIG_WRONG with `error`.
must_check int settings_complete(struct settings *settings, char error[SETTINGS_ERROR_BYTES]);

// The settings of a running tracker, read anew. 0, or not 0 with `error`; then *settings is unchanged.
must_check int settings_reread(struct settings *settings, const struct program *program,
                               char error[SETTINGS_ERROR_BYTES]);

void settings_publish(struct settings_shared *shared, const struct settings *settings);

// Takes what is published, if it is newer than *generation. false: there is nothing new, or just being
// written.
bool settings_refresh(struct settings *settings, uint64_t *generation, const struct settings_shared *shared);
