// Room for unpacked hits. Owner: the loader, reused for every load. Rows and dead letters point into it, so
// it does not move while a load goes on. Limit: four times the loader's bytes_max, or that of one frame.

#include "ingest/unpacked.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int unpacked_reserve(struct unpacked *unpacked, const struct delivery deliveries[], size_t n)
{
    size_t room = 0;

    for (size_t i = 0; i < n; i++)
        room += deliveries[i].room_bytes;
    unpacked->bytes = 0;
    if (room <= unpacked->room)
        return 0;
    free(unpacked->data);
    unpacked->data = malloc(room);
    unpacked->room = unpacked->data ? room : 0;
    return unpacked->data ? 0 : -ENOMEM;
}

void unpacked_deinit(struct unpacked *unpacked)
{
    free(unpacked->data);
    *unpacked = (struct unpacked){0};
}

struct slice unpacked_hits(struct unpacked *unpacked, const struct delivery *delivery)
{
    assert(unpacked->room - unpacked->bytes >= delivery->room_bytes);
    struct slice hits = delivery_hits(delivery, unpacked->data + unpacked->bytes);
    unpacked->bytes += delivery->room_bytes;
    return hits;
}
