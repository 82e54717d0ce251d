// The pages of partners and the team, from memory. A path is looked up among the names that were read, never
// in a folder. Files carry the hash of their content in their name (the build gives it), so they may be kept
// for good; the HTML page, which names them, is asked for each time by its ETag.

#include "api/pages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "api/answer.h"
#include "base/file.h"
#include "base/gzip.h"

#define SHELL      "index.html"
#define ASSETS     "/assets/"
#define ETAG_BYTES 32

struct page {
    char *name;
    const char *type;
    bool is_shell;
    struct slice plain, zipped; // zipped.data NULL: its format is packed already
    char etag[ETAG_BYTES + 5];  // W/"...": the same for both
};

struct pages {
    struct page files[PAGES_FILES_MAX];
    size_t n_files;
    const struct page *shell;
};

static const struct {
    const char *suffix, *type;
    bool packed; // by its own format
} types[] = {
    {".html", "text/html; charset=utf-8", false},
    {".js", "text/javascript; charset=utf-8", false},
    {".css", "text/css; charset=utf-8", false},
    {".svg", "image/svg+xml", false},
    {".png", "image/png", true},
    {".woff2", "font/woff2", true},
};

// First segments of the paths that the pages route. "" is the root.
static const char *const paths[] = {"", "login", "join", "password", "cabinet", "team"};

// --- Loading

static int type_find(const char *name, struct page *page, bool *packed)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < array_length(types); i++) {
        size_t suffix = strlen(types[i].suffix);
        if (len > suffix && strcmp(name + len - suffix, types[i].suffix) == 0) {
            page->type = types[i].type;
            *packed = types[i].packed;
            return 0;
        }
    }
    return -EINVAL;
}

static void etag_make(struct page *page)
{
    uint8_t hash[ETAG_BYTES / 2];
    char hex[ETAG_BYTES + 1];
    crypto_generichash(hash, sizeof(hash), (const uint8_t *)page->plain.data, page->plain.len, NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    snprintf(page->etag, sizeof(page->etag), "W/\"%s\"", hex);
}

static int page_read(struct page *page, const char *path, const char *name)
{
    bool packed = false;
    int result = type_find(name, page, &packed);
    if (result == 0)
        result = file_read(path, PAGES_BYTES_MAX, &page->plain);
    if (result == 0 && !packed)
        result = gzip(page->plain, &page->zipped);
    if (result < 0)
        return result;
    page->name = strdup(name);
    page->is_shell = strcmp(name, SHELL) == 0;
    etag_make(page);
    return page->name ? 0 : -ENOMEM;
}

static const char *reason_of(int error)
{
    return error == -EINVAL ? "this kind of file is not served" : strerror(-error);
}

// Hidden files are not the build's.
static int read_all(struct pages *pages, DIR *dir, const char *folder, char why[PAGES_WHY_BYTES])
{
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        if (pages->n_files == PAGES_FILES_MAX) {
            snprintf(why, PAGES_WHY_BYTES, "%s: more than %d files", folder, PAGES_FILES_MAX);
            return -E2BIG;
        }
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        struct page *page = &pages->files[pages->n_files++];
        int result = page_read(page, path, entry->d_name);
        if (result < 0) {
            snprintf(why, PAGES_WHY_BYTES, "%.300s: %s", path, reason_of(result));
            return result;
        }
        if (page->is_shell)
            pages->shell = page;
    }
    if (!pages->shell)
        snprintf(why, PAGES_WHY_BYTES, "%s: no %s; build the pages first", folder, SHELL);
    return pages->shell ? 0 : -ENOENT;
}

int pages_load(struct pages **out, const char *folder, char why[PAGES_WHY_BYTES])
{
    struct pages *pages = calloc(1, sizeof(*pages));
    DIR *dir = opendir(folder);
    int result = !pages ? -ENOMEM : !dir ? -errno : read_all(pages, dir, folder, why);
    if (!pages || !dir)
        snprintf(why, PAGES_WHY_BYTES, "%.300s: %s", folder, strerror(-result));
    if (dir)
        closedir(dir);
    *out = result == 0 ? pages : pages_free(pages);
    return result;
}

struct pages *pages_free(struct pages *pages)
{
    for (size_t i = 0; pages && i < pages->n_files; i++) {
        free(pages->files[i].name);
        free((char *)pages->files[i].plain.data);
        free((char *)pages->files[i].zipped.data);
    }
    free(pages);
    return NULL;
}

// --- Answering

