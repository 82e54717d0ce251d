// Producer rows in SQL. Owner: the loader's transaction. Only those of its shard are locked, so that two
// loaders do not meet; the compare-and-set is the last word even if two processes believe that they own a
// shard.

#include "ingest/producer_row.h"

#include <stdio.h>
#include <string.h>

#define LIST_BYTES (PRODUCERS_PER_LOAD_MAX * PRODUCER_TEXT_BYTES + 3)

void producer_format(const uint8_t producer[PRODUCER_BYTES], char out[PRODUCER_TEXT_BYTES])
{
    for (size_t i = 0; i < PRODUCER_BYTES; i++)
        sprintf(out + 2 * i, "%02x", producer[i]);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool producer_parse(struct slice text, uint8_t out[PRODUCER_BYTES])
{
    if (text.len != 2 * PRODUCER_BYTES)
        return false;
    for (size_t i = 0; i < PRODUCER_BYTES; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

// "{<hex>,<hex>}"
static void list_format(const struct producer_row rows[], size_t n, char out[LIST_BYTES])
{
    char *at = out;

    *at++ = '{';
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = ',';
        producer_format(rows[i].producer, at);
        at += 2 * PRODUCER_BYTES;
    }
    strcpy(at, "}");
}

static void row_read(const struct pg_result *result, size_t i, unsigned shard, struct producer_row *row)
{
    row->foreign = pg_result_int(result, i, 1) != (int64_t)shard;
    row->last_seq_before = (uint64_t)pg_result_int(result, i, 2);
    row->position = (struct apply_position){
        .last_seq = row->last_seq_before,
        .last_chain = (uint64_t)pg_result_int(result, i, 3),
        .hits = (uint64_t)pg_result_int(result, i, 4),
    };
    row->stored = (uint64_t)pg_result_int(result, i, 5);
    row->dead = (uint64_t)pg_result_int(result, i, 6);
    row->lost = (uint64_t)pg_result_int(result, i, 7);
    row->ended = pg_result_bool(result, i, 8);
}

int producer_rows_lock(struct pg *pg, unsigned shard, struct producer_row rows[], size_t n)
{
    char list[LIST_BYTES];
    struct pg_result *result = NULL;

    list_format(rows, n, list);
    struct pg_param params[] = {pg_string(list), pg_int(shard)};
    int r = pg_query(pg,
                     "insert into clickledger.producer (producer, shard)"
                     " select p, $2 from unnest($1::uuid[]) as p order by p on conflict do nothing",
                     params, 2, NULL);
    if (r)
        return r;
    r = pg_query_binary(
        pg,
        "with own as (select producer, shard, last_seq, last_chain, hits, stored, dead, lost, ended"
        " from clickledger.producer where producer = any ($1::uuid[]) and shard = $2"
        " order by producer for update)"
        " select * from own union all"
        " select producer, shard, last_seq, last_chain, hits, stored, dead, lost, ended"
        " from clickledger.producer where producer = any ($1::uuid[]) and shard <> $2"
        " order by 1",
        params, 2, &result);
    if (r)
        return r;
    if (pg_result_rows(result) != n)
        r = PRODUCER_MOVED;
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (memcmp(pg_result_cell(result, i, 0).data, rows[i].producer, PRODUCER_BYTES) != 0)
            r = PRODUCER_MOVED;
        else
            row_read(result, i, shard, &rows[i]);
    }
    pg_result_free(result);
    return r;
}

int producer_row_save(struct pg *pg, const struct producer_row *row)
{
    struct pg_result *result = NULL;
    struct pg_param params[] = {
        pg_uuid(row->producer),
        pg_int((int64_t)row->last_seq_before),
        pg_int((int64_t)row->position.last_seq),
        pg_int((int64_t)row->position.last_chain),
        pg_int((int64_t)row->position.hits),
        pg_int((int64_t)row->stored),
        pg_int((int64_t)row->dead),
        pg_int((int64_t)row->lost),
        pg_bool(row->ended),
    };
    int r =
        pg_query(pg,
                 "update clickledger.producer set last_seq = $3, last_chain = $4, hits = $5, stored = $6,"
                 " dead = $7, lost = $8, ended = $9, last_at = now() where producer = $1 and last_seq = $2",
                 params, array_length(params), &result);
    if (r)
        return r;
    if (pg_result_affected(result) != 1)
        r = PRODUCER_MOVED;
    pg_result_free(result);
    return r;
}

int lost_range_find(struct pg *pg, const uint8_t producer[PRODUCER_BYTES], uint64_t seq, int64_t *id,
                    struct lost_range *range)
{
    struct pg_result *result = NULL;
    struct pg_param params[] = {pg_uuid(producer), pg_int((int64_t)seq)};
    int r = pg_query_binary(pg,
                            "select id, from_seq, to_seq, hits, hits_before from clickledger.lost_range"
                            " where producer = $1 and from_seq <= $2 and to_seq >= $2 order by id limit 1",
                            params, array_length(params), &result);
    if (r)
        return r;
    *id = 0;
    if (pg_result_rows(result) == 1) {
        *id = pg_result_int(result, 0, 0);
        *range =
            (struct lost_range){(uint64_t)pg_result_int(result, 0, 1), (uint64_t)pg_result_int(result, 0, 2),
                                (uint64_t)pg_result_int(result, 0, 3), (uint64_t)pg_result_int(result, 0, 4)};
    }
    pg_result_free(result);
    return 0;
}

int lost_range_insert(struct pg *pg, const uint8_t producer[PRODUCER_BYTES], const struct lost_range *range,
                      const char *reason)
{
    struct pg_param params[] = {
        pg_uuid(producer),
        pg_int((int64_t)range->from_seq),
        pg_int((int64_t)range->to_seq),
        pg_int((int64_t)range->hits),
        pg_int((int64_t)range->hits_before),
        pg_string(reason),
    };
    return pg_query(
        pg,
        "insert into clickledger.lost_range (producer, from_seq, to_seq, hits, hits_before, reason)"
        " values ($1, $2, $3, $4, $5, $6)",
        params, array_length(params), NULL);
}

int lost_range_replace(struct pg *pg, int64_t id, const struct lost_range left[], size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        struct pg_param params[] = {
            pg_int(id),
            pg_int((int64_t)left[i].from_seq),
            pg_int((int64_t)left[i].to_seq),
            pg_int((int64_t)left[i].hits),
            pg_int((int64_t)left[i].hits_before),
        };
        r = pg_query(
            pg,
            "insert into clickledger.lost_range (producer, from_seq, to_seq, hits, hits_before, reason, "
            "found_at)"
            " select producer, $2, $3, $4, $5, reason, found_at from clickledger.lost_range where id = $1",
            params, array_length(params), NULL);
    }
    struct pg_param param = pg_int(id);
    return r ? r : pg_query(pg, "delete from clickledger.lost_range where id = $1", &param, 1, NULL);
}
