// Positions of one shard in memory. Owner: its shard. Invariants: `last_seq` is what PostgreSQL has
// committed; a want is always last_seq + 1 and keeps the newest evidence. Limit: POSITIONS_MAX.

#include "ingest/published.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void positions_clear(struct positions *positions)
{
    positions->n = 0;
}

void positions_deinit(struct positions *positions)
{
    free(positions->all);
    *positions = (struct positions){0};
}

// Index of the first one that is not below the producer.
static size_t place_of(const struct positions *positions, const uint8_t producer[PRODUCER_BYTES])
{
    size_t low = 0, high = positions->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(positions->all[middle].producer, producer, PRODUCER_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct position *positions_find(const struct positions *positions, const uint8_t producer[PRODUCER_BYTES])
{
    size_t at = place_of(positions, producer);
    bool found = at < positions->n && memcmp(positions->all[at].producer, producer, PRODUCER_BYTES) == 0;
    return found ? &positions->all[at] : NULL;
}

static bool room_make(struct positions *positions)
{
    if (positions->n < positions->room)
        return true;
    if (positions->n == POSITIONS_MAX) {
        errno = ENOSPC;
        return false;
    }
    size_t room = min_of(2 * positions->room + 64, (size_t)POSITIONS_MAX);
    struct position *all = reallocarray(positions->all, room, sizeof(*all));
    if (!all)
        return false;
    positions->all = all;
    positions->room = room;
    return true;
}

struct position *positions_get(struct positions *positions, const uint8_t producer[PRODUCER_BYTES])
{
    struct position *found = positions_find(positions, producer);

    if (found)
        return found;
    if (!room_make(positions))
        return NULL;
    size_t at = place_of(positions, producer);
    struct position *made = &positions->all[at];
    memmove(made + 1, made, (positions->n - at) * sizeof(*made));
    positions->n++;
    *made = (struct position){.evidence = "0-0", .unpublished = true};
    memcpy(made->producer, producer, PRODUCER_BYTES);
    return made;
}

void position_move(struct position *position, const struct loaded_producer *loaded)
{
    position->last_seq = loaded->row.position.last_seq;
    position->ended = loaded->row.ended;
    position->unpublished = true;
    if (loaded->gap) {
        position->want = position->last_seq + 1;
        memcpy(position->evidence, loaded->evidence, sizeof(position->evidence));
    } else if (position->want <= position->last_seq) {
        position->want = 0;
        strcpy(position->evidence, "0-0");
    }
}

size_t position_format(const struct position *position, const char *generation, char out[POSITION_TEXT_BYTES])
{
    return (size_t)snprintf(out, POSITION_TEXT_BYTES, "%s %" PRIu64 " %" PRIu64 " %s %d", generation,
                            position->last_seq, position->want, position->evidence, position->ended);
}

bool position_parse(struct slice text, char generation[GENERATION_BYTES], struct position *position)
{
    char copy[POSITION_TEXT_BYTES];
    int ended = 0, end = 0;

    if (!text.data || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    int n = sscanf(copy, "%63s %" SCNu64 " %" SCNu64 " %43s %d%n", generation, &position->last_seq,
                   &position->want, position->evidence, &ended, &end);
    position->ended = ended == 1;
    return n == 5 && copy[end] == '\0';
}

bool generation_related(const char *a, const char *b)
{
    const char *a_mark = strrchr(a, '-'), *b_mark = strrchr(b, '-');
    return a_mark && b_mark && a_mark - a == b_mark - b && memcmp(a, b, (size_t)(a_mark - a)) == 0;
}
