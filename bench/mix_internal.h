#pragma once

// Parts of a mix, for mix.c (reads it) and mix_request.c (makes requests of it).

#include <stdbool.h>

#include "bench/mix.h"

#define MIX_NAME_MAX 63

struct mix_list {
    char name[MIX_NAME_MAX + 1];
    bool is_range;
    int64_t first, last;
    struct slice *values; // each malloc
    size_t n, room;
};

struct mix_template {
    struct slice name, text; // malloc; name: of a header
    unsigned weight;         // of a path; of a header: per cent
};

struct mix {
    struct mix_list lists[MIX_LISTS_MAX];
    struct mix_template paths[MIX_TEMPLATES_MAX], headers[MIX_TEMPLATES_MAX];
    size_t n_lists, n_paths, n_headers;
    unsigned weights; // of all paths
};

const struct mix_list *mix_list_find(const struct mix *mix, struct slice name); // or NULL
