#pragma once

// `clickledger-ingest replay`: lists dead letters, saves their bytes for repair, puts them back.

#define REPLAY_ARGUMENTS                                                                                     \
    "(--id N [--file REPAIRED | --save FILE] | --kind KIND [--from TIME] [--to TIME]) [--list] [--dry-run]"

// Reads its arguments; see docs/operations.md. Returns the exit status: 0, 1 when a letter did not go in or a
// store failed, 2 after a mistake.
int replay_command(const void *settings, int argc, char **argv);
