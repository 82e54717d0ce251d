#pragma once

// Click ids: UUIDv7 (RFC 9562, 5.7) that say "issued by us" and nothing more.
// 48 bits unix ms | version 7 | 12 bits counter within the ms | variant 10 | 2 bits key id | 24 bits instance
// | 36 bits tag.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define CLICK_ID_BYTES      16
#define CLICK_ID_TEXT_BYTES 36
#define CLICK_ID_KEYS_MAX   4
#define CLICK_ID_KEY_BYTES  16

enum click_id_condition {
    CLICK_ID_MALFORMED = 1,   // not 36 characters of a UUID
    CLICK_ID_FORGED = 2,      // not a UUIDv7, or its tag is wrong
    CLICK_ID_KEY_UNKNOWN = 3, // made with a key that we do not have
    CLICK_ID_KEYS_BAD = 4,    // the key file does not parse
    CLICK_ID_KEYS_OPEN = 5,   // the key file can be read by group or others
};

struct click_id_keys {
    uint8_t key[CLICK_ID_KEYS_MAX][CLICK_ID_KEY_BYTES];
    bool known[CLICK_ID_KEYS_MAX];
    unsigned current; // the key id that new ids carry
};

struct click_id_generator {
    const struct click_id_keys *keys;
    uint64_t last_ms;
    uint32_t counter;  // of the next id in last_ms
    uint32_t instance; // 24 bits
};

// Lines `<key id 0..3> <32 hex digits>`, the first is current; empty lines and lines with `#` first are
// skipped. 0, negative errno, CLICK_ID_KEYS_BAD or CLICK_ID_KEYS_OPEN. The file is at most 4 KiB and not open
// to group or others.
must_check int click_id_keys_load(struct click_id_keys *keys, const char *path);
const char *click_id_keys_reason(int result); // of click_id_keys_load, in words for the one who set the path
must_check int click_id_keys_parse(struct click_id_keys *keys, struct slice text);

// `instance`: 24 random bits, drawn anew at every start (click_id_instance()). The keys must outlive the
// generator.
void click_id_generator_init(struct click_id_generator *generator, const struct click_id_keys *keys,
                             uint32_t instance);
uint32_t click_id_instance(void);

// Ids of one generator ascend, whatever the clock does: ms = max(now, last used), a full counter goes to the
// next ms.
void click_id_next(struct click_id_generator *generator, uint64_t now_ms, uint8_t out[CLICK_ID_BYTES]);

uint64_t click_id_ms(const uint8_t id[CLICK_ID_BYTES]);

// 0, CLICK_ID_FORGED or CLICK_ID_KEY_UNKNOWN. The tag is compared in constant time.
must_check int click_id_check(const struct click_id_keys *keys, const uint8_t id[CLICK_ID_BYTES]);

// 36 lower-case characters, no NUL behind them. Any 16 bytes may be formatted (producers, visitors).
void click_id_format(const uint8_t id[CLICK_ID_BYTES], char out[CLICK_ID_TEXT_BYTES]);

// Exactly 36 characters, either case. 0 or CLICK_ID_MALFORMED. Does not look at version or tag.
must_check int click_id_parse(struct slice text, uint8_t out[CLICK_ID_BYTES]);
