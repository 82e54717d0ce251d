// Settings: defaults, then the file, then the environment. The door to inih.
// The file is shared: a program checks the sections that its own table names, skips those of other programs,
// and refuses anything else, so that no misspelt setting is silently without effect. Invariant: a setting is
// taken from exactly one place; every error names it (file and line, or variable). Limits: CONFIG_FILE_MAX
// bytes of file, OPTIONS_MAX rows of a table, lines as long as inih takes (200 bytes).

#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "base/config_value.h"

#define OPTIONS_MAX 128
#define PREFIX      "CLICKLEDGER_"
#define NAME_MAX    64

extern char **environ;

// Every section that the shared file may have.
static const char *const sections[] = {"log", "redis", "postgres", "tracker", "ingest", "attrib", "api"};

struct load {
    const struct config_option *options;
    size_t n;
    void *out;
    const char *path;
    char *error;
    size_t error_bytes;
    bool failed;
    const char *text, *end; // what is left of the file
    bool is_public;         // others may read the file
    unsigned line;
    bool seen[OPTIONS_MAX];
};

__attribute__((format(printf, 3, 4))) static void load_fail(struct load *load, const char *variable,
                                                            const char *format, ...)
{
    size_t used;
    va_list args;

    if (load->failed)
        return;
    load->failed = true;
    if (variable)
        snprintf(load->error, load->error_bytes, "%s: ", variable);
    else
        snprintf(load->error, load->error_bytes, "%s:%u: ", load->path, load->line);
    used = strlen(load->error);
    va_start(args, format);
    vsnprintf(load->error + used, load->error_bytes - used, format, args);
    va_end(args);
}

static const struct config_option *option_find(const struct load *load, const char *section, const char *name)
{
    for (size_t i = 0; i < load->n; i++) {
        if (strcmp(load->options[i].section, section) == 0 && strcmp(load->options[i].name, name) == 0)
            return &load->options[i];
    }
    return NULL;
}

static bool section_is_ours(const struct load *load, const char *section)
{
    for (size_t i = 0; i < load->n; i++) {
        if (strcmp(load->options[i].section, section) == 0)
            return true;
    }
    return false;
}

static bool section_is_known(const char *section)
{
    for (size_t i = 0; i < array_length(sections); i++) {
        if (strcmp(sections[i], section) == 0)
            return true;
    }
    return false;
}

static void defaults_store(struct load *load)
{
    char reason[CONFIG_REASON_BYTES];

    for (size_t i = 0; i < load->n; i++) {
        int r = config_value_store(&load->options[i], load->options[i].text, load->out, reason);
        assert(r == 0);
    }
}

// inih's callback; returns 1 to go on.
static int setting_read(void *user, const char *section, const char *name, const char *value)
{
    struct load *load = user;
    const struct config_option *option = option_find(load, section, name);
    char reason[CONFIG_REASON_BYTES];

    if (load->failed)
        return 1;
    if (!option && section_is_ours(load, section))
        load_fail(load, NULL, "unknown key '%s' in [%s]", name, section);
    else if (!option && !section_is_known(section))
        load_fail(load, NULL, section[0] ? "unknown section [%s]" : "key before the first section%s",
                  section);
    if (!option)
        return 1;
    bool *seen = &load->seen[option - load->options];
    if (*seen)
        load_fail(load, NULL, "'%s' in [%s] stands here for the second time", name, section);
    *seen = true;
    if (!load->failed && config_value_store(option, value, load->out, reason))
        load_fail(load, NULL, "'%s' in [%s] must be %s", name, section, reason);
    if (option->type == CONFIG_SECRET && value[0] != '\0' && load->is_public)
        load_fail(load, NULL, "'%s' in [%s] is a secret and others may read this file: chmod o-rwx", name,
                  section);
    return 1;
}

// inih's reader: one line, without leading blanks, because inih would take an indented line as part of the
// value above. Counts the lines for our messages.
static char *line_read(char *line, int size, void *user)
{
    struct load *load = user;

    if (load->failed || load->text == load->end)
        return NULL;
    const char *newline = memchr(load->text, '\n', (size_t)(load->end - load->text));
    const char *next = newline ? newline + 1 : load->end;
    load->line++;
    while (load->text < next && (*load->text == ' ' || *load->text == '\t'))
        load->text++;
    size_t len = (size_t)(next - load->text);
    if (len >= (size_t)size) {
        load_fail(load, NULL, "line is longer than %d bytes", size - 2);
        return NULL;
    }
    memcpy(line, load->text, len);
    line[len] = '\0';
    load->text = next;
    return line;
}

