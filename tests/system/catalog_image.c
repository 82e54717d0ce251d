// Makes a catalog image of records: catalog_image REVISION < records > image. For tests/system/tracker.py.

#include <stdio.h>
#include <stdlib.h>

#include "base/catalog.h"
#include "base/catalog_builder.h"

static char input[1 << 20];

int main(int argc, char **argv)
{
    struct catalog_builder builder = {0};
    struct slice rest = {input, fread(input, 1, sizeof(input), stdin)};
    uint8_t *image;
    size_t bytes, length;

    if (argc != 2)
        return EXIT_FAILURE;
    while ((length = catalog_record_length(rest)) > 0) {
        if (catalog_builder_add(&builder, (struct slice){rest.data, length}) != 0)
            return EXIT_FAILURE;
        rest = (struct slice){rest.data + length, rest.len - length};
    }
    if (rest.len > 0 || catalog_builder_finish(&builder, strtoull(argv[1], NULL, 10), &image, &bytes) != 0)
        return EXIT_FAILURE;
    bool written = fwrite(image, 1, bytes, stdout) == bytes;
    free(image);
    catalog_builder_deinit(&builder);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
