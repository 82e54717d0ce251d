#pragma once

// The loop of bench/load: asks when it is due, counts what comes back.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"
#include "bench/client.h"
#include "bench/histogram.h"
#include "bench/requests.h"
#include "bench/visitors.h"

#define ENGINE_FROM_MAX 64

struct engine_options {
    struct sockaddr_storage address, from[ENGINE_FROM_MAX];
    socklen_t address_bytes, from_bytes;
    size_t n_from;
    unsigned connections;
    double rate; // of requests a second; 0: closed loop, each connection asks as soon as it was answered
    uint64_t n;  // of requests; UINT64_MAX: until the time is over
    uint64_t lasts_ns; // UINT64_MAX: until n
    uint64_t timeout_ns, seed;
    unsigned
        returning_per_cent; // of requests that an earlier visitor sends, with his cookie; 0: as the mix says
    bool close, even, quiet;
    FILE *ids; // NULL: none
};

struct engine_totals {
    uint64_t sent, answered, ids, late; // late: due while every connection was busy
    uint64_t failed[CLIENT_FAILURES];
    uint64_t status[6]; // by hundreds; 0: none of 1xx..5xx
    int last_error;     // errno of the last failure that has one
    uint64_t elapsed_ns;
    bool interrupted, ids_failed;
    struct histogram latency;
};

// Until all is asked and answered, the time is over or SIGINT or SIGTERM comes. 0 or a negative errno.
must_check int engine_run(const struct engine_options *options, struct requests *requests,
                          struct engine_totals *totals);
