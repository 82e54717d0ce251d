// Files of click ids. Owner: bench/verify. All in memory, 16 bytes each; limit: IDS_MAX.

#include "bench/ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST     4096
#define LINE_BYTES_MAX 64

int ids_add(struct ids *ids, const uint8_t id[CLICK_ID_BYTES])
{
    if (ids->n == ids->room) {
        size_t room = ids->room > 0 ? 2 * ids->room : ROOM_FIRST;
        void *more = realloc(ids->id, room * sizeof(*ids->id));
        if (!more)
            return -ENOMEM;
        ids->id = more;
        ids->room = room;
    }
    memcpy(ids->id[ids->n++], id, CLICK_ID_BYTES);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, CLICK_ID_BYTES);
}

static int lines_read(struct ids *ids, FILE *file, const char *path, char error[IDS_ERROR_BYTES])
{
    char line[LINE_BYTES_MAX];
    uint8_t id[CLICK_ID_BYTES];
    int r = 0;

    for (size_t number = 1; r == 0 && fgets(line, sizeof(line), file); number++) {
        if (click_id_parse((struct slice){line, strcspn(line, "\n")}, id) != 0) {
            (void)snprintf(error, IDS_ERROR_BYTES, "%s, line %zu: not a click id", path, number);
            return IDS_WRONG;
        }
        if (ids->n == IDS_MAX) {
            (void)snprintf(error, IDS_ERROR_BYTES, "%s: more than %d ids", path, IDS_MAX);
            return IDS_WRONG;
        }
        r = ids_add(ids, id);
    }
    return r;
}

int ids_load(struct ids *ids, const char *path, char error[IDS_ERROR_BYTES])
{
    FILE *file = fopen(path, "re");

    *ids = (struct ids){0};
    int r = file ? lines_read(ids, file, path, error) : IDS_WRONG;
    if (!file || (r == 0 && ferror(file))) {
        (void)snprintf(error, IDS_ERROR_BYTES, "%s: %s", path, strerror(errno));
        r = IDS_WRONG;
    }
    if (file)
        (void)fclose(file);
    if (r)
        ids_free(ids);
    else
        ids_sort(ids);
    return r;
}

void ids_sort(struct ids *ids)
{
    if (ids->n > 0)
        qsort(ids->id, ids->n, sizeof(*ids->id), compare);
}

int ids_unique(struct ids *ids, struct ids *twice)
{
    size_t kept = 0;

    for (size_t i = 0; i < ids->n; i++) {
        if (kept == 0 || compare(ids->id[i], ids->id[kept - 1]) != 0) {
            memmove(ids->id[kept++], ids->id[i], CLICK_ID_BYTES);
            continue;
        }
        int r = ids_add(twice, ids->id[i]);
        if (r)
            return r;
    }
    ids->n = kept;
    return 0;
}

void ids_free(struct ids *ids)
{
    free(ids->id);
    *ids = (struct ids){0};
}
