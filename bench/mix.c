// Reads mix files. Owner: bench/load. Everything is checked here, so that making a request cannot fail but by
// its length. Limits: see mix.h.

#include "bench/mix_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES_ROOM_FIRST 64
#define WEIGHT_MAX        1000000

struct reading {
    struct mix *mix;
    const char *path;
    unsigned line;
    char *error;
};

static int wrong(const struct reading *reading, const char *what)
{
    (void)snprintf(reading->error, MIX_ERROR_BYTES, "%s, line %u: %s", reading->path, reading->line, what);
    return MIX_WRONG;
}

static int copy(struct slice text, struct slice *out)
{
    char *bytes = malloc(text.len + 1);

    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, text.data, text.len);
    bytes[text.len] = '\0';
    *out = (struct slice){bytes, text.len};
    return 0;
}

// Cuts the first word off.
static struct slice word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\t')
        len++;
    struct slice found = {rest->data, len};
    *rest = slice_trim((struct slice){rest->data + len, rest->len - len});
    return found;
}

static bool number(struct slice text, int64_t max, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *out > max)
            return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return text.len > 0 && *out <= max;
}

// --- Lists -----------------------------------------------------------------------------------

const struct mix_list *mix_list_find(const struct mix *mix, struct slice name)
{
    for (size_t i = 0; i < mix->n_lists; i++)
        if (slice_equal(slice_of(mix->lists[i].name), name))
            return &mix->lists[i];
    return NULL;
}

static struct mix_list *list_of(struct mix *mix, struct slice name)
{
    struct mix_list *list = (struct mix_list *)(uintptr_t)mix_list_find(mix, name);

    if (list)
        return list;
    if (name.len == 0 || name.len > MIX_NAME_MAX || mix->n_lists == MIX_LISTS_MAX)
        return NULL;
    list = &mix->lists[mix->n_lists++];
    memcpy(list->name, name.data, name.len);
    return list;
}

static int list_add(struct mix_list *list, struct slice value)
{
    if (list->n == list->room) {
        size_t room = list->room > 0 ? 2 * list->room : VALUES_ROOM_FIRST;
        struct slice *values = realloc(list->values, room * sizeof(*values));
        if (!values)
            return -ENOMEM;
        list->values = values;
        list->room = room;
    }
    int r = copy(value, &list->values[list->n]);
    list->n += r == 0;
    return r;
}

static int read_value(struct reading *reading, struct slice rest)
{
    struct mix_list *list = list_of(reading->mix, word(&rest));

    if (!list || list->is_range)
        return wrong(reading, "value LIST TEMPLATE; not of a range, and not too many lists");
    return list_add(list, rest);
}

static int read_range(struct reading *reading, struct slice rest)
{
    struct slice name = word(&rest), first = word(&rest), last = word(&rest);
    bool known = mix_list_find(reading->mix, name);
    struct mix_list *list = list_of(reading->mix, name);

    if (!list || known || rest.len > 0 || !number(first, INT64_C(1) << 53, &list->first) ||
        !number(last, INT64_C(1) << 53, &list->last) || list->first > list->last)
        return wrong(reading, "range LIST FIRST LAST; a new list, whole numbers");
    list->is_range = true;
    return 0;
}

static int lines_read(struct reading *reading, FILE *file,
                      int (*line)(struct reading *, struct slice, void *), void *ctx)
{
    char text[MIX_LINE_MAX + 2];
    int r = 0;

    while (r == 0 && fgets(text, sizeof(text), file)) {
        reading->line++;
        size_t len = strlen(text);
        if (len > MIX_LINE_MAX)
            return wrong(reading, "the line is too long");
        if (len > 0 && text[len - 1] == '\n')
            len--;
        struct slice trimmed = slice_trim((struct slice){text, len});
        if (trimmed.len > 0 && trimmed.data[0] != '#')
            r = line(reading, trimmed, ctx);
    }
    return r;
}

static int add_line(struct reading *reading, struct slice line, void *ctx)
{
    (void)reading;
    return list_add(ctx, line);
}

static int read_values(struct reading *reading, struct slice rest)
{
    struct mix_list *list = list_of(reading->mix, word(&rest));
    const char *slash = strrchr(reading->path, '/');
    int folder = slash && rest.len > 0 && rest.data[0] != '/' ? (int)(slash + 1 - reading->path) : 0;
    char path[2 * MIX_LINE_MAX];

    if (!list || list->is_range || rest.len == 0)
        return wrong(reading, "values LIST FILE; not of a range, and not too many lists");
    (void)snprintf(path, sizeof(path), "%.*s%.*s", folder, reading->path, (int)rest.len, rest.data);
    FILE *file = fopen(path, "re");
    if (!file)
        return wrong(reading, "the file of values cannot be read");
    struct reading values = {reading->mix, path, 0, reading->error};
    int r = lines_read(&values, file, add_line, list);
    (void)fclose(file);
    return r;
}

