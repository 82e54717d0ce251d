#pragma once

// Where a visitor is sent. Pure.

#include "base/catalog.h"
#include "base/slice.h"
#include "tracker/macro.h"
#include "tracker/params.h"
#include "base/scratch.h"

#define TARGET_URL_MAX    2048  // bytes of a target or deep link
#define TARGET_PASSED_MAX 3072  // bytes of a destination up to which parameters are passed on
#define TARGET_BYTES_MAX  12288 // bytes of a destination: a target of which all is percent-encoded, and those

// May a click of this programme lead to `url`? Only http and https, no user, no port but the scheme's own,
// and a host that is in the programme's list as a whole. Stricter than what browsers take (WHATWG URL), so
// that both see the same host.
bool target_deep_link_good(struct slice url, const struct catalog_program *program);

// The target with the parameters that are passed on and not in it yet, and `click_id=` behind them, before
// the fragment. A click_id that is already in it goes. macros: what the target's macros stand for, NULL: it has
// none (a deep link). A macro whose value would make it longer than TARGET_PASSED_MAX is left empty; where one
// is the click id, none is appended. click_id: its text, or SLICE_NONE for none. SLICE_NONE when the target is
// not an http or https URL, or too long. The result has only visible ASCII.
struct slice target_build(struct slice target, const struct macro_values *macros, const struct params *params,
                          struct slice click_id, struct scratch *scratch);
