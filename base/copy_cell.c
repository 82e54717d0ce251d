// See copy_cell.h. Pure.

#include "base/copy_cell.h"

#include <endian.h>

const uint8_t copy_header[COPY_HEADER_BYTES] = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0";
const uint8_t copy_trailer[COPY_TRAILER_BYTES] = {0xff, 0xff};

void copy_put_row(struct bytes_writer *w, size_t cells)
{
    uint16_t wire = htobe16((uint16_t)cells);
    bytes_write(w, &wire, sizeof(wire));
}

void copy_put_null(struct bytes_writer *w)
{
    bytes_write(w, "\xff\xff\xff\xff", 4);
}

void copy_put_bytes(struct bytes_writer *w, const void *data, size_t bytes)
{
    uint32_t length = htobe32((uint32_t)bytes);
    bytes_write(w, &length, sizeof(length));
    bytes_write(w, data, bytes);
}

void copy_put_string(struct bytes_writer *w, const char *text)
{
    copy_put_bytes(w, text, strlen(text));
}

void copy_put_i16(struct bytes_writer *w, int16_t value)
{
    uint16_t wire = htobe16((uint16_t)value);
    copy_put_bytes(w, &wire, sizeof(wire));
}

void copy_put_i32(struct bytes_writer *w, int32_t value)
{
    uint32_t wire = htobe32((uint32_t)value);
    copy_put_bytes(w, &wire, sizeof(wire));
}

void copy_put_i64(struct bytes_writer *w, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    copy_put_bytes(w, &wire, sizeof(wire));
}

void copy_put_reference(struct bytes_writer *w, int64_t id)
{
    if (id)
        copy_put_i64(w, id);
    else
        copy_put_null(w);
}

void copy_put_time(struct bytes_writer *w, int64_t unix_us)
{
    copy_put_i64(w, unix_us - COPY_EPOCH_US);
}

bool copy_skip_header(struct slice *row)
{
    if (row->len < COPY_HEADER_BYTES || memcmp(row->data, copy_header, COPY_HEADER_BYTES) != 0)
        return false;
    *row = (struct slice){row->data + COPY_HEADER_BYTES, row->len - COPY_HEADER_BYTES};
    return true;
}

bool copy_get_row(struct slice row, struct slice cell[], size_t cells)
{
    struct bytes_reader r = bytes_reader(row.data, row.len);
    const uint8_t *count = bytes_read(&r, 2);
    uint32_t length;

    if (!count || (size_t)(count[0] << 8 | count[1]) != cells)
        return false;
    for (size_t i = 0; i < cells; i++) {
        const uint8_t *at = bytes_read(&r, sizeof(length));
        if (!at)
            return false;
        memcpy(&length, at, sizeof(length));
        length = be32toh(length);
        at = length == UINT32_MAX ? NULL : bytes_read(&r, length);
        cell[i] = at ? (struct slice){(const char *)at, length} : SLICE_NONE;
    }
    return !r.bad && r.at == r.end;
}

int64_t copy_get_int(struct slice cell)
{
    uint64_t value = 0;

    if (cell.len == 0 || cell.len > sizeof(value))
        return 0;
    for (size_t i = 0; i < cell.len; i++)
        value = value << 8 | (uint8_t)cell.data[i];
    unsigned unused = 64 - 8 * (unsigned)cell.len;
    return (int64_t)(value << unused) >> unused;
}

int64_t copy_get_time(struct slice cell)
{
    return (int64_t)((uint64_t)copy_get_int(cell) + COPY_EPOCH_US); // "infinity" overflows
}
