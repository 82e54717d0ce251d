#pragma once

// Cells of PostgreSQL's binary COPY (its documentation, COPY, "Binary Format"): an int32 length, -1 for null,
// and big-endian bytes. Room is the writer's: what did not fit is seen in its `overflow`.

#include "base/bytes.h"
#include "base/slice.h"

#define COPY_HEADER_BYTES  19
#define COPY_TRAILER_BYTES 2
#define COPY_EPOCH_US      INT64_C(946684800000000) // of PostgreSQL's times, 2000-01-01

extern const uint8_t copy_header[COPY_HEADER_BYTES];   // before the first row
extern const uint8_t copy_trailer[COPY_TRAILER_BYTES]; // behind the last one

void copy_put_row(struct bytes_writer *w, size_t cells); // opens a row; so many cells follow

void copy_put_null(struct bytes_writer *w);
void copy_put_bytes(struct bytes_writer *w, const void *data, size_t bytes);
void copy_put_string(struct bytes_writer *w, const char *text);
void copy_put_i16(struct bytes_writer *w, int16_t value);
void copy_put_i32(struct bytes_writer *w, int32_t value);
void copy_put_i64(struct bytes_writer *w, int64_t value);
void copy_put_reference(struct bytes_writer *w, int64_t id); // 0: null
void copy_put_time(struct bytes_writer *w, int64_t unix_us); // a timestamptz

// What a COPY gives: rows of pg_read_row(), the first one behind the header, the last one only the trailer.
bool copy_skip_header(struct slice *row);
// The row's cells, in place; SLICE_NONE: null. false: there are not exactly so many.
bool copy_get_row(struct slice row, struct slice cell[], size_t cells);
int64_t copy_get_int(struct slice cell);  // of 1 to 8 bytes, signed; null, and what is none: 0
int64_t copy_get_time(struct slice cell); // unix us
