// The door to PostgreSQL (libpq), synchronous half. Owner: ingest and attrib use it for their only thread.
// Every failure is put into one of five conditions by its SQLSTATE, so that callers decide by meaning:
// connect again, try again, look for the bad row, or give up. Invariants: `error` holds the last failure;
// after PG_LOST the connection is dead for good; a function that returns 0 has left no pending result on the
// connection. Limits: PG_PARAMS_MAX parameters; a dead peer is noticed within PG_DEAD_PEER_MS.

#include "base/pg.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/copy_cell.h"

#define PIECES_MAX 64 // of an answer in one turn: the server keeps a snapshot until the last is read
#define PIECE_MS   2  // until the next one

#define OID_BOOL  16
#define OID_BYTEA 17
#define OID_INT8  20
#define OID_UUID  2950

struct pg {
    PGconn *conn;
    struct pg_error error;
    char *row; // of COPY ... TO STDOUT
};

struct pg_result {
    PGresult *result;
};

// --- Errors

static bool state_in(const char *sqlstate, const char *const states[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sqlstate, states[i]) == 0)
            return true;
    }
    return false;
}

enum pg_condition pg_condition_of(const char *sqlstate)
{
    static const char *const lost[] = {"57P01", "57P02", "57P03", "57P05", "25P03"};
    static const char *const retry[] = {"55P03", "57014", "55006"};
    static const char *const unique[] = {"23505", "23P01"};
    static const char *const data[] = {"P0001"};

    if (strncmp(sqlstate, "08", 2) == 0 || state_in(sqlstate, lost, array_length(lost)))
        return PG_LOST;
    if (strncmp(sqlstate, "40", 2) == 0 || strncmp(sqlstate, "53", 2) == 0 ||
        state_in(sqlstate, retry, array_length(retry)))
        return PG_RETRY;
    if (state_in(sqlstate, unique, array_length(unique)))
        return PG_UNIQUE;
    if (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0 ||
        strncmp(sqlstate, "54", 2) == 0 || state_in(sqlstate, data, array_length(data)))
        return PG_DATA;
    return PG_OTHER;
}

static void message_copy(struct pg_error *error, const char *text)
{
    size_t len = strnlen(text, sizeof(error->message) - 1);

    while (len > 0 && text[len - 1] == '\n')
        len--;
    memcpy(error->message, text, len);
    error->message[len] = '\0';
}

static int fail(struct pg *pg, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    snprintf(pg->error.sqlstate, sizeof(pg->error.sqlstate), "%s", state ? state : "");
    message_copy(&pg->error, message ? message : PQerrorMessage(pg->conn));
    if (PQstatus(pg->conn) != CONNECTION_OK)
        pg->error.condition = PG_LOST;
    else
        pg->error.condition = state ? pg_condition_of(state) : PG_OTHER;
    return (int)pg->error.condition;
}

const struct pg_error *pg_error(const struct pg *pg)
{
    return &pg->error;
}

// --- Connection

static void notice_ignore(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

static PGconn *connection_open(const char *conninfo, const char *application)
{
    char timeout[16], dead_peer[16];
    snprintf(timeout, sizeof(timeout), "%d", PG_CONNECT_TIMEOUT_S);
    snprintf(dead_peer, sizeof(dead_peer), "%d", PG_DEAD_PEER_MS);
    // What stands before dbname is our default, what stands behind it is fixed.
    const char *names[] = {"connect_timeout",           "keepalives_idle",  "keepalives_interval",
                           "keepalives_count",          "tcp_user_timeout", "dbname",
                           "fallback_application_name", "client_encoding",  NULL};
    const char *values[] = {timeout, "3", "2", "3", dead_peer, conninfo, application, "UTF8", NULL};
    return PQconnectdbParams(names, values, 1);
}

int pg_connect(struct pg **out, const char *conninfo, const char *application, struct pg_error *error)
{
    struct pg *pg = calloc(1, sizeof(*pg));
    if (!pg)
        return -ENOMEM;
    pg->conn = connection_open(conninfo, application);
    if (!pg->conn) {
        pg_free(pg);
        return -ENOMEM;
    }
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        fail(pg, NULL);
        *error = pg->error;
        pg_free(pg);
        return PG_LOST;
    }
    PQsetNoticeProcessor(pg->conn, NULL, NULL);
    PQsetNoticeReceiver(pg->conn, notice_ignore, NULL);
    *out = pg;
    return 0;
}

struct pg *pg_free(struct pg *pg)
{
    if (pg) {
        PQfreemem(pg->row);
        PQfinish(pg->conn);
        free(pg);
    }
    return NULL;
}

bool pg_alive(const struct pg *pg)
{
    return PQstatus(pg->conn) == CONNECTION_OK;
}

