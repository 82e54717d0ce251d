// clickledger-ingest: the daemon, and its commands. Only reads the command line; each command's work is in a
// file of its own.

#include "base/arguments.h"
#include "base/command.h"
#include "ingest/division.h"
#include "ingest/member.h"
#include "ingest/peek.h"
#include "ingest/privacy.h"
#include "ingest/rebuild.h"
#include "ingest/reclassify.h"
#include "ingest/replay.h"
#include "ingest/service.h"

#define PEEK_HITS_MAX    1000000000
#define PRIVACY_ROWS     5000 // of one transaction
#define PRIVACY_ROWS_MAX 100000

static int peek_command(const void *settings, int argc, char **argv)
{
    int64_t count = PEEK_HITS_MAX;
    const struct argument arguments[] = {argument_number("--count", &count, 0, PEEK_HITS_MAX)};

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    return peek_run(settings, (uint64_t)count);
}

static int shards_command(const void *settings, int argc, char **argv)
{
    int64_t wanted = 0;
    const struct argument arguments[] = {argument_number("--set", &wanted, 1, MEMBER_SHARDS_MAX)};

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    return division_run(settings, wanted);
}

static int privacy_command(const void *settings, int argc, char **argv)
{
    int64_t rows = PRIVACY_ROWS;
    bool everything = false;
    const struct argument arguments[] = {argument_number("--rows", &rows, 1, PRIVACY_ROWS_MAX),
                                         argument_flag("--all", &everything)};

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    return privacy_run(settings, (unsigned)rows, everything);
}

static int daemon_command(const void *settings)
{
    return service_run(settings);
}

static const struct command commands[] = {
    {"peek", "[--count N]", peek_command},
    {"shards", "[--set N]", shards_command},
    {"privacy", "[--rows N] [--all]", privacy_command},
    {"replay", REPLAY_ARGUMENTS, replay_command},
    {"reclassify", "--from TIME --to TIME [--dry-run]", reclassify_command},
    {"rebuild", "--from TIME --to TIME [--dry-run]", rebuild_command},
};

int main(int argc, char **argv)
{
    static struct ingest_settings settings;
    struct program program = {
        .name = "ingest",
        .options = ingest_options,
        .n_options = ingest_options_n,
        .config = &settings,
        .log = &settings.log,
    };
    const struct command_table table = {commands, array_length(commands), daemon_command, "cl_ingest"};

    return command_main(&program, &table, argc, argv);
}
