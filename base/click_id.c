// Click ids (UUIDv7, RFC 9562): making, checking, reading, and loading the keys of the tag.
// The tag is the low 36 bits of SipHash-2-4 over the 16 bytes with the tag's bits zero. It keeps guessed ids
// out of the books; it is no proof of anything else, since 36 bits can be tried online. Link and partner come
// from the stored row. Invariant: ids of one generator ascend strictly, whatever the clock does; two
// generators differ by their instance.

#include "base/click_id.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/util.h"

#define KEYS_FILE_MAX 4096
#define MS_MAX        ((UINT64_C(1) << 48) - 1)
#define COUNTER_MAX   0xfffu
#define INSTANCE_MASK 0xffffffu
#define TAG_MASK      ((UINT64_C(1) << 36) - 1)

static_assert(crypto_shorthash_KEYBYTES == CLICK_ID_KEY_BYTES, "SipHash-2-4 takes 128-bit keys");

// UUIDs are big-endian, unlike our own formats.
static uint64_t get_be64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static void put_be64(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t tag_make(const uint8_t key[CLICK_ID_KEY_BYTES], uint64_t high, uint64_t low)
{
    uint8_t text[CLICK_ID_BYTES], hash[crypto_shorthash_BYTES];

    put_be64(text, high);
    put_be64(text + 8, low & ~TAG_MASK);
    crypto_shorthash(hash, text, sizeof(text), key);
    return get_be64(hash) & TAG_MASK;
}

uint32_t click_id_instance(void)
{
    if (sodium_init() < 0)
        abort();
    return randombytes_random() & INSTANCE_MASK;
}

void click_id_generator_init(struct click_id_generator *generator, const struct click_id_keys *keys,
                             uint32_t instance)
{
    assert(instance <= INSTANCE_MASK && keys->known[keys->current]);
    *generator = (struct click_id_generator){.keys = keys, .instance = instance};
}

static void generator_advance(struct click_id_generator *generator, uint64_t now_ms)
{
    if (now_ms > generator->last_ms) {
        generator->last_ms = now_ms;
        generator->counter = 0;
    } else if (generator->counter > COUNTER_MAX) {
        generator->last_ms++;
        generator->counter = 0;
    }
    assert(generator->last_ms <= MS_MAX);
}

void click_id_next(struct click_id_generator *generator, uint64_t now_ms, uint8_t out[CLICK_ID_BYTES])
{
    const struct click_id_keys *keys = generator->keys;

    generator_advance(generator, now_ms);
    uint64_t high = generator->last_ms << 16 | UINT64_C(7) << 12 | generator->counter++;
    uint64_t low = UINT64_C(2) << 62 | (uint64_t)keys->current << 60 | (uint64_t)generator->instance << 36;
    put_be64(out, high);
    put_be64(out + 8, low | tag_make(keys->key[keys->current], high, low));
}

uint64_t click_id_ms(const uint8_t id[CLICK_ID_BYTES])
{
    return get_be64(id) >> 16;
}

int click_id_check(const struct click_id_keys *keys, const uint8_t id[CLICK_ID_BYTES])
{
    uint64_t high = get_be64(id), low = get_be64(id + 8);

    if ((high >> 12 & 0xf) != 7 || low >> 62 != 2)
        return CLICK_ID_FORGED;
    unsigned key_id = low >> 60 & 3;
    if (!keys->known[key_id])
        return CLICK_ID_KEY_UNKNOWN;
    uint64_t tag = tag_make(keys->key[key_id], high, low), claimed = low & TAG_MASK;
    return sodium_memcmp(&tag, &claimed, sizeof(tag)) == 0 ? 0 : CLICK_ID_FORGED;
}

// "00" to "ff": two digits a look-up, because every click writes two ids.
#define HEX_ROW(high)                                                                                        \
    high "0" high "1" high "2" high "3" high "4" high "5" high "6" high "7" high "8" high "9" high "a" high  \
         "b" high "c" high "d" high "e" high "f"
static const char HEX_PAIRS[] = HEX_ROW("0") HEX_ROW("1") HEX_ROW("2") HEX_ROW("3") HEX_ROW("4") HEX_ROW("5")
    HEX_ROW("6") HEX_ROW("7") HEX_ROW("8") HEX_ROW("9") HEX_ROW("a") HEX_ROW("b") HEX_ROW("c") HEX_ROW("d")
        HEX_ROW("e") HEX_ROW("f");

static bool dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void click_id_format(const uint8_t id[CLICK_ID_BYTES], char out[CLICK_ID_TEXT_BYTES])
{
    static const uint8_t groups[] = {4, 2, 2, 2, 6}; // bytes between dashes

    for (size_t group = 0; group < array_length(groups); group++) {
        if (group > 0)
            *out++ = '-';
        for (size_t end = groups[group]; end > 0; end--, out += 2)
            memcpy(out, HEX_PAIRS + 2 * (size_t)*id++, 2);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int click_id_parse(struct slice text, uint8_t out[CLICK_ID_BYTES])
{
    uint8_t id[CLICK_ID_BYTES] = {0};

    if (text.len != CLICK_ID_TEXT_BYTES)
        return CLICK_ID_MALFORMED;
    for (size_t i = 0, nibble = 0; i < CLICK_ID_TEXT_BYTES; i++) {
        int value = hex_value(text.data[i]);
        if (dash_at(i) ? text.data[i] != '-' : value < 0)
            return CLICK_ID_MALFORMED;
        if (dash_at(i))
            continue;
        id[nibble / 2] = (uint8_t)(id[nibble / 2] << 4 | value);
        nibble++;
    }
    memcpy(out, id, sizeof(id));
    return 0;
}

// `<key id> <32 hex digits>`, exactly.
static int key_line(struct click_id_keys *keys, struct slice line, bool first)
{
    if (line.len != 2 + 2 * CLICK_ID_KEY_BYTES || line.data[0] < '0' || line.data[0] > '3' ||
        line.data[1] != ' ')
        return CLICK_ID_KEYS_BAD;
    unsigned key_id = (unsigned)(line.data[0] - '0');
    if (keys->known[key_id])
        return CLICK_ID_KEYS_BAD;
    for (size_t i = 0; i < CLICK_ID_KEY_BYTES; i++) {
        int high = hex_value(line.data[2 + 2 * i]), low = hex_value(line.data[3 + 2 * i]);
        if (high < 0 || low < 0)
            return CLICK_ID_KEYS_BAD;
        keys->key[key_id][i] = (uint8_t)(high << 4 | low);
    }
    keys->known[key_id] = true;
    if (first)
        keys->current = key_id;
    return 0;
}

int click_id_keys_parse(struct click_id_keys *keys, struct slice text)
{
    bool first = true;

    *keys = (struct click_id_keys){0};
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        struct slice line = {text.data, end ? (size_t)(end - text.data) : text.len};
        size_t used = line.len + (end ? 1 : 0);
        text = (struct slice){text.data + used, text.len - used};
        if (line.len == 0 || line.data[0] == '#')
            continue;
        int r = key_line(keys, line, first);
        if (r)
            return r;
        first = false;
    }
    return first ? CLICK_ID_KEYS_BAD : 0;
}

static int keys_read(struct click_id_keys *keys, int fd)
{
    char text[KEYS_FILE_MAX + 1];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return CLICK_ID_KEYS_OPEN;
    if (!S_ISREG(st.st_mode))
        return CLICK_ID_KEYS_BAD;
    ssize_t bytes = read(fd, text, sizeof(text));
    if (bytes < 0)
        return -errno;
    int r = CLICK_ID_KEYS_BAD;
    if (bytes <= KEYS_FILE_MAX)
        r = click_id_keys_parse(keys, (struct slice){text, (size_t)bytes});
    sodium_memzero(text, sizeof(text));
    return r;
}

const char *click_id_keys_reason(int result)
{
    if (result == CLICK_ID_KEYS_OPEN)
        return "group or others may read it: chmod 600";
    if (result == CLICK_ID_KEYS_BAD)
        return "not lines of `<key id 0..3> <32 hex digits>`, each id once";
    const char *text = result < 0 ? strerrordesc_np(-result) : NULL;
    return text ? text : "unknown error";
}

int click_id_keys_load(struct click_id_keys *keys, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int r = keys_read(keys, fd);
    close(fd);
    return r;
}
