// Parts of days in SQL (sql/0095_click_part.sql). Owner: the loader's transaction.

#include "ingest/part.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/click_id.h"

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

static int part_reaches(struct pg *pg, const uint8_t first[HIT_ID_BYTES], const uint8_t last[HIT_ID_BYTES],
                        bool *reaches)
{
    struct pg_param params[] = {pg_uuid(first), pg_uuid(last)};
    struct pg_result *result = NULL;
    int r = pg_query(pg, "select clickledger.part_reaches($1, $2)", params, array_length(params), &result);

    *reaches = r == 0 && pg_result_bool(result, 0, 0);
    pg_result_free(result);
    return r;
}

static int ids_are_held(struct pg *pg, const struct batch_row rows[], size_t n, bool *holds)
{
    struct array ids = {0};
    struct pg_result *result = NULL;

    for (size_t i = 0; i < n; i++) {
        char text[CLICK_ID_TEXT_BYTES];
        click_id_format(rows[i].id, text);
        array_text(&ids, (struct slice){text, sizeof(text)});
    }
    struct pg_param param = pg_text(array_literal(&ids));
    int r =
        ids.failed ? -ENOMEM : pg_query(pg, "select clickledger.part_holds($1::uuid[])", &param, 1, &result);
    *holds = r == 0 && pg_result_bool(result, 0, 0);
    pg_result_free(result);
    array_free(&ids);
    return r;
}

int part_holds(struct pg *pg, const struct batch_row rows[], size_t n, bool *holds)
{
    const uint8_t *first = rows[0].id, *last = rows[0].id;

    for (size_t i = 1; i < n; i++) {
        first = memcmp(rows[i].id, first, HIT_ID_BYTES) < 0 ? rows[i].id : first;
        last = memcmp(rows[i].id, last, HIT_ID_BYTES) > 0 ? rows[i].id : last;
    }
    int r = part_reaches(pg, first, last, holds);
    return r == 0 && *holds ? ids_are_held(pg, rows, n, holds) : r;
}

int part_attach(const struct part *part, struct pg *pg)
{
    struct pg_param params[] = {pg_int((int64_t)part->day), pg_int(part->number)};

    return pg_query(
        pg, "select clickledger.part_attach(date '1970-01-01' + $1::bigint::integer, $2::bigint::integer)",
        params, array_length(params), NULL);
}
