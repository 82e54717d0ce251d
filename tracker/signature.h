#pragma once

// Signed reports. The sender says when, and signs what it sends with a secret that it shares with us:
//   X-Clickledger-Timestamp: unix seconds
//   X-Clickledger-Signature: v1=hex(HMAC-SHA256(secret, timestamp "." method "." path?query "." body))
// over the bytes as they are sent.

#include "base/hit.h"
#include "base/http_request.h"

#define SIGNATURE_WINDOW_S 300 // that a timestamp may be off, either way

// secrets: of the integration, not empty. HIT_REASON_NONE, or HIT_REASON_SIGNATURE_MISSING, _EXPIRED, _WRONG.
enum hit_reason signature_check(const struct http_request *request, struct slice secrets, uint64_t now_ms);
