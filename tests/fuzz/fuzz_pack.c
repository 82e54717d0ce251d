// Unpacking of any bytes: never behind the room, and what came out packs and unpacks to itself.

#include "base/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice packed = {(const char *)data, size};
    size_t bytes = pack_raw_bytes(packed);
    char *raw = malloc(bytes + 1), *again = malloc(bytes + 1), *repacked = malloc(pack_bytes_max(bytes));
    struct packer *packer = packer_new();

    if (bytes > 0 && pack_undo(packed, raw) == 0) {
        struct slice out = {repacked, pack(packer, raw, bytes, repacked, pack_bytes_max(bytes))};
        assert(pack_raw_bytes(out) == bytes && pack_undo(out, again) == 0);
        assert(memcmp(raw, again, bytes) == 0);
    }
    packer_free(packer);
    free(raw);
    free(again);
    free(repacked);
    return 0;
}
