#pragma once

// The destination of a click as it stands in a hit. Most hold the click's own id as text, usually at their
// end; there the byte HIT_OWN_ID stands for it, which cannot be in a URL: some 18 bytes less of a
// packed click.

#include <stddef.h>
#include <stdint.h>

#include "base/hit.h"
#include "base/slice.h"

#define HIT_OWN_ID                '\1'
#define HIT_DESTINATION_BYTES_MAX (HIT_FIELD_MAX + 35)

// The URL with one id folded, the last if it ends with one, cut at HIT_FIELD_MAX. out: HIT_FIELD_MAX bytes;
// returns the length.
size_t hit_destination_fold(struct slice url, const char id_text[36], char *out);

// The URL again, as it was before it was cut. out: HIT_DESTINATION_BYTES_MAX bytes; returns the length.
// `folded` is at most HIT_FIELD_MAX bytes.
size_t hit_destination_unfold(struct slice folded, const uint8_t id[HIT_ID_BYTES], char *out);
