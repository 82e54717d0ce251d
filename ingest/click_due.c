// The rows of click_due. Owns nothing; one row an hour and load. By hour, because a late click would else
// stretch the span of a load over all days between. Keys and places are put together by span and by group in
// one pass over the rows.

#include "ingest/click_due.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"

#define NO_SPAN UINT32_MAX

static bool group_is_people(const struct click_group *group)
{
    return group->class == HIT_CLASS_HUMAN;
}

static size_t group_bytes(const struct click_group *group)
{
    return group->partner_id > 0 ? PEOPLE_HEAD_BYTES + PEOPLE_PLACE_BYTES * group->clicks : 0;
}

size_t click_spans(const struct row_batch *clicks, const struct click_groups *groups,
                   struct click_span *spans, uint32_t *span_of)
{
    size_t n = 0;

    for (size_t i = 0; i < groups->n; i++) {
        const struct click_group *group = &groups->groups[i];
        size_t at = n;
        span_of[i] = NO_SPAN;
        if (!group_is_people(group))
            continue;
        while (at > 0 && spans[at - 1].hour_ms != group->hour_ms)
            at--;
        if (at == 0) {
            spans[n++] = (struct click_span){.hour_ms = group->hour_ms, .from_ms = UINT64_MAX};
            at = n;
        }
        spans[at - 1].clicks += group->clicks;
        spans[at - 1].people_bytes += group_bytes(group);
        span_of[i] = (uint32_t)(at - 1);
    }
    for (size_t i = 0; i < clicks->n; i++) {
        if (groups->of[i] == CLICK_NO_GROUP || span_of[groups->of[i]] == NO_SPAN)
            continue;
        struct click_span *span = &spans[span_of[groups->of[i]]];
        span->from_ms = min_of(span->from_ms, clicks->rows[i].ms);
        span->to_ms = max_of(span->to_ms, clicks->rows[i].ms);
    }
    return n;
}

// Both columns of all spans, one span behind the other.
struct due {
    const struct row_batch *clicks;
    const struct click_groups *groups;
    struct click_span *spans;
    size_t n;
    uint32_t *span_of; // by group
    struct click_keys *keys;
    uint8_t *people;
    struct {
        struct click_keys *keys;
        uint8_t *people;
    } * next;         // of each span, where the next one goes
    uint8_t **places; // of each group, likewise
};

static void due_free(struct due *due)
{
    free(due->spans);
    free(due->span_of);
    free(due->keys);
    free(due->people);
    free(due->next);
    free(due->places);
}

static bool due_reserve(struct due *due)
{
    size_t clicks = 0, people = 0;

    for (size_t i = 0; i < due->n; i++) {
        clicks += due->spans[i].clicks;
        people += due->spans[i].people_bytes;
    }
    due->keys = reallocarray(NULL, clicks, sizeof(*due->keys));
    due->people = malloc(people + 1);
    due->next = reallocarray(NULL, due->n, sizeof(*due->next));
    due->places = calloc(due->groups->n, sizeof(*due->places));
    if (!due->keys || !due->people || !due->next || !due->places)
        return false;
    clicks = people = 0;
    for (size_t i = 0; i < due->n; i++) {
        due->next[i].keys = due->keys + clicks;
        due->next[i].people = due->people + people;
        clicks += due->spans[i].clicks;
        people += due->spans[i].people_bytes;
    }
    return true;
}

static void heads_write(struct due *due)
{
    for (size_t i = 0; i < due->groups->n; i++) {
        const struct click_group *group = &due->groups->groups[i];
        if (due->span_of[i] == NO_SPAN || group_bytes(group) == 0)
            continue;
        uint8_t *at = due->next[due->span_of[i]].people;
        bytes_put_u64(at, group->program_id);
        bytes_put_u64(at + 8, group->partner_id);
        bytes_put_u64(at + 16, group->link_id);
        bytes_put_u32(at + 24, (uint32_t)group->clicks);
        due->places[i] = at + PEOPLE_HEAD_BYTES;
        due->next[due->span_of[i]].people += group_bytes(group);
    }
}

static void rows_write(struct due *due)
{
    for (size_t i = 0; i < due->clicks->n; i++) {
        uint32_t group = due->groups->of[i];
        if (group == CLICK_NO_GROUP || due->span_of[group] == NO_SPAN)
            continue;
        *due->next[due->span_of[group]].keys++ = due->clicks->rows[i].keys;
        if (due->places[group]) {
            bytes_put_u16(due->places[group], due->clicks->rows[i].place);
            due->places[group] += PEOPLE_PLACE_BYTES;
        }
    }
}

static int due_write(struct pg *pg, const struct due *due)
{
    static const char sql[] = "insert into clickledger.click_due (from_ts, to_ts, clicks, keys, people)"
                              " select to_timestamp(f / 1000.0), to_timestamp(t / 1000.0), n,"
                              " substr($7, (k + 1)::integer, (" text_of(
                                  CLICK_KEYS_BYTES) " * n)::integer),"
                                                    " substr($8, (p + 1)::integer, b::integer)"
                                                    " from unnest($1::bigint[], $2::bigint[], $3::bigint[], "
                                                    "$4::bigint[], $5::bigint[], $6::bigint[])"
                                                    " as s (f, t, n, k, p, b)";
    struct array columns[6] = {0};
    size_t keys = 0, people = 0;

    for (size_t i = 0; i < due->n; i++) {
        const struct click_span *span = &due->spans[i];
        const size_t row[] = {span->from_ms, span->to_ms, span->clicks, keys, people, span->people_bytes};
        for (size_t column = 0; column < array_length(columns); column++)
            array_int(&columns[column], (int64_t)row[column]);
        keys += span->clicks * CLICK_KEYS_BYTES;
        people += span->people_bytes;
    }
    struct pg_param params[array_length(columns) + 2];
    bool failed = false;
    for (size_t i = 0; i < array_length(columns); i++) {
        params[i] = pg_text(array_literal(&columns[i]));
        failed |= columns[i].failed;
    }
    params[array_length(columns)] = pg_bytea((struct slice){(const char *)due->keys, keys});
    params[array_length(columns) + 1] = pg_bytea((struct slice){(const char *)due->people, people});
    int r = failed ? -ENOMEM : pg_query(pg, sql, params, array_length(params), NULL);
    for (size_t i = 0; i < array_length(columns); i++)
        array_free(&columns[i]);
    return r;
}

int click_due_tell(struct pg *pg, const struct row_batch *clicks, const struct click_groups *groups)
{
    struct due due = {.clicks = clicks, .groups = groups};
    int r = -ENOMEM;

    if (groups->n == 0)
        return 0;
    due.spans = reallocarray(NULL, groups->n, sizeof(*due.spans));
    due.span_of = reallocarray(NULL, groups->n, sizeof(*due.span_of));
    if (due.spans && due.span_of) {
        due.n = click_spans(clicks, groups, due.spans, due.span_of);
        r = due.n == 0 ? 0 : due_reserve(&due) ? 0 : -ENOMEM;
    }
    if (r == 0 && due.n > 0) {
        heads_write(&due);
        rows_write(&due);
        r = due_write(pg, &due);
    }
    due_free(&due);
    return r;
}
