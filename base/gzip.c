// The door to zlib.

#include "base/gzip.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) // the largest window, with a gzip header
#define GZIP_MEMORY      9         // the most

int gzip(struct slice plain, struct slice *out)
{
    z_stream stream = {.next_in = (z_const Bytef *)plain.data, .avail_in = (uInt)plain.len};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    size_t bound = deflateBound(&stream, plain.len);
    char *data = malloc(bound);
    stream.next_out = (Bytef *)data;
    stream.avail_out = (uInt)bound;
    bool whole = data && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (whole)
        *out = (struct slice){data, stream.total_out};
    else
        free(data);
    deflateEnd(&stream);
    return whole ? 0 : -ENOMEM;
}
