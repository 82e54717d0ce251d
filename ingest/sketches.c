// Sketches from places. Owner: whoever settles, for one pass. A group of people is noted twice: for its link,
// and for all of its programme (partner and link 0); groups of one key are united in one bitmap.

#include "ingest/sketches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ingest/click_due.h"

#define SKETCH_BYTES (SKETCH_BITS / 8)

struct part {
    int64_t key[SKETCH_HEX]; // in the order of enum sketch_column
    const uint8_t *places;
    uint32_t n;
};

struct sketches {
    struct part *parts;
    size_t n, room;
};

struct sketches *sketches_new(void)
{
    return calloc(1, sizeof(struct sketches));
}

struct sketches *sketches_free(struct sketches *sketches)
{
    if (sketches) {
        free(sketches->parts);
        free(sketches);
    }
    return NULL;
}

static int part_add(struct sketches *sketches, const struct part *part)
{
    if (sketches->n == sketches->room) {
        size_t room = 2 * sketches->room + 64;
        struct part *parts = reallocarray(sketches->parts, room, sizeof(*parts));
        if (!parts)
            return -ENOMEM;
        sketches->parts = parts;
        sketches->room = room;
    }
    sketches->parts[sketches->n++] = *part;
    return 0;
}

static bool places_fit(const struct part *part)
{
    for (uint32_t i = 0; i < part->n; i++) {
        if (bytes_get_u16(part->places + PEOPLE_PLACE_BYTES * i) >= SKETCH_BITS)
            return false;
    }
    return true;
}

// The next group of the bytes. 0 or -EBADMSG.
static int part_read(struct bytes_reader *reader, int64_t hour_ms, struct part *part)
{
    const uint8_t *head = bytes_read(reader, PEOPLE_HEAD_BYTES);

    if (!head)
        return -EBADMSG;
    *part = (struct part){.key = {[SKETCH_HOUR] = hour_ms,
                                  [SKETCH_PROGRAM] = (int64_t)bytes_get_u64(head),
                                  [SKETCH_PARTNER] = (int64_t)bytes_get_u64(head + 8),
                                  [SKETCH_LINK] = (int64_t)bytes_get_u64(head + 16)},
                          .n = bytes_get_u32(head + 24)};
    part->places = bytes_read(reader, (uint64_t)PEOPLE_PLACE_BYTES * part->n);
    return part->places && places_fit(part) ? 0 : -EBADMSG;
}

int sketches_add(struct sketches *sketches, int64_t hour_ms, struct slice people)
{
    struct bytes_reader reader = bytes_reader(people.data, people.len);
    size_t before = sketches->n;
    int r = 0;

    while (r == 0 && reader.at < reader.end) {
        struct part part;
        r = part_read(&reader, hour_ms, &part);
        if (r == 0)
            r = part_add(sketches, &part);
        part.key[SKETCH_PARTNER] = part.key[SKETCH_LINK] = 0;
        if (r == 0)
            r = part_add(sketches, &part);
    }
    if (r)
        sketches->n = before;
    return r;
}

// The order of unique_hourly's key.
static int part_compare(const void *left, const void *right)
{
    static const enum sketch_column order[] = {SKETCH_PARTNER, SKETCH_HOUR, SKETCH_PROGRAM, SKETCH_LINK};
    const struct part *a = left, *b = right;

    for (size_t i = 0; i < array_length(order); i++) {
        if (a->key[order[i]] != b->key[order[i]])
            return a->key[order[i]] < b->key[order[i]] ? -1 : 1;
    }
    return 0;
}

static void bits_set(uint8_t bits[SKETCH_BYTES], const struct part *part)
{
    for (uint32_t i = 0; i < part->n; i++) {
        uint16_t place = bytes_get_u16(part->places + PEOPLE_PLACE_BYTES * i);
        bits[place / 8] |= (uint8_t)(0x80 >> place % 8);
    }
}

static void row_take(const struct part *part, const uint8_t bits[SKETCH_BYTES],
                     struct array columns[SKETCH_COLUMNS])
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * SKETCH_BYTES];

    for (size_t i = 0; i < SKETCH_BYTES; i++) {
        hex[2 * i] = digits[bits[i] >> 4];
        hex[2 * i + 1] = digits[bits[i] & 15];
    }
    for (enum sketch_column column = 0; column < SKETCH_HEX; column++)
        array_int(&columns[column], part->key[column]);
    array_text(&columns[SKETCH_HEX], (struct slice){hex, sizeof(hex)});
}

int sketches_take(struct sketches *sketches, size_t most, struct array columns[SKETCH_COLUMNS])
{
    bool failed = false;
    size_t taken = 0;

    if (sketches->n > 0)
        qsort(sketches->parts, sketches->n, sizeof(*sketches->parts), part_compare);
    for (size_t i = 0, next; i < sketches->n; i = next) {
        uint8_t bits[SKETCH_BYTES] = {0};
        if (taken++ == most)
            return SKETCHES_MANY;
        for (next = i; next < sketches->n && part_compare(&sketches->parts[i], &sketches->parts[next]) == 0;
             next++)
            bits_set(bits, &sketches->parts[next]);
        row_take(&sketches->parts[i], bits, columns);
    }
    for (enum sketch_column column = 0; column < SKETCH_COLUMNS; column++)
        failed |= columns[column].failed;
    return failed ? -ENOMEM : 0;
}
