// The lists of answers that wait. All room is taken at start; a list that is full refuses the next answer,
// which is then given without being recorded.

#include "tracker/turn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int turn_init(struct turn *turn, size_t max)
{
    *turn = (struct turn){
        .max = max,
        .current = calloc(max, sizeof(*turn->current)),
        .again = calloc(max, sizeof(*turn->again)),
        .taken = calloc(max, sizeof(*turn->taken)),
        .held = calloc(max, sizeof(*turn->held)),
        .runs = calloc(max, sizeof(*turn->runs)),
    };
    if (turn->current && turn->again && turn->taken && turn->held && turn->runs)
        return 0;
    turn_free(turn);
    return -ENOMEM;
}

void turn_free(struct turn *turn)
{
    free(turn->current);
    free(turn->again);
    free(turn->taken);
    free(turn->held);
    free(turn->runs);
    *turn = (struct turn){0};
}

// An answer is in one of the lists at a time and may come to `again`.
bool turn_has_room(const struct turn *turn)
{
    return turn->n_current + turn->n_held + turn->n_again < turn->max;
}

void turn_note(struct turn *turn, struct http_handle handle)
{
    assert(turn_has_room(turn));
    turn->current[turn->n_current++] = handle;
}

void turn_note_held(struct turn *turn, struct http_handle handle, uint64_t token)
{
    struct turn_run *run = &turn->runs[handle.slot];

    assert(turn_has_room(turn) && handle.slot < turn->max);
    run->waiting++;
    run->newest = handle;
    turn->held[(turn->first_held + turn->n_held++) % turn->max] = (struct turn_held){token, handle};
    turn->n_held_current++;
}

static void again_add(struct turn *turn, struct http_handle handle)
{
    assert(turn->n_again < turn->max);
    turn->again[turn->n_again++] = handle;
}

// The answer waits no more. Returns its run.
static struct turn_run *held_end(struct turn *turn, struct turn_held *held)
{
    struct turn_run *run = &turn->runs[held->handle.slot];

    assert(run->waiting > 0);
    run->waiting--;
    held->handle.generation = 0;
    return run;
}

static void held_again(struct turn *turn, struct turn_held *held)
{
    again_add(turn, held->handle);
    held_end(turn, held)->newest = (struct http_handle){0};
}

void turn_frame_end(struct turn *turn, bool retry)
{
    if (retry) {
        for (size_t i = 0; i < turn->n_current; i++)
            again_add(turn, turn->current[i]);
        for (size_t i = 0; i < turn->n_held_current; i++) {
            struct turn_held *held = &turn->held[(turn->first_held + turn->n_held - 1 - i) % turn->max];
            if (held->handle.generation != 0)
                held_again(turn, held);
        }
        turn->n_held -= turn->n_held_current;
    }
    turn->n_current = 0;
    turn->n_held_current = 0;
}

static void held_drop_settled(struct turn *turn)
{
    while (turn->n_held > turn->n_held_current && turn->held[turn->first_held].handle.generation == 0) {
        turn->first_held = (turn->first_held + 1) % turn->max;
        turn->n_held--;
    }
}

void turn_settle(struct turn *turn, struct http_server *server, uint64_t token, bool stored)
{
    for (size_t i = 0; i < turn->n_held; i++) {
        struct turn_held *held = &turn->held[(turn->first_held + i) % turn->max];
        if (held->token != token || held->handle.generation == 0)
            continue;
        if (!stored) {
            held_again(turn, held);
            continue;
        }
        struct turn_run *run = held_end(turn, held);
        if (run->waiting == 0 && run->newest.generation != 0)
            http_conn_release(server, run->newest);
    }
    held_drop_settled(turn);
}

bool turn_answer_again(struct turn *turn, struct http_server *server)
{
    struct http_handle *taken = turn->again;
    size_t n = turn->n_again;

    // An answer may come back while others are still to be made.
    turn->again = turn->taken;
    turn->taken = taken;
    turn->n_again = 0;
    for (size_t i = 0; i < n; i++)
        http_conn_retry(server, taken[i]);
    return n > 0;
}

void turn_hold_again(struct turn *turn, struct http_server *server)
{
    for (size_t i = 0; i < turn->n_again; i++)
        http_conn_hold(server, turn->again[i]);
}
