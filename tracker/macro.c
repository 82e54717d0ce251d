// What each macro stands for. Pure. All values but RFC 3986's unreserved characters are percent-encoded, so
// that no value can end the part of the target that it stands in. The one exception is a token of marked
// advertising (erid), which goes on as it came: its escapes are not touched.

#include "tracker/macro.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#include "base/click_id.h"
#include "base/clock.h"
#include "base/http_char.h"

#define DATE_BYTES   10
#define NUMBER_BYTES 24

static void encode(struct bytes_writer *out, struct slice text, bool escapes_stay)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (http_char_is((char)c, HTTP_CHAR_UNRESERVED) || (escapes_stay && c == '%'))
            bytes_write_u8(out, c);
        else
            bytes_write(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

static void write_number(struct bytes_writer *out, uint64_t number)
{
    char text[NUMBER_BYTES];

    bytes_write(out, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, number));
}

static void write_known_number(struct bytes_writer *out, uint64_t number)
{
    if (number != 0)
        write_number(out, number);
}

static void write_name(struct bytes_writer *out, const char *name)
{
    if (name)
        encode(out, slice_of(name), false);
}

static void erid_write(struct bytes_writer *out, const struct macro_values *values)
{
    for (size_t i = 0; i < values->params->n_passed; i++)
        if (slice_equal(values->params->passed[i].name, SLICE("erid")))
            encode(out, values->params->passed[i].value, true);
}

static void partner_id_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_known_number(out, values->hit->partner_id);
}

static void program_id_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_known_number(out, values->hit->program_id);
}

static void link_id_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_known_number(out, values->hit->link_id);
}

static void country_write(struct bytes_writer *out, const struct macro_values *values)
{
    if (values->facts->country[0] != 0)
        encode(out, (struct slice){values->facts->country, sizeof(values->facts->country)}, false);
}

static void region_write(struct bytes_writer *out, const struct macro_values *values)
{
    encode(out, (struct slice){values->facts->region, values->facts->region_len}, false);
}

static void asn_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_known_number(out, values->facts->asn);
}

static void device_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_name(out, hit_device_name(values->facts->device));
}

static void os_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_name(out, hit_os_name(values->facts->os));
}

static void browser_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_name(out, hit_browser_name(values->facts->browser));
}

static void timestamp_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_number(out, click_id_ms(values->hit->id) / 1000);
}

static void date_write(struct bytes_writer *out, const struct macro_values *values)
{
    char text[CLOCK_TEXT_BYTES];

    clock_format((int64_t)click_id_ms(values->hit->id), text);
    bytes_write(out, text, DATE_BYTES);
}

static void ip_write(struct bytes_writer *out, const struct macro_values *values)
{
    struct slice address = values->hit->field[HIT_ADDRESS];
    char text[INET6_ADDRSTRLEN];

    if (address.data && inet_ntop(address.len == 4 ? AF_INET : AF_INET6, address.data, text, sizeof(text)))
        encode(out, slice_of(text), false);
}

static void rand_write(struct bytes_writer *out, const struct macro_values *values)
{
    write_number(out, XXH3_64bits(values->hit->id, sizeof(values->hit->id)));
}

// A macro is a field of the hit, or made.
static const struct source {
    enum hit_field field;
    void (*write)(struct bytes_writer *out, const struct macro_values *values);
} sources[CATALOG_MACRO_COUNT] = {
    [CATALOG_MACRO_SUB1] = {.field = HIT_SUB1},
    [CATALOG_MACRO_SUB2] = {.field = HIT_SUB2},
    [CATALOG_MACRO_SUB3] = {.field = HIT_SUB3},
    [CATALOG_MACRO_SUB4] = {.field = HIT_SUB4},
    [CATALOG_MACRO_SUB5] = {.field = HIT_SUB5},
    [CATALOG_MACRO_SUB6] = {.field = HIT_SUB6},
    [CATALOG_MACRO_SUB7] = {.field = HIT_SUB7},
    [CATALOG_MACRO_SUB8] = {.field = HIT_SUB8},
    [CATALOG_MACRO_SUB9] = {.field = HIT_SUB9},
    [CATALOG_MACRO_SUB10] = {.field = HIT_SUB10},
    [CATALOG_MACRO_PARTNER_ID] = {.write = partner_id_write},
    [CATALOG_MACRO_PROGRAM_ID] = {.write = program_id_write},
    [CATALOG_MACRO_LINK_ID] = {.write = link_id_write},
    [CATALOG_MACRO_COUNTRY] = {.write = country_write},
    [CATALOG_MACRO_REGION] = {.write = region_write},
    [CATALOG_MACRO_ASN] = {.write = asn_write},
    [CATALOG_MACRO_DEVICE] = {.write = device_write},
    [CATALOG_MACRO_OS] = {.write = os_write},
    [CATALOG_MACRO_BROWSER] = {.write = browser_write},
    [CATALOG_MACRO_LANGUAGE] = {.field = HIT_LANGUAGE},
    [CATALOG_MACRO_UTM_SOURCE] = {.field = HIT_UTM_SOURCE},
    [CATALOG_MACRO_UTM_MEDIUM] = {.field = HIT_UTM_MEDIUM},
    [CATALOG_MACRO_UTM_CAMPAIGN] = {.field = HIT_UTM_CAMPAIGN},
    [CATALOG_MACRO_UTM_CONTENT] = {.field = HIT_UTM_CONTENT},
    [CATALOG_MACRO_UTM_TERM] = {.field = HIT_UTM_TERM},
    [CATALOG_MACRO_ERID] = {.write = erid_write},
    [CATALOG_MACRO_AD_NETWORK] = {.field = HIT_AD_NETWORK},
    [CATALOG_MACRO_AD_CLICK_ID] = {.field = HIT_AD_CLICK_ID},
    [CATALOG_MACRO_PROMO_CODE] = {.field = HIT_PROMO},
    [CATALOG_MACRO_TIMESTAMP] = {.write = timestamp_write},
    [CATALOG_MACRO_DATE] = {.write = date_write},
    [CATALOG_MACRO_IP] = {.write = ip_write},
    [CATALOG_MACRO_REFERRER] = {.field = HIT_REFERRER},
    [CATALOG_MACRO_RAND] = {.write = rand_write},
};

void macro_write(struct bytes_writer *out, enum catalog_macro macro, const struct macro_values *values)
{
    const struct source *source = &sources[macro];

    if (source->write)
        source->write(out, values);
    else if (source->field)
        encode(out, values->hit->field[source->field], false);
}
