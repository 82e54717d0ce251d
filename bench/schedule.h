#pragma once

// When requests are due: fixed in advance by rate and seed, whatever the answers do (open loop).

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    double mean_ns, at_ns;
    uint64_t random, start_ns, left;
    bool even; // equal gaps; else the gaps of independent visitors (exponential)
};

// `n` arrivals at `rate` a second from start_ns on.
void schedule_init(struct schedule *schedule, uint64_t start_ns, double rate, uint64_t n, uint64_t seed,
                   bool even);

// Time of the next arrival; UINT64_MAX when there is none left.
uint64_t schedule_due_ns(const struct schedule *schedule);
void schedule_take(struct schedule *schedule); // that one has been dealt with
