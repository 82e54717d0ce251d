// The recorder against a real Redis and a model of ingest: whatever Redis and the disk do, each hit whose
// answer may be flushed arrives once.

#include "tracker/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "ingest_model.h"
#include "redis_server.h"
#include "tracker/journal_door.h"
#include "tracker/journal_folder.h"

#define PATIENCE_MS   20000
#define PRODUCERS_MAX 32
#define ARGS(...)                                                                                            \
    (const struct slice[]){__VA_ARGS__}, sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)

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

static void on_settled(void *ctx, uint64_t token, bool stored)
{
    struct setting *s = ctx;
    assert_true(token > 0);
    s->settled_yes += stored;
    s->settled_no += !stored;
}

static void recorder_begin(struct setting *s)
{
    assert_int_equal(recorder_open(&s->recorder, s->base, &s->options, &s->counters, on_settled, s), 0);
}

static void client_begin(struct setting *s)
{
    char error[REDIS_ERROR_BYTES];
    redis_client_close(s->client);
    assert_int_equal(redis_client_open(&s->client, &s->options.redis, error), 0);
}

static int setting_up(void **state)
{
    struct setting *s = calloc(1, sizeof(*s));

    signal(SIGPIPE, SIG_IGN);
    redis_server_init(&s->server);
    redis_server_start(&s->server, NULL);
    snprintf(s->journal_dir, sizeof(s->journal_dir), "%s/journal", s->server.dir);
    s->base = event_base_new();
    s->ingest.generation = "a-1-0";
    s->options = (struct recorder_options){
        .journal_dir = s->journal_dir,
        .host = "test",
        .adopt = true,
        .journal_sync_ms = 5,
        .journal_keep_ms = 3600000,
        .journal_keep_bytes = 1 << 30,
        .segment_bytes = RECORDER_SEGMENT_BYTES_MIN,
        .redis_window_bytes = 1 << 20,
        .redis = {.address = s->server.socket},
    };
    client_begin(s);
    recorder_begin(s);
    *state = s;
    return 0;
}

static struct journal_doors real_doors;
static int failure; // errno of the failing door; 0: none

static int setting_down(void **state)
{
    struct setting *s = *state;

    journal_doors = real_doors;
    failure = 0;
    recorder_close(s->recorder);
    redis_client_close(s->client);
    event_base_free(s->base);
    redis_server_deinit(&s->server);
    free(s);
    return 0;
}

// --- Ingest ----------------------------------------------------------------------------------

static struct ingest_model *model_of(struct ingest *ingest, const uint8_t producer[PRODUCER_BYTES])
{
    char name[JOURNAL_NAME_BYTES];
    unsigned i = 0;

    journal_name_format(producer, name);
    while (i < ingest->n && strcmp(ingest->name[i], name) != 0)
        i++;
    if (i == ingest->n) {
        assert_true(ingest->n++ < PRODUCERS_MAX);
        memcpy(ingest->name[i], name, sizeof(name));
    }
    return &ingest->model[i];
}

static void payload_check(const struct frame_header *header, struct slice frame)
{
    struct bytes_reader r = bytes_reader(frame.data + FRAME_HEADER_BYTES, frame_payload_length(header));
    struct hit hit;
    uint32_t n = 0;

    if (header->flags & FRAME_HOLE)
        return;
    assert_int_equal(frame_payload_check(header, r.at, frame.len - FRAME_HEADER_BYTES), 0);
    while (hit_next(&r, &hit, NULL) == 0)
        n++;
    assert_int_equal(n, header->count);
}

static void position_publish(struct setting *s, unsigned i)
{
    struct redis_reply *reply;
    char text[256];

    ingest_model_position(&s->ingest.model[i], s->ingest.generation, text, sizeof(text));
    assert_int_equal(redis_client_call(s->client,
                                       ARGS(SLICE("HSET"), SLICE("cl:pos:{0}"), slice_of(s->ingest.name[i]),
                                            slice_of(text)),
                                       &reply),
                     0);
    redis_reply_free(reply);
}

static void entry_apply(struct setting *s, const struct redis_reply *entry)
{
    struct slice frame = redis_reply_text(redis_reply_value(redis_reply_element(entry, 1), "f"));
    struct frame_header header;
    struct stream_id id;

    assert_int_equal(stream_id_parse(redis_reply_text(redis_reply_element(entry, 0)), &id), 0);
    assert_int_equal(frame_header_decode(frame.data, frame.len, &header), 0);
    payload_check(&header, frame);
    ingest_model_apply(model_of(&s->ingest, header.producer), &header, id);
}

