// Lines of the file of heads: whatever is read is written the same again.

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attrib/seal_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[SEAL_LINE_BYTES], hex[SEAL_HEX_BYTES];
    struct slice text = {(const char *)data, size};
    struct seal_hash head;
    uint64_t id;

    if (seal_file_parse(text, &id, &head))
        return 0;
    seal_hex(&head, hex);
    int len = snprintf(line, sizeof(line), "%" PRIu64 " %s", id, hex);
    assert(len == (int)size);
    for (size_t i = 0; i < size; i++)
        assert(line[i] == text.data[i] ||
               (text.data[i] >= 'A' && text.data[i] <= 'F' && line[i] == text.data[i] + 32));
    return 0;
}
