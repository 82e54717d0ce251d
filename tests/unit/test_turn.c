// Which answers wait for which frame. The server's side is played here.

#include "tracker/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MAX 8

static struct {
    unsigned released[64], retried[64], held[64];
    struct turn *retry_into; // a retried answer is noted here again, as held under retry_token
    uint64_t retry_token;
} seen;

void __wrap_http_conn_release(struct http_server *server, struct http_handle handle);
void __wrap_http_conn_retry(struct http_server *server, struct http_handle handle);
bool __wrap_http_conn_hold(struct http_server *server, struct http_handle handle);

void __wrap_http_conn_release(struct http_server *server, struct http_handle handle)
{
    (void)server;
    seen.released[handle.slot]++;
}

void __wrap_http_conn_retry(struct http_server *server, struct http_handle handle)
{
    (void)server;
    seen.retried[handle.slot]++;
    if (seen.retry_into)
        turn_note_held(seen.retry_into, (struct http_handle){handle.slot, handle.generation + 1},
                       seen.retry_token);
}

bool __wrap_http_conn_hold(struct http_server *server, struct http_handle handle)
{
    (void)server;
    seen.held[handle.slot]++;
    return true;
}

static struct http_handle handle(uint32_t slot)
{
    return (struct http_handle){slot, 1};
}

static int setup(void **state)
{
    static struct turn turn;

    memset(&seen, 0, sizeof(seen));
    assert_int_equal(turn_init(&turn, MAX), 0);
    *state = &turn;
    return 0;
}

static int teardown(void **state)
{
    turn_free(*state);
    return 0;
}

static void recorded_test(void **state)
{
    struct turn *turn = *state;

    turn_note(turn, handle(1));
    turn_frame_end(turn, false);
    assert_false(turn_answer_again(turn, NULL));
    assert_int_equal(seen.retried[1], 0);
}

static void retried_once_test(void **state)
{
    struct turn *turn = *state;

    turn_note(turn, handle(1));
    turn_note(turn, handle(2));
    turn_frame_end(turn, true);
    assert_true(turn_answer_again(turn, NULL));
    assert_false(turn_answer_again(turn, NULL));
    assert_int_equal(seen.retried[1], 1);
    assert_int_equal(seen.retried[2], 1);
}

// An earlier frame of the turn was recorded: its answers stay.
static void frames_of_one_turn_test(void **state)
{
    struct turn *turn = *state;

    turn_note(turn, handle(1));
    turn_frame_end(turn, false);
    turn_note(turn, handle(2));
    turn_frame_end(turn, true);
    turn_answer_again(turn, NULL);
    assert_int_equal(seen.retried[1], 0);
    assert_int_equal(seen.retried[2], 1);
}

static void settled_test(void **state)
{
    struct turn *turn = *state;

    turn_note_held(turn, handle(1), 7);
    turn_note_held(turn, handle(2), 7);
    turn_frame_end(turn, false);
    turn_note_held(turn, handle(3), 8);
    turn_frame_end(turn, false);
    turn_note_held(turn, handle(4), 9);
    turn_frame_end(turn, false);
    turn_settle(turn, NULL, 8, false); // out of order
    turn_settle(turn, NULL, 7, true);
    assert_int_equal(seen.released[1] + seen.released[2], 2);
    assert_int_equal(seen.released[3] + seen.released[4], 0);
    assert_true(turn_answer_again(turn, NULL));
    assert_int_equal(seen.retried[3], 1);
    turn_settle(turn, NULL, 9, true);
    turn_settle(turn, NULL, 9, true);
    assert_int_equal(seen.released[4], 1);
    assert_int_equal(turn->n_held, 0);
}

static void held_frame_retried_test(void **state)
{
    struct turn *turn = *state;

    turn_note_held(turn, handle(1), 7);
    turn_frame_end(turn, false);
    turn_note_held(turn, handle(2), 8);
    turn_frame_end(turn, true);
    turn_answer_again(turn, NULL);
    assert_int_equal(seen.retried[1], 0);
    assert_int_equal(seen.retried[2], 1);
    assert_int_equal(turn->n_held, 1);
    turn_settle(turn, NULL, 8, true);
    assert_int_equal(seen.released[2], 0);
}

// A retried answer is held again and retried again, round the ring many times.
static void again_and_again_test(void **state)
{
    struct turn *turn = *state;

    for (uint32_t slot = 0; slot < MAX; slot++)
        turn_note_held(turn, handle(slot), 1);
    turn_frame_end(turn, false);
    assert_false(turn_has_room(turn));
    seen.retry_into = turn;
    for (uint64_t token = 1; token < 100; token++) {
        seen.retry_token = token + 1;
        turn_settle(turn, NULL, token, false);
        assert_true(turn_answer_again(turn, NULL));
        turn_frame_end(turn, false);
        assert_false(turn_has_room(turn));
    }
    turn_settle(turn, NULL, 100, true);
    assert_int_equal(seen.released[0], 1);
    assert_int_equal(seen.retried[MAX - 1], 99);
    assert_true(turn_has_room(turn));
}

static void held_back_test(void **state)
{
    struct turn *turn = *state;

    turn_note(turn, handle(5));
    turn_frame_end(turn, true);
    turn_hold_again(turn, NULL);
    assert_int_equal(seen.held[5], 1);
    assert_true(turn_answer_again(turn, NULL));
    assert_int_equal(seen.retried[5], 1);
}

static void split_run_test(void **state)
{
    struct turn *turn = *state;

    turn_note_held(turn, handle(1), 7); // one run over two frames
    turn_frame_end(turn, false);
    turn_note_held(turn, (struct http_handle){1, 2}, 8);
    turn_frame_end(turn, false);
    turn_settle(turn, NULL, 7, true);
    assert_int_equal(seen.released[1], 0);
    turn_settle(turn, NULL, 8, true);
    assert_int_equal(seen.released[1], 1);
}

static void split_run_refused_test(void **state)
{
    struct turn *turn = *state;

    turn_note_held(turn, handle(1), 7);
    turn_frame_end(turn, false);
    turn_note_held(turn, (struct http_handle){1, 2}, 8);
    turn_frame_end(turn, false);
    turn_settle(turn, NULL, 8, false);
    turn_settle(turn, NULL, 7, true);
    assert_true(turn_answer_again(turn, NULL));
    assert_int_equal(seen.retried[1], 1);
    assert_int_equal(seen.released[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(recorded_test, setup, teardown),
        cmocka_unit_test_setup_teardown(retried_once_test, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_of_one_turn_test, setup, teardown),
        cmocka_unit_test_setup_teardown(settled_test, setup, teardown),
        cmocka_unit_test_setup_teardown(held_frame_retried_test, setup, teardown),
        cmocka_unit_test_setup_teardown(again_and_again_test, setup, teardown),
        cmocka_unit_test_setup_teardown(held_back_test, setup, teardown),
        cmocka_unit_test_setup_teardown(split_run_test, setup, teardown),
        cmocka_unit_test_setup_teardown(split_run_refused_test, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
