// Settings of a tracker: read as a whole or not at all. Owner: the supervisor writes, under a turn counter;
// workers copy. Invariant: whatever passes here may be worked by, and ids that were issued under the settings
// before it stay valid, because the key that signed them until now must still be there, unchanged.

#include "tracker/settings.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "tracker/reference.h"

int settings_complete(struct settings *settings, char error[SETTINGS_ERROR_BYTES])
{
    const struct tracker_config *config = &settings->config;
    int r = click_id_keys_load(&settings->keys, config->click_keys);

    if (r) {
        snprintf(error, SETTINGS_ERROR_BYTES, "%s: %s", config->click_keys, click_id_keys_reason(r));
        return CONFIG_WRONG;
    }
    address_key_derive(&settings->keys, settings->address_key);
    if (http_proxies_parse(&settings->proxies, slice_of(config->trusted_proxies))) {
        snprintf(error, SETTINGS_ERROR_BYTES,
                 "trusted_proxies: not a list of addresses and networks, or too long");
        return CONFIG_WRONG;
    }
    return 0;
}

// A key may be added, and removed when another one signs since the last reload.
static int keys_follow(const struct click_id_keys *before, const struct click_id_keys *after,
                       const char *path, char error[SETTINGS_ERROR_BYTES])
{
    unsigned current = before->current;

    if (!after->known[current]) {
        snprintf(error, SETTINGS_ERROR_BYTES,
                 "%s: key %u signs until now and is gone; put the new key before it and remove it later",
                 path, current);
        return CONFIG_WRONG;
    }
    for (unsigned i = 0; i < CLICK_ID_KEYS_MAX; i++)
        if (before->known[i] && after->known[i] &&
            sodium_memcmp(before->key[i], after->key[i], CLICK_ID_KEY_BYTES) != 0) {
            snprintf(error, SETTINGS_ERROR_BYTES,
                     "%s: key %u is another one now; a new key needs an id of its own", path, i);
            return CONFIG_WRONG;
        }
    return 0;
}

int settings_reread(struct settings *settings, const struct program *program,
                    char error[SETTINGS_ERROR_BYTES])
{
    struct settings *next = calloc(1, sizeof(*next));

    if (!next) {
        snprintf(error, SETTINGS_ERROR_BYTES, "out of memory");
        return CONFIG_WRONG;
    }
    int r = program_settings_reread(program, &next->config, error, SETTINGS_ERROR_BYTES);
    if (r == 0)
        r = settings_complete(next, error);
    if (r == 0)
        r = keys_follow(&settings->keys, &next->keys, next->config.click_keys, error);
    if (r == 0)
        r = reference_check(&next->config, error, SETTINGS_ERROR_BYTES);
    if (r == 0)
        *settings = *next; // in place: who holds the address of an option that cannot change may go on
    sodium_memzero(next, sizeof(*next));
    free(next);
    return r;
}

void settings_publish(struct settings_shared *shared, const struct settings *settings)
{
    uint64_t turn = shared->turn;

    __atomic_store_n(&shared->turn, turn + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    shared->settings = *settings;
    __atomic_store_n(&shared->turn, turn + 2, __ATOMIC_RELEASE);
}

bool settings_refresh(struct settings *settings, uint64_t *generation, const struct settings_shared *shared)
{
    uint64_t turn = __atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE);

    if (turn / 2 == *generation || turn % 2 != 0)
        return false;
    struct settings copy = shared->settings;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&shared->turn, __ATOMIC_RELAXED) != turn)
        return false;
    *settings = copy;
    *generation = turn / 2;
    return true;
}
