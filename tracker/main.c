// clickledger-tracker: answers clicks, pixels and postbacks, journals each and streams them to Redis.

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracker/recorder.h"
#include "tracker/supervisor.h"

static struct settings settings;

static const struct program program = {
    .name = "tracker",
    .usage = "[drain]\n"
             "  drain: sends what the journals without an owner hold until PostgreSQL has it, then ends",
    .options = tracker_options,
    .config = &settings.config,
    .log = &settings.config.log,
};

static _Noreturn void refuse(const char *why)
{
    fprintf(stderr, "clickledger-tracker: %s\n", why);
    exit(2);
}

static int drain(void)
{
    static char journal_dir[320], host[256];
    const struct tracker_config *config = &settings.config;

    snprintf(journal_dir, sizeof(journal_dir), "%s/journal", config->state);
    gethostname(host, sizeof(host) - 1);
    const struct recorder_options options = {
        .journal_dir = journal_dir,
        .host = host,
        .adopt = true,
        .journal_keep_ms = config->journal_keep_ms,
        .journal_keep_bytes = config->journal_keep_bytes,
        .segment_bytes = config->journal_segment_bytes,
        .redis_window_bytes = config->redis_window_bytes,
        .redis = options_redis(config),
    };
    int r = recorder_drain(&options);
    if (r)
        fprintf(stderr, "clickledger-tracker: drain: %s\n",
                r == -EBUSY ? "a tracker still runs on these journals; stop it first" : strerror(-r));
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int serve(const struct program *mine, char *const argv[])
{
    char error[SETTINGS_ERROR_BYTES];
    struct takeover takeover;

    if (settings_complete(&settings, error))
        refuse(error);
    if (takeover_inherit(&takeover, &settings.config, error))
        refuse(error);
    return supervisor_run(mine, &settings, argv, &takeover) ? EXIT_FAILURE : EXIT_SUCCESS;
}

// "drain" may stand before or behind the options.
static void drain_move_last(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "drain") != 0)
        return;
    char *drain = argv[1];
    for (int i = 1; i < argc - 1; i++)
        argv[i] = argv[i + 1];
    argv[argc - 1] = drain;
}

int main(int argc, char **argv)
{
    struct program mine = program;

    mine.n_options = tracker_options_count;
    drain_move_last(argc, argv);
    int next = program_start(&mine, argc, argv);
    if (sodium_init() < 0)
        refuse("libsodium cannot be initialised");
    if (next == argc)
        return serve(&mine, argv);
    if (next + 1 == argc && strcmp(argv[next], "drain") == 0)
        return drain();
    refuse("unknown argument; see --help");
}
