// `clickledger-attrib credit --from T --to T`: after an import, or after a policy that reaches far back, all
// credits of the period are written in one pass, instead of a thousand conversions at a time. Their
// commissions follow as ever, by the list. Owner: main. It leads meanwhile, so it waits for a daemon that
// does.

#include "attrib/credit_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "attrib/batch.h"
#include "attrib/config.h"
#include "attrib/credit_pass.h"
#include "attrib/session.h"
#include "base/arguments.h"
#include "base/log.h"

#define BATCH     500000 // conversions at a time: with two touches each 150 MB, never more than 1 GB
#define BATCH_MAX 1000000

// Here a session is idle for as long as the other one works, which for a large period is minutes.
static int patient_open(struct session *session, const struct attrib_config *config)
{
    int r = session_open(session, config->postgres.conninfo);

    return r ? r
             : pg_exec(session->pg,
                       "set idle_session_timeout = 0; set idle_in_transaction_session_timeout = 0");
}

static void failed(const struct credit_pass *pass, int r)
{
    struct pg *sessions[CREDIT_WRITERS + 1] = {pass->reader};

    memcpy(&sessions[1], pass->writers, sizeof(pass->writers));
    if (r < 0)
        log_event(LOG_ERROR, "credit.failed", log_errno(r));
    for (size_t i = 0; r > 0 && i < array_length(sessions); i++) {
        if (sessions[i] && pg_error(sessions[i])->message[0])
            log_event(LOG_ERROR, "credit.failed", log_str("error", pg_error(sessions[i])->message));
    }
}

static int pass_run(struct credit_pass *pass, const struct attrib_config *config)
{
    struct session sessions[CREDIT_WRITERS + 1] = {{0}}; // the writers, then the reader
    int r = patient_open(&sessions[0], config);

    if (r == 0)
        r = session_lead(&sessions[0], true);
    if (r == 0)
        r = batch_lock(sessions[0].pg); // recompute does not ask who leads
    for (size_t i = 1; r == 0 && i < array_length(sessions); i++)
        r = patient_open(&sessions[i], config);
    for (size_t i = 0; i < CREDIT_WRITERS; i++)
        pass->writers[i] = sessions[i].pg;
    pass->reader = sessions[CREDIT_WRITERS].pg;
    if (r == 0)
        r = credit_pass_run(pass);
    if (r)
        failed(pass, r);
    for (size_t i = array_length(sessions); i-- > 0;)
        session_close(&sessions[i]);
    return r;
}

int credit_command(const void *settings, int argc, char **argv)
{
    int64_t from_ms = INT64_MIN, to_ms = INT64_MIN;
    int64_t batch = BATCH;
    const struct argument arguments[] = {argument_time("--from", &from_ms), argument_time("--to", &to_ms),
                                         argument_number("--batch", &batch, 1, BATCH_MAX)};
    struct credit_pass pass = {0};

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    if (from_ms == INT64_MIN || to_ms == INT64_MIN || from_ms >= to_ms || from_ms % 1000 || to_ms % 1000) {
        fprintf(stderr,
                "clickledger-attrib: --from and --to are needed, the earlier first, in whole seconds\n");
        return ARGUMENTS_WRONG;
    }
    pass.from_us = from_ms * 1000;
    pass.to_us = to_ms * 1000;
    pass.orders_max = (size_t)batch;
    if (pass_run(&pass, settings))
        return EXIT_FAILURE;
    printf("conversions=%lu touches=%lu credits=%lu batches=%lu credit_ms=%lu rollup_ms=%lu\n",
           pass.conversions, pass.touches, pass.credits, pass.batches, pass.credit_ms, pass.rollup_ms);
    return EXIT_SUCCESS;
}
