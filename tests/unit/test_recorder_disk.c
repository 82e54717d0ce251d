// The recorder on a disk that fails, at each door of the journal: answers wait for Redis, or are lost and
// counted; what was answered arrives once.

#include "recorder_setting.h"

#include <errno.h>
#include <signal.h>

static int failure; // errno of the failing door; 0: none

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
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(s->added, 150);
    assert_int_equal(s->settled_no, 0);
    assert_int_equal(s->counters.lost, 0);
    assert_int_equal(ingest_lost_frames(s), 0);
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
    until(s, recorder_mode(s->recorder) == RECORDER_JOURNALED && s->counters.adopted_waiting == 0 &&
                 s->counters.adopted == 1);
    until(s, ingest_hits(s) >= s->added);
    assert_int_equal(ingest_hits(s), s->added); // what was answered anew does not arrive twice
}

static void without_journal_and_redis_hits_count_as_lost(void **state)
{
    struct setting *s = *state;

    journal_doors.write = failing_write;
    journal_doors.fallocate = failing_fallocate;
    turns(s, 5);
    until(s, ingest_hits(s) == s->added && s->counters.redis_up == 1);
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
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(s->added, 30);
    assert_int_equal(s->settled_no, 0);
}

static void held_answers_are_told_no_when_redis_stays_away(void **state)
{
    struct setting *s = *state;

    journal_doors.write = failing_write;
    journal_doors.fallocate = failing_fallocate;
    turns(s, 1);
    until(s, ingest_hits(s) == s->added);
    failure = EIO;
    turns(s, 1);
    until(s, s->settled_yes == 1);
    kill(s->server.pid, SIGSTOP);
    s->stalled = true;
    turn(s, 3);
    until(s, s->settled_no == 1);
    redis_server_kill(&s->server, SIGKILL);
}

static void held_answers_wait_over_a_reconnect(void **state)
{
    struct setting *s = *state;

    journal_doors.write = failing_write;
    journal_doors.fallocate = failing_fallocate;
    turns(s, 1);
    until(s, ingest_hits(s) == s->added);
    failure = EIO;
    turns(s, 1);
    until(s, s->settled_yes == 1);
    kill(s->server.pid, SIGSTOP);
    s->stalled = true;
    for (int i = 0; i < 5; i++)
        turn(s, 3);
    redis_server_kill(&s->server, SIGKILL);
    redis_server_start(&s->server, NULL);
    client_begin(s);
    s->stalled = false;
    until(s, s->settled_yes == 6);
    until(s, ingest_hits(s) == s->added);
    assert_int_equal(s->settled_no, 0);
}

static int disk_up(void **state)
{
    failure = 0;
    return setting_up(state);
}

int main(void)
{
#define with_redis(name) cmocka_unit_test_setup_teardown(name, disk_up, setting_down)
    const struct CMUnitTest tests[] = {
        with_redis(a_full_disk_holds_the_answers),
        with_redis(a_short_write_leaves_nothing_behind),
        with_redis(a_failed_sync_ends_the_journal),
        with_redis(with_sync_first_a_failed_sync_answers_again),
        with_redis(without_journal_and_redis_hits_count_as_lost),
        with_redis(held_answers_wait_over_a_reconnect),
        with_redis(held_answers_are_told_no_when_redis_stays_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
