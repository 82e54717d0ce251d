#pragma once

// The values of macros in targets. Pure.

#include "base/bytes.h"
#include "base/catalog_link.h"
#include "base/hit.h"
#include "tracker/facts.h"
#include "tracker/params.h"

struct macro_values {
    const struct hit *hit; // its id, its ids of the catalog, its fields
    const struct params *params;
    const struct facts *facts;
};

// Writes the value, percent-encoded; nothing where it is not known. Not for CATALOG_MACRO_CLICK_ID.
void macro_write(struct bytes_writer *out, enum catalog_macro macro, const struct macro_values *values);
