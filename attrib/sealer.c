// The sealer: takes committed transactions from the queue that was written with them, chains them, and lets
// the new heads leave the database. Owner: the leading worker. Invariant: a seal's lines, its head and the
// shorter queue are one transaction, so nothing is sealed twice or left out, whatever commits late.

#include "attrib/sealer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/array.h"
#include "attrib/seal_file.h"
#include "attrib/seal_rows.h"
#include "base/log.h"

#define HEADS_MAX 1000 // appended at once

static int last_head(struct pg *pg, uint64_t *id, struct seal_hash *head)
{
    struct pg_result *rows = NULL;
    int r =
        pg_query(pg, "select id, encode(head, 'hex') from clickledger.ledger_seal order by id desc limit 1",
                 NULL, 0, &rows);

    *id = 0;
    *head = (struct seal_hash){0};
    if (r)
        return r;
    if (pg_result_rows(rows) > 0) {
        *id = (uint64_t)pg_result_int(rows, 0, 0);
        r = seal_parse(pg_result_cell(rows, 0, 1), head) ? 0 : -EBADMSG;
    }
    pg_result_free(rows);
    return r;
}

// Hashes the waiting transactions into columns and head; their number is returned.
static size_t lines_make(const struct pg_result *rows, struct array *ids, struct array *hashes,
                         struct seal_state *state)
{
    char hex[2 + SEAL_HEX_BYTES] = "\\x";
    size_t n = 0;

    for (size_t row = 0; row < pg_result_rows(rows); n++) {
        array_int(ids, pg_result_int(rows, row, SEAL_ID));
        struct seal_hash hash = seal_rows_hash(rows, SEAL_ID, &row);
        seal_hex(&hash, hex + 2);
        array_text(hashes, slice_of(hex));
        seal_line(state, &hash);
    }
    return n;
}

static int seal_write(struct pg *pg, const struct pg_result *rows, size_t *n)
{
    struct array ids = {0}, hashes = {0};
    struct seal_hash head;
    struct seal_state state;
    uint64_t id;
    int r = last_head(pg, &id, &head);

    if (r)
        return r;
    seal_head_begin(&state, &head, id + 1);
    *n = lines_make(rows, &ids, &hashes, &state);
    head = seal_end(&state);
    struct pg_param params[] = {pg_text(array_literal(&ids)), pg_text(array_literal(&hashes)),
                                pg_bytea((struct slice){(const char *)head.bytes, sizeof(head.bytes)})};
    r = ids.failed || hashes.failed
            ? -ENOMEM
            : pg_query(pg, "select clickledger.ledger_seal_write($1, $2, $3)", params, 3, NULL);
    array_free(&ids);
    array_free(&hashes);
    return r;
}

static int seal_steps(struct pg *pg, size_t *n)
{
    struct pg_result *rows = NULL;
    int r = pg_exec(pg, "begin isolation level repeatable read");

    if (r == 0)
        r = pg_query(
            pg,
            "select " SEAL_COLUMNS " from (select transaction_id from clickledger.ledger_unsealed u "
            "where exists (select from clickledger.ledger_transaction t where t.id = u.transaction_id) "
            "order by transaction_id limit " text_of(SEAL_TRANSACTIONS_MAX) ") l " SEAL_JOINS SEAL_ORDER,
            NULL, 0, &rows);
    if (r == 0 && pg_result_rows(rows) > 0)
        r = seal_write(pg, rows, n);
    pg_result_free(rows);
    return r ? r : pg_exec(pg, "commit");
}

static int seal_one(struct pg *pg, struct seal_counts *counts, size_t *n)
{
    *n = 0;
    int r = seal_steps(pg, n);
    if (r && pg_alive(pg) && pg_in_transaction(pg) && pg_exec(pg, "rollback") == PG_LOST)
        r = PG_LOST;
    if (r == 0 && *n > 0) {
        counts->seals++;
        counts->transactions += *n;
    }
    return r;
}

// --- Heads

static int heads_append(const char *path, const struct pg_result *rows, uint64_t *last)
{
    char text[HEADS_MAX * SEAL_LINE_BYTES];
    size_t len = 0;

    for (size_t row = 0; row < pg_result_rows(rows); row++) {
        struct slice hex = pg_result_cell(rows, row, 1);
        *last = (uint64_t)pg_result_int(rows, row, 0);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%" PRIu64 " %.*s\n", *last, (int)hex.len,
                                hex.data);
    }
    return seal_file_append(path, (struct slice){text, len});
}

// A file that knows more seals than the database is not written: one of both was put back.
static int heads_after(struct pg *pg, const char *path, uint64_t last, struct seal_counts *counts)
{
    for (size_t n = HEADS_MAX; n == HEADS_MAX;) {
        struct pg_result *rows = NULL;
        struct pg_param params[] = {pg_int((int64_t)last)};
        int r = pg_query(pg,
                         "select id, encode(head, 'hex') from clickledger.ledger_seal where id > $1 "
                         "order by id limit " text_of(HEADS_MAX),
                         params, 1, &rows);
        if (r)
            return r;
        n = pg_result_rows(rows);
        r = n ? heads_append(path, rows, &last) : 0;
        pg_result_free(rows);
        if (r) {
            log_event(LOG_ERROR, "seal.heads_failed", log_str("path", path), log_errno(r));
            counts->heads_failed++;
            return 0;
        }
    }
    return 0;
}

static int heads_leave(struct pg *pg, const char *path, struct seal_counts *counts)
{
    struct seal_hash head;
    uint64_t in_file = 0, in_database = 0;
    int r = seal_file_last(path, &in_file);

    if (r < 0)
        log_event(LOG_ERROR, "seal.heads_failed", log_str("path", path), log_errno(r));
    else if (r > 0)
        log_event(LOG_ERROR, "seal.heads_malformed", log_str("path", path));
    counts->heads_failed += r != 0;
    if (r)
        return 0;
    r = last_head(pg, &in_database, &head);
    if (r || in_file == in_database)
        return r;
    if (in_file > in_database) {
        log_event(LOG_ERROR, "seal.heads_ahead", log_str("path", path), log_uint("file", in_file),
                  log_uint("database", in_database));
        counts->heads_failed++;
        return 0;
    }
    return heads_after(pg, path, in_file, counts);
}

int sealer_run(struct pg *pg, const char *heads, struct seal_counts *counts)
{
    size_t n = SEAL_TRANSACTIONS_MAX;
    int r = 0;

    while (r == 0 && n == SEAL_TRANSACTIONS_MAX)
        r = seal_one(pg, counts, &n);
    return r || heads[0] == '\0' ? r : heads_leave(pg, heads, counts);
}
