// Catalog records and images from any bytes. Of an image the header's sum is put right first, or the fuzzer
// would never come behind it; a lookup in it must end and stay inside.

#include "base/catalog_image.h"
#include "base/catalog_policy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/bytes.h"
#include "base/catalog_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void program_try(const struct catalog_program *program)
{
    struct catalog_visitor_policy policy = catalog_visitor_policy(program, SLICE("go.shop.example:443"));

    (void)catalog_program_allows(program, SLICE("shop.example"));
    assert(program->visitor_cookie || !policy.cookie);
}

static void integration_try(struct catalog_integration *integration)
{
    unsigned n = 0;

    (void)catalog_integration_alias(integration, SLICE("tid"));
    (void)catalog_integration_status(integration, SLICE("1"));
    while (catalog_secret_next(&integration->secrets).len > 0)
        n++;
    assert(n <= CATALOG_SECRETS_MAX);
}

// What passed the check is read to its last byte.
static void rules_are_whole(struct slice rules)
{
    struct bytes_reader reader = bytes_reader(rules.data, rules.len);
    struct catalog_rule rule;
    struct catalog_rule_condition condition;
    struct catalog_rule_target target;
    uint64_t weights;
    while (catalog_rule_next(&reader, &rule)) {
        while (catalog_rule_condition_next(&rule, &condition))
            assert(condition.list.len > 0);
        for (weights = 0; catalog_rule_target_next(&rule, &target);)
            weights += target.weight;
        assert(weights == CATALOG_WEIGHT_TOTAL && !rule.rest.bad && rule.rest.at == rule.rest.end);
    }
    assert(!reader.bad && reader.at == reader.end);
}

static void record_try(struct slice bytes)
{
    struct catalog_record record;
    struct catalog_program program;
    struct catalog_integration integration;
    struct catalog_link link;
    if (catalog_record_decode(bytes, &record))
        return;
    assert(catalog_record_length(bytes) == bytes.len);
    if (catalog_program_decode(&record, &program) == 0)
        program_try(&program);
    if (catalog_integration_decode(&record, &integration) == 0)
        integration_try(&integration);
    if (catalog_record_check(&record) == 0 && catalog_link_decode(&record, &link) == 0)
        rules_are_whole(link.rules);
}

static void image_try(struct slice bytes)
{
    struct catalog_image image;
    struct catalog_record record;
    if (catalog_image_open(bytes, &image))
        return;
    if (catalog_image_find(&image, CATALOG_LINK, SLICE("slug0"), &record))
        assert(record.key.data >= bytes.data &&
               record.value.data + record.value.len <= bytes.data + bytes.len);
    (void)catalog_image_find(&image, CATALOG_SETTINGS, SLICE(""), &record);
    (void)!catalog_image_check(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    record_try((struct slice){(const char *)data, size});
    image_try((struct slice){(const char *)data, size});
    if (size < CATALOG_IMAGE_HEADER_BYTES)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    bytes_put_u64(copy + 16,
                  XXH3_64bits(copy + CATALOG_IMAGE_HEADER_BYTES, size - CATALOG_IMAGE_HEADER_BYTES));
    bytes_put_u64(copy + 56, XXH3_64bits(copy, 56));
    image_try((struct slice){(const char *)copy, size});
    free(copy);
    return 0;
}
