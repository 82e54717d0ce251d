#pragma once

// Sketches of unique visitors, put together from what loads left in click_due.people.

#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/slice.h"
#include "base/util.h"

struct sketches; // of one pass

struct sketches *sketches_new(void);                       // NULL with errno
struct sketches *sketches_free(struct sketches *sketches); // NULL; takes NULL

// Notes the people of an hour's clicks, which must live until sketches_take(). 0, -ENOMEM, or -EBADMSG: the
// bytes are not those of click_due.h, and nothing is noted.
must_check int sketches_add(struct sketches *sketches, int64_t hour_ms, struct slice people);

#define SKETCHES_MAX  4000 // of a pass: each is 5 kB of a statement
#define SKETCHES_MANY 1

// Rows for unique_hourly, of each link and of each programme (those of partners are made of them in SQL), as
// arrays in the order of its key: hours (unix ms), programmes, partners, links, and the bits as hexadecimal
// digits. 0, -ENOMEM, or SKETCHES_MANY: there are more than `most`, and some of them stand in the columns.
enum sketch_column { SKETCH_HOUR, SKETCH_PROGRAM, SKETCH_PARTNER, SKETCH_LINK, SKETCH_HEX, SKETCH_COLUMNS };
must_check int sketches_take(struct sketches *sketches, size_t most, struct array columns[SKETCH_COLUMNS]);
