// A pool of ready requests, taken in turn. Owner: bench/load.

#include "bench/requests.h"

#include <errno.h>
#include <stdlib.h>

static int room_make(char **bytes, size_t *room, size_t used)
{
    if (*room - used >= MIX_REQUEST_MAX)
        return 0;
    char *more = realloc(*bytes, 2 * *room + MIX_REQUEST_MAX);
    if (!more)
        return -ENOMEM;
    *bytes = more;
    *room = 2 * *room + MIX_REQUEST_MAX;
    return 0;
}

int requests_make(struct requests *requests, const struct mix *mix, size_t n, uint64_t seed,
                  struct slice host, struct slice connection)
{
    size_t room = 0, used = 0;

    *requests = (struct requests){.n = n, .end = calloc(n, sizeof(size_t))};
    int r = requests->end ? 0 : -ENOMEM;
    for (size_t i = 0; i < n && r == 0; i++) {
        r = room_make(&requests->bytes, &room, used);
        if (r)
            break;
        size_t len = mix_request(mix, &seed, host, connection, requests->bytes + used, MIX_REQUEST_MAX);
        if (len == 0)
            r = MIX_WRONG;
        used += len;
        requests->end[i] = used;
    }
    if (r)
        requests_free(requests);
    return r;
}

struct slice requests_next(struct requests *requests)
{
    size_t i = requests->next, begin = i > 0 ? requests->end[i - 1] : 0;

    requests->next = i + 1 < requests->n ? i + 1 : 0;
    return (struct slice){requests->bytes + begin, requests->end[i] - begin};
}

void requests_free(struct requests *requests)
{
    free(requests->bytes);
    free(requests->end);
    *requests = (struct requests){0};
}
