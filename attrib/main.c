// clickledger-attrib: without arguments the daemon; `run` does what there is to do, tells it, and ends.
// Both use the same batches and the same lock.

#include <stdio.h>
#include <stdlib.h>

#include "attrib/batch.h"
#include "attrib/compare.h"
#include "attrib/config.h"
#include "attrib/credit_command.h"
#include "attrib/daemon.h"
#include "attrib/model.h"
#include "attrib/preview.h"
#include "attrib/recompute.h"
#include "attrib/sealer.h"
#include "attrib/session.h"
#include "attrib/verify.h"
#include "base/arguments.h"
#include "base/command.h"
#include "base/log.h"

static const struct config_option options[] = {
    LOG_OPTIONS(struct attrib_config, log),
    POSTGRES_OPTIONS(struct attrib_config, postgres),
    {"attrib", "admin_host", CONFIG_STRING, CONFIG_FIELD(struct attrib_config, admin_host), 0, 0, "127.0.0.1",
     "numeric address of /healthz and /metrics", NULL},
    {"attrib", "admin_port", CONFIG_INT, CONFIG_FIELD(struct attrib_config, admin_port), 0, 65535, "0",
     "port of /healthz and /metrics; 0: none", NULL},
    {"attrib", "seal_heads", CONFIG_STRING, CONFIG_FIELD(struct attrib_config, seal_heads), 0, 0, "",
     "file to which the head of every seal of the ledger is appended; empty: none", NULL},
};

static int batches_run(struct session *session, const char *heads, struct batch_counts *counts)
{
    struct seal_counts seals = {0};
    bool did = true;
    int r = session_lead(session, true);

    while (r == 0 && did)
        r = batch_run(session->pg, counts, &did);
    for (did = true; r == 0 && did;)
        r = preview_run(session->pg, &did);
    if (r == 0)
        r = sealer_run(session->pg, heads, &seals);
    if (r < 0)
        log_event(LOG_ERROR, "batch.failed", log_errno(r));
    else if (r > 0)
        log_event(LOG_ERROR, "batch.failed", log_str("sqlstate", pg_error(session->pg)->sqlstate),
                  log_str("error", pg_error(session->pg)->message));
    return r;
}

static int run_command(const void *settings, int argc, char **argv)
{
    const struct attrib_config *config = settings;
    struct session session = {0};
    struct batch_counts counts = {0};

    if (arguments_read(NULL, 0, argc, argv))
        return ARGUMENTS_WRONG;
    if (session_open(&session, config->postgres.conninfo))
        return EXIT_FAILURE;
    int r = batches_run(&session, config->seal_heads, &counts);
    session_close(&session);
    printf("batches=%lu touch_loads=%lu orders=%lu reports=%lu conversions=%lu credits=%lu commissions=%lu "
           "transactions=%lu faults=%lu\n",
           counts.batches, counts.touch_loads, counts.orders, counts.reports, counts.conversions,
           counts.credits, counts.commissions, counts.transactions, counts.faults);
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int verify_command(const void *settings, int argc, char **argv)
{
    const struct attrib_config *config = settings;
    struct verify_trust trust = {0};
    const struct argument arguments[] = {argument_text("--head", &trust.head),
                                         argument_text("--heads", &trust.heads)};

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    if (trust.head && trust.heads) {
        fprintf(stderr, "clickledger-attrib: either --head or --heads\n");
        return ARGUMENTS_WRONG;
    }
    return verify_run(config->postgres.conninfo, &trust);
}

static int recompute_command(const void *settings, int argc, char **argv)
{
    const struct attrib_config *config = settings;
    struct recompute_options range = {.from_ms = -1, .to_ms = -1};
    const struct argument arguments[] = {
        argument_time("--from", &range.from_ms),
        argument_time("--to", &range.to_ms),
        argument_number("--program", &range.program_id, 1, INT64_MAX),
        argument_number("--terms", &range.terms_id, 1, INT64_MAX),
        argument_flag("--dry-run", &range.dry),
    };

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    if (range.from_ms < 0 || range.to_ms <= range.from_ms) {
        fprintf(stderr, "clickledger-attrib: --from and --to are needed, and --to is later\n");
        return ARGUMENTS_WRONG;
    }
    // What was posted by other terms than those in force, the next fact would undo.
    if (range.terms_id && !range.dry) {
        fprintf(stderr,
                "clickledger-attrib: --terms goes with --dry-run; make terms that reach back to post\n");
        return ARGUMENTS_WRONG;
    }
    return recompute_run(config->postgres.conninfo, &range);
}

static int compare_command(const void *settings, int argc, char **argv)
{
    const struct attrib_config *config = settings;
    struct compare_options wanted = {.from_ms = -1, .to_ms = -1};
    const struct argument arguments[] = {
        argument_text("--model", &wanted.models[0]),
        argument_text("--against", &wanted.models[1]),
        argument_time("--from", &wanted.from_ms),
        argument_time("--to", &wanted.to_ms),
        argument_number("--program", &wanted.program_id, 1, INT64_MAX),
    };

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    for (int i = 0; i < 2; i++) {
        if (!wanted.models[i] || model_find(slice_of(wanted.models[i])) == MODEL_KINDS) {
            fprintf(stderr, "clickledger-attrib: --model and --against are last, first, linear, position or "
                            "time_decay\n");
            return ARGUMENTS_WRONG;
        }
    }
    if (wanted.from_ms < 0 || wanted.to_ms <= wanted.from_ms) {
        fprintf(stderr, "clickledger-attrib: --from and --to are needed, and --to is later\n");
        return ARGUMENTS_WRONG;
    }
    return compare_run(config->postgres.conninfo, &wanted);
}

static int daemon_command(const void *settings)
{
    return daemon_run(settings);
}

static const struct command commands[] = {
    {"run", "", run_command},
    {"credit", "--from TIME --to TIME [--batch N]", credit_command},
    {"compare", "--model MODEL --against MODEL --from TIME --to TIME [--program ID]", compare_command},
    {"recompute", "--from TIME --to TIME [--program ID] [--terms ID] [--dry-run]", recompute_command},
    {"verify", "[--head HEX | --heads FILE]", verify_command},
};

int main(int argc, char **argv)
{
    static struct attrib_config config;
    struct program program = {
        .name = "attrib",
        .options = options,
        .n_options = array_length(options),
        .config = &config,
        .log = &config.log,
    };
    const struct command_table table = {commands, array_length(commands), daemon_command, "cl_attrib"};

    return command_main(&program, &table, argc, argv);
}
