// Deltas: whatever hits go in come out byte for byte, alone and behind each other; clicks become small; what
// is cut or lies is refused.

#include "base/delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/delta_internal.h"

#define HITS_BYTES_MAX (1 << 16)

static struct delta_writer *writer;
static char out[1 << 20], room[1 << 20];

static int setup(void **state)
{
    (void)state;
    writer = delta_writer_new(HITS_BYTES_MAX);
    return writer && delta_bytes_max(writer) <= sizeof(out) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    delta_writer_free(writer);
    return 0;
}

static uint8_t plain[HITS_BYTES_MAX];
static struct bytes_writer plain_writer;

static void begin(void)
{
    delta_start(writer);
    plain_writer = bytes_writer(plain, sizeof(plain));
}

static void add(const struct hit *hit)
{
    assert_int_equal(delta_add(writer, hit), 0);
    assert_int_equal(hit_encode(&plain_writer, hit), 0);
}

// Returns the payload, after it was held against the plain hits.
static struct slice end(void)
{
    struct slice payload = {out, delta_finish(writer, out, sizeof(out))};
    size_t bytes = (size_t)(plain_writer.at - plain);

    assert_int_equal(delta_hits_bytes(payload), bytes);
    assert_in_range(delta_room_bytes(payload), bytes, sizeof(room));
    assert_int_equal(delta_undo(payload, room), 0);
    assert_memory_equal(room, plain, bytes);
    return payload;
}

static struct hit click(uint64_t n)
{
    static uint8_t id[HIT_ID_BYTES], visitor[HIT_ID_BYTES];
    static char path[24], agent[200], referrer[64], page[100], campaign[24];
    struct hit hit = {.kind = HIT_CLICK,
                      .class = HIT_CLASS_HUMAN,
                      .status = 302,
                      .program_id = 1,
                      .partner_id = 7,
                      .link_id = 500 + n % 9,
                      .catalog_revision = 1000};

    memcpy(id, "\x01\xa2\x15\x82\x9f\x63\x70\x00\x8b\x90\xaa\x71\x95\x97\x9f\x75", sizeof(id));
    id[7] = (uint8_t)(2 * n);
    id[15] = (uint8_t)(n * 77);
    memcpy(visitor, id, sizeof(id));
    visitor[7] = (uint8_t)(2 * n + 1);
    memcpy(hit.id, id, sizeof(id));
    hit.field[HIT_VISITOR] = (struct slice){(char *)visitor, sizeof(visitor)};
    hit.field[HIT_ADDRESS] = (struct slice){"\x4e\xd3\x61\0", 4};
    hit.field[HIT_ADDRESS_HASH] = (struct slice){"\1\2\3\4\5\6\7", 8};
    hit.field[HIT_HOST] = SLICE("go.shop.example");
    hit.field[HIT_METHOD] = SLICE("GET");
    hit.field[HIT_PATH] =
        (struct slice){path, (size_t)sprintf(path, "%08lx", (unsigned long)(n * 2654435761u))};
    hit.field[HIT_USER_AGENT] = (struct slice){
        agent, (size_t)sprintf(agent,
                               "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
                               "Gecko) Chrome/%lu.0.0.0 Safari/537.36",
                               (unsigned long)(110 + n % 20))};
    hit.field[HIT_REFERRER] =
        (struct slice){referrer, (size_t)sprintf(referrer, "blog%lu.example/posts/%lu", (unsigned long)n % 5,
                                                 (unsigned long)n * 13)};
    hit.field[HIT_LANGUAGE] = n % 3 ? SLICE("ru") : SLICE("en-US");
    hit.field[HIT_UTM_SOURCE] = n % 2 ? SLICE("yandex") : SLICE_NONE;
    hit.field[HIT_UTM_CAMPAIGN] =
        n % 2 ? (struct slice){campaign, (size_t)sprintf(campaign, "c%lu", (unsigned long)n)} : SLICE_NONE;
    hit.field[HIT_DESTINATION] = (struct slice){
        page,
        (size_t)(n % 2
                     ? sprintf(page, "https://shop.example/?utm_source=yandex&utm_campaign=c%lu&click_id=\1",
                               (unsigned long)n)
                     : sprintf(page, "https://shop.example/?click_id=\1"))};
    hit.field[HIT_COUNTRY] = SLICE("RU");
    hit.field[HIT_REGION] = n % 2 ? SLICE("MOW") : SLICE("SP");
    hit.field[HIT_ASN] = SLICE("\xf5\x6c");
    hit.field[HIT_DEVICE] = hit.field[HIT_OS] = hit.field[HIT_BROWSER] = SLICE("\1");
    hit.field[HIT_CLASS_VERSION] = SLICE("\x85\xd2\x04");
    return hit;
}

