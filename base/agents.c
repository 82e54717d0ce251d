// The list of user agents and the search in it.
//
// One walk over the header finds the words of all lists: rows are sorted by how their words begin, and a
// table of beginnings ends most places at once. What each list makes of its words is said at the top of
// agents.list.
//
// Owner: who parsed it; nothing changes it afterwards. Limits: AGENTS_*.

#include "base/agents.h"

#include <errno.h>
#include <stdlib.h>

#include "base/http_char.h"

#define BYTES   128 // words are ASCII
#define SECONDS 32  // of the second byte the lower five bits, in which case is not

enum list { LIST_CLASS, LIST_DEVICE, LIST_OS, LIST_BROWSER };

struct row {
    const char *word; // in `text`
    uint8_t len, list, value;
    bool start;    // only where the header begins
    uint16_t rank; // place in the file
};

struct agents {
    uint32_t version;
    size_t n;
    uint16_t first[BYTES * SECONDS + 1]; // row of each pair
    struct row row[AGENTS_ROWS_MAX];
    char text[LIST_BYTES_MAX];
};

// What one walk has found so far.
struct search {
    struct agent found;
    uint16_t rank[LIST_BROWSER + 1]; // of the best word of each list
    size_t class_from;               // words of class that begin before are part of another one
};

// --- Parsing ---------------------------------------------------------------------------------

static bool class_read(struct slice text, uint8_t *value)
{
    static const enum hit_class classes[] = {HIT_CLASS_HUMAN, HIT_CLASS_BOT, HIT_CLASS_PREVIEW};

    for (size_t i = 0; i < array_length(classes); i++) {
        *value = (uint8_t)classes[i];
        if (slice_equal(text, slice_of(hit_class_name(classes[i]))))
            return true;
    }
    return false;
}

static bool value_read(const char *(*name)(unsigned), unsigned count, struct slice text, uint8_t *value)
{
    for (unsigned i = 1; i < count; i++) {
        *value = (uint8_t)i;
        if (slice_equal(text, slice_of(name(i))))
            return true;
    }
    return false;
}

static bool meaning_read(struct slice list, struct slice text, struct row *row)
{
    static const struct slice names[] = {
        {SLICE_PARTS("class")}, {SLICE_PARTS("device")}, {SLICE_PARTS("os")}, {SLICE_PARTS("browser")}};
    uint8_t *value = &row->value;

    for (row->list = 0; row->list < array_length(names); row->list++)
        if (slice_equal(list, names[row->list]))
            break;
    switch (row->list) {
    case LIST_CLASS:
        return class_read(text, value);
    case LIST_DEVICE:
        return value_read(hit_device_name, HIT_DEVICE_COUNT, text, value);
    case LIST_OS:
        return value_read(hit_os_name, HIT_OS_COUNT, text, value);
    case LIST_BROWSER:
        return value_read(hit_browser_name, HIT_BROWSER_COUNT, text, value);
    default:
        return false;
    }
}

