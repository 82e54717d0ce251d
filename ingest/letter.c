// Rows of dead_letter for replay. Owner: replay's transaction.

#include "ingest/letter.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum column {
    LETTER_SHARD,
    LETTER_KIND,
    LETTER_PRODUCER,
    LETTER_SEQ,
    LETTER_HITS,
    LETTER_REPLAYED,
    LETTER_REASON,
    LETTER_BYTES,
    LETTER_FOUND_MS,
};

int letters_choose(struct pg *pg, const struct letter_choice *choice, bool all, struct pg_result **result)
{
    const struct pg_param params[] = {choice->id ? pg_int(choice->id) : pg_null(),
                                      choice->kind ? pg_string(choice->kind) : pg_null(),
                                      pg_int(choice->from_ms), pg_int(choice->to_ms), pg_bool(all)};

    return pg_query(
        pg,
        "select id from clickledger.dead_letter where ($1::bigint is null or id = $1)"
        " and ($2::text is null or kind = $2) and found_at >= to_timestamp($3::bigint / 1000.0)"
        " and found_at < to_timestamp($4::bigint / 1000.0) and (replayed_at is null or $5) order by id",
        params, array_length(params), result);
}

static enum dead_kind kind_of(struct slice name)
{
    enum dead_kind kind = 0;

    while (kind < DEAD_KINDS && !slice_equal(name, slice_of(dead_kind_name(kind))))
        kind++;
    return kind;
}

static void letter_fill(struct letter *letter)
{
    const struct pg_result *row = letter->result;

    letter->shard = (unsigned)pg_result_int(row, 0, LETTER_SHARD);
    letter->kind = kind_of(pg_result_cell(row, 0, LETTER_KIND));
    letter->placed = !pg_result_is_null(row, 0, LETTER_PRODUCER);
    if (letter->placed)
        memcpy(letter->producer, pg_result_cell(row, 0, LETTER_PRODUCER).data, PRODUCER_BYTES);
    letter->seq = (uint64_t)pg_result_int(row, 0, LETTER_SEQ);
    letter->hits = (uint64_t)pg_result_int(row, 0, LETTER_HITS);
    letter->replayed = pg_result_bool(row, 0, LETTER_REPLAYED);
    snprintf(letter->reason, sizeof(letter->reason), "%s", pg_result_cell(row, 0, LETTER_REASON).data);
    letter->bytes = pg_result_cell(row, 0, LETTER_BYTES);
    clock_format(pg_result_int(row, 0, LETTER_FOUND_MS), letter->found_at);
}

int letter_read(struct pg *pg, int64_t id, struct letter *letter, bool *found)
{
    struct pg_param param = pg_int(id);

    *letter = (struct letter){.id = id};
    int r = pg_query_binary(pg,
                            "select shard, kind, producer, seq, hits, replayed_at is not null, reason, bytes,"
                            " (extract(epoch from found_at) * 1000)::bigint"
                            " from clickledger.dead_letter where id = $1 for update",
                            &param, 1, &letter->result);
    if (r)
        return r;
    *found = pg_result_rows(letter->result) == 1;
    if (*found)
        letter_fill(letter);
    return 0;
}

void letter_free(struct letter *letter)
{
    letter->result = pg_result_free(letter->result);
}

int letter_done(struct pg *pg, int64_t id)
{
    struct pg_param param = pg_int(id);

    return pg_query(pg, "update clickledger.dead_letter set replayed_at = now() where id = $1", &param, 1,
                    NULL);
}

int letter_refused(struct pg *pg, int64_t id, const char *reason)
{
    struct pg_param params[] = {pg_int(id), pg_string(reason)};

    return pg_query(pg,
                    "update clickledger.dead_letter set reason = $2"
                    " where id = $1 and replayed_at is null and reason <> $2",
                    params, array_length(params), NULL);
}
