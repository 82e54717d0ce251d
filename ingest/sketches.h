#pragma once

// Sketches of unique visitors, put together from what loads left in click_due.people.

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

// Rows for unique_hourly, of each link and of each programme, as arrays in the order of its key: hours (unix
// ms), programmes, partners, links, and the bits as hexadecimal digits. 0 or -ENOMEM.
enum sketch_column { SKETCH_HOUR, SKETCH_PROGRAM, SKETCH_PARTNER, SKETCH_LINK, SKETCH_HEX, SKETCH_COLUMNS };
must_check int sketches_take(struct sketches *sketches, struct array columns[SKETCH_COLUMNS]);
