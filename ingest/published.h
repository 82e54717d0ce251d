#pragma once

// Positions as trackers read them in cl:pos:{N}: producer -> "generation last want evidence ended".

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/slice.h"
#include "ingest/loader.h"

#define GENERATION_BYTES    64 // with NUL
#define POSITION_TEXT_BYTES 160
#define POSITIONS_MAX       65536 // of one shard

struct position {
    uint8_t producer[PRODUCER_BYTES];
    uint64_t last_seq;
    uint64_t want; // 0: none
    char evidence[EVIDENCE_BYTES];
    bool ended;
    bool unpublished; // changed since it was last written to Redis
};

// Those of one shard, ascending by producer.
struct positions {
    struct position *all;
    size_t n, room;
};

void positions_clear(struct positions *positions);
void positions_deinit(struct positions *positions);
struct position *positions_find(const struct positions *positions, const uint8_t producer[PRODUCER_BYTES]);

// Finds or makes it. NULL with errno: no memory, or POSITIONS_MAX.
struct position *positions_get(struct positions *positions, const uint8_t producer[PRODUCER_BYTES]);

// What a load did. A want that was reached is over.
void position_move(struct position *position, const struct loaded_producer *loaded);

size_t position_format(const struct position *position, const char *generation,
                       char out[POSITION_TEXT_BYTES]);

// The inverse, without the producer. false: it is no position.
bool position_parse(struct slice text, char generation[GENERATION_BYTES], struct position *position);

// Same system and timeline, whatever the rewind mark.
bool generation_related(const char *a, const char *b);
