#pragma once

// The catalog's files: STATE/catalog/<n>.image, the changes since in <n>.log, and `current`, which names n.
// An entry of a log: revision u64, record_bytes u32, 0 u32, sum u64 (XXH3_64 of the record, seeded with that
// of the 16 bytes before), record.

#include <stddef.h>
#include <stdint.h>

#include "base/catalog.h"
#include "base/slice.h"
#include "base/util.h"

#define CATALOG_FILE_NAME_BYTES    32
#define CATALOG_ENTRY_HEADER_BYTES 24
#define CATALOG_ENTRY_BYTES_MAX    (CATALOG_ENTRY_HEADER_BYTES + CATALOG_RECORD_MAX)

void catalog_file_name(uint64_t n, const char *suffix, char out[CATALOG_FILE_NAME_BYTES]);

// Maps the first `bytes` bytes of a file for reading, all of it when `bytes` is 0. An empty mapping has no
// address. 0 or negative errno; -ENODATA: the file is shorter.
must_check int catalog_file_map(int dir_fd, uint64_t n, const char *suffix, size_t bytes,
                                struct slice *mapping);
must_check int catalog_fd_map(int fd, size_t bytes, struct slice *mapping); // likewise, of an open file
void catalog_file_unmap(struct slice *mapping);

// Writes an entry; returns its length. `out` has room for CATALOG_ENTRY_HEADER_BYTES + record.len.
size_t catalog_entry_encode(uint8_t *out, uint64_t revision, struct slice record);

// Length of the entry that starts here, 0 when there is no whole and sound one.
size_t catalog_entry_decode(struct slice bytes, uint64_t *revision, struct slice *record);