// Reads the stream from its start, applies, publishes, then trims what it read.
static void ingest_run(struct setting *s)
{
    struct redis_reply *reply, *gone;

    if (s->stalled || redis_client_call(s->client,
                                        ARGS(SLICE("XRANGE"), SLICE("cl:hits:{0}"), SLICE("-"), SLICE("+"),
                                             SLICE("COUNT"), SLICE("100")),
                                        &reply))
        return;
    for (size_t i = 0; i < redis_reply_length(reply); i++)
        entry_apply(s, redis_reply_element(reply, i));
    for (unsigned i = 0; i < s->ingest.n; i++)
        position_publish(s, i);
    for (size_t i = 0; i < redis_reply_length(reply); i++) {
        struct slice id = redis_reply_text(redis_reply_element(redis_reply_element(reply, i), 0));
        assert_int_equal(redis_client_call(s->client, ARGS(SLICE("XDEL"), SLICE("cl:hits:{0}"), id), &gone),
                         0);
        redis_reply_free(gone);
    }
    redis_reply_free(reply);
}

static uint64_t total(const struct setting *s, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->ingest.n; i++)
        sum += *(const uint64_t *)(const void *)((const char *)&s->ingest.model[i] + offset);
    return sum;
}

#define total_of(s, field) total(s, offsetof(struct ingest_model, field))

// --- The worker ------------------------------------------------------------------------------

static void call(struct setting *s, const struct slice args[], size_t n)
{
    struct redis_reply *reply;
    assert_int_equal(redis_client_call(s->client, args, n, &reply), 0);
    assert_int_equal(redis_reply_condition(reply), 0);
    redis_reply_free(reply);
}

static void loop_turn(struct setting *s)
{
    struct timeval wait = {.tv_usec = 2000};
    event_base_loopexit(s->base, &wait);
    event_base_dispatch(s->base);
}

static struct hit hit_make(struct slice path)
{
    static uint64_t serial;
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN, .status = 302};

    memcpy(hit.id, &(uint64_t){++serial}, sizeof(serial));
    hit.field[HIT_PATH] = path;
    return hit;
}

// One turn with n hits; what RETRY throws away is added again in the next mode, as a worker does.
static void turn(struct setting *s, unsigned n)
{
    static char text[1000];
    struct hit hit = hit_make((struct slice){text, sizeof(text)});
    int r = RECORDER_RETRY;

    for (int tries = 0; r == RECORDER_RETRY; tries++) {
        assert_true(tries < 3);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(recorder_add(s->recorder, &hit), 0);
        bool blind = recorder_mode(s->recorder) == RECORDER_BLIND;
        r = recorder_turn_end(s->recorder);
        s->added += r == 0 && !blind ? n : 0;
    }
}

#define until(s, condition)                                                                                  \
    for (uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS; !(condition);) {                              \
        loop_turn(s);                                                                                        \
        assert_int_equal(recorder_turn_end((s)->recorder), 0);                                               \
        ingest_run(s);                                                                                       \
        assert_true(clock_monotonic_ms() < end_ms);                                                          \
    }

static void turns(struct setting *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        turn(s, 3);
        loop_turn(s);
        ingest_run(s);
    }
}

static void everything_arrives(void **state)
{
    struct setting *s = *state;

    assert_int_equal(recorder_mode(s->recorder), RECORDER_JOURNALED);
    turns(s, 50); // the first before Redis is even connected
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(s->added, 150);
    assert_int_equal(s->ingest.n, 1);
    assert_int_equal(total_of(s, lost_frames), 0);
    assert_int_equal(s->counters.accepted, 150);
    until(s, s->counters.confirmed_frames == 50);
    assert_int_equal(s->counters.wants + s->counters.vanished, 0);
    assert_true(s->counters.syncs > 0);
}

