#pragma once

// Latencies in buckets whose width grows with the value, as in HdrHistogram: a value is known to 1/128 of
// itself.

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_SUB     128
#define HISTOGRAM_NS_MAX  (UINT64_C(1) << 40) // 18 minutes; what is above counts as this
#define HISTOGRAM_BUCKETS (35 * HISTOGRAM_SUB)

struct histogram {
    uint64_t n, max_ns;
    uint64_t count[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);

// The highest value of the bucket in which the share (0..1) of all values is reached; 0 when there is none.
uint64_t histogram_quantile(const struct histogram *histogram, double share);

// Powers of two as rows with bars.
void histogram_print(const struct histogram *histogram, FILE *out);
