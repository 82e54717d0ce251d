#pragma once

// The door to PostgreSQL, synchronous half: one connection, one statement at a time, in the caller's thread.
// Functions that return int give 0, an enum pg_condition (pg_error() then says more) or -ENOMEM. A lost
// connection is never repaired behind the caller's back: free it and connect again.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define PG_PARAMS_MAX        32
#define PG_ERROR_BYTES       512
#define PG_CONNECT_TIMEOUT_S 5 // these hold unless the conninfo says otherwise
#define PG_DEAD_PEER_MS      10000
// max_locks_per_transaction of a server for years of daily partitions: docs/operations.md says what it is
// for.
#define PG_LOCKS_MIN 512

enum pg_condition {
    PG_LOST = 1, // no connection (any more); after COMMIT its outcome is unknown
    PG_RETRY =
        2, // serialization failure, deadlock, lock or statement timeout, shortage: the same may work later
    PG_UNIQUE = 3, // unique or exclusion violation
    PG_DATA =
        4, // other refused values: SQLSTATE class 22 and 54, other of class 23, a raised exception (P0001)
    PG_OTHER = 5,   // everything else: a mistake in the statement, missing rights or tables
    PG_TIMEOUT = 6, // pg_wait(): nothing came; pg_finish(): not yet
};

struct pg_error {
    enum pg_condition condition;
    char sqlstate[6]; // "" when the server did not say
    char message[PG_ERROR_BYTES];
};

struct pg;
struct pg_result;

// `conninfo` as in libpq (no password: ~/.pgpass or a socket). Connects within the timeout, sets keepalives.
must_check int pg_connect(struct pg **out, const char *conninfo, const char *application,
                          struct pg_error *error);
struct pg *pg_free(struct pg *pg); // NULL; takes NULL

const struct pg_error *pg_error(const struct pg *pg); // of the last call that failed
bool pg_alive(const struct pg *pg);
bool pg_in_transaction(const struct pg *pg); // between BEGIN and COMMIT, also when the transaction has failed
int pg_fd(const struct pg *pg);
enum pg_condition pg_condition_of(const char *sqlstate); // pure

// A statement parameter. Bytes are the caller's until the call returns; small values are kept inside.
struct pg_param {
    uint32_t type; // OID of the type, 0 leaves it to the server
    bool binary, is_null, is_inline;
    uint8_t inline_bytes[8]; // big-endian
    struct slice bytes;
};

struct pg_param pg_null(void);
struct pg_param pg_text(struct slice text); // .data NULL is SQL null; type left to the server
struct pg_param pg_string(const char *text);
struct pg_param pg_int(int64_t value); // bigint
struct pg_param pg_bool(bool value);
struct pg_param pg_uuid(const uint8_t uuid[16]);
struct pg_param pg_bytea(struct slice bytes);

// One or more statements without parameters or rows.
must_check int pg_exec(struct pg *pg, const char *sql);

// One statement. *result (may be NULL when no rows are wanted) is set after 0, the caller frees it. pg_query
// gives cells as text, pg_query_binary in PostgreSQL's binary form (bytea and uuid as plain bytes).
must_check int pg_query(struct pg *pg, const char *sql, const struct pg_param *params, size_t n,
                        struct pg_result **result);
must_check int pg_query_binary(struct pg *pg, const char *sql, const struct pg_param *params, size_t n,
                               struct pg_result **result);

// One statement that the caller does not wait for: started, then asked for until pg_finish() is something
// else than PG_TIMEOUT; it waits for the rest of an answer that comes, 130 ms at most. Nothing else may be
// asked of the connection until then. Cells are text or binary as above.
must_check int pg_start(struct pg *pg, const char *sql, const struct pg_param *params, size_t n);
must_check int pg_start_binary(struct pg *pg, const char *sql, const struct pg_param *params, size_t n);
must_check int pg_finish(struct pg *pg, struct pg_result **result);
must_check int pg_await(struct pg *pg, struct pg_result **result); // pg_finish() for whoever waits

struct pg_result *pg_result_free(struct pg_result *result); // NULL; takes NULL
size_t pg_result_rows(const struct pg_result *result);
size_t pg_result_affected(const struct pg_result *result); // rows inserted, updated, deleted
bool pg_result_is_null(const struct pg_result *result, size_t row, size_t column);
// The cell's bytes, NUL-terminated behind them; .data NULL for SQL null. Valid until the result is freed.
struct slice pg_result_cell(const struct pg_result *result, size_t row, size_t column);
int64_t pg_result_int(const struct pg_result *result, size_t row, size_t column); // either form; 0 for null
bool pg_result_bool(const struct pg_result *result, size_t row, size_t column);

// COPY ... TO STDOUT. After begin: rows until one is SLICE_NONE; then it is over. A row is valid until the
// next.
must_check int pg_read_begin(struct pg *pg, const char *sql);
must_check int pg_read_row(struct pg *pg, struct slice *row);

// COPY ... FROM STDIN. After begin: put, then end (*rows may be NULL) or abort; both leave the COPY.
must_check int pg_copy_begin(struct pg *pg, const char *sql);
must_check int pg_copy_put(struct pg *pg, const void *data, size_t len);
must_check int pg_copy_end(struct pg *pg, uint64_t *rows);
void pg_copy_abort(struct pg *pg, const char *reason);

// After LISTEN: waits up to timeout_ms for a notification and takes all that are there. 0, PG_TIMEOUT,
// PG_LOST.
must_check int pg_wait(struct pg *pg, unsigned timeout_ms);