static void a_flushed_redis_is_filled_again(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    until(s, total_of(s, hits) == s->added);
    s->stalled = true;
    turns(s, 10);
    until(s, s->counters.sent_frames == 20);
    call(s, ARGS(SLICE("FLUSHALL")));
    s->stalled = false;
    until(s, total_of(s, hits) == s->added); // without new traffic: the probe finds it
    until(s, s->counters.vanished > 0);
    s->stalled = true;
    turns(s, 10);
    call(s, ARGS(SLICE("FLUSHALL")));
    s->stalled = false;
    turns(s, 10); // with new traffic: ingest asks, or the probe finds it
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(total_of(s, lost_frames), 0);
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
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(s->added, 120);
    assert_int_equal(total_of(s, lost_frames), 0);
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
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(total_of(s, lost_frames), 0);
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
    until(s, total_of(s, hits) == s->added);
}

static void the_window_keeps_redis_small(void **state)
{
    struct setting *s = *state;
    struct redis_reply *reply;

    s->stalled = true;
    turns(s, 2);
    for (int i = 0; i < 60; i++)
        turn(s, 30); // 30 KB each
    until(s, s->counters.window_full == 1);
    assert_int_equal(redis_client_call(s->client, ARGS(SLICE("XLEN"), SLICE("cl:hits:{0}")), &reply), 0);
    assert_in_range(redis_reply_integer(reply), 30, 40);
    redis_reply_free(reply);
    s->stalled = false;
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(total_of(s, lost_frames), 0);
    until(s, s->counters.window_bytes == 0);
    assert_int_equal(s->counters.resent_frames, 0);
}

static void postgresql_that_goes_back_is_filled_again(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    until(s, total_of(s, hits) == s->added);
    struct ingest_model backup = s->ingest.model[0];
    turns(s, 10);
    until(s, total_of(s, hits) == s->added && s->counters.confirmed_frames == 20);
    s->ingest.model[0] = backup;
    s->ingest.generation = "a-2-0";
    until(s, total_of(s, hits) == s->added);
    until(s, s->counters.rewinds == 1);
    assert_int_equal(total_of(s, lost_frames), 0);
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
    until(s, total_of(s, hits) == s->added && s->ingest.n == 2);
    assert_int_equal(s->added, 60);
    until(s, s->ingest.model[0].ended || s->ingest.model[1].ended);
    until(s, s->counters.adopted == 1 && s->counters.adopted_waiting == 0);
    assert_int_equal(folders(s), 2);
    assert_int_equal(total_of(s, lost_frames), 0);
}

static void an_ended_journal_wakes_when_postgresql_goes_back(void **state)
{
    struct setting *s = *state;

    turns(s, 10);
    until(s, total_of(s, hits) == s->added);
    recorder_close(s->recorder);
    recorder_begin(s);
    until(s, s->counters.adopted == 1 && s->counters.adopted_waiting == 0);
    assert_true(s->ingest.model[0].ended);
    s->ingest.model[0] = (struct ingest_model){0};
    s->ingest.generation = "b-1-0";
    until(s, s->ingest.model[0].ended);
    assert_int_equal(total_of(s, hits), s->added);
    until(s, s->counters.adopted_waiting == 0);
}

static void an_ended_journal_is_removed_after_journal_keep(void **state)
{
    struct setting *s = *state;

    turns(s, 5);
    until(s, total_of(s, hits) == s->added);
    recorder_close(s->recorder);
    s->options.journal_keep_ms = 0;
    recorder_begin(s);
    until(s, s->ingest.model[0].ended && folders(s) == 1);
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
    assert_int_equal(total_of(s, hits), s->added);
    assert_true(s->ingest.model[0].ended);
}

// --- The disk --------------------------------------------------------------------------------

static ssize_t failing_write(int fd, const void *bytes, size_t len)
{
    errno = failure;
    return failure ? -1 : real_doors.write(fd, bytes, len);
}

static ssize_t short_write(int fd, const void *bytes, size_t len)
{
    return real_doors.write(fd, bytes, failure ? len / 2 : len);
}

static int failing_fdatasync(int fd)
{
    errno = failure;
    return failure ? -1 : real_doors.fdatasync(fd);
}

static int failing_fallocate(int fd, int mode, off_t offset, off_t len)
{
    errno = failure;
    return failure ? -1 : real_doors.fallocate(fd, mode, offset, len);
}

static void all_arrives_over_a_failure(struct setting *s)
{
    turns(s, 10);
    until(s, s->counters.redis_up == 1);
    failure = ENOSPC;
    turns(s, 20);
    until(s, recorder_mode(s->recorder) == RECORDER_HELD);
    turns(s, 10);
    until(s, s->settled_yes >= 10);
    assert_true(s->counters.held >= 30);
    failure = 0;
    until(s, recorder_mode(s->recorder) == RECORDER_JOURNALED);
    turns(s, 10);
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(s->added, 150);
    assert_int_equal(s->settled_no, 0);
    assert_int_equal(s->counters.lost, 0);
    assert_int_equal(total_of(s, lost_frames), 0);
    until(s, s->counters.adopted_waiting == 0 && s->counters.adopted == 1);
    assert_int_equal(s->counters.journal_failures, 1);
}