bool pg_in_transaction(const struct pg *pg)
{
    PGTransactionStatusType status = PQtransactionStatus(pg->conn);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

int pg_fd(const struct pg *pg)
{
    return PQsocket(pg->conn);
}

// --- Parameters

struct pg_param pg_null(void)
{
    return (struct pg_param){.is_null = true};
}

struct pg_param pg_text(struct slice text)
{
    return (struct pg_param){.is_null = !text.data, .bytes = text};
}

struct pg_param pg_string(const char *text)
{
    return text ? pg_text(slice_of(text)) : pg_null();
}

struct pg_param pg_int(int64_t value)
{
    struct pg_param param = {.type = OID_INT8, .binary = true, .is_inline = true, .bytes.len = 8};
    uint64_t big_endian = __builtin_bswap64((uint64_t)value);

    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "wire numbers are swapped");
    memcpy(param.inline_bytes, &big_endian, sizeof(big_endian));
    return param;
}

struct pg_param pg_bool(bool value)
{
    return (struct pg_param){
        .type = OID_BOOL, .binary = true, .is_inline = true, .inline_bytes = {value}, .bytes.len = 1};
}

struct pg_param pg_uuid(const uint8_t uuid[16])
{
    return (struct pg_param){.type = OID_UUID, .binary = true, .bytes = {(const char *)uuid, 16}};
}

struct pg_param pg_bytea(struct slice bytes)
{
    return (struct pg_param){.type = OID_BYTEA, .binary = true, .is_null = !bytes.data, .bytes = bytes};
}

// libpq's four arrays. Text is copied to end it with NUL.
struct param_arrays {
    Oid types[PG_PARAMS_MAX];
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    char *copies[PG_PARAMS_MAX];
};

static void params_clear(struct param_arrays *arrays, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(arrays->copies[i]);
}

static int param_set(struct param_arrays *arrays, size_t i, const struct pg_param *param)
{
    arrays->types[i] = param->type;
    arrays->formats[i] = param->binary;
    arrays->lengths[i] = (int)param->bytes.len;
    arrays->copies[i] = NULL;
    arrays->values[i] = NULL;
    if (param->is_null)
        return 0;
    if (param->binary) {
        arrays->values[i] = param->is_inline ? (const char *)param->inline_bytes : param->bytes.data;
        return 0;
    }
    arrays->values[i] = arrays->copies[i] = strndup(param->bytes.data, param->bytes.len);
    return arrays->values[i] ? 0 : -ENOMEM;
}

static int params_set(struct param_arrays *arrays, const struct pg_param *params, size_t n)
{
    assert(n <= PG_PARAMS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (param_set(arrays, i, &params[i])) {
            params_clear(arrays, i);
            return -ENOMEM;
        }
    }
    return 0;
}

// --- Statements

// Takes over `raw`.
static int result_take(struct pg *pg, PGresult *raw, struct pg_result **out)
{
    ExecStatusType status = raw ? PQresultStatus(raw) : PGRES_FATAL_ERROR;
    int r = 0;

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        r = fail(pg, raw);
    } else if (out) {
        *out = malloc(sizeof(**out));
        if (*out) {
            (*out)->result = raw;
            return 0;
        }
        r = -ENOMEM;
    }
    PQclear(raw);
    return r;
}

int pg_exec(struct pg *pg, const char *sql)
{
    return result_take(pg, PQexec(pg->conn, sql), NULL);
}

static int start(struct pg *pg, const char *sql, const struct pg_param *params, size_t n, bool binary)
{
    struct param_arrays arrays = {0};
    int r = params_set(&arrays, params, n);
    if (r)
        return r;
    if (PQsendQueryParams(pg->conn, sql, (int)n, arrays.types, arrays.values, arrays.lengths, arrays.formats,
                          binary) != 1)
        r = fail(pg, NULL);
    params_clear(&arrays, n);
    return r;
}

int pg_start(struct pg *pg, const char *sql, const struct pg_param *params, size_t n)
{
    return start(pg, sql, params, n, false);
}

int pg_start_binary(struct pg *pg, const char *sql, const struct pg_param *params, size_t n)
{
    return start(pg, sql, params, n, true);
}

int pg_await(struct pg *pg, struct pg_result **result)
{
    int r = result_take(pg, PQgetResult(pg->conn), result);

    for (PGresult *raw; (raw = PQgetResult(pg->conn));)
        PQclear(raw);
    return r;
}

static bool readable(const struct pg *pg, unsigned timeout_ms)
{
    struct pollfd wait = {.fd = PQsocket(pg->conn), .events = POLLIN};
    return poll(&wait, 1, (int)timeout_ms) > 0;
}

int pg_finish(struct pg *pg, struct pg_result **result)
{
    for (int piece = 0; PQisBusy(pg->conn); piece++) {
        if (piece == PIECES_MAX || !readable(pg, piece > 0 ? PIECE_MS : 0))
            return PG_TIMEOUT;
        if (PQconsumeInput(pg->conn) != 1)
            return fail(pg, NULL);
    }
    return pg_await(pg, result);
}

static int query(struct pg *pg, const char *sql, const struct pg_param *params, size_t n, bool binary,
                 struct pg_result **result)
{
    struct param_arrays arrays = {0};
    int r = params_set(&arrays, params, n);
    if (r)
        return r;
    PGresult *raw = PQexecParams(pg->conn, sql, (int)n, arrays.types, arrays.values, arrays.lengths,
                                 arrays.formats, binary);
    params_clear(&arrays, n);
    return result_take(pg, raw, result);
}

