// The catalog's way, for tests/system/test_catalog.py. Owner: the test.
//   catalog_tool publish CONNINFO REDIS|-   steps until nothing is left; prints "condition changes entries
//   images" catalog_tool follow REDIS DIR           follows, and answers questions on stdin, one line each:
//     link SLUG | code CODE | program ID | alias SHA256-hex NAME | revision | shards
// One answer per line, "-" for what is not found. Limits: lines of LINE_MAX_BYTES.

#include "base/clock.h"
#include "base/log.h"
#include "ingest/publisher.h"
#include "tracker/catalog.h"
#include "tracker/catalog_sync.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512
#define STEPS_MAX      1000

static int publish(const char *conninfo, const char *address)
{
    struct pg *pg;
    struct pg_error pg_why;
    struct redis_client *redis = NULL;
    char why[REDIS_ERROR_BYTES];
    struct publisher publisher = {0};
    const struct redis_options options = {.address = address};
    if (pg_connect(&pg, conninfo, "catalog_tool", &pg_why)) {
        (void)fprintf(stderr, "%s\n", pg_why.message);
        return 1;
    }
    if (strcmp(address, "-") != 0 && redis_client_open(&redis, &options, why)) {
        (void)fprintf(stderr, "%s\n", why);
        pg_free(pg);
        return 1;
    }
    int condition = PUBLISHER_MORE;
    for (unsigned i = 0; condition == PUBLISHER_MORE && i < STEPS_MAX; i++)
        condition = publisher_step(&publisher, pg, redis, clock_monotonic_ms());
    if (condition == PUBLISHER_POSTGRES)
        (void)fprintf(stderr, "%s\n", pg_error(pg)->message);
    printf("%d %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", condition, publisher.changes, publisher.entries,
           publisher.images);
    redis_client_close(redis);
    pg_free(pg);
    return 0;
}

static void answer_link(const struct catalog *catalog, const char *slug)
{
    struct catalog_link link;
    if (!catalog_link_find(catalog, slice_of(slug), &link))
        printf("-\n");
    else
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %d %.*s\n", link.link_id, link.program_id,
               link.partner_id, link.active, (int)link.target_url.len, link.target_url.data);
}

static void answer_code(const struct catalog *catalog, const char *code)
{
    struct catalog_promo_code promo;
    if (!catalog_promo_code_find(catalog, slice_of(code), &promo))
        printf("-\n");
    else
        printf("%" PRIu64 " %d %.*s\n", promo.promo_code_id, promo.active, (int)promo.code.len,
               promo.code.data);
}

static void answer_program(const struct catalog *catalog, const char *what)
{
    struct catalog_program program;
    uint64_t id = strtoull(what, NULL, 10);
    if (!(id > 0 ? catalog_program_find(catalog, id, &program)
                 : catalog_program_find_code(catalog, slice_of(what), &program)))
        printf("-\n");
    else
        printf("%" PRIu64 " %d %.*s %.*s %d\n", program.id, program.active, (int)program.code.len,
               program.code.data, (int)program.currency.len, program.currency.data,
               catalog_program_allows(&program, SLICE("shop.example")));
}

static void answer_alias(const struct catalog *catalog, const char *hex, const char *name)
{
    uint8_t hash[CATALOG_HASH_BYTES];
    struct catalog_integration integration;
    for (size_t i = 0; i < sizeof(hash); i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        hash[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    struct slice ours = SLICE_NONE;
    if (catalog_integration_find(catalog, hash, &integration))
        ours = catalog_integration_alias(&integration, slice_of(name));
    printf("%.*s\n", ours.data ? (int)ours.len : 1, ours.data ? ours.data : "-");
}

static void answer(const struct catalog *catalog, char *line)
{
    char *rest = line;
    const char *verb = strsep(&rest, " "), *first = strsep(&rest, " ");
    if (strcmp(verb, "revision") == 0)
        printf("%" PRIu64 "\n", catalog_revision(catalog));
    else if (strcmp(verb, "shards") == 0)
        printf("%" PRIu32 "\n", catalog_shards(catalog));
    else if (first && strcmp(verb, "link") == 0)
        answer_link(catalog, first);
    else if (first && strcmp(verb, "code") == 0)
        answer_code(catalog, first);
    else if (first && strcmp(verb, "program") == 0)
        answer_program(catalog, first);
    else if (first && rest && strcmp(verb, "alias") == 0 && strlen(first) == 2 * CATALOG_HASH_BYTES)
        answer_alias(catalog, first, rest);
    else
        printf("what?\n");
}

struct follower {
    struct event_base *base;
    struct catalog *catalog;
};

static void on_line(evutil_socket_t fd, short what, void *ctx)
{
    struct follower *follower = ctx;
    char line[LINE_MAX_BYTES];
    (void)fd;
    (void)what;
    if (!fgets(line, sizeof(line), stdin)) { // unbuffered: it takes no more than the line
        event_base_loopbreak(follower->base);
        return;
    }
    line[strcspn(line, "\n")] = '\0';
    catalog_refresh(follower->catalog);
    answer(follower->catalog, line);
    (void)fflush(stdout);
}

static int follow(const char *address, const char *dir)
{
    static struct catalog_shared shared;
    const struct redis_options options = {.address = address};
    struct follower follower = {.base = event_base_new()};
    struct catalog_sync *sync;
    setvbuf(stdin, NULL, _IONBF, 0);
    struct event *lines = event_new(follower.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_line, &follower);
    if (catalog_sync_new(&sync, follower.base, dir, &options, &shared) ||
        catalog_new(&follower.catalog, dir, &shared) || event_add(lines, NULL) < 0)
        return 1;
    event_base_dispatch(follower.base);
    catalog_free(follower.catalog);
    catalog_sync_free(sync);
    event_free(lines);
    event_base_free(follower.base);
    return 0;
}

int main(int argc, char **argv)
{
    log_open("catalog_tool", LOG_INFO);
    if (argc == 4 && strcmp(argv[1], "publish") == 0)
        return publish(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "follow") == 0)
        return follow(argv[2], argv[3]);
    (void)fprintf(stderr, "usage: catalog_tool publish CONNINFO REDIS|- | follow REDIS DIR\n");
    return 2;
}
