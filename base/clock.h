#pragma once

// The clocks, and times as text. Timeouts use the monotonic clock, records the wall clock.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define CLOCK_TEXT_BYTES 25                       // "2026-01-02T03:04:05.678Z" with its NUL
#define CLOCK_MS_MAX     INT64_C(253402300799999) // the last ms of the year 9999

enum clock_condition {
    CLOCK_MALFORMED = 1, // not a time, or out of 1970..9999
};

uint64_t clock_wall_ms(void); // unix ms
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);

void clock_pause(unsigned ms); // the whole thread; shorter when a signal comes

// RFC 3339 as a strict subset of ISO 8601: YYYY-MM-DDThh:mm:ss[.f to .fffffffff](Z|+hh:mm|-hh:mm), or plain
// unix seconds. Digits below the ms are cut off, leap seconds (:60) are refused. Pure. 0 or CLOCK_MALFORMED.
must_check int clock_parse(struct slice text, int64_t *unix_ms);

// "2026-01-02T03:04:05.678Z"; 0 <= unix_ms <= CLOCK_MS_MAX (clamped). Returns the length without the NUL.
size_t clock_format(int64_t unix_ms, char out[CLOCK_TEXT_BYTES]);
