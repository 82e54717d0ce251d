// The plain hits of payloads: delta_undo < payloads > hits, each behind its length of 4 bytes. For
// tests/system/tracker.py.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/delta.h"

static char payload[1 << 20], room[1 << 20];

static bool undo(uint32_t bytes)
{
    struct slice slice = {payload, bytes};

    if (delta_room_bytes(slice) > sizeof(room) || delta_undo(slice, room))
        return false;
    uint32_t length = (uint32_t)delta_hits_bytes(slice);
    return fwrite(&length, sizeof(length), 1, stdout) == 1 && fwrite(room, 1, length, stdout) == length;
}

int main(void)
{
    uint32_t bytes;

    while (fread(&bytes, sizeof(bytes), 1, stdin) == 1) {
        if (bytes > sizeof(payload) || fread(payload, 1, bytes, stdin) != bytes || !undo(bytes))
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
