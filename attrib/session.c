// Connecting, leading, listening. Owner: the program. Invariant: the lock lives and dies with the connection,
// so a worker that lost it cannot believe it still leads: its next statement fails.

#include "attrib/session.h"

#include "base/log.h"

#define LOCK_KEY "hashtext('clickledger.attrib')"

// Each batch and each analyst's query locks every partition and index: without room for them batches fail.
static int locks_check(struct pg *pg)
{
    struct pg_result *result = NULL;
    int r = pg_query(pg, "select current_setting('max_locks_per_transaction')::bigint", NULL, 0, &result);

    if (r)
        return r;
    int64_t locks = pg_result_int(result, 0, 0);
    pg_result_free(result);
    if (locks >= PG_LOCKS_MIN)
        return 0;
    log_event(LOG_ERROR, "postgres.unfit", log_int("max_locks_per_transaction", locks),
              log_int("at_least", PG_LOCKS_MIN));
    return PG_OTHER;
}

int session_open(struct session *session, const char *conninfo)
{
    struct pg_error error;
    int r = pg_connect(&session->pg, conninfo, "clickledger-attrib", &error);

    session->is_leader = false;
    if (r) {
        session->pg = NULL;
        if (r > 0)
            log_event(LOG_ERROR, "postgres.connect_failed", log_str("error", error.message));
        return r;
    }
    // Compiling a plan over all partitions takes seconds, running it milliseconds. One who is frozen loses the
    // lock: whoever lives asks something every second.
    r = pg_exec(session->pg, "set jit = off; set idle_session_timeout = '15s';"
                             " set idle_in_transaction_session_timeout = '30s';"
                             " set client_connection_check_interval = '1s'; listen clickledger_work");
    if (r)
        log_event(LOG_ERROR, "postgres.listen_failed", log_str("error", pg_error(session->pg)->message));
    else
        r = locks_check(session->pg);
    if (r)
        session_close(session);
    return r;
}

void session_close(struct session *session)
{
    session->pg = pg_free(session->pg);
    session->is_leader = false;
}

static int lead_ask(struct session *session, const char *sql)
{
    struct pg_result *result = NULL;
    int r = pg_query(session->pg, sql, NULL, 0, &result);

    if (r)
        return r;
    session->is_leader = pg_result_bool(result, 0, 0);
    pg_result_free(result);
    // What waits for a lock from now on is tried again, so that the loop turns.
    return session->is_leader ? pg_exec(session->pg, "set lock_timeout = '10s'") : 0;
}

int session_lead(struct session *session, bool waits)
{
    int r = lead_ask(session, "select pg_try_advisory_lock(" LOCK_KEY ")");

    if (r || session->is_leader || !waits)
        return r;
    log_event(LOG_INFO, "attrib.waits_to_lead",
              log_str("reason", "another one leads; this begins when that ends"));
    return lead_ask(session, "select pg_advisory_lock(" LOCK_KEY ") is not null");
}

int session_hold_next(struct session *session, int64_t *at_us)
{
    struct pg_result *result = NULL;
    int r = pg_query(session->pg, "select clickledger.hold_next()", NULL, 0, &result);

    if (r)
        return r;
    *at_us = pg_result_int(result, 0, 0); // null is 0
    pg_result_free(result);
    return 0;
}
