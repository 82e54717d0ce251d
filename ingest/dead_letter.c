// Dead letters. Owner: the loader's transaction. A frame that is set aside without moving its producer comes
// again as long as its sender sees it unconfirmed, so such letters are compared with what is there.

#include "ingest/dead_letter.h"

#include <stdio.h>

static const char insert_sql[] =
    "insert into clickledger.dead_letter (shard, entry_id, producer, seq, kind, hits, reason, bytes)"
    " select $1, $2, $3::uuid, $4::bigint, $5, $6, $7, $8 where not exists (select from "
    "clickledger.dead_letter d where ";

static const char *known_before(enum dead_kind kind)
{
    switch (kind) {
    case DEAD_HEADER:
    case DEAD_PAYLOAD:
        return "d.shard = $1 and d.entry_id = $2 and d.kind = $5)";
    case DEAD_FORK:
        return "d.producer = $3 and d.seq = $4 and d.kind = $5 and substr(d.bytes, 1, 64) = "
               "substr($8::bytea, 1, 64))";
    case DEAD_HIT:
    case DEAD_ROW:
    case DEAD_CONFLICT:
    case DEAD_KINDS:
        break;
    }
    return "false)";
}

int dead_letter_write(struct pg *pg, unsigned shard, const struct delivery *delivery,
                      const struct dead_letter *letter, bool *written)
{
    bool placed = delivery->condition == 0;
    char sql[sizeof(insert_sql) + 160];
    struct pg_result *result = NULL;
    struct slice bytes = letter->bytes.data ? letter->bytes : SLICE("");
    struct pg_param params[] = {
        pg_int(shard),
        pg_text(delivery->entry_id),
        placed ? pg_uuid(delivery->header.producer) : pg_null(),
        placed ? pg_int((int64_t)delivery->header.seq) : pg_null(),
        pg_string(dead_kind_name(letter->kind)),
        pg_int((int64_t)letter->hits),
        pg_string(letter->reason),
        pg_bytea(bytes),
    };

    snprintf(sql, sizeof(sql), "%s%s", insert_sql, known_before(letter->kind));
    int r = pg_query(pg, sql, params, array_length(params), &result);
    if (r)
        return r;
    *written = pg_result_affected(result) == 1;
    pg_result_free(result);
    return 0;
}
