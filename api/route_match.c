// Which route a request means. Pure. A path matches a template segment by segment; a {capture} takes one
// segment that is not empty. Limit: ROUTE_CAPTURES_MAX captures, asserted against the table by its test.

#include "api/route.h"

#include <assert.h>

// Cuts the first segment off: "/a/b" -> "a", rest "/b". False without one.
static bool segment_next(struct slice *rest, struct slice *segment)
{
    if (rest->len == 0 || rest->data[0] != '/')
        return false;
    const char *begin = rest->data + 1;
    const char *end = rest->data + rest->len;
    const char *slash = memchr(begin, '/', (size_t)(end - begin));
    const char *stop = slash ? slash : end;
    *segment = (struct slice){begin, (size_t)(stop - begin)};
    *rest = (struct slice){stop, (size_t)(end - stop)};
    return true;
}

static bool is_capture(struct slice segment)
{
    return segment.len > 2 && segment.data[0] == '{';
}

static bool path_matches(const char *template, struct slice path, struct slice captures[ROUTE_CAPTURES_MAX])
{
    struct slice want = slice_of(template), wanted, given;
    size_t n = 0;
    memset(captures, 0, ROUTE_CAPTURES_MAX * sizeof(captures[0])); // those of a route before it
    while (segment_next(&want, &wanted)) {
        if (!segment_next(&path, &given))
            return false;
        if (is_capture(wanted)) {
            assert(n < ROUTE_CAPTURES_MAX);
            if (given.len == 0)
                return false;
            captures[n++] = given;
        } else if (!slice_equal(wanted, given)) {
            return false;
        }
    }
    return path.len == 0;
}

const struct route *route_next(const struct route *route)
{
    static const struct route_list *const lists[] = {&routes_person, &routes_program, &routes_money,
                                                     &routes_team};
    bool found = !route;
    for (size_t i = 0; i < array_length(lists); i++) {
        const struct route *rows = lists[i]->rows;
        size_t next = !found && route >= rows && route < rows + lists[i]->n ? (size_t)(route - rows) + 1 : 0;
        found |= next > 0;
        if (found && next < lists[i]->n)
            return &rows[next];
    }
    return NULL;
}

int route_find(enum http_method method, struct slice path, struct route_match *match)
{
    *match = (struct route_match){0};
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    for (const struct route *route = route_next(NULL); route; route = route_next(route)) {
        if (!path_matches(route->path, path, match->captures))
            continue;
        match->allowed |= 1u << route->method;
        if (route->method == method) {
            match->route = route;
            return 0;
        }
    }
    return match->allowed ? ROUTE_METHOD : ROUTE_UNKNOWN;
}

const char *route_asker_name(enum route_asker asker)
{
    static const char *const names[] = {[ROUTE_OPEN] = "open",
                                        [ROUTE_ANY] = "any",
                                        [ROUTE_PARTNER] = "partner",
                                        [ROUTE_TEAM] = "team",
                                        [ROUTE_MANAGER] = "manager",
                                        [ROUTE_FINANCE] = "finance",
                                        [ROUTE_OWNER] = "owner",
                                        [ROUTE_PARTNER_MANAGER] = "partner manager",
                                        [ROUTE_PARTNER_FINANCE] = "partner finance",
                                        [ROUTE_PARTNER_OWNER] = "partner owner",
                                        [ROUTE_PERSON] = "person"};
    return names[asker];
}

struct slice route_capture_name(const struct route *route, size_t n)
{
    struct slice rest = slice_of(route->path), segment;
    while (segment_next(&rest, &segment)) {
        if (is_capture(segment) && n-- == 0)
            return (struct slice){segment.data + 1, segment.len - 2};
    }
    return SLICE_NONE;
}