static bool word_good(struct slice word)
{
    if (word.len < AGENTS_WORD_MIN || word.len > AGENTS_WORD_MAX || word.data[0] == ' ' ||
        word.data[word.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (word.data[i] < ' ' || word.data[i] > '~' || http_char_lower(word.data[i]) != word.data[i])
            return false;
    return true;
}

static int row_add(struct agents *agents, struct list_reader *reader, struct slice text)
{
    struct row *row = &agents->row[agents->n];
    struct slice list = list_word(&text), meaning = list_word(&text);

    if (agents->n == AGENTS_ROWS_MAX)
        return list_refuse(reader, "more than 4096 rows");
    if (!meaning_read(list, meaning, row))
        return list_refuse(reader, "not `class`, `device`, `os` or `browser` with a name of that list");
    row->start = text.len > 0 && text.data[0] == '^';
    text = (struct slice){text.data + row->start, text.len - row->start};
    if (!word_good(text))
        return list_refuse(reader,
                           "a word is 2 to 64 printable characters, in lower case, no blank at an end");
    row->word = text.data;
    row->len = (uint8_t)text.len;
    row->rank = (uint16_t)agents->n++;
    return 0;
}

static int word_compare(const struct row *a, const struct row *b)
{
    int order = memcmp(a->word, b->word, min_of(a->len, b->len));

    return order != 0 ? order : (int)a->len - (int)b->len;
}

// What a word begins with, as a number.
static unsigned pair_of(char first, char second)
{
    return (unsigned)(uint8_t)first * SECONDS + (second & (SECONDS - 1));
}

static int row_compare(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    unsigned pair = pair_of(left->word[0], left->word[1]), other = pair_of(right->word[0], right->word[1]);
    int order = pair != other ? (int)pair - (int)other : word_compare(left, right);

    return order != 0 ? order : (int)left->list - (int)right->list;
}

static bool rows_unique(const struct agents *agents)
{
    for (size_t i = 1; i < agents->n; i++)
        if (row_compare(&agents->row[i - 1], &agents->row[i]) == 0)
            return false;
    return true;
}

static void index_make(struct agents *agents)
{
    size_t at = 0;

    for (unsigned pair = 0; pair < BYTES * SECONDS; pair++) {
        agents->first[pair] = (uint16_t)at;
        while (at < agents->n && pair_of(agents->row[at].word[0], agents->row[at].word[1]) == pair)
            at++;
    }
    agents->first[BYTES * SECONDS] = (uint16_t)at;
}

static int rows_read(struct agents *agents, struct slice text, struct list_reader *reader)
{
    struct slice row;
    int r = list_start(reader, text, &agents->version);

    while (r == 0 && list_next(reader, &row))
        r = row_add(agents, reader, row);
    if (r)
        return r;
    qsort(agents->row, agents->n, sizeof(agents->row[0]), row_compare);
    if (!rows_unique(agents))
        return list_refuse(reader, "a word stands twice in one list");
    index_make(agents);
    return 0;
}

int agents_parse(struct agents **out, struct slice text, struct list_reader *reader)
{
    if (text.len > LIST_BYTES_MAX)
        return -EFBIG;
    struct agents *agents = calloc(1, sizeof(*agents));
    if (!agents)
        return -ENOMEM;
    if (text.len > 0)
        memcpy(agents->text, text.data, text.len);
    int r = rows_read(agents, (struct slice){agents->text, text.len}, reader);
    if (r)
        free(agents);
    else
        *out = agents;
    return r;
}

struct agents *agents_free(struct agents *agents)
{
    free(agents);
    return NULL;
}

uint32_t agents_version(const struct agents *agents)
{
    return agents->version;
}

// --- Searching -------------------------------------------------------------------------------

static bool word_is_at(const struct row *row, struct slice text)
{
    if (row->len > text.len)
        return false;
    for (size_t i = 1; i < row->len; i++)
        if (http_char_lower(text.data[i]) != row->word[i])
            return false;
    return true;
}

static void ranked_take(struct search *search, const struct row *row, uint8_t *value)
{
    if (row->rank >= search->rank[row->list])
        return;
    search->rank[row->list] = row->rank;
    *value = row->value;
}

// Rows are sorted, so of several words at one place the longest comes last.
static void row_take(struct search *search, const struct row *row, const struct row **class)
{
    switch ((enum list)row->list) {
    case LIST_CLASS:
        *class = row;
        break;
    case LIST_DEVICE:
        ranked_take(search, row, &search->found.device);
        break;
    case LIST_OS:
        ranked_take(search, row, &search->found.os);
        break;
    case LIST_BROWSER:
        ranked_take(search, row, &search->found.browser);
        break;
    }
}

static void place_search(const struct agents *agents, struct search *search, struct slice text, size_t at)
{
    struct slice rest = {text.data + at, text.len - at};
    unsigned pair = pair_of(http_char_lower(rest.data[0]), rest.data[1]);
    const struct row *class = NULL;

    if (pair >= BYTES * SECONDS)
        return;
    for (size_t i = agents->first[pair]; i < agents->first[pair + 1]; i++)
        if ((at == 0 || !agents->row[i].start) && word_is_at(&agents->row[i], rest))
            row_take(search, &agents->row[i], &class);
    if (!class || at < search->class_from)
        return;
    if (class->value == HIT_CLASS_HUMAN) {
        search->class_from = at + class->len;
        return;
    }
    if (search->found.class != HIT_CLASS_PREVIEW)
        search->found.class = class->value;
}

struct agent agents_find(const struct agents *agents, struct slice user_agent)
{
    struct slice text = {user_agent.data, min_of(user_agent.len, (size_t)AGENTS_TEXT_MAX)};
    struct search search = {.found = {.class = HIT_CLASS_HUMAN},
                            .rank = {UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX}};

    for (size_t at = 0; at + 1 < text.len; at++)
        place_search(agents, &search, text, at);
    if (search.found.class == HIT_CLASS_HUMAN && search.found.browser == HIT_BROWSER_UNKNOWN)
        search.found.class = HIT_CLASS_BOT;
    return search.found;
}
