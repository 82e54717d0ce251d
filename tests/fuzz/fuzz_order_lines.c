// Lines of orders as text: what is read is written back byte for byte.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/money.h"
#include "base/order_lines.h"

static uint8_t out[65536];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct bytes_writer writer = bytes_writer(out, sizeof(out));
    struct order_line lines[ORDER_LINES_MAX], line;
    size_t n = order_lines_read(text, lines), taken = 0;

    assert(n <= ORDER_LINES_MAX);
    while (order_lines_next(&text, &line) == 0) {
        assert(line.quantity > 0 && line.amount_minor <= MONEY_MINOR_MAX);
        assert(line.commissionable_minor >= 0 && line.commissionable_minor <= line.amount_minor);
        order_lines_write(&writer, &line);
        taken = size - text.len;
    }
    assert(writer.overflow || (size_t)(writer.at - out) == taken);
    assert(writer.overflow || taken == 0 || memcmp(out, data, taken) == 0);
    return 0;
}
