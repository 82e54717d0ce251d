// What a pass finds. Owner: settle_task, whose connection is the only one that settles while it lives.
// Invariants: what is remembered are the clicks of people of all spans that were settled in its epoch; spans
// whose neighbours may be others are read from the rows by SQL. Limits: those of recent.h and of
// click_settle_due(); SKETCHES_MAX.

#include "ingest/settle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/click_group.h"
#include "ingest/sketches.h"
#include "ingest/suspects.h"

#define EPOCH_NONE INT64_C(-1)
#define KEPT_MS    120000 // behind the window: shards are not loaded in step

enum due_column {
    DUE_ID,
    DUE_FROM,
    DUE_TO,
    DUE_KEYS,
    DUE_PEOPLE,
    DUE_WAITED,
    DUE_EPOCH,
    DUE_SETTLED,
    DUE_WINDOW,
};

struct settle {
    struct recent *recent;
    int64_t epoch; // of what is remembered

    // Of the pass:
    size_t rows;      // of what is due: the first ones
    uint64_t kept_ms; // what is older is not needed by the next one
    struct array ids, unknown, peopleless, sketch_columns[SKETCH_COLUMNS];
    struct suspects suspects;
};

struct settle *settle_new(void)
{
    struct settle *settle = calloc(1, sizeof(*settle));

    if (settle)
        settle->recent = recent_new();
    if (settle && !settle->recent)
        return settle_free(settle);
    if (settle)
        settle->epoch = EPOCH_NONE;
    return settle;
}

static void people_clear(struct settle *settle)
{
    array_free(&settle->peopleless);
    for (enum sketch_column column = 0; column < SKETCH_COLUMNS; column++)
        array_free(&settle->sketch_columns[column]);
}

static void pass_clear(struct settle *settle)
{
    array_free(&settle->ids);
    array_free(&settle->unknown);
    people_clear(settle);
    suspects_free(&settle->suspects);
}

struct settle *settle_free(struct settle *settle)
{
    if (settle) {
        pass_clear(settle);
        recent_free(settle->recent);
        free(settle);
    }
    return NULL;
}

// --- Spans

static bool keys_there(const struct pg_result *due, size_t row)
{
    struct slice keys = pg_result_cell(due, row, DUE_KEYS);
    return keys.data && keys.len % CLICK_KEYS_BYTES == 0;
}

static size_t keys_count(const struct pg_result *due, size_t row)
{
    return keys_there(due, row) ? pg_result_cell(due, row, DUE_KEYS).len / CLICK_KEYS_BYTES : 0;
}

static int spans_remember(struct settle *settle, const struct pg_result *due)
{
    int r = 0;

    for (size_t row = 0; r == 0 && row < settle->rows; row++) {
        if (keys_there(due, row))
            r = recent_add(settle->recent, pg_result_cell(due, row, DUE_KEYS).data, keys_count(due, row));
        else
            recent_miss(settle->recent, (uint64_t)pg_result_int(due, row, DUE_TO));
    }
    return r;
}

// Whether the clicks of a span can be compared in memory.
static bool span_is_known(const struct settle *settle, const struct pg_result *due, size_t row)
{
    int64_t from_ms = pg_result_int(due, row, DUE_FROM) - pg_result_int(due, row, DUE_WINDOW);
    return keys_there(due, row) && from_ms > 0 && recent_covers(settle->recent, (uint64_t)from_ms);
}

static int duplicates_find(struct settle *settle, const struct pg_result *due, uint32_t from)
{
    uint32_t to = recent_end(settle->recent), at = 0;
    bool *asked = calloc(to - from + 1, sizeof(*asked));
    int64_t window_ms = pg_result_int(due, 0, DUE_WINDOW);

    if (!asked)
        return -ENOMEM;
    for (size_t row = 0; row < settle->rows; row++) {
        bool known = span_is_known(settle, due, row);
        if (!known)
            array_int(&settle->unknown, pg_result_int(due, row, DUE_ID));
        memset(asked + at, known, keys_count(due, row));
        at += keys_count(due, row);
    }
    int r = window_ms > 0
                ? suspects_find(settle->recent, from, to, asked, (uint64_t)window_ms, &settle->suspects)
                : 0;
    free(asked);
    return r;
}

