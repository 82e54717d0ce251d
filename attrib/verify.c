// The verifier. Owner: the command. Every row is compared with the hash in its seal, every seal with the one
// before it, and the heads with what is trusted: a file of heads, one head, or, weakest, the database's own
// newest. One REPEATABLE READ transaction, seal by seal, so memory is bounded by SEAL_TRANSACTIONS_MAX.
// What it finds:
//   changed      the transaction, its entries or their accounts are not what was sealed
//   deleted      it is sealed, or waits for its seal, and is not there
//   inserted     it is there, and neither sealed nor waiting
//   back_dated   it says that it was posted long before a seal that did not hold it
//   orphan       an entry without its transaction
//   seal_broken  the seal does not follow from the one before it and its lines
//   seal_missing the next number is not there
//   head_differs the seal's head is not the trusted one: ledger and seals were rewritten together
//   head_unknown no seal has the trusted head

#include "attrib/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "attrib/seal_file.h"
#include "attrib/seal_rows.h"
#include "attrib/sealer.h"
#include "base/log.h"

#define POSTING_US_MAX                                                                                       \
    INT64_C(3600000000) // what a transaction may take from posting to commit, clock steps included

enum line_column {
    LINE_TRANSACTION = SEAL_CELLS, // behind the cells
    LINE_HASH,
};

struct verify {
    struct pg *pg;
    FILE *heads;              // NULL: none
    struct seal_hash trusted; // of --head
    bool wants_head;
    uint64_t trusted_id; // seal whose head was found to be the trusted one; 0: none yet
    uint64_t next_id;    // in the file of heads; 0: no more
    struct seal_hash next_head;
    struct seal_hash before; // head of the seal before
    uint64_t seals, transactions, faults;
    int64_t quiet_us; // when a seal last took everything
};

static void fault_tell(struct verify *verify, const char *fault, uint64_t transaction, uint64_t seal)
{
    if (verify->faults++ >= VERIFY_FAULTS_MAX)
        return;
    printf("fault=%s", fault);
    if (transaction)
        printf(" transaction=%" PRIu64, transaction);
    if (seal)
        printf(" seal=%" PRIu64, seal);
    printf("\n");
}

// --- Lines

static void line_verify(struct verify *verify, uint64_t seal, const struct pg_result *rows, size_t *row,
                        struct seal_state *state)
{
    size_t first = *row;
    uint64_t id = (uint64_t)pg_result_int(rows, first, LINE_TRANSACTION);
    struct seal_hash sealed = {0}, hash = seal_rows_hash(rows, LINE_TRANSACTION, row);

    if (!seal_parse(pg_result_cell(rows, first, LINE_HASH), &sealed))
        fault_tell(verify, "seal_broken", id, seal);
    else if (pg_result_is_null(rows, first, SEAL_ID))
        fault_tell(verify, "deleted", id, seal);
    else if (!seal_equal(&sealed, &hash))
        fault_tell(verify, "changed", id, seal);
    else if (pg_result_int(rows, first, SEAL_POSTED_US) < verify->quiet_us - POSTING_US_MAX)
        fault_tell(verify, "back_dated", id, seal);
    seal_line(state, &sealed);
    verify->transactions++;
}

static int lines_verify(struct verify *verify, uint64_t seal, struct seal_state *state, int64_t *n)
{
    struct pg_result *rows = NULL;
    struct pg_param params[] = {pg_int((int64_t)seal)};
    int r = pg_query(verify->pg,
                     "select " SEAL_COLUMNS ", l.transaction_id, encode(l.hash, 'hex') from (select * from "
                     "clickledger.ledger_seal_line where seal_id = $1) l " SEAL_JOINS SEAL_ORDER,
                     params, 1, &rows);
    if (r)
        return r;
    for (size_t row = 0; row < pg_result_rows(rows); (*n)++)
        line_verify(verify, seal, rows, &row, state);
    pg_result_free(rows);
    return 0;
}

// --- Trust

// 0, or -EBADMSG for a line that is not ours. A torn last line is what a crash left: it is not there yet.
static int heads_next(struct verify *verify)
{
    char line[SEAL_LINE_BYTES + 1];

    verify->next_id = 0;
    if (!verify->heads || !fgets(line, sizeof(line), verify->heads))
        return 0;
    struct slice text = slice_of(line);
    if (text.len == 0 || text.data[text.len - 1] != '\n')
        return feof(verify->heads) ? 0 : -EBADMSG;
    text.len--;
    return seal_file_parse(text, &verify->next_id, &verify->next_head) ? -EBADMSG : 0;
}

static int head_trust(struct verify *verify, uint64_t seal, const struct seal_hash *head)
{
    if (verify->wants_head && seal_equal(head, &verify->trusted))
        verify->trusted_id = seal;
    if (verify->next_id == 0 || verify->next_id > seal)
        return 0;
    if (verify->next_id < seal || !seal_equal(head, &verify->next_head))
        fault_tell(verify, "head_differs", 0, verify->next_id);
    else if (verify->heads)
        verify->trusted_id = seal;
    return heads_next(verify);
}

// --- Seals

