// Looks addresses up in a MaxMind DB. Owner: one process; the file's pages are shared.
//
// libmaxminddb bounds every read by the file's size, but it follows what the file says: a value nested some
// hundred thousand levels deep overflows its stack. So geo_check() tries every record in a process that may
// die, and a lookup decodes only records that were tried. The tree's walk ends after 128 nodes whatever they
// say. Likewise it leaks the metadata of a file that it refuses.
//
// What a record says is remembered by its place in the file. For IPv4 the upper half of the tree is a table:
// a walk from the root reads twenty nodes and more, each a miss of the cache, from the table a few.
// Where the walk of a network of 256 addresses ended is remembered, too.

#include "base/geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD_SETS    1024 // a power of two
#define WAYS           4
#define V4_PREFIX_BITS 96 // of ::/96, where a database keeps IPv4
#define TABLE_BITS     16
#define FILE_BYTES_MAX (1u << 31)
#define SPOT_IS_NODE   (1u << 31)
#define NETWORK_SETS   8192 // a power of two; a quarter of a MiB
#define NETWORK_BITS   8    // of the lower half of an address

struct memo {
    uint32_t key; // 0: free
    struct geo_fact fact;
};

// One line of the cache.
struct memo_set {
    struct memo way[WAYS];
} __attribute__((aligned(64)));

struct network_set {
    uint32_t key[WAYS], spot[WAYS]; // key: the upper 24 bits of the addresses, one more; 0: free
};

struct geo {
    MMDB_s file;
    enum geo_content content;
    uint32_t written;                    // entries; chooses the way that makes room
    struct memo_set record[RECORD_SETS]; // key: offset of the record, one more
    struct network_set network[NETWORK_SETS];
    uint32_t table[1 << TABLE_BITS]; // spots, by the upper half of an IPv4 address
};

// A spot is where a walk stands: SPOT_IS_NODE and a node's number; or its end: a record's offset, one more;
// 0: no record.

static const char *const path_country[] = {"country", "iso_code", NULL};
static const char *const path_region[] = {"subdivisions", "0", "iso_code", NULL};
static const char *const path_asn[] = {"autonomous_system_number", NULL};

// --- Records ---------------------------------------------------------------------------------

// false: the file is damaged here. A value that is not there has type 0.
static bool value_read(MMDB_entry_s *entry, const char *const *path, MMDB_entry_data_s *value)
{
    int r = MMDB_aget_value(entry, value, path);

    if (r == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR || (r == MMDB_SUCCESS && !value->has_data)) {
        value->type = 0;
        return true;
    }
    return r == MMDB_SUCCESS && value->type != 0;
}

static bool code_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A code of min..max letters and digits. false: damaged.
static bool code_read(MMDB_entry_s *entry, const char *const *path, size_t min, size_t max, char *out,
                      size_t *len)
{
    MMDB_entry_data_s value;

    *len = 0;
    if (!value_read(entry, path, &value))
        return false;
    if (value.type == 0)
        return true;
    if (value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size < min || value.data_size > max)
        return false;
    for (size_t i = 0; i < value.data_size; i++)
        if (!code_char(value.utf8_string[i]))
            return false;
    memcpy(out, value.utf8_string, value.data_size);
    *len = value.data_size;
    return true;
}

static bool place_read(MMDB_entry_s *entry, struct geo_fact *fact)
{
    size_t country_len, region_len;

    if (!code_read(entry, path_country, 2, 2, fact->country, &country_len) ||
        !code_read(entry, path_region, 1, sizeof(fact->region), fact->region, &region_len))
        return false;
    fact->region_len = country_len > 0 ? (uint8_t)region_len : 0;
    return true;
}

static bool asn_read(MMDB_entry_s *entry, struct geo_fact *fact)
{
    MMDB_entry_data_s value;

    if (!value_read(entry, path_asn, &value))
        return false;
    if (value.type != 0 && value.type != MMDB_DATA_TYPE_UINT32 && value.type != MMDB_DATA_TYPE_UINT16)
        return false;
    fact->asn = value.type == MMDB_DATA_TYPE_UINT32 ? value.uint32 : value.type != 0 ? value.uint16 : 0;
    return true;
}