static void clicks_become_small(void **state)
{
    (void)state;
    begin();
    for (uint64_t n = 0; n < 30; n++) {
        struct hit hit = click(n);
        add(&hit);
    }
    struct slice payload = end();
    assert_in_range(payload.len, 30 * 30, 30 * 60); // of 340 each; 16 are chance
    begin();                                        // what was before is forgotten
    struct hit hit = click(1);
    add(&hit);
    assert_in_range(end().len, 100, 260);
}

static const char *const texts[] = {
    "",
    "0",
    "1",
    "7",
    "07",
    "00",
    "123456789012345678",
    "1234567890123456789",
    "12345678901234567890123",
    "a1",
    "a2",
    "a",
    "a12345",
    "abcdef0123456789",
    "ABC",
    "x0",
    "x00",
    "x1",
    "x",
    "x1y2z3",
    "x1y22z3",
    "x1yz3",
    "xyz",
    "x1y2z34",
    "GET",
    "GEU",
    "\xff\xfe",
    "a=b",
    "\1",
    "\2",
    "\n",
    "/\1/",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17",
    "2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18",
};

// Every text behind every other, in a field of few words and in the destination.
static void texts_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(texts); i++) {
        begin();
        for (size_t k = 0; k < array_length(texts); k++) {
            struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN};
            hit.field[HIT_PATH] = hit.field[HIT_DESTINATION] = slice_of(texts[i]);
            add(&hit);
            hit.field[HIT_PATH] = hit.field[HIT_DESTINATION] = slice_of(texts[k]);
            hit.field[HIT_ERID] = slice_of(texts[i]);
            add(&hit);
        }
        end();
    }
}

static void destinations_come_back(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "=",       "==",           "?a=yandex", "?a=yandex&b=yandex1&c=c7", "?utm_source=\2", "?b=c7c7#=c7",
        "?=yande", "\12?a=yandex", "\1?x=y"};
    begin();
    for (unsigned fields = 0; fields < 4; fields++)
        for (size_t i = 0; i < array_length(urls); i++) {
            struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN};
            hit.field[HIT_DESTINATION] = slice_of(urls[i]);
            hit.field[HIT_UTM_SOURCE] = fields & 1 ? SLICE("yandex") : SLICE_NONE;
            hit.field[HIT_AD_CLICK_ID] = fields & 2 ? SLICE("c7") : SLICE_NONE;
            add(&hit);
        }
    end();
}

// Fields of all tags with lengths that they may have; ids, numbers and lengths that jump.
static struct hit any_hit(void)
{
    static char bytes[HIT_FIELD_COUNT][64];
    struct hit hit = {
        .kind = (uint8_t)(1 + rand() % 2), .class = HIT_CLASS_HUMAN, .status = (uint16_t)rand()};

    for (size_t i = 0; i < HIT_ID_BYTES; i++)
        hit.id[i] = (uint8_t)(rand() % 4 ? 5 : rand());
    hit.program_id = rand() % 2 ? 0 : (uint64_t)INT64_MAX;
    hit.link_id = (uint64_t)rand();
    for (unsigned tag = 1; tag < HIT_FIELD_COUNT; tag++) {
        size_t len = (size_t)rand() % 4 * 3;
        if (tag == HIT_VISITOR || tag == HIT_REPORT_CLICK_ID)
            len = 16;
        else if (delta_is_fixed(tag))
            len = 8;
        else if (tag == HIT_ADDRESS)
            len = rand() % 2 ? 4 : 16;
        else if (tag == HIT_COUNTRY)
            len = 2;
        else if (tag == HIT_REGION || tag == HIT_ASN || tag == HIT_REPORT_INTEGRATION ||
                 tag == HIT_CLASS_VERSION)
            len = 1 + (size_t)rand() % 3;
        for (size_t i = 0; i < len; i++)
            bytes[tag][i] = (char)(rand() % 3 ? '0' + rand() % 3 : rand() % 2 ? 0 : rand());
        if (tag == HIT_DEVICE || tag == HIT_OS || tag == HIT_BROWSER || tag == HIT_REPORT_SIGNED)
            bytes[tag][0] = (char)(len = 1);
        hit.field[tag] = rand() % 3 ? (struct slice){bytes[tag], len} : SLICE_NONE;
    }
    return hit;
}