// --- Templates -------------------------------------------------------------------------------

static int template_add(struct reading *reading, struct mix_template *templates, size_t *n,
                        const struct mix_template *one)
{
    if (*n == MIX_TEMPLATES_MAX)
        return wrong(reading, "too many of these");
    templates[*n] = (struct mix_template){.weight = one->weight};
    int r = copy(one->text, &templates[*n].text);
    if (r == 0)
        r = copy(one->name.data ? one->name : SLICE(""), &templates[*n].name);
    *n += r == 0;
    return r;
}

static int read_path(struct reading *reading, struct slice rest)
{
    struct slice after = rest;
    int64_t weight = 1;

    if (number(word(&after), WEIGHT_MAX, &weight))
        rest = after;
    else
        weight = 1;
    if (rest.len == 0 || rest.data[0] != '/' || weight < 1)
        return wrong(reading, "path [N] TEMPLATE; a path begins with /");
    for (size_t i = 0; i < rest.len; i++)
        if (rest.data[i] <= ' ')
            return wrong(reading, "a path has no blanks");
    reading->mix->weights += (unsigned)weight;
    return template_add(reading, reading->mix->paths, &reading->mix->n_paths,
                        &(struct mix_template){.text = rest, .weight = (unsigned)weight});
}

static int read_header(struct reading *reading, struct slice rest)
{
    struct slice after = rest, share = word(&after);
    int64_t per_cent = 100;

    if (share.len > 1 && share.data[share.len - 1] == '%') {
        if (!number((struct slice){share.data, share.len - 1}, 100, &per_cent))
            return wrong(reading, "a share is from 0% to 100%");
        rest = after;
    }
    const char *colon = memchr(rest.data, ':', rest.len);
    if (!colon || colon == rest.data)
        return wrong(reading, "header [P%] NAME: TEMPLATE");
    struct slice name = {rest.data, (size_t)(colon - rest.data)};
    struct slice text = slice_trim((struct slice){colon + 1, rest.len - name.len - 1});
    return template_add(reading, reading->mix->headers, &reading->mix->n_headers,
                        &(struct mix_template){name, text, (unsigned)per_cent});
}

// --- The whole -------------------------------------------------------------------------------

static int read_line(struct reading *reading, struct slice line, void *ctx)
{
    static const struct {
        struct slice verb;
        int (*read)(struct reading *, struct slice);
    } verbs[] = {
        {{SLICE_PARTS("path")}, read_path},   {{SLICE_PARTS("header")}, read_header},
        {{SLICE_PARTS("value")}, read_value}, {{SLICE_PARTS("values")}, read_values},
        {{SLICE_PARTS("range")}, read_range},
    };
    struct slice verb = word(&line);

    (void)ctx;
    for (size_t i = 0; i < array_length(verbs); i++)
        if (slice_equal(verb, verbs[i].verb))
            return verbs[i].read(reading, line);
    return wrong(reading, "a line begins with path, header, value, values, range or #");
}

int mix_load(struct mix *mix, const char *path, char error[MIX_ERROR_BYTES])
{
    struct reading reading = {mix, path, 0, error};
    FILE *file = fopen(path, "re");

    if (!file) {
        (void)snprintf(error, MIX_ERROR_BYTES, "%s: %s", path, strerror(errno));
        return MIX_WRONG;
    }
    int r = lines_read(&reading, file, read_line, NULL);
    (void)fclose(file);
    return r;
}

static void templates_free(struct mix_template *templates, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((char *)(uintptr_t)templates[i].name.data);
        free((char *)(uintptr_t)templates[i].text.data);
    }
}

int mix_set_path(struct mix *mix, struct slice path, char error[MIX_ERROR_BYTES])
{
    struct reading reading = {mix, "the URL", 1, error};

    templates_free(mix->paths, mix->n_paths);
    mix->n_paths = 0;
    mix->weights = 0;
    return read_path(&reading, path);
}

int mix_new(struct mix **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

struct mix *mix_free(struct mix *mix)
{
    if (!mix)
        return NULL;
    templates_free(mix->paths, mix->n_paths);
    templates_free(mix->headers, mix->n_headers);
    for (size_t i = 0; i < mix->n_lists; i++) {
        for (size_t v = 0; v < mix->lists[i].n; v++)
            free((char *)(uintptr_t)mix->lists[i].values[v].data);
        free(mix->lists[i].values);
    }
    free(mix);
    return NULL;
}
