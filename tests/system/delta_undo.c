// base/delta.h for tests in Python, as a library.

#include "base/delta.h"

// The plain hits of a payload in `room`; returns their bytes, 0: malformed, or there is not so much room.
size_t payload_undo(const char *payload, size_t bytes, void *room, size_t room_bytes);

size_t payload_undo(const char *payload, size_t bytes, void *room, size_t room_bytes)
{
    struct slice slice = {payload, bytes};

    if (delta_room_bytes(slice) > room_bytes || delta_undo(slice, room))
        return 0;
    return delta_hits_bytes(slice);
}
