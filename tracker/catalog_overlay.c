// An open-addressing table over the records of a mapped log. Owner: a worker's catalog, between turns. At
// most half full, so that every probe ends soon. Its size is bounded by the log, which the publisher keeps
// short by making new images.

#include "tracker/catalog_overlay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SLOTS_MIN   256
#define OFFSET_BITS 40
#define OFFSET_MASK ((UINT64_C(1) << OFFSET_BITS) - 1)

static bool record_at(struct slice log, size_t place, struct catalog_record *record)
{
    struct slice bytes = {log.data + place, log.len - place};
    bytes.len = catalog_record_length(bytes);
    return catalog_record_decode(bytes, record) == 0;
}

// The slot of a key, or the free one where it would go.
static uint64_t *slot_find(const struct catalog_overlay *overlay, struct slice log, uint8_t type,
                           struct slice key, struct catalog_record *record)
{
    uint64_t hash = catalog_hash(type, key);
    for (size_t i = hash & (overlay->n_slots - 1);; i = (i + 1) & (overlay->n_slots - 1)) {
        uint64_t *slot = &overlay->slots[i];
        if (*slot == 0)
            return slot;
        if (((*slot ^ hash) & ~OFFSET_MASK) == 0 && record_at(log, (*slot & OFFSET_MASK) - 1, record) &&
            record->type == type && slice_equal(record->key, key))
            return slot;
    }
}

static int overlay_grow(struct catalog_overlay *overlay, struct slice log)
{
    struct catalog_overlay grown = {.n_slots = overlay->n_slots ? 2 * overlay->n_slots : SLOTS_MIN,
                                    .used = overlay->used};
    grown.slots = calloc(grown.n_slots, sizeof(*grown.slots));
    if (!grown.slots)
        return -ENOMEM;
    for (size_t i = 0; i < overlay->n_slots; i++) {
        struct catalog_record record, other;
        if (overlay->slots[i] == 0)
            continue;
        bool sound = record_at(log, (overlay->slots[i] & OFFSET_MASK) - 1, &record);
        assert(sound);
        *slot_find(&grown, log, record.type, record.key, &other) = overlay->slots[i];
    }
    free(overlay->slots);
    *overlay = grown;
    return 0;
}

int catalog_overlay_put(struct catalog_overlay *overlay, struct slice log, size_t place)
{
    struct catalog_record record, other;
    bool sound = record_at(log, place, &record);
    assert(sound && place < OFFSET_MASK);
    if (2 * (overlay->used + 1) > overlay->n_slots && overlay_grow(overlay, log) < 0)
        return -ENOMEM;
    uint64_t *slot = slot_find(overlay, log, record.type, record.key, &other);
    overlay->used += *slot == 0;
    *slot = (catalog_hash(record.type, record.key) & ~OFFSET_MASK) | (place + 1);
    return 0;
}

bool catalog_overlay_find(const struct catalog_overlay *overlay, struct slice log, uint8_t type,
                          struct slice key, struct catalog_record *record)
{
    return overlay->n_slots > 0 && *slot_find(overlay, log, type, key, record) != 0;
}

void catalog_overlay_deinit(struct catalog_overlay *overlay)
{
    free(overlay->slots);
    *overlay = (struct catalog_overlay){0};
}
