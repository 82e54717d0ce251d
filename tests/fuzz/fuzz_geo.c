// A MaxMind DB of any bytes: opening it, looking at every record and looking addresses up ends, and stays
// inside.

#include "base/geo.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

// libmaxminddb 1.7.1 forgets the metadata of a file that it does not open. Only geo_check()'s process opens
// such files.
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb\n";
}

static void addresses_find(struct geo *geo)
{
    static const uint8_t first[] = {0, 1, 10, 127, 192, 255};
    struct in6_addr address = {0};

    for (size_t i = 0; i < sizeof(first); i++) {
        struct geo_fact fact = {0};
        memset(address.s6_addr, 0, 16);
        address.s6_addr[0] = first[i];
        geo_find(geo, &address, &fact);
        memcpy(address.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        address.s6_addr[12] = first[i];
        geo_find(geo, &address, &fact);
        assert(fact.region_len <= sizeof(fact.region));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int fd = memfd_create("geo", 0);
    struct geo *geo;

    assert(fd >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t written = write(fd, data, size);
    assert(written == (ssize_t)size);
    for (enum geo_content content = GEO_PLACE; content <= GEO_ASN; content++) {
        if (geo_open(&geo, path, content) != 0)
            continue;
        addresses_find(geo);
        (void)!geo_sound(geo);
        geo_free(geo);
    }
    close(fd);
    return 0;
}
