// The recorder against a real Redis and a model of ingest: whatever Redis and PostgreSQL do, each hit whose
// answer may be flushed arrives once.

#include "recorder_setting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void everything_arrives(void **state)
{
    struct setting *s = *state;

    assert_int_equal(recorder_mode(s->recorder), RECORDER_JOURNALED);
    turns(s, 50); // the first before Redis is even connected
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(s->added, 150);
    assert_int_equal(s->ingest.n, 1);
    assert_int_equal(ingest_lost_frames(s), 0);
    assert_int_equal(s->counters.accepted, 150);
    until(s, s->counters.confirmed_frames == 50);
    assert_int_equal(s->counters.wants + s->counters.vanished, 0);
    assert_true(s->counters.syncs > 0);
}

static int64_t length_of(struct setting *s, const char *stream)
{
    struct redis_reply *reply;

    assert_int_equal(redis_client_call(s->client, ARGS(SLICE("XLEN"), slice_of(stream)), &reply), 0);
    int64_t length = redis_reply_integer(reply);
    redis_reply_free(reply);
    return length;
}

static int64_t stream_length(struct setting *s)
{
    return length_of(s, "cl:hits:{0}");
}

static void a_flushed_redis_is_filled_again(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    until(s, ingest_hits(s) == s->added);
    s->stalled = true;
    turns(s, 10);
    until(s, stream_length(s) == 10);
    call(s, ARGS(SLICE("FLUSHALL")));
    s->stalled = false;
    until(s, ingest_hits(s) == s->added); // without new traffic: the probe finds it
    until(s, s->counters.vanished > 0);
    s->stalled = true;
    turns(s, 10);
    call(s, ARGS(SLICE("FLUSHALL")));
    s->stalled = false;
    turns(s, 10); // with new traffic: ingest asks, or the probe finds it
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(ingest_lost_frames(s), 0);
}

static void a_killed_redis_is_filled_again(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    s->stalled = true;
    turns(s, 10);
    redis_server_kill(&s->server, SIGKILL);
    turns(s, 20);
    redis_server_start(&s->server, NULL);
    client_begin(s);
    s->stalled = false;
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(s->added, 120);
    assert_int_equal(ingest_lost_frames(s), 0);
    assert_int_equal(recorder_mode(s->recorder), RECORDER_JOURNALED);
}

static void a_full_redis_is_not_believed(void **state)
{
    struct setting *s = *state;

    turns(s, 5);
    call(s, ARGS(SLICE("CONFIG"), SLICE("SET"), SLICE("maxmemory"), SLICE("1")));
    s->stalled = true;
    turns(s, 20);
    until(s, s->counters.not_stored > 0);
    call(s, ARGS(SLICE("CONFIG"), SLICE("SET"), SLICE("maxmemory"), SLICE("0")));
    s->stalled = false;
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(ingest_lost_frames(s), 0);
}

static void a_replica_is_left_until_it_is_a_master(void **state)
{
    struct setting *s = *state;

    turns(s, 5);
    until(s, ingest_hits(s) == s->added);
    s->stalled = true;
    call(s, ARGS(SLICE("REPLICAOF"), SLICE("127.0.0.1"), SLICE("1")));
    turns(s, 5);
    until(s, s->counters.not_stored > 0 && s->counters.redis_losses > 0);
    call(s, ARGS(SLICE("REPLICAOF"), SLICE("NO"), SLICE("ONE")));
    s->stalled = false;
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(ingest_lost_frames(s), 0);
}

static void a_redis_that_evicts_gets_nothing(void **state)
{
    struct setting *s = *state;

    recorder_close(s->recorder);
    call(s, ARGS(SLICE("CONFIG"), SLICE("SET"), SLICE("maxmemory-policy"), SLICE("allkeys-lru")));
    recorder_begin(s);
    until(s, s->counters.redis_evicts == 1);
    turns(s, 5);
    assert_int_equal(s->counters.sent_frames, 0);
    assert_int_equal(recorder_mode(s->recorder), RECORDER_JOURNALED);
    call(s, ARGS(SLICE("CONFIG"), SLICE("SET"), SLICE("maxmemory-policy"), SLICE("noeviction")));
    until(s, ingest_hits(s) == s->added);
    call(s, ARGS(SLICE("CONFIG"), SLICE("SET"), SLICE("maxmemory-policy"), SLICE("allkeys-lfu")));
    until(s, s->counters.redis_evicts == 1);
}

static void the_window_keeps_redis_small(void **state)
{
    struct setting *s = *state;

    s->stalled = true;
    turns(s, 2);
    for (int i = 0; i < 60; i++)
        turn(s, 30); // 30 KB each
    until(s, s->counters.window_full == 1);
    until(s, stream_length(s) == (int64_t)s->counters.sent_frames);
    assert_in_range(stream_length(s), 30, 40);
    s->stalled = false;
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(ingest_lost_frames(s), 0);
    until(s, s->counters.window_bytes == 0);
    assert_int_equal(s->counters.resent_frames, 0);
}

