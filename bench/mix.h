#pragma once

// A mix: what requests look like, read from a file of lines (bench/browsers.mix is a sample):
//   path [N] TEMPLATE           one target; N times as likely as one without a number
//   header [P%] NAME: TEMPLATE  sent with every request, or with P % of them
//   value LIST TEMPLATE         one more value of a list
//   values LIST FILE            one more value for each line of a file (relative to the mix)
//   range LIST FIRST LAST       a list of whole numbers
// {LIST} in a template takes a random value of that list; a value may name further lists. Empty lines and
// lines that begin with # are skipped.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define MIX_LISTS_MAX     64
#define MIX_TEMPLATES_MAX 64 // paths, and headers
#define MIX_LINE_MAX      4096
#define MIX_DEPTH_MAX     4
#define MIX_REQUEST_MAX   8192
#define MIX_ERROR_BYTES   512

enum mix_condition {
    MIX_WRONG = 1, // `error` says what and where
};

struct mix;

must_check int mix_new(struct mix **out); // without a path or header
struct mix *mix_free(struct mix *mix);    // NULL; takes NULL

// Adds the lines of a file. 0, -ENOMEM or MIX_WRONG.
must_check int mix_load(struct mix *mix, const char *path, char error[MIX_ERROR_BYTES]);

// The only path from now on.
must_check int mix_set_path(struct mix *mix, struct slice path, char error[MIX_ERROR_BYTES]);

// Whether requests can be made of it: a path, only known lists, none empty. 0 or MIX_WRONG.
must_check int mix_check(const struct mix *mix, char error[MIX_ERROR_BYTES]);

// One random GET, with `host` and `connection` ("close"; empty: none) as its headers. Returns its length; 0:
// longer than `room`.
size_t mix_request(const struct mix *mix, uint64_t *random, struct slice host, struct slice connection,
                   char *out, size_t room);
