// A conversion report: the first line is the query, the rest the body, JSON when it begins like that. A good
// one has what a good one must have, and any can be recorded.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/money.h"
#include "base/order_lines.h"
#include "base/utf8.h"
#include "base/report.h"

static struct scratch scratch;
static uint8_t record[HIT_RECORD_MAX + 4];

static void good_is_good(const struct slice field[HIT_FIELD_COUNT])
{
    assert(field[HIT_REPORT_ORDER_ID].len > 0 && utf8_printable(field[HIT_REPORT_ORDER_ID]));
    assert(field[HIT_REPORT_KIND].len >= 4 && field[HIT_REPORT_STATUS].len >= 7);
    assert(!field[HIT_REPORT_AMOUNT].data == !field[HIT_REPORT_AMOUNT_MINOR].data);
    if (field[HIT_REPORT_AMOUNT_MINOR].data)
        assert(bytes_get_u64((const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data) <=
               (uint64_t)MONEY_MINOR_MAX);
    struct order_line lines[ORDER_LINES_MAX];
    assert(!field[HIT_REPORT_LINES].data || order_lines_read(field[HIT_REPORT_LINES], lines) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct click_id_keys keys = {.known = {true}};
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = line ? (size_t)(line - data) : size;
    static const struct catalog_integration integration = {.aliases = {"\0\3tid\0\10order_id", 15},
                                                           .statuses = {"\0\1"
                                                                        "1\0\10approved\0\4ping\0\6ignore",
                                                                        27}};
    const struct report_input input = {.query = {(const char *)data, first},
                                       .body = {(const char *)data + first, size - first},
                                       .body_is_json = size > first + 1 && line[1] == '{',
                                       .integration = &integration,
                                       .currency = SLICE("RUB"),
                                       .keys = &keys};
    struct hit hit = {.kind = HIT_REPORT, .class = HIT_CLASS_HUMAN};
    struct bytes_writer writer = bytes_writer(record, sizeof(record));
    struct report_values values;

    scratch_reset(&scratch);
    enum hit_reason reason = report_read(&input, &scratch, &values, hit.field);
    assert(reason < HIT_REASON_COUNT);
    if (reason == HIT_REASON_NONE)
        good_is_good(hit.field);
    assert(hit_encode(&writer, &hit) == 0);
    return 0;
}
