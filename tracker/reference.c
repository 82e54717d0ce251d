// Opens and exchanges databases and lists. Owner: the supervisor, then each worker its copy. Invariant: there
// is always a list of user agents and one of data centres, if need be those of the binary.

#include "tracker/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list_load.h"
#include "base/log.h"

#define WHY_BYTES LIST_WHY_BYTES

// --- Loading: 0, or not 0 with the reason ----------------------------------------------------

static int geo_why(int r, char why[WHY_BYTES])
{
    if (r < 0)
        snprintf(why, WHY_BYTES, "%s", strerror(-r));
    if (r > 0)
        snprintf(why, WHY_BYTES, "no MaxMind DB of what is asked for, or a damaged one");
    return r;
}

// --- Taking over -----------------------------------------------------------------------------

static void told(const char *option, const char *path, const char *why)
{
    log_event(LOG_ERROR, "reference.refused", log_str("option", option), log_str("path", path),
              log_str("reason", why));
}

static void geo_take(struct geo **geo, const char *option, const char *path, enum geo_content content)
{
    char why[WHY_BYTES];
    struct geo *next = NULL;

    if (path[0] != '\0' && geo_why(geo_open(&next, path, content), why)) {
        told(option, path, why);
        return;
    }
    geo_free(*geo);
    *geo = next;
}

static void agents_take(struct reference *reference, const char *path)
{
    char why[WHY_BYTES];
    struct agents *next;

    if (agents_load(&next, path, why)) {
        told("agents_list", path, why);
        return;
    }
    agents_free(reference->agents);
    reference->agents = next;
}

static void datacentres_take(struct reference *reference, const char *path)
{
    char why[WHY_BYTES];
    struct datacentres *next;

    if (datacentres_load(&next, path, why)) {
        told("datacentres_list", path, why);
        return;
    }
    free(reference->datacentres);
    reference->datacentres = next;
}

static void version_note(struct reference *reference)
{
    struct bytes_writer writer = bytes_writer(reference->version, sizeof(reference->version));

    bytes_write_varint(&writer, lists_version(reference->agents, reference->datacentres));
    reference->version_bytes = (uint8_t)(writer.at - reference->version);
}

void reference_reload(struct reference *reference, const struct tracker_config *config)
{
    geo_take(&reference->place, "geo_country", config->geo_country, GEO_PLACE);
    geo_take(&reference->network, "geo_asn", config->geo_asn, GEO_ASN);
    agents_take(reference, config->agents_list);
    datacentres_take(reference, config->datacentres_list);
    reference->datacentres_count = config->datacentre_class == DATACENTRE_BOT;
    if (reference->agents && reference->datacentres)
        version_note(reference);
    agent_memo_init(&reference->memo);
}

// --- Checking --------------------------------------------------------------------------------

static int place_check(const char *path, char why[WHY_BYTES])
{
    return path[0] != '\0' ? geo_why(geo_check(path, GEO_PLACE), why) : 0;
}

static int network_check(const char *path, char why[WHY_BYTES])
{
    return path[0] != '\0' ? geo_why(geo_check(path, GEO_ASN), why) : 0;
}

static int agents_check(const char *path, char why[WHY_BYTES])
{
    struct agents *agents = NULL;
    int r = agents_load(&agents, path, why);

    agents_free(agents);
    return r;
}

static int datacentres_check(const char *path, char why[WHY_BYTES])
{
    struct datacentres *datacentres = NULL;
    int r = datacentres_load(&datacentres, path, why);

    free(datacentres);
    return r;
}

static const struct source {
    const char *option;
    size_t path; // offset in the config
    int (*check)(const char *path, char why[WHY_BYTES]);
} sources[] = {
    {"geo_country", offsetof(struct tracker_config, geo_country), place_check},
    {"geo_asn", offsetof(struct tracker_config, geo_asn), network_check},
    {"agents_list", offsetof(struct tracker_config, agents_list), agents_check},
    {"datacentres_list", offsetof(struct tracker_config, datacentres_list), datacentres_check},
};

int reference_check(const struct tracker_config *config, char *error, size_t error_bytes)
{
    char why[WHY_BYTES];

    for (size_t i = 0; i < array_length(sources); i++) {
        const char *path = (const char *)config + sources[i].path;
        if (sources[i].check(path, why)) {
            snprintf(error, error_bytes, "%s: %s: %s", sources[i].option, path, why);
            return LIST_WRONG;
        }
    }
    return 0;
}

static void unusable_drop(struct tracker_config *config)
{
    char why[WHY_BYTES];

    for (size_t i = 0; i < array_length(sources); i++) {
        char *path = (char *)config + sources[i].path;
        if (sources[i].check(path, why)) {
            told(sources[i].option, path, why);
            path[0] = '\0';
        }
    }
}

int reference_new(struct reference **out, struct tracker_config *config)
{
    struct reference *reference = calloc(1, sizeof(*reference));

    if (!reference)
        return -ENOMEM;
    unusable_drop(config);
    if (config->geo_country[0] == '\0' && config->geo_asn[0] == '\0')
        log_event(LOG_INFO, "reference.no_geo",
                  log_str("consequence", "countries, regions and networks are not known"));
    reference_reload(reference, config);
    if (!reference->agents || !reference->datacentres) {
        *out = reference_free(reference);
        return -ENOMEM;
    }
    *out = reference;
    return 0;
}

struct reference *reference_free(struct reference *reference)
{
    if (reference) {
        geo_free(reference->place);
        geo_free(reference->network);
        agents_free(reference->agents);
        free(reference->datacentres);
        free(reference);
    }
    return NULL;
}
