// Reads and parses the lists of user agents and of data centres. Owns nothing. Limits: LIST_BYTES_MAX a file.

#include "base/list_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static int why_errno(char why[LIST_WHY_BYTES], int r)
{
    snprintf(why, LIST_WHY_BYTES, "%s", strerror(-r));
    return r;
}

// free() text->data where *own is set.
static int list_take(const char *path, struct slice built_in, struct slice *text, bool *own,
                     char why[LIST_WHY_BYTES])
{
    *text = built_in;
    *own = path[0] != '\0';
    int r = *own ? file_read(path, LIST_BYTES_MAX, text) : 0;
    return r ? why_errno(why, r) : 0;
}

static int list_why(int r, const struct list_reader *reader, char why[LIST_WHY_BYTES])
{
    if (r < 0)
        return why_errno(why, r);
    snprintf(why, LIST_WHY_BYTES, "line %u: %s", reader->line, reader->why);
    return r;
}

int agents_load(struct agents **out, const char *path, char why[LIST_WHY_BYTES])
{
    struct slice text;
    struct list_reader reader;
    bool own;
    int r = list_take(path, (struct slice){(const char *)agents_list, agents_list_bytes}, &text, &own, why);

    if (r)
        return r;
    r = agents_parse(out, text, &reader);
    if (own)
        free((char *)text.data);
    return r ? list_why(r, &reader, why) : 0;
}

int datacentres_load(struct datacentres **out, const char *path, char why[LIST_WHY_BYTES])
{
    struct slice text;
    struct list_reader reader;
    bool own;
    struct datacentres *datacentres = malloc(sizeof(*datacentres));
    int r = datacentres
                ? list_take(path, (struct slice){(const char *)datacentres_list, datacentres_list_bytes},
                            &text, &own, why)
                : why_errno(why, -ENOMEM);

    if (r == 0) {
        r = datacentres_parse(datacentres, text, &reader);
        if (own)
            free((char *)text.data);
        if (r)
            list_why(r, &reader, why);
    }
    if (r)
        free(datacentres);
    else
        *out = datacentres;
    return r;
}

uint32_t lists_version(const struct agents *agents, const struct datacentres *datacentres)
{
    return max_of(agents_version(agents), datacentres->version);
}
