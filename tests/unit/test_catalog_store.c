// The catalog's files: what the supervisor writes is what workers see, whatever was torn off in between.

#include "tracker/catalog_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/catalog_builder.h"
#include "tests/unit/catalog_make.h"
#include "tracker/catalog_file.h"

#define LINKS 300 // more than the overlay's first size

static char dir[64];

static int dir_make(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/test-catalog-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int dir_remove(void **state)
{
    (void)state;
    char path[sizeof(dir) + 256 + 1];
    DIR *listing = opendir(dir);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    closedir(listing);
    return rmdir(dir);
}

static void image_give(struct catalog_store *store, uint64_t revision, const char *slug, const char *epoch)
{
    struct catalog_builder builder = {0};
    struct catalog_made settings = made_settings(4), link = made_link(slug, 1, true, "https://first.example");
    uint8_t *bytes;
    size_t length;
    assert_int_equal(catalog_builder_add(&builder, made_slice(&settings)), 0);
    assert_int_equal(catalog_builder_add(&builder, made_slice(&link)), 0);
    assert_int_equal(catalog_builder_finish(&builder, revision, &bytes, &length), 0);
    assert_int_equal(catalog_store_image_begin(store), 0);
    for (size_t at = 0; at < length; at += 50) // in pieces
        assert_int_equal(catalog_store_image_piece(
                             store, (struct slice){(char *)bytes + at, min_of(length - at, (size_t)50)}),
                         0);
    assert_int_equal(catalog_store_image_finish(store, slice_of(epoch)), 0);
    free(bytes);
    catalog_builder_deinit(&builder);
}

static void change_give(struct catalog_store *store, uint64_t revision, const struct catalog_made *record)
{
    uint8_t entry[CATALOG_ENTRY_HEADER_BYTES + sizeof(*record)];
    size_t bytes = catalog_entry_encode(entry, revision, made_slice(record));
    assert_int_equal(catalog_store_append(store, (struct slice){(char *)entry, bytes}, revision), 0);
}

static bool knows(const struct catalog *catalog, const char *slug, const char *target)
{
    struct catalog_link link;
    return catalog_link_find(catalog, slice_of(slug), &link) &&
           slice_equal(link.target_url, slice_of(target));
}

static void a_worker_follows_the_supervisor(void **state)
{
    (void)state;
    struct catalog_shared shared = {0};
    struct catalog_store store;
    struct catalog *catalog;
    assert_int_equal(catalog_store_init(&store, dir, &shared), 0);
    assert_int_equal(catalog_new(&catalog, dir, &shared), 0);
    assert_int_equal(catalog_revision(catalog), 0);
    assert_false(knows(catalog, "a", "https://first.example"));

    image_give(&store, 5, "a", "e1");
    assert_false(knows(catalog, "a", "https://first.example")); // not before the refresh
    catalog_refresh(catalog);
    assert_true(knows(catalog, "a", "https://first.example"));
    assert_true(catalog_revision(catalog) == 5 && catalog_shards(catalog) == 4);

    struct catalog_made changed = made_link("a", 1, true, "https://second.example");
    change_give(&store, 6, &changed);
    struct catalog_made settings = made_settings(8);
    change_give(&store, 7, &settings);
    catalog_refresh(catalog);
    assert_true(knows(catalog, "a", "https://second.example"));
    assert_true(catalog_revision(catalog) == 7 && catalog_shards(catalog) == 8);

    struct catalog_made gone = made_record(CATALOG_LINK, SLICE("a"), NULL);
    change_give(&store, 8, &gone);
    catalog_refresh(catalog);
    struct catalog_link link;
    assert_false(catalog_link_find(catalog, SLICE("a"), &link));

    image_give(&store, 9, "b", "e1"); // replaces image and log
    catalog_refresh(catalog);
    assert_true(knows(catalog, "b", "https://first.example"));
    assert_false(catalog_link_find(catalog, SLICE("a"), &link));
    catalog_free(catalog);
    catalog_store_deinit(&store);
}

static void what_could_not_be_taken_is_tried_again(void **state)
{
    (void)state;
    struct catalog_shared shared = {0};
    struct catalog_store store;
    struct catalog *catalog;
    char path[sizeof(dir) + 16], away[sizeof(dir) + 16];
    assert_int_equal(catalog_store_init(&store, dir, &shared), 0);
    assert_int_equal(catalog_new(&catalog, dir, &shared), 0);
    image_give(&store, 5, "a", "e1");
    snprintf(path, sizeof(path), "%s/%llu.image", dir, (unsigned long long)store.files);
    snprintf(away, sizeof(away), "%s/away", dir);
    assert_int_equal(rename(path, away), 0);
    catalog_refresh(catalog);
    assert_int_equal(catalog_revision(catalog), 0);
    assert_int_equal(rename(away, path), 0);
    catalog_refresh(catalog); // not in every turn
    assert_int_equal(catalog_revision(catalog), 0);
    catalog_retry(catalog);
    catalog_refresh(catalog);
    assert_int_equal(catalog_revision(catalog), 5);
    catalog_free(catalog);
    catalog_store_deinit(&store);
}

static void many_changes_are_all_found(void **state)
{
    (void)state;
    struct catalog_shared shared = {0};
    struct catalog_store store;
    struct catalog *catalog;
    char slug[16], target[32];
    assert_int_equal(catalog_store_init(&store, dir, &shared), 0);
    assert_int_equal(catalog_new(&catalog, dir, &shared), 0);
    image_give(&store, 1, "a", "e1");
    for (unsigned i = 0; i < LINKS; i++) {
        snprintf(slug, sizeof(slug), "s%u", i);
        snprintf(target, sizeof(target), "https://t%u.example", i);
        struct catalog_made link = made_link(slug, i + 1, true, target);
        change_give(&store, 2 + i, &link);
        if (i % 7 == 0)
            catalog_refresh(catalog);
    }
    catalog_refresh(catalog);
    for (unsigned i = 0; i < LINKS; i++) {
        snprintf(slug, sizeof(slug), "s%u", i);
        snprintf(target, sizeof(target), "https://t%u.example", i);
        assert_true(knows(catalog, slug, target));
    }
    assert_true(knows(catalog, "a", "https://first.example"));
    assert_false(knows(catalog, "s", "https://t0.example"));
    catalog_free(catalog);
    catalog_store_deinit(&store);
}

// Whatever length the log is cut to, a restart knows the image and every change that is whole, and goes on
// behind it.
static void a_torn_log_is_cut(void **state)
{
    (void)state;
    struct catalog_shared shared = {0};
    struct catalog_store store;
    struct catalog_made changes[] = {made_link("x", 1, true, "https://x.example"),
                                     made_link("y", 1, true, "https://y.example")};
    assert_int_equal(catalog_store_init(&store, dir, &shared), 0);
    image_give(&store, 1, "a", "e1");
    change_give(&store, 2, &changes[0]);
    uint64_t first_bytes = store.log_bytes;
    change_give(&store, 3, &changes[1]);
    char path[sizeof(dir) + 16];
    snprintf(path, sizeof(path), "%s/1.log", dir);
    for (uint64_t cut = store.log_bytes; cut-- > 0;) {
        struct catalog_shared again = {0};
        struct catalog_store restarted;
        struct catalog *catalog;
        assert_int_equal(truncate(path, (off_t)cut), 0);
        assert_int_equal(catalog_store_init(&restarted, dir, &again), 0);
        assert_int_equal(restarted.revision, cut >= first_bytes ? 2 : 1);
        assert_string_equal(restarted.epoch, "e1");
        assert_int_equal(catalog_new(&catalog, dir, &again), 0);
        assert_int_equal(knows(catalog, "x", "https://x.example"), cut >= first_bytes);
        assert_true(knows(catalog, "a", "https://first.example"));
        catalog_free(catalog);
        catalog_store_deinit(&restarted);
    }
    catalog_store_deinit(&store);
}

static void a_damaged_image_is_refused(void **state)
{
    (void)state;
    struct catalog_shared shared = {0};
    struct catalog_store store;
    struct catalog *catalog;
    assert_int_equal(catalog_store_init(&store, dir, &shared), 0);
    image_give(&store, 1, "a", "e1");
    assert_int_equal(catalog_store_image_begin(&store), 0);
    assert_int_equal(catalog_store_image_piece(&store, SLICE("CLCI and nothing that follows from it")), 0);
    assert_int_equal(catalog_store_image_finish(&store, SLICE("e2")), CATALOG_STORE_REFUSED);
    assert_int_equal(catalog_new(&catalog, dir, &shared), 0);
    assert_true(knows(catalog, "a", "https://first.example"));
    assert_string_equal(store.epoch, "e1");
    catalog_free(catalog);
    catalog_store_deinit(&store);

    char path[sizeof(dir) + 16];
    snprintf(path, sizeof(path), "%s/1.image", dir);
    assert_int_equal(truncate(path, 70), 0);
    struct catalog_shared again = {0};
    assert_int_equal(catalog_store_init(&store, dir, &again), 0);
    assert_true(again.turn == 0 && store.epoch[0] == '\0');
    image_give(&store, 2, "b", "e1");
    catalog_store_deinit(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_worker_follows_the_supervisor, dir_make, dir_remove),
        cmocka_unit_test_setup_teardown(what_could_not_be_taken_is_tried_again, dir_make, dir_remove),
        cmocka_unit_test_setup_teardown(many_changes_are_all_found, dir_make, dir_remove),
        cmocka_unit_test_setup_teardown(a_torn_log_is_cut, dir_make, dir_remove),
        cmocka_unit_test_setup_teardown(a_damaged_image_is_refused, dir_make, dir_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
