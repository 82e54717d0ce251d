// Texts of deltas. Pure.
//
// A text that is not there yet most often is one that is, with other numbers: a browser's version, an
// article, a campaign. An EDIT has, for each number that differs, a varint (bytes that are the same before
// it)
// * 2 + (1: it is the last), and the number as a varint; at its place the slot's text has digits, or none.
// What comes behind the last is the same. Numbers that begin with 0 or are longer than NUMBER_DIGITS_MAX are
// no numbers here.

#include "base/delta_text.h"

#define NUMBER_DIGITS_MAX 18

static struct slice behind(struct slice text, size_t n)
{
    return (struct slice){text.data + n, text.len - n};
}

static size_t digits_length(struct slice text)
{
    size_t n = 0;

    while (n < text.len && delta_is_digit(text.data[n]))
        n++;
    return n;
}

// --- Writing -----------------------------------------------------------------------------------------------

// Value + 1 of a DIGIT, else 0.
static const uint8_t digit_value[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

// Whether it has DIGITS only; then its codes are written.
static bool digits_write(struct delta_out *out, struct slice text)
{
    uint8_t *at = out->codes;

    if (text.len == 0 || text.len > DELTA_DIGITS_MAX)
        return false;
    *at++ = (uint8_t)(FORM_DIGITS | text.len);
    for (size_t i = 0; i < text.len; i += 2) {
        unsigned high = digit_value[(unsigned char)text.data[i]];
        unsigned low = i + 1 < text.len ? digit_value[(unsigned char)text.data[i + 1]] : 1;
        if (high == 0 || low == 0)
            return false;
        *at++ = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    out->codes = at;
    return true;
}

static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

// Which byte in memory is the first that is not 0.
static unsigned first_byte(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (unsigned)__builtin_ctzll(word) / 8;
#else
    return (unsigned)__builtin_clzll(word) / 8;
#endif
}

static size_t same_bytes(const char *a, const char *b, size_t max)
{
    size_t n = 0;

    for (; n + 8 <= max; n += 8) {
        uint64_t other = word_at(a + n) ^ word_at(b + n);
        if (other != 0)
            return n + first_byte(other);
    }
    while (n < max && a[n] == b[n])
        n++;
    return n;
}

static uint64_t number_of(const char *digits, size_t n)
{
    uint64_t number = 0;

    for (size_t i = 0; i < n; i++)
        number = number * 10 + (unsigned)(digits[i] - '0');
    return number;
}

// The codes of an edit, which end at what is returned; NULL: it is none.
static uint8_t *edit_write(uint8_t *at, struct slice old, struct slice text)
{
    uint8_t *last = NULL;

    for (unsigned edits = 0;; edits++) {
        size_t same = same_bytes(old.data, text.data, min_of(old.len, text.len));
        if (same == old.len && same == text.len)
            break;
        while (same > 0 && delta_is_digit(text.data[same - 1]))
            same--;
        old = behind(old, same);
        text = behind(text, same);
        size_t n = digits_length(text);
        if (n == 0 || n > NUMBER_DIGITS_MAX || (n > 1 && text.data[0] == '0') || edits == DELTA_EDITS_MAX)
            return NULL;
        last = at;
        at = bytes_put_varint(at, same << 1);
        at = bytes_put_varint(at, number_of(text.data, n));
        old = behind(old, digits_length(old));
        text = behind(text, n);
    }
    if (last)
        *last |= 1;
    return last ? at : NULL;
}

static struct slice keep(struct delta_out *out, struct slice text)
{
    struct slice kept = {out->kept, text.len};

    memcpy(out->kept, text.data, text.len);
    out->kept += text.len;
    return kept;
}

static struct slice plain_write(struct delta_out *out, struct slice text)
{
    struct slice plain = {out->texts, text.len};

    out->codes = bytes_put_varint(out->codes, text.len);
    if (text.len > 0)
        memcpy(out->texts, text.data, text.len);
    out->texts += text.len;
    return plain;
}

static bool same_write(struct delta_out *out, struct slice old, unsigned slot, struct slice text)
{
    if (!old.data || !slice_equal(old, text))
        return false;
    *out->codes++ = (uint8_t)(FORM_SAME | slot);
    return true;
}

int delta_text_write(struct delta_out *out, struct slice slots[DELTA_TEXT_SLOTS], struct slice text)
{
    if (same_write(out, slots[DELTA_DIGITS_SLOT], DELTA_DIGITS_SLOT, text))
        return -1;
    if (digits_write(out, text)) {
        slots[DELTA_DIGITS_SLOT] = keep(out, text);
        return DELTA_DIGITS_SLOT;
    }
    unsigned slot = delta_text_slot(text);
    if (same_write(out, slots[slot], slot, text))
        return -1;
    uint8_t *end = slots[slot].data ? edit_write(out->codes + 1, slots[slot], text) : NULL;
    if (end) {
        *out->codes = (uint8_t)(FORM_EDIT | slot);
        out->codes = end;
        slots[slot] = keep(out, text);
    } else {
        *out->codes++ = (uint8_t)(FORM_PLAIN | slot);
        slots[slot] = plain_write(out, text);
    }
    return (int)slot;
}

// --- Reading -----------------------------------------------------------------------------------------------

static void number_append(struct bytes_writer *values, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    bytes_write(values, digits + at, sizeof(digits) - at);
}

static void edit_read(struct delta_in *in, struct slice old)
{
    uint64_t before;

    do {
        before = bytes_read_varint(&in->codes);
        uint64_t number = bytes_read_varint(&in->codes);
        in->codes.bad |= !old.data || before >> 1 > old.len;
        if (in->codes.bad)
            return;
        bytes_write(&in->values, old.data, before >> 1);
        number_append(&in->values, number);
        old = behind(old, before >> 1);
        old = behind(old, digits_length(old));
    } while (!(before & 1));
    bytes_write(&in->values, old.data, old.len);
}

static void digits_read(struct delta_in *in, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *pairs = bytes_read(&in->codes, (len + 1) / 2);
    char text[DELTA_DIGITS_MAX];

    for (size_t i = 0; pairs && i < len; i++)
        text[i] = digits[i % 2 == 0 ? pairs[i / 2] >> 4 : pairs[i / 2] & 15];
    if (pairs)
        bytes_write(&in->values, text, len);
}

static void plain_read(struct delta_in *in)
{
    uint64_t len = bytes_read_varint(&in->codes);
    const uint8_t *text = bytes_read(&in->texts, len);

    if (text)
        bytes_write(&in->values, text, len);
}

struct slice delta_text_read(struct delta_in *in, struct slice slots[DELTA_TEXT_SLOTS])
{
    uint8_t code = bytes_read_u8(&in->codes);
    unsigned slot = code & (DELTA_TEXT_SLOTS - 1);
    const uint8_t *start = in->values.at;

    switch ((enum delta_form)(code & DELTA_FORM_MASK)) {
    case FORM_SAME:
        return in->codes.bad ? SLICE_NONE : slots[slot];
    case FORM_PLAIN:
        plain_read(in);
        break;
    case FORM_DIGITS:
        digits_read(in, slot);
        slot = DELTA_DIGITS_SLOT;
        break;
    case FORM_EDIT:
        edit_read(in, slots[slot]);
        break;
    }
    if (in->codes.bad || in->texts.bad || in->values.overflow)
        return SLICE_NONE;
    slots[slot] = (struct slice){(const char *)start, (size_t)(in->values.at - start)};
    return slots[slot];
}