static void postgresql_that_goes_back_is_filled_again(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    until(s, ingest_hits(s) == s->added);
    struct ingest_model backup = s->ingest.model[0];
    turns(s, 10);
    until(s, ingest_hits(s) == s->added && s->counters.confirmed_frames == 20);
    s->ingest.model[0] = backup;
    s->ingest.generation = "a-2-0";
    until(s, ingest_hits(s) == s->added);
    until(s, s->counters.rewinds == 1);
    assert_int_equal(ingest_lost_frames(s), 0);
}

// --- Adoption --------------------------------------------------------------------------------

static unsigned folders(const struct setting *s)
{
    DIR *dir = opendir(s->journal_dir);
    unsigned n = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

static void a_journal_without_owner_is_sent_and_ended(void **state)
{
    struct setting *s = *state;

    redis_server_kill(&s->server, SIGKILL);
    turns(s, 10);
    recorder_close(s->recorder);
    redis_server_start(&s->server, NULL);
    client_begin(s);
    recorder_begin(s);
    turns(s, 10);
    until(s, ingest_hits(s) == s->added && s->ingest.n == 2);
    assert_int_equal(s->added, 60);
    until(s, s->ingest.model[0].ended || s->ingest.model[1].ended);
    until(s, s->counters.adopted == 1 && s->counters.adopted_waiting == 0);
    assert_int_equal(folders(s), 2);
    assert_int_equal(ingest_lost_frames(s), 0);
}

static void accepted_is(struct setting *s, const char *key, const char *producer, const char *hits)
{
    struct redis_reply *reply;

    assert_int_equal(
        redis_client_call(s->client, ARGS(SLICE("HGET"), slice_of(key), slice_of(producer)), &reply), 0);
    assert_true(slice_equal(redis_reply_text(reply), slice_of(hits)));
    redis_reply_free(reply);
}

// The model of ingest reads shard 0 alone.
static void another_shard_is_for_another_producer(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    recorder_move(s->recorder, 1);
    until(s, s->ingest.n == 1 && s->ingest.model[0].ended);
    assert_int_equal(folders(s), 2);
    assert_int_equal(ingest_hits(s), 30);
    assert_int_equal(s->counters.journal_failures, 0);
    accepted_is(s, "cl:accepted:{0}", s->ingest.name[0], "30");
    assert_int_equal(length_of(s, "cl:hits:{1}"), 0);
    turn(s, 3);
    until(s, length_of(s, "cl:hits:{1}") == 1);
    assert_int_equal(stream_length(s), 0);
    assert_int_equal(recorder_mode(s->recorder), RECORDER_JOURNALED);
}

static void an_ended_journal_wakes_when_postgresql_goes_back(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    until(s, ingest_hits(s) == s->added);
    recorder_close(s->recorder);
    recorder_begin(s);
    until(s, s->counters.adopted == 1 && s->counters.adopted_waiting == 0);
    assert_true(s->ingest.model[0].ended);
    s->ingest.model[0] = (struct ingest_model){0};
    s->ingest.generation = "b-1-0";
    until(s, s->ingest.model[0].ended);
    assert_int_equal(ingest_hits(s), s->added);
    until(s, s->counters.adopted_waiting == 0);
}

static void an_ended_journal_is_removed_after_journal_keep(void **state)
{
    struct setting *s = *state;

    turns(s, 5);
    until(s, ingest_hits(s) == s->added);
    recorder_close(s->recorder);
    s->options.journal_keep_ms = 0;
    recorder_begin(s);
    until(s, s->ingest.model[0].ended && folders(s) == 1);
}

// A power cut took the end of the journal, but Redis and PostgreSQL have it.
static void a_torn_journal_ends_all_the_same(void **state)
{
    struct setting *s = *state;
    char command[300];

    turns(s, 10);
    until(s, ingest_hits(s) == s->added);
    off_t frame_bytes = (off_t)(s->counters.frame_bytes / 10);
    recorder_close(s->recorder);
    snprintf(command, sizeof(command), "truncate -s %ld %s/*/0000000000000001.seg",
             (long)(4 * frame_bytes + 50), s->journal_dir);
    assert_int_equal(system(command), 0);
    recorder_begin(s);
    until(s, s->ingest.model[0].ended);
    assert_int_equal(s->ingest.model[0].last, 10);
    assert_int_equal(ingest_hits(s), 30);
    assert_int_equal(ingest_lost_frames(s), 0);
    assert_int_equal(s->counters.torn_bytes, 50);
}

// A worker that records as fast as it can, and says after each turn that its answers may go.
static _Noreturn void child_run(struct setting *s, int pipe_fd)
{
    struct event_base *base = event_base_new();
    struct recorder_counters counters = {0};

    s->base = base;
    if (recorder_open(&s->recorder, base, &s->options, &counters, NULL, NULL))
        _exit(1);
    for (;;) {
        turn(s, 3);
        if (write(pipe_fd, "x", 1) != 1)
            _exit(0);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

static void a_killed_worker_loses_nothing_that_was_answered(void **state)
{
    struct setting *s = *state;
    static char answered[1 << 16];
    size_t turns_answered = 0;
    int fds[2];

    recorder_close(s->recorder);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0)
        child_run(s, fds[1]);
    close(fds[1]);
    while (turns_answered < 500)
        turns_answered += (size_t)read(fds[0], answered, sizeof(answered));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (ssize_t n; (n = read(fds[0], answered, sizeof(answered))) > 0;)
        turns_answered += (size_t)n;
    close(fds[0]);
    recorder_begin(s);
    until(s, s->ingest.n == 1 && s->ingest.model[0].ended);
    assert_in_range(ingest_hits(s), 3 * turns_answered, 3 * turns_answered + 3);
    assert_int_equal(ingest_lost_frames(s), 0);
}

static void drain_brings_everything_home(void **state)
{
    struct setting *s = *state;

    s->options.journal_keep_ms = 3600000;
    turns(s, 10);
    assert_int_equal(recorder_drain(&s->options), -EBUSY); // the recorder still owns its journal
    recorder_close(s->recorder);
    s->recorder = NULL;
    pid_t pid = fork();
    if (pid == 0)
        _exit(recorder_drain(&s->options) == 0 ? 0 : 1);
    int status = -1;
    for (uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS; waitpid(pid, &status, WNOHANG) == 0;) {
        ingest_run(s);
        usleep(2000);
        assert_true(clock_monotonic_ms() < end_ms);
    }
    assert_int_equal(status, 0);
    assert_int_equal(ingest_hits(s), s->added);
    assert_true(s->ingest.model[0].ended);
}

// Flips one byte in the first segment of the only journal.
static void journal_damage(const struct setting *s, off_t at)
{
    char path[256], command[300];
    snprintf(command, sizeof(command), "ls -d %s/*/0000000000000001.seg", s->journal_dir);
    FILE *ls = popen(command, "r");
    assert_int_equal(fscanf(ls, "%255s", path), 1);
    pclose(ls);
    int fd = open(path, O_RDWR);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static uint64_t ingest_lost_hits(const struct setting *s)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->ingest.n; i++)
        sum += s->ingest.model[i].lost_hits;
    return sum;
}

// Frames of turns() are all of one size: 3 hits of about a kilobyte.
static void damage_costs_what_it_hits(struct setting *s, unsigned frame, off_t byte, bool hole)
{
    redis_server_kill(&s->server, SIGKILL);
    turns(s, 10);
    off_t frame_bytes = (off_t)(s->counters.frame_bytes / 10);
    recorder_close(s->recorder);
    journal_damage(s, frame * frame_bytes + byte);
    redis_server_start(&s->server, NULL);
    client_begin(s);
    recorder_begin(s);
    until(s, s->ingest.n == 1 && s->ingest.model[0].ended);
    assert_int_equal(s->ingest.model[0].last, 10); // END does not count
    assert_int_equal(ingest_hits(s), 27);
    assert_int_equal(ingest_lost_hits(s), 3);
    assert_int_equal(s->counters.hole_frames, hole);
    assert_int_equal(s->counters.gap_frames, !hole);
    until(s, s->counters.adopted_waiting == 0);
    assert_int_equal(ingest_lost_frames(s), !hole);
}

static void a_damaged_payload_becomes_a_hole(void **state)
{
    damage_costs_what_it_hits(*state, 4, 500, true);
}

static void a_damaged_header_becomes_a_gap(void **state)
{
    damage_costs_what_it_hits(*state, 4, 20, false);
}

static void a_damaged_first_header_becomes_a_gap(void **state)
{
    damage_costs_what_it_hits(*state, 0, 20, false);
}

int main(void)
{
#define with_redis(name) cmocka_unit_test_setup_teardown(name, setting_up, setting_down)
    const struct CMUnitTest tests[] = {
        with_redis(everything_arrives),
        with_redis(a_flushed_redis_is_filled_again),
        with_redis(a_killed_redis_is_filled_again),
        with_redis(a_full_redis_is_not_believed),
        with_redis(a_replica_is_left_until_it_is_a_master),
        with_redis(a_redis_that_evicts_gets_nothing),
        with_redis(the_window_keeps_redis_small),
        with_redis(postgresql_that_goes_back_is_filled_again),
        with_redis(a_journal_without_owner_is_sent_and_ended),
        with_redis(another_shard_is_for_another_producer),
        with_redis(an_ended_journal_wakes_when_postgresql_goes_back),
        with_redis(an_ended_journal_is_removed_after_journal_keep),
        with_redis(a_damaged_payload_becomes_a_hole),
        with_redis(a_damaged_header_becomes_a_gap),
        with_redis(a_damaged_first_header_becomes_a_gap),
        with_redis(a_torn_journal_ends_all_the_same),
        with_redis(a_killed_worker_loses_nothing_that_was_answered),
        with_redis(drain_brings_everything_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
