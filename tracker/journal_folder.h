#pragma once

// The folder of one producer's journal: <root>/<producer, 32 hex>/ with `meta` and segments
// `<first seq, 16 hex>.seg`. Whoever has it open holds its flock.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/util.h"

#define JOURNAL_NAME_BYTES   (2 * PRODUCER_BYTES + 1)
#define JOURNAL_HOST_BYTES   128
#define JOURNAL_SEGMENTS_MAX 65536
#define JOURNAL_STALE_MS     60000
#define JOURNAL_RESERVE_NAME "reserve" // the next segment, not in use yet

enum journal_condition {
    JOURNAL_OWNED = 1,  // somebody else holds the lock
    JOURNAL_BROKEN = 2, // no folder of ours: name or meta do not parse
    JOURNAL_END = 3,    // cursor: nothing more (yet)
};

struct journal_meta {
    unsigned shard, worker;
    uint64_t started_ms;
    char host[JOURNAL_HOST_BYTES];
};

struct journal_segment {
    uint64_t first_seq;
    uint64_t hits_before; // of first_seq; meaningful in the writer only
};

struct journal_folder {
    int dir_fd; // -1: closed
    char name[JOURNAL_NAME_BYTES];
    uint8_t producer[PRODUCER_BYTES];
    struct journal_meta meta;
    struct journal_segment *segments; // ascending
    size_t n_segments, segments_room;
};

#define JOURNAL_FOLDER_CLOSED ((struct journal_folder){.dir_fd = -1})

// Opens the root folder, making it if needed. A descriptor or negative errno.
must_check int journal_root_open(const char *path);

// Whether the open file or folder was deleted: nobody will find again what is written there.
bool journal_is_deleted(int fd);

// Makes and locks a new folder: complete before it can be seen under its name. 0 or negative errno.
must_check int journal_folder_create(struct journal_folder *folder, int root_fd,
                                     const uint8_t producer[PRODUCER_BYTES], const struct journal_meta *meta);

// Locks and reads an existing one. 0, JOURNAL_OWNED, JOURNAL_BROKEN or negative errno.
must_check int journal_folder_adopt(struct journal_folder *folder, int root_fd, const char *name);

// Deletes `new-...` that was left by an owner that died while making it: nobody locks it and it is older than
// JOURNAL_STALE_MS. Anything else is left alone.
void journal_folder_sweep(int root_fd, const char *name, uint64_t now_ms);

void journal_folder_close(struct journal_folder *folder); // gives the lock back; again: no effect

// Deletes the folder with all it holds; it stays open (and locked) until closed. 0 or negative errno.
must_check int journal_folder_remove(struct journal_folder *folder, int root_fd);

// A mark in the folder: PostgreSQL has all of it. Unix ms of when it was set first, 0: not set (or on an
// error).
uint64_t journal_folder_ended_ms(const struct journal_folder *folder);
void journal_folder_mark_ended(const struct journal_folder *folder, bool ended);

// 0, -ENOMEM or -EMFILE (JOURNAL_SEGMENTS_MAX).
must_check int journal_folder_add(struct journal_folder *folder, struct journal_segment segment);
void journal_folder_drop_first(struct journal_folder *folder);

// A read-only descriptor of segment i, or negative errno.
must_check int journal_folder_segment(const struct journal_folder *folder, size_t i);
void journal_segment_name(uint64_t first_seq, char out[24]);

// Index of the segment that holds seq, or would hold it; n_segments must not be 0.
size_t journal_folder_find(const struct journal_folder *folder, uint64_t seq);

uint64_t journal_folder_bytes(const struct journal_folder *folder); // of all segments, as stat says

void journal_name_format(const uint8_t producer[PRODUCER_BYTES], char out[JOURNAL_NAME_BYTES]);
must_check int journal_name_parse(const char *name, uint8_t producer[PRODUCER_BYTES]); // 0 or JOURNAL_BROKEN
