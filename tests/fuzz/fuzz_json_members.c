// Flat JSON objects: members lie inside the text and in order, numbers begin as numbers do, decoding does not
// grow.

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json_members.h"

static void text_decodes(struct slice text)
{
    size_t len;
    char *plain = malloc(text.len + 1);

    assert(plain != NULL);
    int r = json_text_decode(text, plain, text.len, &len);
    assert(r == 0 || r == JSON_MEMBERS_MALFORMED);
    assert(len <= text.len);
    free(plain);
}

static void list_ends(struct slice text)
{
    struct json_members list, object;
    struct json_member member;
    int r;

    json_members_start(&list, text);
    while (json_objects_next(&list, &object) == 0) {
        assert(object.at >= text.data && object.end <= text.data + text.len);
        while ((r = json_members_next(&object, &member)) == 0)
            assert(member.kind != JSON_MEMBER_LIST);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_members members;
    struct json_member member;
    const char *last = (const char *)data, *end = last + size;
    int r, n = 0;

    list_ends((struct slice){last, size});
    json_members_start(&members, (struct slice){last, size});
    members.takes_lists = size % 2 == 0;
    while ((r = json_members_next(&members, &member)) == 0) {
        assert(member.name.data > last && member.value.data > member.name.data + member.name.len);
        last = member.value.data + member.value.len;
        assert(last <= end && n++ < JSON_MEMBERS_MAX);
        assert(member.kind == JSON_MEMBER_TEXT || member.value.len > 0);
        text_decodes(member.name);
        if (member.kind == JSON_MEMBER_TEXT)
            text_decodes(member.value);
        if (member.kind == JSON_MEMBER_LIST)
            list_ends(member.value);
    }
    assert(r >= JSON_MEMBERS_END && r <= JSON_MEMBERS_NESTED);
    return 0;
}
