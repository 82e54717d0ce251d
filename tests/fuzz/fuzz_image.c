// Any bytes as an image: what is measured is within the limits, and cutting the file anywhere is no crash.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/image.h"

#define PREFIX_BYTES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In memory of its own, so that a byte read behind the end is seen.
static void measure(const uint8_t *data, size_t size)
{
    struct image image;
    char *copy = malloc(size > 0 ? size : 1);

    assert(copy);
    memcpy(copy, data, size);
    int result = image_measure((struct slice){copy, size}, &image);
    assert(result >= 0 && result <= IMAGE_LARGE);
    if (result == 0) {
        assert(image.width >= 1 && image.width <= IMAGE_SIDE_MAX);
        assert(image.height >= 1 && image.height <= IMAGE_SIDE_MAX);
        assert(image_media_type(image.format) && image_extension(image.format));
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    measure(data, size);
    for (size_t len = 0; len < min_of(size, (size_t)PREFIX_BYTES_MAX); len++)
        measure(data, len);
    return 0;
}