static int seal_verify(struct verify *verify, const struct pg_result *seals)
{
    struct seal_state state;
    struct seal_hash head;
    uint64_t id = (uint64_t)pg_result_int(seals, 0, 0);
    int64_t n = 0;

    if (id != verify->seals + 1) {
        fault_tell(verify, "seal_missing", 0, verify->seals + 1);
        verify->seals = id - 1;
    }
    verify->seals++;
    seal_head_begin(&state, &verify->before, id);
    int r = lines_verify(verify, id, &state, &n);
    if (r)
        return r;
    struct seal_hash wanted = seal_end(&state);
    if (!seal_parse(pg_result_cell(seals, 0, 2), &head) || !seal_equal(&head, &wanted) ||
        n != pg_result_int(seals, 0, 1))
        fault_tell(verify, "seal_broken", 0, id);
    if (n < SEAL_TRANSACTIONS_MAX)
        verify->quiet_us = pg_result_int(seals, 0, 3);
    verify->before = head;
    return head_trust(verify, id, &head);
}

static int seals_verify(struct verify *verify)
{
    int r = heads_next(verify);

    for (bool more = true; r == 0 && more;) {
        struct pg_result *seals = NULL;
        struct pg_param params[] = {pg_int((int64_t)verify->seals)};
        r = pg_query(
            verify->pg,
            "select id, transactions, encode(head, 'hex'), (extract(epoch from sealed_at) * 1000000)::bigint "
            "from clickledger.ledger_seal where id > $1 order by id limit 1",
            params, 1, &seals);
        more = r == 0 && pg_result_rows(seals) > 0;
        if (more)
            r = seal_verify(verify, seals);
        pg_result_free(seals);
    }
    if (r == 0 && verify->next_id)
        fault_tell(verify, "seal_missing", 0, verify->next_id);
    bool wants_any = verify->wants_head || (verify->heads && verify->seals > 0 && verify->faults == 0);
    if (r == 0 && wants_any && verify->trusted_id == 0)
        fault_tell(verify, "head_unknown", 0, 0);
    return r;
}

// What no seal can show.
static int strays_find(struct verify *verify, const char *fault, const char *sql)
{
    struct pg_result *rows = NULL;
    int r = pg_query(verify->pg, sql, NULL, 0, &rows);

    if (r)
        return r;
    for (size_t row = 0; row < pg_result_rows(rows); row++)
        fault_tell(verify, fault, (uint64_t)pg_result_int(rows, row, 0), 0);
    pg_result_free(rows);
    return 0;
}

static int rows_verify(struct verify *verify)
{
    int r = pg_exec(verify->pg, "begin isolation level repeatable read read only");
    if (r == 0)
        r = seals_verify(verify);
    if (r == 0)
        r = strays_find(
            verify, "inserted",
            "select id from clickledger.ledger_transaction t "
            "where not exists (select from clickledger.ledger_seal_line l where l.transaction_id = t.id) "
            "and not exists (select from clickledger.ledger_unsealed u where u.transaction_id = t.id) "
            "order by id limit 1000");
    if (r == 0)
        r = strays_find(verify, "deleted",
                        "select transaction_id from clickledger.ledger_unsealed u where not exists "
                        "(select from clickledger.ledger_transaction t where t.id = u.transaction_id) "
                        "order by 1 limit 1000");
    if (r == 0)
        r = strays_find(verify, "orphan",
                        "select distinct transaction_id from clickledger.ledger_entry e where not exists "
                        "(select from clickledger.ledger_transaction t where t.id = e.transaction_id) "
                        "order by 1 limit 1000");
    return r;
}

// --- The command

static void verify_tell(const struct verify *verify, const struct verify_trust *trust)
{
    char hex[SEAL_HEX_BYTES];

    seal_hex(&verify->before, hex);
    printf("seals=%" PRIu64 " transactions=%" PRIu64 " faults=%" PRIu64 " head=%s trusted=%s", verify->seals,
           verify->transactions, verify->faults, hex,
           trust->heads  ? "file"
           : trust->head ? "head"
                         : "database");
    // The database vouches for itself, so only for mistakes and not against who can change seals.
    printf(" trusted_seal=%" PRIu64 "\n", trust->heads || trust->head ? verify->trusted_id : verify->seals);
}

static int verify_open(struct verify *verify, const char *conninfo, const struct verify_trust *trust)
{
    struct pg_error error;

    if (trust->head) {
        verify->wants_head = true;
        if (!seal_parse(slice_of(trust->head), &verify->trusted)) {
            fprintf(stderr, "clickledger-attrib: --head takes 64 hex digits\n");
            return 2;
        }
    }
    if (trust->heads && !(verify->heads = fopen(trust->heads, "re"))) {
        log_event(LOG_ERROR, "verify.heads_unreadable", log_str("path", trust->heads), log_errno(-errno));
        return VERIFY_FAILED;
    }
    if (pg_connect(&verify->pg, conninfo, "clickledger-verify", &error)) {
        verify->pg = NULL;
        log_event(LOG_ERROR, "postgres.connect_failed", log_str("error", error.message));
        return VERIFY_FAILED;
    }
    return VERIFY_GOOD;
}

int verify_run(const char *conninfo, const struct verify_trust *trust)
{
    struct verify verify = {0};
    int status = verify_open(&verify, conninfo, trust);
    int r = status == VERIFY_GOOD ? rows_verify(&verify) : 0;

    if (r < 0)
        log_event(LOG_ERROR, "verify.failed",
                  r == -EBADMSG ? log_str("error", "a line is not that of a file of heads") : log_errno(r),
                  log_str("heads", trust->heads ? trust->heads : ""));
    else if (r)
        log_event(LOG_ERROR, "verify.failed", log_str("error", pg_error(verify.pg)->message));
    if (r)
        status = VERIFY_FAILED;
    if (status == VERIFY_GOOD) {
        verify_tell(&verify, trust);
        status = verify.faults ? VERIFY_BAD : VERIFY_GOOD;
    }
    if (verify.heads)
        fclose(verify.heads);
    pg_free(verify.pg);
    return status;
}
