#pragma once

// The members of one flat JSON object: {"a": "text", "b": 12.50, "c": true}, and of lists of such objects.
// Pure, strict (RFC 8259), no allocation: everything is a slice of the text. A number stays the text that it
// was, so that 12.50 does not become 12.5 or 12.499999. Decoded text may hold any character, U+0000 included:
// the caller checks.

#include <stddef.h>

#include "base/slice.h"
#include "base/util.h"

enum {
    JSON_MEMBERS_MAX = 256, // per object; iteration ends with JSON_MEMBERS_TOO_MANY behind it
    JSON_MEMBERS_END = 1,
    JSON_MEMBERS_TOO_MANY = 2,
    JSON_MEMBERS_MALFORMED = 3,
    JSON_MEMBERS_NESTED = 4, // a member is an object, or a list that is not asked for, or of something else
};

enum json_member_kind {
    JSON_MEMBER_TEXT,
    JSON_MEMBER_NUMBER,
    JSON_MEMBER_TRUTH,
    JSON_MEMBER_NOTHING, // null
    JSON_MEMBER_LIST,    // only where they are asked for
};

struct json_members {
    const char *at, *end;
    unsigned n;
    bool begun;
    bool takes_lists; // set behind json_members_start(): members may be lists of flat objects
};

struct json_member {
    enum json_member_kind kind;
    struct slice name;  // still escaped
    struct slice value; // of a text: what stands between the quotes, still escaped; of a list: from [ to ],
                        // not checked yet, for json_objects_next(); else the token
};

void json_members_start(struct json_members *members, struct slice text);

// 0 and the next member, JSON_MEMBERS_END when the object and the text are over, or another condition. After
// a condition there is nothing more.
must_check int json_members_next(struct json_members *members, struct json_member *member);

// The next object of a list, as json_members_start() would begin it: both must be read to their end, then all
// of the list was checked. `list` begins as json_members_start() leaves it. Conditions as above.
must_check int json_objects_next(struct json_members *list, struct json_members *object);

// Decodes the escapes of a name or text into out, which may be text.data. 0 and *len, JSON_MEMBERS_MALFORMED
// for half a surrogate pair, or -ENOSPC. Never longer than the text.
must_check int json_text_decode(struct slice text, char *out, size_t out_bytes, size_t *len);