int pg_query(struct pg *pg, const char *sql, const struct pg_param *params, size_t n,
             struct pg_result **result)
{
    return query(pg, sql, params, n, false, result);
}

int pg_query_binary(struct pg *pg, const char *sql, const struct pg_param *params, size_t n,
                    struct pg_result **result)
{
    return query(pg, sql, params, n, true, result);
}

// --- Results

struct pg_result *pg_result_free(struct pg_result *result)
{
    if (result) {
        PQclear(result->result);
        free(result);
    }
    return NULL;
}

size_t pg_result_rows(const struct pg_result *result)
{
    return (size_t)PQntuples(result->result);
}

size_t pg_result_affected(const struct pg_result *result)
{
    return (size_t)strtoull(PQcmdTuples(result->result), NULL, 10);
}

static void cell_check(const struct pg_result *result, size_t row, size_t column)
{
    assert(row < pg_result_rows(result) && column < (size_t)PQnfields(result->result));
}

bool pg_result_is_null(const struct pg_result *result, size_t row, size_t column)
{
    cell_check(result, row, column);
    return PQgetisnull(result->result, (int)row, (int)column);
}

struct slice pg_result_cell(const struct pg_result *result, size_t row, size_t column)
{
    if (pg_result_is_null(result, row, column))
        return SLICE_NONE;
    return (struct slice){PQgetvalue(result->result, (int)row, (int)column),
                          (size_t)PQgetlength(result->result, (int)row, (int)column)};
}

int64_t pg_result_int(const struct pg_result *result, size_t row, size_t column)
{
    struct slice cell = pg_result_cell(result, row, column);

    if (!cell.data)
        return 0;
    return PQfformat(result->result, (int)column) ? copy_get_int(cell) : strtoll(cell.data, NULL, 10);
}

bool pg_result_bool(const struct pg_result *result, size_t row, size_t column)
{
    struct slice cell = pg_result_cell(result, row, column);
    return cell.len == 1 && (cell.data[0] == 't' || cell.data[0] == 1);
}

// --- COPY

int pg_copy_begin(struct pg *pg, const char *sql)
{
    PGresult *raw = PQexec(pg->conn, sql);
    int r = raw && PQresultStatus(raw) == PGRES_COPY_IN ? 0 : fail(pg, raw);

    PQclear(raw);
    return r;
}

int pg_copy_put(struct pg *pg, const void *data, size_t len)
{
    assert(len <= INT32_MAX);
    return PQputCopyData(pg->conn, data, (int)len) == 1 ? 0 : fail(pg, NULL);
}

// Reads results until the statement is over; the first failure stays.
static int copy_finish(struct pg *pg, uint64_t *rows)
{
    int r = 0;

    for (PGresult *raw; (raw = PQgetResult(pg->conn));) {
        if (PQresultStatus(raw) == PGRES_COMMAND_OK && rows)
            *rows = strtoull(PQcmdTuples(raw), NULL, 10);
        else if (PQresultStatus(raw) != PGRES_COMMAND_OK && r == 0)
            r = fail(pg, raw);
        PQclear(raw);
    }
    if (r == 0 && PQstatus(pg->conn) != CONNECTION_OK)
        r = fail(pg, NULL);
    return r;
}

int pg_copy_end(struct pg *pg, uint64_t *rows)
{
    if (PQputCopyEnd(pg->conn, NULL) != 1)
        return fail(pg, NULL);
    return copy_finish(pg, rows);
}

int pg_read_begin(struct pg *pg, const char *sql)
{
    PGresult *raw = PQexec(pg->conn, sql);
    int r = raw && PQresultStatus(raw) == PGRES_COPY_OUT ? 0 : fail(pg, raw);

    PQclear(raw);
    return r;
}

int pg_read_row(struct pg *pg, struct slice *row)
{
    PQfreemem(pg->row);
    pg->row = NULL;
    int len = PQgetCopyData(pg->conn, &pg->row, 0);
    *row = len > 0 ? (struct slice){pg->row, (size_t)len} : SLICE_NONE;
    if (len > 0)
        return 0;
    return len == -1 ? copy_finish(pg, NULL) : fail(pg, NULL);
}

void pg_copy_abort(struct pg *pg, const char *reason)
{
    if (PQputCopyEnd(pg->conn, reason) == 1)
        (void)!copy_finish(pg, NULL);
}

// --- Notifications

static bool notifications_take(struct pg *pg)
{
    bool any = false;

    for (PGnotify *notify; (notify = PQnotifies(pg->conn)); any = true)
        PQfreemem(notify);
    return any;
}

int pg_wait(struct pg *pg, unsigned timeout_ms)
{
    if (notifications_take(pg))
        return 0;
    if (PQsocket(pg->conn) < 0)
        return fail(pg, NULL);
    if (!readable(pg, timeout_ms))
        return PG_TIMEOUT;
    if (PQconsumeInput(pg->conn) != 1)
        return fail(pg, NULL);
    return notifications_take(pg) ? 0 : PG_TIMEOUT;
}