static void a_full_disk_holds_the_answers(void **state)
{
    journal_doors.write = failing_write;
    journal_doors.fallocate = failing_fallocate;
    all_arrives_over_a_failure(*state);
}

static void a_short_write_leaves_nothing_behind(void **state)
{
    journal_doors.write = short_write;
    journal_doors.fallocate = failing_fallocate;
    all_arrives_over_a_failure(*state);
}

static void a_failed_sync_ends_the_journal(void **state)
{
    journal_doors.fdatasync = failing_fdatasync;
    journal_doors.fallocate = failing_fallocate;
    all_arrives_over_a_failure(*state);
}

static void with_sync_first_a_failed_sync_answers_again(void **state)
{
    struct setting *s = *state;

    recorder_close(s->recorder);
    s->options.journal_sync_ms = 0;
    journal_doors.fdatasync = failing_fdatasync;
    journal_doors.fallocate = failing_fallocate;
    recorder_begin(s);
    turns(s, 3);
    until(s, s->counters.redis_up == 1);
    failure = EIO;
    turn(s, 3);
    assert_int_equal(recorder_mode(s->recorder), RECORDER_HELD);
    assert_int_equal(s->counters.retried_turns, 1);
    failure = 0;
}

static void without_journal_and_redis_hits_count_as_lost(void **state)
{
    struct setting *s = *state;

    journal_doors.write = failing_write;
    journal_doors.fallocate = failing_fallocate;
    turns(s, 5);
    until(s, total_of(s, hits) == s->added && s->counters.redis_up == 1);
    redis_server_kill(&s->server, SIGKILL);
    until(s, s->counters.redis_up == 0);
    failure = EIO;
    turns(s, 5);
    assert_int_equal(recorder_mode(s->recorder), RECORDER_BLIND);
    assert_int_equal(s->counters.lost, 15);
    failure = 0;
    until(s, recorder_mode(s->recorder) == RECORDER_JOURNALED);
    redis_server_start(&s->server, NULL);
    client_begin(s);
    turns(s, 5);
    until(s, total_of(s, hits) == s->added);
    assert_int_equal(s->added, 30);
    assert_int_equal(s->settled_no, 0);
}

static void held_answers_are_told_no_when_redis_stays_away(void **state)
{
    struct setting *s = *state;

    journal_doors.write = failing_write;
    journal_doors.fallocate = failing_fallocate;
    turns(s, 1);
    until(s, total_of(s, hits) == s->added);
    failure = EIO;
    turns(s, 1);
    until(s, s->settled_yes == 1);
    kill(s->server.pid, SIGSTOP);
    s->stalled = true;
    turn(s, 3);
    until(s, s->settled_no == 1);
    redis_server_kill(&s->server, SIGKILL);
    failure = 0;
}

int main(void)
{
#define with_redis(name) cmocka_unit_test_setup_teardown(name, setting_up, setting_down)
    const struct CMUnitTest tests[] = {
        with_redis(everything_arrives),
        with_redis(a_flushed_redis_is_filled_again),
        with_redis(a_killed_redis_is_filled_again),
        with_redis(a_full_redis_is_not_believed),
        with_redis(a_redis_that_evicts_gets_nothing),
        with_redis(the_window_keeps_redis_small),
        with_redis(postgresql_that_goes_back_is_filled_again),
        with_redis(a_journal_without_owner_is_sent_and_ended),
        with_redis(an_ended_journal_wakes_when_postgresql_goes_back),
        with_redis(an_ended_journal_is_removed_after_journal_keep),
        with_redis(drain_brings_everything_home),
        with_redis(a_full_disk_holds_the_answers),
        with_redis(a_short_write_leaves_nothing_behind),
        with_redis(a_failed_sync_ends_the_journal),
        with_redis(with_sync_first_a_failed_sync_answers_again),
        with_redis(without_journal_and_redis_hits_count_as_lost),
        with_redis(held_answers_are_told_no_when_redis_stays_away),
    };
    real_doors = journal_doors;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