// false: the record is damaged; *fact is empty then.
static bool record_read(const struct geo *geo, MMDB_entry_s *entry, struct geo_fact *fact)
{
    *fact = (struct geo_fact){0};
    bool sound = geo->content == GEO_ASN ? asn_read(entry, fact) : place_read(entry, fact);
    if (!sound)
        *fact = (struct geo_fact){0};
    return sound;
}

static size_t set_of(size_t n_sets, uint32_t key)
{
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

    return (hash ^ hash >> 32) >> 16 & (n_sets - 1);
}

static const struct geo_fact *memo_find(const struct memo_set *set, uint32_t key)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (set->way[i].key == key)
            return &set->way[i].fact;
    return NULL;
}

static const struct geo_fact *memo_put(struct geo *geo, struct memo_set *set, uint32_t key,
                                       const struct geo_fact *fact)
{
    struct memo *memo = &set->way[geo->written++ % WAYS];

    *memo = (struct memo){key, *fact};
    return &memo->fact;
}

static const struct geo_fact *record_at(struct geo *geo, uint32_t place)
{
    struct memo_set *set = &geo->record[set_of(RECORD_SETS, place)];
    const struct geo_fact *found = memo_find(set, place);
    MMDB_entry_s entry = {&geo->file, place - 1};
    struct geo_fact fact;

    if (found)
        return found;
    (void)record_read(geo, &entry, &fact);
    return memo_put(geo, set, place, &fact);
}

// --- The tree --------------------------------------------------------------------------------

static uint32_t spot_of(uint8_t type, uint64_t number, const MMDB_entry_s *entry)
{
    if (type == MMDB_RECORD_TYPE_SEARCH_NODE)
        return SPOT_IS_NODE | (uint32_t)number;
    return type == MMDB_RECORD_TYPE_DATA && entry->offset < FILE_BYTES_MAX - 1 ? entry->offset + 1 : 0;
}

static uint32_t spot_step(const struct geo *geo, uint32_t spot, bool right)
{
    MMDB_search_node_s node;

    if (!(spot & SPOT_IS_NODE))
        return spot;
    if (MMDB_read_node(&geo->file, spot & ~SPOT_IS_NODE, &node) != MMDB_SUCCESS)
        return 0;
    return right ? spot_of(node.right_record_type, node.right_record, &node.right_record_entry)
                 : spot_of(node.left_record_type, node.left_record, &node.left_record_entry);
}

// One level of the tree after the other, in place, from behind.
static void table_fill(struct geo *geo)
{
    geo->table[0] = SPOT_IS_NODE;
    for (unsigned bit = 0; bit < V4_PREFIX_BITS && geo->file.metadata.ip_version == 6; bit++)
        geo->table[0] = spot_step(geo, geo->table[0], false);
    for (unsigned level = 0; level < TABLE_BITS; level++)
        for (uint32_t i = 1u << level; i-- > 0;) {
            uint32_t spot = geo->table[i];
            geo->table[2 * i + 1] = spot_step(geo, spot, true);
            geo->table[2 * i] = spot_step(geo, spot, false);
        }
}

// *bits: how many of the lower half led there.
static uint32_t walk_v4(const struct geo *geo, uint32_t address, unsigned *bits)
{
    uint32_t spot = geo->table[address >> 16];

    for (*bits = 0; *bits < 16 && spot & SPOT_IS_NODE; ++*bits)
        spot = spot_step(geo, spot, address >> (15 - *bits) & 1);
    return spot & SPOT_IS_NODE ? 0 : spot;
}

static uint32_t network_key(uint32_t address)
{
    return (address >> (16 - NETWORK_BITS)) + 1;
}

static uint32_t find_v4(struct geo *geo, uint32_t address)
{
    uint32_t key = network_key(address);
    struct network_set *set = &geo->network[set_of(NETWORK_SETS, key)];
    unsigned bits;

    for (unsigned i = 0; i < WAYS; i++)
        if (set->key[i] == key)
            return set->spot[i];
    uint32_t spot = walk_v4(geo, address, &bits);
    if (bits <= NETWORK_BITS) {
        unsigned way = geo->written++ % WAYS;
        set->key[way] = key;
        set->spot[way] = spot;
    }
    return spot;
}

