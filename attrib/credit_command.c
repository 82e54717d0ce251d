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

// Here a session is idle for as long as the other one works, which for a large period is minutes.
static int patient_open(struct session *session, const struct attrib_config *config)
{
    int r = session_open(session, config->postgres.conninfo);

    return r ? r
             : pg_exec(session->pg,
                       "set idle_session_timeout = 0; set idle_in_transaction_session_timeout = 0");
}

static int pass_run(struct credit_pass *pass, const struct attrib_config *config)
{
    struct session writer = {0}, reader = {0};
    int r = patient_open(&writer, config);

    if (r == 0)
        r = session_lead(&writer, true);
    if (r == 0)
        r = batch_lock(writer.pg); // recompute does not ask who leads
    if (r == 0)
        r = patient_open(&reader, config);
    if (r == 0) {
        pass->writer = writer.pg;
        pass->reader = reader.pg;
        r = credit_pass_run(pass);
    }
    if (r < 0)
        log_event(LOG_ERROR, "credit.failed", log_errno(r));
    else if (r > 0 && reader.pg)
        log_event(LOG_ERROR, "credit.failed", log_str("writer", pg_error(writer.pg)->message),
                  log_str("reader", pg_error(reader.pg)->message));
    session_close(&reader);
    session_close(&writer);
    return r;
}

int credit_command(const void *settings, int argc, char **argv)
{
    int64_t from_ms = INT64_MIN, to_ms = INT64_MIN;
    const struct argument arguments[] = {argument_time("--from", &from_ms), argument_time("--to", &to_ms)};
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
    if (pass_run(&pass, settings))
        return EXIT_FAILURE;
    printf("conversions=%lu touches=%lu credits=%lu credit_ms=%lu rollup_ms=%lu\n", pass.conversions,
           pass.touches, pass.credits, pass.credit_ms, pass.rollup_ms);
    return EXIT_SUCCESS;
}
