#pragma once

// The clicks of people that were loaded last, by what they share: whoever settles remembers them, so that new
// ones are compared with their neighbours without reading rows.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"
#include "ingest/click_keys.h"

#define RECENT_MAX (1u << 23) // clicks; 56 bytes each

struct recent;

struct recent *recent_new(void);                   // NULL with errno
struct recent *recent_free(struct recent *recent); // NULL; takes NULL

// Forgets all. Clicks up to that time may have been there that it does not know.
void recent_reset(struct recent *recent, uint64_t forgotten_ms);
void recent_miss(struct recent *recent, uint64_t forgotten_ms); // likewise, without forgetting the others

// Whether it knows every click from that time on, up to the newest.
bool recent_covers(const struct recent *recent, uint64_t from_ms);

// Adds clicks (keys: their struct click_keys, anywhere); the oldest are forgotten when there are too many. 0
// or -ENOMEM. At most 2^31 between two calls of recent_expire().
must_check int recent_add(struct recent *recent, const void *keys, size_t n);

// Forgets the oldest for as long as they are older than that. Between two passes: who forgets them all
// because numbers run out counts from 1 again.
void recent_expire(struct recent *recent, uint64_t before_ms);

// Clicks are numbered in the order in which they came: [recent_first, recent_end), from 1 on.
uint32_t recent_first(const struct recent *recent);
uint32_t recent_end(const struct recent *recent);
const struct click_keys *recent_click(const struct recent *recent, uint32_t number);

// The newest click that may share the key (others have it by chance), and the next older one behind a click;
// 0: there is none.
uint32_t recent_newest(const struct recent *recent, enum click_share share, uint64_t key);
uint32_t recent_older(const struct recent *recent, enum click_share share, uint32_t number);

void recent_prefetch(const struct recent *recent, uint32_t number); // what is asked for first about its keys