static bool begins(struct slice text, struct slice with)
{
    return text.len >= with.len && memcmp(text.data, with.data, with.len) == 0;
}

static bool is_routed(struct slice path)
{
    struct slice first = {path.data + 1, path.len - 1};
    const char *end = memchr(first.data, '/', first.len);
    if (end)
        first.len = (size_t)(end - first.data);
    for (size_t i = 0; i < array_length(paths); i++) {
        if (slice_equal(first, slice_of(paths[i])))
            return first.len > 0 || path.len == 1;
    }
    return false;
}

static const struct page *page_find(const struct pages *pages, struct slice path)
{
    struct slice assets = SLICE(ASSETS);
    if (!begins(path, assets))
        return is_routed(path) ? pages->shell : NULL;
    struct slice name = {path.data + assets.len, path.len - assets.len};
    for (size_t i = 0; i < pages->n_files; i++) {
        if (slice_equal(name, slice_of(pages->files[i].name)) && !pages->files[i].is_shell)
            return &pages->files[i];
    }
    return NULL;
}

// Whether one of the comma-separated members is the word; what follows a ';' is its parameter. "gzip;q=0" is
// no.
static bool lists(struct slice header, struct slice word, bool *refused)
{
    while (header.len > 0) {
        const char *comma = memchr(header.data, ',', header.len);
        size_t len = comma ? (size_t)(comma - header.data) : header.len;
        struct slice member = slice_trim((struct slice){header.data, len});
        size_t taken = comma ? len + 1 : len;
        header = (struct slice){header.data + taken, header.len - taken};
        const char *parameters = memchr(member.data, ';', member.len);
        struct slice rest = SLICE_NONE;
        if (parameters) {
            rest = (struct slice){parameters, member.len - (size_t)(parameters - member.data)};
            member = slice_trim((struct slice){member.data, (size_t)(parameters - member.data)});
        }
        if (!slice_equal(member, word))
            continue;
        *refused = rest.len > 0 &&
                   slice_equal(slice_trim((struct slice){rest.data + 1, rest.len - 1}), SLICE("q=0"));
        return true;
    }
    return false;
}

static bool takes_gzip(const struct http_request *request)
{
    bool refused = false;
    return lists(http_request_header(request, SLICE("Accept-Encoding")), SLICE("gzip"), &refused) && !refused;
}

static bool is_known(const struct http_request *request, const struct page *page)
{
    bool refused;
    return lists(http_request_header(request, SLICE("If-None-Match")), slice_of(page->etag), &refused);
}

#define CSP                                                                                                  \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "       \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "                      \
    "require-trusted-types-for 'script'"

static void answer_page(struct http_conn *conn, const struct http_request *request, const struct page *page)
{
    bool zipped = page->zipped.data && takes_gzip(request), known = is_known(request, page);
    const struct http_header headers[] = {
        {SLICE("Content-Type"), slice_of(page->type)},
        {SLICE("Cache-Control"),
         page->is_shell ? SLICE("no-cache") : SLICE("public, max-age=31536000, immutable")},
        {SLICE("ETag"), slice_of(page->etag)},
        {SLICE("Vary"), SLICE("Accept-Encoding")},
        {SLICE("X-Content-Type-Options"), SLICE("nosniff")},
        {SLICE("Content-Security-Policy"), SLICE(CSP)},
        {SLICE("Referrer-Policy"), SLICE("no-referrer")},
        {SLICE("Cross-Origin-Opener-Policy"), SLICE("same-origin")},
        {SLICE("Cross-Origin-Resource-Policy"), SLICE("same-origin")},
        {SLICE("Content-Encoding"), SLICE("gzip")},
    };
    size_t n_headers = array_length(headers) - (zipped && !known ? 0 : 1);
    if (known)
        (void)http_respond(conn, 304, headers, n_headers, SLICE_NONE);
    else
        (void)http_respond(conn, 200, headers, n_headers, zipped ? page->zipped : page->plain);
}

bool pages_handle(const struct pages *pages, struct http_conn *conn, const struct http_request *request)
{
    struct fault fault;
    const struct page *page = pages ? page_find(pages, request->path) : NULL;
    if (!page)
        return false;
    if (request->method == HTTP_GET || request->method == HTTP_HEAD) {
        answer_page(conn, request, page);
    } else {
        fault_set(&fault, 405, "method", "this can only be read");
        answer_not_allowed(conn, &fault, 1u << HTTP_GET);
    }
    return true;
}
