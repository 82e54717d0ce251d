// The publisher's statements. Owner: the publishing ingest, one at a time by an advisory lock of its
// connection; what is read between lock and unlock does not change, because only catalog_take() writes it and
// only the holder calls that. Limits: IMAGE_FETCH_ROWS records in memory beside the image under construction.

#include "ingest/catalog_source.h"

#include "base/catalog.h"
#include "base/catalog_builder.h"
#include "base/log.h"

#include <stdio.h>

#define LOCK_KEY         "7021400001" // of nobody else in the database
#define IMAGE_FETCH_ROWS "10000"

// With the timeline: after a restore to an earlier moment revisions are given a second time.
static const char state_sql[] =
    "select epoch || '-' || lower(left(pg_walfile_name(pg_current_wal_lsn()), 8)), revision "
    "from clickledger.catalog_state";

static int query_one(struct pg *pg, const char *sql, const struct pg_param *params, size_t n,
                     struct pg_result **row)
{
    int error = pg_query(pg, sql, params, n, row);
    if (error == 0 && pg_result_rows(*row) != 1) {
        *row = pg_result_free(*row);
        return PG_OTHER;
    }
    return error;
}

int source_lock(struct pg *pg, bool *held)
{
    struct pg_result *row;
    int error = query_one(pg, "select pg_try_advisory_lock(" LOCK_KEY ")", NULL, 0, &row);
    if (error)
        return error;
    *held = pg_result_bool(row, 0, 0);
    pg_result_free(row);
    return 0;
}

int source_unlock(struct pg *pg)
{
    return pg_query(pg, "select pg_advisory_unlock(" LOCK_KEY ")", NULL, 0, NULL);
}

int source_review(struct pg *pg, uint64_t *exhausted)
{
    struct pg_result *row;
    int error = query_one(pg, "select clickledger.link_review()", NULL, 0, &row);
    if (error)
        return error;
    *exhausted = (uint64_t)pg_result_int(row, 0, 0);
    pg_result_free(row);
    return 0;
}

int source_take(struct pg *pg, uint64_t changes_max, uint64_t *taken)
{
    struct pg_result *row;
    const struct pg_param params[] = {pg_int((int64_t)changes_max)};
    int error = query_one(pg, "select clickledger.catalog_take($1)", params, 1, &row);
    if (error)
        return error;
    *taken = (uint64_t)pg_result_int(row, 0, 0);
    pg_result_free(row);
    return 0;
}

int source_read(struct pg *pg, struct catalog_source *source)
{
    struct pg_result *row;
    int error = query_one(pg, state_sql, NULL, 0, &row);
    if (error)
        return error;
    (void)snprintf(source->epoch, sizeof(source->epoch), "%s", pg_result_cell(row, 0, 0).data);
    source->revision = (uint64_t)pg_result_int(row, 0, 1);
    pg_result_free(row);
    return 0;
}

int source_jump(struct pg *pg, struct catalog_source *source, uint64_t revision)
{
    const struct pg_param params[] = {pg_int((int64_t)revision + 1)};
    int error = pg_query(
        pg,
        "update clickledger.catalog_state set revision = $1, epoch = gen_random_uuid() where revision < $1",
        params, 1, NULL);
    return error ? error : source_read(pg, source);
}

int source_after(struct pg *pg, uint64_t revision, uint64_t rows_max, struct pg_result **rows)
{
    const struct pg_param params[] = {pg_int((int64_t)revision), pg_int((int64_t)rows_max)};
    return pg_query_binary(pg,
                           "select revision, record from clickledger.catalog_record where revision > $1 "
                           "order by revision limit $2",
                           params, 2, rows);
}

// A record that cannot be one costs its key, not the catalog.
static int builder_add_rows(struct catalog_builder *builder, const struct pg_result *rows)
{
    for (size_t i = 0; i < pg_result_rows(rows); i++) {
        int error = catalog_builder_add(builder, pg_result_cell(rows, i, 0));
        if (error == CATALOG_MALFORMED)
            log_event(LOG_ERROR, "catalog.record_malformed", log_int("revision", pg_result_int(rows, i, 1)));
        else if (error)
            return error;
    }
    return 0;
}

static int builder_fill(struct pg *pg, struct catalog_builder *builder)
{
    size_t n;
    int error =
        pg_exec(pg, "begin; declare image no scroll cursor for select record, revision "
                    "from clickledger.catalog_record where get_byte(record, 1) = 0 order by type, key");
    if (error)
        return error;
    do {
        struct pg_result *rows;
        error = pg_query_binary(pg, "fetch " IMAGE_FETCH_ROWS " from image", NULL, 0, &rows);
        if (error)
            return error;
        n = pg_result_rows(rows);
        error = builder_add_rows(builder, rows);
        pg_result_free(rows);
    } while (error == 0 && n > 0);
    return error;
}

int source_image(struct pg *pg, const struct catalog_source *source, struct catalog_file *file)
{
    struct catalog_builder builder = {0};
    *file = (struct catalog_file){.revision = source->revision};
    int error = builder_fill(pg, &builder);
    if (pg_alive(pg) && pg_in_transaction(pg)) {
        int ended = pg_exec(pg, error ? "rollback" : "commit");
        error = error ? error : ended;
    }
    // Without settings there is no image: file->bytes stays NULL.
    if (error == 0 && builder.shards > 0)
        error = catalog_builder_finish(&builder, source->revision, &file->bytes, &file->len);
    catalog_builder_deinit(&builder);
    return error;
}

int source_forget(struct pg *pg, uint64_t revision)
{
    const struct pg_param params[] = {pg_int((int64_t)revision)};
    return pg_query(pg,
                    "delete from clickledger.catalog_record where revision <= $1 and get_byte(record, 1) = 1",
                    params, 1, NULL);
}
