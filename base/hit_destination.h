#pragma once

// The destination of a click as it stands in a hit. Most hold the click's own id as text; there the byte
// HIT_OWN_ID stands for it, which cannot be in a URL: a click waits in a quarter less of Redis.

#include <stddef.h>
#include <stdint.h>

#include "base/hit.h"
#include "base/slice.h"

#define HIT_OWN_ID                '\1'
#define HIT_OWN_IDS_MAX           4 // of one destination; further ones stand as they are
#define HIT_DESTINATION_BYTES_MAX (HIT_FIELD_MAX + HIT_OWN_IDS_MAX * 36)

// The URL with its ids folded, cut at HIT_FIELD_MAX. out: HIT_FIELD_MAX bytes; returns the length.
size_t hit_destination_fold(struct slice url, const char id_text[36], char *out);

// The URL again, as it was before it was cut. out: HIT_DESTINATION_BYTES_MAX bytes; returns the length.
// `folded` is at most HIT_FIELD_MAX bytes.
size_t hit_destination_unfold(struct slice folded, const uint8_t id[HIT_ID_BYTES], char *out);
