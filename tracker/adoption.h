#pragma once

// Journals without an owner: sent under their own producer, ended, kept for a while, removed.

#include <stdbool.h>
#include <stdint.h>

#include "tracker/recorder.h"
#include "tracker/store.h"

#define ADOPTED_MAX        4096
#define ADOPTED_ACTIVE_MAX 8 // are sent at a time

struct adoption;

// NULL with errno. All must outlive it.
struct adoption *adoption_new(int root_fd, struct store *store, const struct recorder_options *options,
                              struct recorder_counters *counters);
struct adoption *adoption_free(struct adoption *adoption); // NULL; takes NULL; behind store_deinit()

// Adopts what has no owner now. 0 or negative errno. *owned: folders that have one (may be NULL).
must_check int adoption_scan(struct adoption *adoption, unsigned *owned);

void adoption_up(struct adoption *adoption, bool same);
void adoption_down(struct adoption *adoption);
void adoption_tick(struct adoption *adoption, uint64_t now_ms); // unix ms; about four times a second
void adoption_poll(struct adoption *adoption);                  // asks for positions; about once a second

struct adoption_progress {
    unsigned folders, waiting; // waiting: not all of it is in PostgreSQL
    unsigned bad;              // cannot be read
    uint64_t behind_frames;    // of those that are being sent
};
struct adoption_progress adoption_progress(const struct adoption *adoption);
