// Arrival times of an open loop. Pure: the caller owns the clock.

#include "bench/schedule.h"

#include <math.h>

#include "bench/random.h"

static void schedule_step(struct schedule *schedule)
{
    schedule->at_ns +=
        schedule->even ? schedule->mean_ns : -log(random_share(&schedule->random)) * schedule->mean_ns;
}

void schedule_init(struct schedule *schedule, uint64_t start_ns, double rate, uint64_t n, uint64_t seed,
                   bool even)
{
    *schedule = (struct schedule){
        .mean_ns = 1e9 / rate, .random = seed, .start_ns = start_ns, .left = n, .even = even};
    schedule_step(schedule);
}

uint64_t schedule_due_ns(const struct schedule *schedule)
{
    return schedule->left > 0 ? schedule->start_ns + (uint64_t)schedule->at_ns : UINT64_MAX;
}

void schedule_take(struct schedule *schedule)
{
    schedule->left--;
    schedule_step(schedule);
}
