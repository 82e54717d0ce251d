#pragma once

// The catalog: what a tracker must know to answer. One record says what is true of one key; a tombstone says
// that the key is no more. Records are made by clickledger.catalog_current() in SQL, so integers are
// big-endian here.
//   record: type u8, tombstone u8, key_bytes u16, value_bytes u32, key, value; text: bytes u16, bytes

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define CATALOG_RECORD_HEADER_BYTES 8
#define CATALOG_KEY_MAX             64
#define CATALOG_VALUE_MAX           65536
#define CATALOG_RECORD_MAX          (CATALOG_RECORD_HEADER_BYTES + CATALOG_KEY_MAX + CATALOG_VALUE_MAX)
#define CATALOG_HASH_BYTES          32 // SHA-256 of a postback key
#define CATALOG_ID_BYTES            8
#define CATALOG_SHARDS_MAX          1024

// Numbers of the wire format: append, never change.
enum catalog_type {
    CATALOG_SETTINGS = 1,     // key: empty; value: shards u32
    CATALOG_PROGRAM = 2,      // key: id u64
    CATALOG_PROGRAM_CODE = 3, // key: code; value: id u64
    CATALOG_LINK = 4,         // key: slug
    CATALOG_PROMO_CODE = 5,   // key: code in upper case
    CATALOG_INTEGRATION = 6,  // key: SHA-256 of the postback key
};

struct catalog_record {
    uint8_t type; // enum catalog_type, or one of a newer release
    bool tombstone;
    struct slice key, value;
};

struct catalog_settings {
    uint32_t shards; // 1..CATALOG_SHARDS_MAX
};

struct catalog_program {
    uint64_t id;
    bool active;               // of the programme alone
    bool visitor_cookie;       // the tracker may set one
    struct slice code;         // of /v/{programme}.gif
    struct slice currency;     // ISO 4217
    struct slice fallback_url; // empty: the installation's
    struct slice hosts;        // for catalog_program_allows()
    struct slice visitor;      // for catalog_visitor_policy()
};

struct catalog_link {
    uint64_t link_id, program_id, partner_id;
    bool active;             // link and partner; the programme's state is asked at the click
    struct slice target_url; // may hold macros: base/catalog_link.h
    // The rest is in records of links that have any of it.
    bool exhausted;                 // as many clicks as it may have
    uint64_t starts_ms, expires_ms; // unix; 0: none
    struct slice fallback_url;      // empty: the programme's
    struct slice rules;             // base/catalog_link.h; empty: none
};

struct catalog_promo_code {
    uint64_t promo_code_id, program_id, partner_id;
    bool active; // code and partner, without the programme
    struct slice code;
    struct slice target_url; // empty: none; may hold macros
};

struct catalog_integration {
    uint64_t integration_id, program_id;
    bool active;
    struct slice aliases;  // for catalog_integration_alias()
    struct slice statuses; // for catalog_integration_status()
    struct slice secrets;  // for catalog_secret_next(); empty: reports need no signature
};

enum catalog_condition {
    CATALOG_MALFORMED = 1, // not a record, or not a value of its type
};

// All decoding is strict: every byte is accounted for. Slices point into the input. 0 or CATALOG_MALFORMED.
must_check int catalog_record_decode(struct slice bytes, struct catalog_record *record);

// Length of the record that starts here, or 0 when the bytes end before it does or it breaks a limit.
size_t catalog_record_length(struct slice bytes);

// Is the value one of its type? Unknown types are fine: their owner is a newer release. 0 or
// CATALOG_MALFORMED.
must_check int catalog_record_check(const struct catalog_record *record);

must_check int catalog_settings_decode(const struct catalog_record *record,
                                       struct catalog_settings *settings);
must_check int catalog_program_decode(const struct catalog_record *record, struct catalog_program *program);
must_check int catalog_program_code_decode(const struct catalog_record *record, uint64_t *program_id);
must_check int catalog_link_decode(const struct catalog_record *record, struct catalog_link *link);
must_check int catalog_promo_code_decode(const struct catalog_record *record,
                                         struct catalog_promo_code *promo);
must_check int catalog_integration_decode(const struct catalog_record *record,
                                          struct catalog_integration *out);

// May a deep link of this programme lead to `host`? It must be lower case, without a port; compared as a
// whole.
bool catalog_program_allows(const struct catalog_program *program, struct slice host);

// Our name of a parameter that this shop calls `name`, or SLICE_NONE.
struct slice catalog_integration_alias(const struct catalog_integration *integration, struct slice name);

// Key of a programme's record.
void catalog_program_key(uint64_t program_id, char key[CATALOG_ID_BYTES]);

// Where tables look for a key: XXH3 of type and key.
uint64_t catalog_hash(uint8_t type, struct slice key);