static uint32_t find_v6(const struct geo *geo, const struct in6_addr *address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = *address};
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&geo->file, (const struct sockaddr *)&v6, &error);

    return error == MMDB_SUCCESS && found.found_entry ? spot_of(MMDB_RECORD_TYPE_DATA, 0, &found.entry) : 0;
}

void geo_expect(const struct geo *geo, const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        __builtin_prefetch(&geo->network[set_of(NETWORK_SETS, network_key(ntohl(address->s6_addr32[3])))]);
}

void geo_find(struct geo *geo, const struct in6_addr *address, struct geo_fact *fact)
{
    uint32_t place =
        IN6_IS_ADDR_V4MAPPED(address) ? find_v4(geo, ntohl(address->s6_addr32[3])) : find_v6(geo, address);

    if (place == 0)
        return;
    const struct geo_fact *found = record_at(geo, place);
    if (geo->content == GEO_ASN) {
        fact->asn = found->asn;
        return;
    }
    memcpy(fact->country, found->country, sizeof(fact->country));
    memcpy(fact->region, found->region, sizeof(fact->region));
    fact->region_len = found->region_len;
}

// --- Files -----------------------------------------------------------------------------------

int geo_open(struct geo **out, const char *path, enum geo_content content)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size >= FILE_BYTES_MAX)
        return GEO_CORRUPT;
    struct geo *geo = aligned_alloc(_Alignof(struct geo), sizeof(*geo));
    if (!geo)
        return -ENOMEM;
    memset(geo, 0, sizeof(*geo));
    geo->content = content;
    errno = 0;
    int r = MMDB_open(path, MMDB_MODE_MMAP, &geo->file);
    if (r != MMDB_SUCCESS) {
        free(geo);
        return r == MMDB_OUT_OF_MEMORY_ERROR             ? -ENOMEM
               : r == MMDB_FILE_OPEN_ERROR && errno != 0 ? -errno
                                                         : GEO_CORRUPT;
    }
    table_fill(geo);
    *out = geo;
    return 0;
}

struct geo *geo_free(struct geo *geo)
{
    if (geo) {
        MMDB_close(&geo->file);
        free(geo);
    }
    return NULL;
}

static bool side_sound(const struct geo *geo, uint8_t type, MMDB_entry_s *entry, uint64_t *last, bool *says)
{
    struct geo_fact fact;

    if (type != MMDB_RECORD_TYPE_DATA)
        return type != MMDB_RECORD_TYPE_INVALID;
    if (*last == entry->offset) // neighbours often share a record
        return true;
    *last = entry->offset;
    if (!record_read(geo, entry, &fact))
        return false;
    *says |= geo->content == GEO_ASN ? fact.asn > 0 : fact.country[0] != '\0';
    return true;
}

bool geo_sound(struct geo *geo)
{
    uint64_t last = UINT64_MAX;
    bool says = false;

    for (uint32_t number = 0; number < geo->file.metadata.node_count; number++) {
        MMDB_search_node_s node;
        if (MMDB_read_node(&geo->file, number, &node) != MMDB_SUCCESS ||
            !side_sound(geo, node.left_record_type, &node.left_record_entry, &last, &says) ||
            !side_sound(geo, node.right_record_type, &node.right_record_entry, &last, &says))
            return false;
    }
    return says;
}

static int check_here(const char *path, enum geo_content content)
{
    struct geo *geo;
    int r = geo_open(&geo, path, content);

    if (r)
        return r;
    bool sound = geo_sound(geo);
    geo_free(geo);
    return sound ? 0 : GEO_CORRUPT;
}

int geo_check(const char *path, enum geo_content content)
{
    int status;
    pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid == 0) {
        int r = check_here(path, content);
        _exit(r < 0 ? -r : r > 0 ? 0xff : 0);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (!WIFEXITED(status))
        return GEO_CORRUPT;
    return WEXITSTATUS(status) == 0xff ? GEO_CORRUPT : -WEXITSTATUS(status);
}
