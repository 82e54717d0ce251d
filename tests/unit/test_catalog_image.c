// Images of the catalog: everything is found, nothing else is, and a damaged file is refused.

#include "base/catalog_image.h"

#include "base/catalog_builder.h"
#include "tests/unit/catalog_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void builder_put(struct catalog_builder *builder, struct catalog_made made)
{
    assert_int_equal(catalog_builder_add(builder, made_slice(&made)), 0);
}

static struct slice image_of_links(unsigned links)
{
    struct catalog_builder builder = {0};
    uint8_t *bytes;
    size_t len;
    builder_put(&builder, made_settings(4));
    for (unsigned i = 0; i < links; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "slug%u", i);
        builder_put(&builder, made_link(slug, i + 1, true, "https://shop.example/"));
    }
    assert_int_equal(catalog_builder_finish(&builder, 17, &bytes, &len), 0);
    catalog_builder_deinit(&builder);
    return (struct slice){(const char *)bytes, len};
}

static void every_key_is_found_and_no_other(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 1, 7, 8, 9, 100000};
    for (size_t s = 0; s < array_length(sizes); s++) {
        struct slice bytes = image_of_links(sizes[s]);
        struct catalog_image image;
        struct catalog_record record;
        struct catalog_link link;
        assert_int_equal(catalog_image_open(bytes, &image), 0);
        assert_int_equal(catalog_image_check(&image), 0);
        assert_true(image.revision == 17 && image.shards == 4 && image.records == sizes[s] + 1);
        for (unsigned i = 0; i < sizes[s]; i++) {
            char slug[16];
            (void)snprintf(slug, sizeof(slug), "slug%u", i);
            assert_true(catalog_image_find(&image, CATALOG_LINK, slice_of(slug), &record));
            assert_int_equal(catalog_link_decode(&record, &link), 0);
            assert_true(link.link_id == i + 1);
        }
        assert_false(catalog_image_find(&image, CATALOG_LINK, SLICE("slug"), &record));
        assert_false(catalog_image_find(&image, CATALOG_LINK, SLICE(""), &record));
        assert_false(catalog_image_find(&image, CATALOG_PROMO_CODE, SLICE("slug0"), &record));
        free((char *)bytes.data);
    }
}

static bool image_is_good(struct slice bytes)
{
    struct catalog_image image;
    return catalog_image_open(bytes, &image) == 0 && catalog_image_check(&image) == 0;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct slice bytes = image_of_links(5);
    assert_true(image_is_good(bytes));
    for (size_t len = 0; len < bytes.len; len++) {
        char *copy = malloc(len + 1); // of its own size, for the address sanitizer
        memcpy(copy, bytes.data, len);
        assert_false(image_is_good((struct slice){copy, len}));
        free(copy);
    }
    free((char *)bytes.data);
}

// Also a lookup in an image that only its header speaks for ends, inside the bytes.
static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct slice bytes = image_of_links(5);
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        struct catalog_image image;
        struct catalog_record record;
        char *at = (char *)bytes.data + bit / 8;
        *at = (char)(*at ^ (1 << (bit % 8)));
        assert_false(image_is_good(bytes));
        if (catalog_image_open(bytes, &image) == 0) {
            (void)catalog_image_find(&image, CATALOG_LINK, SLICE("slug3"), &record);
            (void)catalog_image_find(&image, CATALOG_LINK, SLICE("none"), &record);
        }
        *at = (char)(*at ^ (1 << (bit % 8)));
    }
    assert_true(image_is_good(bytes));
    free((char *)bytes.data);
}

static void the_builder_takes_only_records_of_keys(void **state)
{
    (void)state;
    struct catalog_builder builder = {0};
    uint8_t *bytes;
    size_t len;
    struct catalog_made gone = made_record(CATALOG_LINK, SLICE("s"), NULL);
    struct catalog_made wrong = made_link("s", 0, true, "");
    assert_int_equal(catalog_builder_add(&builder, made_slice(&gone)), CATALOG_MALFORMED);
    assert_int_equal(catalog_builder_add(&builder, made_slice(&wrong)), CATALOG_MALFORMED);
    assert_int_equal(catalog_builder_add(&builder, SLICE("")), CATALOG_MALFORMED);
    assert_int_equal(catalog_builder_finish(&builder, 1, &bytes, &len), CATALOG_MALFORMED); // no settings
    catalog_builder_deinit(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_and_no_other),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(the_builder_takes_only_records_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
