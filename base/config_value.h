#pragma once

// One setting's text as its value. Pure.

#include "base/config.h"

#define CONFIG_REASON_BYTES 160

// Stores `text` where the option points to inside *out. 0, or CONFIG_WRONG with a reason that does not repeat
// the text, since that may be a secret.
must_check int config_value_store(const struct config_option *option, const char *text, void *out,
                                  char reason[CONFIG_REASON_BYTES]);

// What the option accepts, in words: "an integer from 1 to 64".
void config_value_describe(const struct config_option *option, char out[CONFIG_REASON_BYTES]);