static int people_read(struct settle *settle, const struct pg_result *due, struct sketches *sketches)
{
    int r = 0;

    for (size_t row = 0; r == 0 && row < settle->rows; row++) {
        int64_t from_ms = pg_result_int(due, row, DUE_FROM);
        struct slice people = pg_result_cell(due, row, DUE_PEOPLE);
        r = people.data ? sketches_add(sketches, from_ms - from_ms % CLICK_HOUR_MS, people) : -EBADMSG;
        if (r == -EBADMSG) {
            array_int(&settle->peopleless, pg_result_int(due, row, DUE_ID));
            r = 0;
        }
    }
    return r;
}

// Of half of the rows, for as long as those of all are too many; a span that has too many by itself is read
// from the rows.
static int people_find(struct settle *settle, const struct pg_result *due)
{
    int r = SKETCHES_MANY;

    settle->rows = pg_result_rows(due);
    while (r == SKETCHES_MANY) {
        struct sketches *sketches = sketches_new();
        people_clear(settle);
        r = sketches ? people_read(settle, due, sketches) : -ENOMEM;
        if (r == 0)
            r = sketches_take(sketches, SKETCHES_MAX, settle->sketch_columns);
        sketches_free(sketches);
        if (r == SKETCHES_MANY && settle->rows == 1) {
            people_clear(settle);
            array_int(&settle->peopleless, pg_result_int(due, 0, DUE_ID));
            r = 0;
        } else if (r == SKETCHES_MANY) {
            settle->rows = (settle->rows + 1) / 2;
        }
    }
    return r;
}

// --- A pass

static int params_set(struct settle *settle, struct pg_param params[SETTLE_FOUND_PARAMS])
{
    struct array *const arrays[SETTLE_FOUND_PARAMS - 1] = {
        &settle->ids,
        &settle->suspects.clicks,
        &settle->suspects.followed[SHARE_VISITOR],
        &settle->suspects.followed[SHARE_ADDRESS],
        &settle->unknown,
        &settle->peopleless,
        &settle->sketch_columns[SKETCH_HOUR],
        &settle->sketch_columns[SKETCH_PROGRAM],
        &settle->sketch_columns[SKETCH_PARTNER],
        &settle->sketch_columns[SKETCH_LINK],
        &settle->sketch_columns[SKETCH_HEX],
    };

    params[0] = pg_int(settle->epoch);
    for (size_t i = 0; i < array_length(arrays); i++) {
        params[1 + i] = pg_text(array_literal(arrays[i]));
        if (arrays[i]->failed)
            return -ENOMEM;
    }
    return 0;
}

int settle_begin(struct settle *settle, const struct pg_result *due,
                 struct pg_param params[SETTLE_FOUND_PARAMS])
{
    int64_t epoch = pg_result_int(due, 0, DUE_EPOCH), oldest_ms = INT64_MAX;

    pass_clear(settle);
    if (settle->epoch != epoch)
        recent_reset(settle->recent, (uint64_t)pg_result_int(due, 0, DUE_SETTLED));
    settle->epoch = epoch;
    int r = people_find(settle, due);
    if (r)
        return r;
    for (size_t row = 0; row < settle->rows; row++) {
        array_int(&settle->ids, pg_result_int(due, row, DUE_ID));
        oldest_ms = min_of(oldest_ms, pg_result_int(due, row, DUE_FROM));
    }
    int64_t kept_ms = oldest_ms - pg_result_int(due, 0, DUE_WINDOW) - KEPT_MS;
    settle->kept_ms = (uint64_t)max_of(kept_ms, INT64_C(0));
    uint32_t from = recent_end(settle->recent);
    r = spans_remember(settle, due);
    if (r == 0)
        r = duplicates_find(settle, due, from);
    return r ? r : params_set(settle, params);
}

int64_t settle_waited_ms(const struct pg_result *due)
{
    return pg_result_int(due, 0, DUE_WAITED);
}

void settle_end(struct settle *settle, int64_t epoch)
{
    pass_clear(settle);
    settle->epoch = max_of(epoch, EPOCH_NONE);
    if (epoch < 0)
        recent_reset(settle->recent, 0);
    else
        recent_expire(settle->recent, settle->kept_ms);
}