static void text_load(struct load *load, const char *text, size_t len)
{
    load->text = text;
    load->end = text + len;
    if (memchr(text, '\0', len)) {
        load->line = 1;
        load_fail(load, NULL, "file is not text");
        return;
    }
    int bad_line = ini_parse_stream(line_read, load, setting_read, load);
    if (bad_line > 0 && (!load->failed || (unsigned)bad_line < load->line)) {
        load->failed = false; // what came after it is its consequence
        load->line = (unsigned)bad_line;
        load_fail(load, NULL, "neither a [section] nor 'key = value'");
    } else if (bad_line < 0) {
        load_fail(load, load->path, "out of memory");
    }
}

static int file_load(struct load *load)
{
    char text[CONFIG_FILE_MAX + 1];
    ssize_t len, total = 0;
    int fd = open(load->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        int r = -errno;
        load_fail(load, load->path, "%s", strerror(-r));
        return r;
    }
    struct stat st;
    load->is_public = fstat(fd, &st) < 0 || (st.st_mode & S_IRWXO) != 0;
    while ((len = read(fd, text + total, sizeof(text) - (size_t)total)) > 0)
        total += len;
    int r = len < 0 ? -errno : 0;
    close(fd);
    if (r < 0)
        load_fail(load, load->path, "%s", strerror(-r));
    else if (total > CONFIG_FILE_MAX)
        load_fail(load, load->path, "larger than %d bytes", CONFIG_FILE_MAX);
    else
        text_load(load, text, (size_t)total);
    return r;
}

// "TRACKER_SYNC_MS=5" -> section "tracker", name "sync_ms", value "5".
static bool variable_split(const char *at, char section[NAME_MAX], char name[NAME_MAX], const char **value)
{
    size_t n = strcspn(at, "_="), rest;

    if (at[n] != '_' || n >= NAME_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        section[i] = (char)tolower((unsigned char)at[i]);
    section[n] = '\0';
    at += n + 1;
    rest = strcspn(at, "=");
    if (at[rest] != '=' || rest >= NAME_MAX)
        return false;
    for (size_t i = 0; i < rest; i++)
        name[i] = (char)tolower((unsigned char)at[i]);
    name[rest] = '\0';
    *value = at + rest + 1;
    return true;
}

static void variable_load(struct load *load, const char *variable)
{
    char section[NAME_MAX], name[NAME_MAX], shown[2 * NAME_MAX], reason[CONFIG_REASON_BYTES];
    const char *value;

    if (!variable_split(variable + strlen(PREFIX), section, name, &value) || !section_is_ours(load, section))
        return;
    snprintf(shown, sizeof(shown), "%.*s", (int)(value - 1 - variable), variable);
    const struct config_option *option = option_find(load, section, name);
    if (!option)
        load_fail(load, shown, "unknown key '%s' in [%s]", name, section);
    else if (config_value_store(option, value, load->out, reason))
        load_fail(load, shown, "must be %s", reason);
}

int config_load(const struct config_option *options, size_t n, void *out, const char *path, char *error,
                size_t error_bytes)
{
    struct load load = {
        .options = options, .n = n, .out = out, .path = path, .error = error, .error_bytes = error_bytes};
    int r = 0;

    assert(n <= OPTIONS_MAX && error_bytes > 0);
    error[0] = '\0';
    defaults_store(&load);
    if (path)
        r = file_load(&load);
    for (char **variable = environ; *variable; variable++) {
        if (strncmp(*variable, PREFIX, strlen(PREFIX)) == 0)
            variable_load(&load, *variable);
    }
    if (r < 0)
        return r;
    return load.failed ? CONFIG_WRONG : 0;
}

static bool value_same(const struct config_option *option, const void *before, const void *after)
{
    const char *one = (const char *)before + option->offset, *other = (const char *)after + option->offset;

    if (option->type == CONFIG_STRING || option->type == CONFIG_SECRET || option->type == CONFIG_PATH)
        return strcmp(one, other) == 0; // what lies behind the end is of no meaning
    return memcmp(one, other, option->size) == 0;
}

const struct config_option *config_frozen_change(const struct config_option *options, size_t n,
                                                 const void *before, const void *after)
{
    for (size_t i = 0; i < n; i++)
        if (!options[i].reload && !value_same(&options[i], before, after))
            return &options[i];
    return NULL;
}

void config_describe(const struct config_option *options, size_t n, FILE *out)
{
    const char *section = "";
    char accepts[CONFIG_REASON_BYTES];

    for (size_t i = 0; i < n; i++) {
        if (strcmp(section, options[i].section) != 0)
            fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", options[i].section);
        section = options[i].section;
        config_value_describe(&options[i], accepts);
        fprintf(out, "# %s (%s)%s\n#%s =%s%s\n", options[i].help, accepts,
                options[i].reload ? " [reload]" : "", options[i].name, options[i].text[0] ? " " : "",
                options[i].text);
    }
}
