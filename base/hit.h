#pragma once

// A hit: one recorded request, as it stands in a frame's payload. The numbers below are a wire format and the
// names are SQL and JSON values: append, never change. A field's text is what the visitor sent: any bytes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hit_lists.h"
#include "base/slice.h"
#include "base/util.h"

#define HIT_RECORD_MAX 16384 // bytes of one record
#define HIT_FIELD_MAX  2048  // bytes of one field
#define HIT_RAW_MAX    4096  // bytes of REPORT_RAW
#define HIT_ID_BYTES   16

#define HIT_COUNTRY_BYTES 2
#define HIT_REGION_MAX    3

// clang-format off
enum hit_field {
    HIT_DESTINATION = 1, // the URL that was answered, as base/hit_destination.h folds it
    HIT_VISITOR,         // 16 bytes
    HIT_ADDRESS,         // 4 or 16 bytes, network order
    HIT_HOST, HIT_METHOD,
    HIT_PATH,            // slug or code as asked
    HIT_USER_AGENT,
    HIT_REFERRER,        // host and path, without scheme, query and fragment
    HIT_LANGUAGE,        // the first of Accept-Language
    HIT_PAGE,
    HIT_SUB1, HIT_SUB2, HIT_SUB3, HIT_SUB4, HIT_SUB5, HIT_SUB6, HIT_SUB7, HIT_SUB8, HIT_SUB9, HIT_SUB10,
    HIT_UTM_SOURCE, HIT_UTM_MEDIUM, HIT_UTM_CAMPAIGN, HIT_UTM_CONTENT, HIT_UTM_TERM,
    HIT_ERID,
    HIT_AD_NETWORK,      // the parameter's name: gclid, yclid, fbclid, ttclid, msclkid, rb_clickid
    HIT_AD_CLICK_ID,     // its value
    HIT_PROMO,
    HIT_REPORT_INTEGRATION,  // varint id
    HIT_REPORT_CLICK_ID,     // 16 bytes
    HIT_REPORT_ORDER_ID, HIT_REPORT_KIND, HIT_REPORT_STATUS,
    HIT_REPORT_AMOUNT,       // text as received
    HIT_REPORT_AMOUNT_MINOR, // 8 bytes, little-endian
    HIT_REPORT_CURRENCY, HIT_REPORT_PRODUCT, HIT_REPORT_CUSTOMER,
    HIT_REPORT_EVENT_TIME,   // 8 bytes, little-endian, unix ms
    HIT_REPORT_EVENT_ID,
    HIT_REPORT_RAW,          // query or body as received, capped
    HIT_ADDRESS_HASH,        // 8 bytes, little-endian
    HIT_COUNTRY,             // ISO 3166-1 alpha-2
    HIT_REGION,              // the subdivision's part of ISO 3166-2, 1..3 bytes
    HIT_ASN,                 // varint
    HIT_DEVICE, HIT_OS, HIT_BROWSER, // 1 byte, of the lists in hit_lists.h, never 0
    HIT_CLASS_VERSION,       // varint, of the lists that classified it
    HIT_REPORT_SIGNED,       // 1 byte, 1: its signature was right; absent: none was needed
    HIT_REPORT_LINES,        // of base/order_lines.h
    HIT_FIELD_COUNT
};
// clang-format on

struct hit {
    uint8_t kind;    // enum hit_kind
    uint8_t class;   // enum hit_class
    uint8_t reason;  // enum hit_reason
    uint16_t status; // HTTP status of the answer
    uint8_t id[HIT_ID_BYTES];
    uint64_t program_id, partner_id, link_id, promo_code_id; // 0 = none
    uint64_t catalog_revision;
    struct slice field[HIT_FIELD_COUNT]; // by enum hit_field; data == NULL: absent; [0] is unused
};

enum hit_condition {
    HIT_TRUNCATED = 1,     // a length points behind the end
    HIT_TOO_LONG = 2,      // a record or field above its limit
    HIT_KIND_UNKNOWN = 3,  // a number out of its closed list, or an id above 2^63 - 1
    HIT_FIELD_UNKNOWN = 4, // a tag out of the closed list
    HIT_FIELD_ORDER = 5,   // a tag twice, or not ascending
    HIT_FIELD_SIZE = 6,    // a fixed-size field of another size
    HIT_END = 7,           // hit_next: no hit left
};

struct hit_measure {
    size_t bytes;        // of length prefix and record
    size_t record_bytes; // of the record
    uint64_t present;    // bit of each field that is there
};

// Whether it can be encoded, and what it takes: 0, HIT_TOO_LONG, HIT_FIELD_SIZE or HIT_KIND_UNKNOWN.
must_check int hit_measure(const struct hit *hit, struct hit_measure *measure);

// Appends length prefix and record. 0, HIT_TOO_LONG, HIT_FIELD_SIZE, HIT_KIND_UNKNOWN (nothing is written) or
// -ENOBUFS (the writer overflowed).
must_check int hit_encode(struct bytes_writer *writer, const struct hit *hit);

// Decodes one record without its prefix, strictly: every byte is accounted for. Slices point into the record.
must_check int hit_decode(const void *record, size_t len, struct hit *hit);

// Decodes the next record of a payload. 0, HIT_END, or why this hit is broken; after HIT_TRUNCATED of the
// prefix itself (reader->bad) nothing more can be read, after any other condition the reader stands behind
// the broken record. *record (may be NULL) gets the record's bytes, also when it is broken.
must_check int hit_next(struct bytes_reader *reader, struct hit *hit, struct slice *record);

// The stable names, NULL for a number out of the list. "sub1", "user_agent", "report_order_id", ...
const char *hit_field_name(unsigned field);
const char *hit_condition_name(int condition);
