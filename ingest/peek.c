// Hits of the stream as NDJSON on stdout. Only reads (XRANGE). A frame that cannot be read becomes an object
// with "error". Numbers of 64 bits that are ids are JSON integers; bytes that are not UTF-8 become U+FFFD.
// Limit: PAGE entries a read.

#include "ingest/peek.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/click_id.h"
#include "base/clock.h"
#include "base/hit.h"
#include "base/hit_destination.h"
#include "base/log.h"
#include "base/utf8.h"
#include "ingest/member.h"
#include "ingest/service.h"
#include "ingest/stream.h"

#define PAGE 100

static void print_text(struct slice text)
{
    char clean[UTF8_SANITIZED_BYTES(HIT_RAW_MAX)];
    size_t len = utf8_sanitize(text, clean, sizeof(clean));

    putchar('"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)clean[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_name(const char *name)
{
    printf(",\"%s\":", name);
}

static void print_uuid(const uint8_t *bytes)
{
    char text[CLICK_ID_TEXT_BYTES];
    click_id_format(bytes, text);
    print_text((struct slice){text, sizeof(text)});
}

static void print_address(struct slice address)
{
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(address.len == 4 ? AF_INET : AF_INET6, address.data, text, sizeof(text));
    print_text(slice_of(text));
}

static void print_time(int64_t unix_ms)
{
    char text[CLOCK_TEXT_BYTES];
    print_text((struct slice){text, clock_format(unix_ms, text)});
}

static void print_field(unsigned field, struct slice value)
{
    struct bytes_reader reader = bytes_reader(value.data, value.len);

    print_name(hit_field_name(field));
    if (field == HIT_VISITOR || field == HIT_REPORT_CLICK_ID)
        print_uuid((const uint8_t *)value.data);
    else if (field == HIT_ADDRESS)
        print_address(value);
    else if (field == HIT_REPORT_INTEGRATION || field == HIT_ASN || field == HIT_CLASS_VERSION)
        printf("%" PRIu64, bytes_read_varint(&reader));
    else if (field == HIT_REPORT_AMOUNT_MINOR || field == HIT_ADDRESS_HASH)
        printf("%" PRId64, (int64_t)bytes_get_u64((const uint8_t *)value.data));
    else if (field == HIT_REPORT_EVENT_TIME)
        print_time((int64_t)bytes_get_u64((const uint8_t *)value.data));
    else if (field == HIT_REPORT_SIGNED)
        printf("true");
    else if (field == HIT_DEVICE)
        print_text(slice_of(hit_device_name((uint8_t)value.data[0])));
    else if (field == HIT_OS)
        print_text(slice_of(hit_os_name((uint8_t)value.data[0])));
    else if (field == HIT_BROWSER)
        print_text(slice_of(hit_browser_name((uint8_t)value.data[0])));
    else
        print_text(value);
}

static void print_destination(const struct hit *hit)
{
    char url[HIT_DESTINATION_BYTES_MAX];

    print_name(hit_field_name(HIT_DESTINATION));
    print_text((struct slice){url, hit_destination_unfold(hit->field[HIT_DESTINATION], hit->id, url)});
}

static void print_place(unsigned shard, const struct delivery *d)
{
    char producer[PRODUCER_TEXT_BYTES];

    printf("{\"shard\":%u,\"entry\":", shard);
    print_text(d->entry_id);
    if (d->condition)
        return;
    producer_format(d->header.producer, producer);
    printf(",\"producer\":\"%s\",\"seq\":%" PRIu64, producer, d->header.seq);
}

static void print_hit(const struct hit *hit)
{
    printf(",\"kind\":\"%s\",\"class\":\"%s\",\"reason\":\"%s\",\"status\":%u,\"id\":",
           hit_kind_name(hit->kind), hit_class_name(hit->class), hit_reason_name(hit->reason), hit->status);
    print_uuid(hit->id);
    print_name("time");
    print_time((int64_t)click_id_ms(hit->id));
    printf(",\"program_id\":%" PRIu64 ",\"partner_id\":%" PRIu64 ",\"link_id\":%" PRIu64
           ",\"promo_code_id\":%" PRIu64 ",\"catalog_revision\":%" PRIu64,
           hit->program_id, hit->partner_id, hit->link_id, hit->promo_code_id, hit->catalog_revision);
    for (unsigned field = 1; field < HIT_FIELD_COUNT; field++) {
        if (field == HIT_DESTINATION && hit->field[field].data)
            print_destination(hit);
        else if (hit->field[field].data)
            print_field(field, hit->field[field]);
    }
}

static void print_error(unsigned shard, const struct delivery *d, const char *error)
{
    print_place(shard, d);
    printf(",\"error\":\"%s\"}\n", error);
}

// Returns how many lines were printed.
static uint64_t print_hits(unsigned shard, const struct delivery *d, struct slice hits, uint64_t max)
{
    struct bytes_reader reader = bytes_reader(hits.data, hits.len);
    uint64_t printed = 0;
    struct hit hit;
    int condition;

    for (; printed < max && (condition = hit_next(&reader, &hit, NULL)) != HIT_END && !reader.bad;
         printed++) {
        if (condition) {
            print_error(shard, d, hit_condition_name(condition));
            continue;
        }
        print_place(shard, d);
        print_hit(&hit);
        printf("}\n");
    }
    return printed;
}

static uint64_t print_frame(unsigned shard, const struct delivery *d, uint64_t max)
{
    void *room = d->hits_bytes > 0 ? malloc(d->room_bytes + 1) : NULL;
    struct slice hits = room ? delivery_hits(d, room) : SLICE_NONE;
    bool empty = !d->condition && frame_payload_length(&d->header) == 0;
    uint64_t printed = empty ? 0 : 1;

    if (hits.data)
        printed = print_hits(shard, d, hits, max);
    else if (!empty)
        print_error(shard, d, d->condition ? frame_condition_name(d->condition) : "payload_damaged");
    free(room);
    return printed;
}

// One page behind `after`. *n: entries that were there.
static int page_print(struct redis_client *redis, unsigned shard, char after[STREAM_ID_BYTES], size_t *n,
                      uint64_t *left)
{
    struct redis_reply *reply = NULL;
    char key[STREAM_KEY_BYTES], from[STREAM_ID_BYTES + 1], page[16];

    stream_key(shard, key);
    snprintf(from, sizeof(from), "(%s", after);
    snprintf(page, sizeof(page), "%d", PAGE);
    struct slice args[] = {SLICE("XRANGE"), slice_of(key),  slice_of(from),
                           SLICE("+"),      SLICE("COUNT"), slice_of(page)};
    int r = redis_do(redis, args, array_length(args), &reply);
    if (r)
        return r;
    *n = redis_reply_length(reply);
    for (size_t i = 0; i<*n && * left> 0; i++) {
        struct slice id, frame;
        stream_entry(reply, i, &id, &frame);
        struct delivery delivery = delivery_of(id, frame);
        *left -= print_frame(shard, &delivery, *left);
        snprintf(after, STREAM_ID_BYTES, "%.*s", (int)id.len, id.data);
    }
    redis_reply_free(reply);
    return 0;
}

int peek_run(const struct ingest_settings *settings, uint64_t count)
{
    struct redis_options options = redis_options_of(settings);
    struct redis_client *redis = NULL;
    char error[REDIS_ERROR_BYTES];
    int r = redis_client_open(&redis, &options, error);

    if (r) {
        fprintf(stderr, "clickledger-ingest: Redis: %s\n", error);
        return 1;
    }
    for (unsigned shard = 0; r == 0 && shard < MEMBER_SHARDS_MAX; shard++) {
        char after[STREAM_ID_BYTES] = "0-0";
        size_t n = PAGE;
        while (r == 0 && n == PAGE && count > 0)
            r = page_print(redis, shard, after, &n, &count);
    }
    if (r)
        fprintf(stderr, "clickledger-ingest: Redis: %s\n",
                r < 0 ? redis_client_error(redis) : redis_condition_name(r));
    redis_client_close(redis);
    return r ? 1 : 0;
}
