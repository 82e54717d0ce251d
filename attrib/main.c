// clickledger-attrib: without arguments the daemon; `run` does what there is to do, tells it, and ends.
// Both use the same batches and the same lock. The role is cl_attrib unless conninfo or PGUSER say otherwise.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/batch.h"
#include "attrib/config.h"
#include "attrib/daemon.h"
#include "attrib/session.h"
#include "base/log.h"
#include "base/program.h"

static const struct config_option options[] = {
    LOG_OPTIONS(struct attrib_config, log),
    POSTGRES_OPTIONS(struct attrib_config, postgres),
    {"attrib", "admin_host", CONFIG_STRING, CONFIG_FIELD(struct attrib_config, admin_host), 0, 0, "127.0.0.1",
     "numeric address of /healthz and /metrics", NULL},
    {"attrib", "admin_port", CONFIG_INT, CONFIG_FIELD(struct attrib_config, admin_port), 0, 65535, "0",
     "port of /healthz and /metrics; 0: none", NULL},
};

static int batches_run(struct session *session, struct batch_counts *counts)
{
    bool did = true;
    int r = session_lead(session, true);

    while (r == 0 && did)
        r = batch_run(session->pg, counts, &did);
    if (r < 0)
        log_event(LOG_ERROR, "batch.failed", log_errno(r));
    else if (r > 0)
        log_event(LOG_ERROR, "batch.failed", log_str("sqlstate", pg_error(session->pg)->sqlstate),
                  log_str("error", pg_error(session->pg)->message));
    return r;
}

static int run_once(const struct attrib_config *config)
{
    struct session session = {0};
    struct batch_counts counts = {0};

    if (session_open(&session, config->postgres.conninfo))
        return EXIT_FAILURE;
    int r = batches_run(&session, &counts);
    session_close(&session);
    printf("batches=%lu touch_loads=%lu orders=%lu reports=%lu conversions=%lu credits=%lu commissions=%lu "
           "transactions=%lu faults=%lu\n",
           counts.batches, counts.touch_loads, counts.orders, counts.reports, counts.conversions,
           counts.credits, counts.commissions, counts.transactions, counts.faults);
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

// `run --config FILE` is `--config FILE run`.
static void argument_last(int argc, char **argv, const char *word)
{
    if (argc < 3 || strcmp(argv[1], word) != 0)
        return;
    char *kept = argv[1];
    memmove(&argv[1], &argv[2], sizeof(argv[0]) * (size_t)(argc - 2));
    argv[argc - 1] = kept;
}

int main(int argc, char **argv)
{
    struct attrib_config config = {0};
    const struct program program = {
        .name = "attrib",
        .usage = "[run]",
        .options = options,
        .n_options = array_length(options),
        .config = &config,
        .log = &config.log,
    };

    argument_last(argc, argv, "run");
    int next = program_start(&program, argc, argv);
    setenv("PGUSER", "cl_attrib", 0);
    if (next == argc)
        return daemon_run(&config);
    if (next == argc - 1 && strcmp(argv[next], "run") == 0)
        return run_once(&config);
    fprintf(stderr, "clickledger-attrib: unknown argument %s\n", argv[next]);
    return 2;
}
