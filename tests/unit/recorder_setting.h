#pragma once

// A recorder with a real Redis and a model of ingest: the fixture of the recorder's tests.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/redis.h"
#include "ingest_model.h"
#include "redis_server.h"
#include "tracker/journal_door.h"
#include "tracker/journal_folder.h"
#include "tracker/recorder.h"

#define PATIENCE_MS   20000
#define PRODUCERS_MAX 32
#define ARGS(...)     ARGS_(((const struct slice[]){__VA_ARGS__}))
#define ARGS_(args)   args, array_length(args)

struct ingest {
    unsigned n;
    char name[PRODUCERS_MAX][JOURNAL_NAME_BYTES];
    struct ingest_model model[PRODUCERS_MAX];
    const char *generation;
};

struct setting {
    struct redis_server server;
    char journal_dir[96];
    struct event_base *base;
    struct recorder_options options;
    struct recorder_counters counters;
    struct recorder *recorder;
    struct redis_client *client;
    struct ingest ingest;
    uint64_t added; // hits whose turn was taken
    unsigned settled_yes, settled_no;
    bool stalled; // ingest reads nothing
};

extern struct journal_doors real_doors; // setting_down() puts them back

int setting_up(void **state); // a new Redis, a recorder on it; a clean slate
int setting_down(void **state);

void recorder_begin(struct setting *s);
void client_begin(struct setting *s); // of the model of ingest; again after Redis was started again

void ingest_run(struct setting *s); // reads the stream, applies, publishes, trims
uint64_t ingest_hits(const struct setting *s);
uint64_t ingest_lost_frames(const struct setting *s);

// One command that must succeed.
void call(struct setting *s, const struct slice args[], size_t n);

void loop_turn(struct setting *s);

// One turn with n hits; what RECORDER_RETRY throws away is added again in the next mode, as a worker does.
void turn(struct setting *s, unsigned n);
void turns(struct setting *s, unsigned n); // of 3 hits each, with ingest behind each

#define until(s, condition)                                                                                  \
    for (uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS; !(condition);) {                              \
        loop_turn(s);                                                                                        \
        assert_int_equal(recorder_turn_end((s)->recorder), 0);                                               \
        ingest_run(s);                                                                                       \
        assert_true(clock_monotonic_ms() < end_ms);                                                          \
    }
