// Histogram of latencies. Owner: who adds; one thread. Limit: HISTOGRAM_NS_MAX.

#include "bench/histogram.h"

#include <inttypes.h>

#include "base/util.h"

#define BAR_COLUMNS 50

// Values below HISTOGRAM_SUB have a bucket each; above, each power of two has HISTOGRAM_SUB of them.
static size_t bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_SUB)
        return (size_t)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - 7u;
    return (size_t)(shift * HISTOGRAM_SUB + (ns >> shift));
}

static uint64_t bucket_highest(size_t bucket)
{
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    unsigned shift = (unsigned)(bucket / HISTOGRAM_SUB) - 1u;
    return ((bucket % HISTOGRAM_SUB + HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    ns = min_of(ns, HISTOGRAM_NS_MAX);
    histogram->n++;
    histogram->max_ns = max_of(histogram->max_ns, ns);
    histogram->count[bucket_of(ns)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->n;
    uint64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->count[i];
        if (seen > 0 && (double)seen >= wanted)
            return min_of(bucket_highest(i), histogram->max_ns);
    }
    return histogram->max_ns;
}

void histogram_print(const struct histogram *histogram, FILE *out)
{
    static const char bar[] = "##################################################";
    uint64_t row[64] = {0}, highest = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (histogram->count[i] > 0)
            row[63 - __builtin_clzll(bucket_highest(i) | 1)] += histogram->count[i];
    for (size_t i = 0; i < array_length(row); i++)
        highest = max_of(highest, row[i]);
    for (size_t i = 0; i < array_length(row); i++)
        if (row[i] > 0)
            (void)fprintf(out, "  below %10.1f us %10" PRIu64 "  %.*s\n", (double)(UINT64_C(2) << i) / 1e3,
                          row[i], (int)((row[i] * BAR_COLUMNS + highest - 1) / highest), bar);
}
