// Parts of days in SQL (sql/0095_click_part.sql). Owner: the loader's transaction.

#include "ingest/part.h"

int part_begin(struct pg *pg, bool *may)
{
    struct pg_result *result = NULL;
    int r = pg_query(pg, "select pg_try_advisory_xact_lock_shared(25454, 0)", NULL, 0, &result);

    *may = r == 0 && pg_result_bool(result, 0, 0);
    pg_result_free(result);
    return r;
}

int part_make(struct part *part, struct pg *pg, uint64_t day)
{
    struct pg_param param = pg_int((int64_t)day);
    struct pg_result *result = NULL;
    int r = pg_query(pg, "select coalesce(clickledger.part_make(date '1970-01-01' + $1::bigint::integer), 0)",
                     &param, 1, &result);

    if (r)
        return r;
    *part = (struct part){day, (uint32_t)pg_result_int(result, 0, 0)};
    pg_result_free(result);
    return part->number ? 0 : PART_NONE;
}

int part_attach(const struct part *part, struct pg *pg)
{
    struct pg_param params[] = {pg_int((int64_t)part->day), pg_int(part->number)};

    return pg_query(
        pg, "select clickledger.part_attach(date '1970-01-01' + $1::bigint::integer, $2::bigint::integer)",
        params, array_length(params), NULL);
}
