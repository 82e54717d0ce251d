#pragma once

// The pages: static files of one folder, read at start and kept, so that a request can only find what was
// there. They are clients of the API like any other.

#include "base/http_conn.h"

#define PAGES_FILES_MAX 256
#define PAGES_BYTES_MAX (1 << 20) // of a file
#define PAGES_WHY_BYTES 512

struct pages;

// Reads the folder that the build makes. 0 and *out, or not 0 and the reason in `why`.
must_check int pages_load(struct pages **out, const char *folder, char why[PAGES_WHY_BYTES]);
struct pages *pages_free(struct pages *pages);

// Answers /assets/NAME, and with the one HTML page what the pages themselves route: see paths[]. False: it is
// none of these, or there are no pages (NULL).
bool pages_handle(const struct pages *pages, struct http_conn *conn, const struct http_request *request);
