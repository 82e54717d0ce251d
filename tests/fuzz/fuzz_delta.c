// Deltas of any bytes: never behind the room, and the hits that came out come out again when they are
// written.

#include "base/delta.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void written_again(const uint8_t *hits, size_t bytes)
{
    struct delta_writer *writer = delta_writer_new(bytes + HIT_RECORD_MAX);
    struct bytes_reader reader = bytes_reader(hits, bytes);
    struct hit hit;

    while (hit_next(&reader, &hit, NULL) == 0)
        assert(delta_add(writer, &hit) == 0);
    assert(reader.at == reader.end);
    size_t room = delta_bytes_max(writer);
    char *out = malloc(room);
    struct slice again = {out, delta_finish(writer, out, room)};
    uint8_t *back = malloc(delta_room_bytes(again));
    assert(delta_hits_bytes(again) == bytes && delta_undo(again, back) == 0 &&
           memcmp(back, hits, bytes) == 0);
    free(back);
    free(out);
    delta_writer_free(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice payload = {(const char *)data, size};
    size_t bytes = delta_hits_bytes(payload);
    uint8_t *room = malloc(delta_room_bytes(payload) + 1);

    if (bytes > 0 && delta_undo(payload, room) == 0)
        written_again(room, bytes);
    free(room);
    return 0;
}