static void any_hits_come_back(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 2000; round++) {
        begin();
        for (int n = 1 + rand() % 30; n > 0; n--) {
            struct hit hit = any_hit();
            add(&hit);
        }
        end();
    }
}

static void room_is_bounded(void **state)
{
    (void)state;
    static char text[HIT_FIELD_MAX + 1];
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN};
    unsigned n = 0;
    int r;

    memset(text, 'z', sizeof(text));
    begin();
    hit.field[HIT_PATH] = (struct slice){text, HIT_FIELD_MAX + 1};
    assert_int_equal(delta_add(writer, &hit), HIT_TOO_LONG);
    hit.field[HIT_PATH].len--;
    for (; (r = delta_add(writer, &hit)) == 0; n++) {
        text[n] = 'y'; // no two are the same
        assert_int_equal(hit_encode(&plain_writer, &hit), 0);
        text[n] = 'z';
    }
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(n, HITS_BYTES_MAX / (HIT_FIELD_MAX + 30)); // 31 hits of 2,080 bytes
}

static void words_stand_in_their_slots(void **state)
{
    (void)state;
    struct delta_memory *memory = calloc(1, sizeof(*memory));
    unsigned words = 0;

    delta_memory_start(memory);
    for (unsigned tag = 0; tag < HIT_FIELD_COUNT; tag++)
        for (unsigned slot = 0; slot < DELTA_TEXT_SLOTS; slot++) {
            if (!memory->text[tag][slot].data)
                continue;
            assert_int_equal(delta_text_slot(memory->text[tag][slot]), slot);
            words++;
        }
    assert_int_equal(words, 45);
    free(memory);
}

static void what_is_cut_or_lies_is_refused(void **state)
{
    (void)state;
    begin();
    for (uint64_t n = 0; n < 5; n++) {
        struct hit hit = click(n);
        add(&hit);
    }
    struct slice good = end();
    char *copy = malloc(good.len);
    memcpy(copy, good.data, good.len);
    for (size_t len = 0; len < good.len; len++)
        if (delta_hits_bytes((struct slice){copy, len}) > 0)
            assert_int_equal(delta_undo((struct slice){copy, len}, room), DELTA_MALFORMED);
    for (size_t i = 0; i < good.len; i++) { // valgrind and the sanitizers watch
        copy[i] = (char)(copy[i] ^ 0x41);
        if (delta_hits_bytes((struct slice){copy, good.len}) > 0 &&
            delta_room_bytes((struct slice){copy, good.len}) <= sizeof(room))
            (void)!delta_undo((struct slice){copy, good.len}, room);
        copy[i] = (char)(copy[i] ^ 0x41);
    }
    bytes_put_u32((uint8_t *)copy, (uint32_t)delta_hits_bytes(good) + 1);
    assert_int_equal(delta_undo((struct slice){copy, good.len}, room), DELTA_MALFORMED);
    bytes_put_u32((uint8_t *)copy, 0);
    assert_int_equal(delta_hits_bytes((struct slice){copy, good.len}), 0);
    assert_int_equal(delta_room_bytes((struct slice){copy, good.len}), 0);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clicks_become_small),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(destinations_come_back),
        cmocka_unit_test(any_hits_come_back),
        cmocka_unit_test(room_is_bounded),
        cmocka_unit_test(words_stand_in_their_slots),
        cmocka_unit_test(what_is_cut_or_lies_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
