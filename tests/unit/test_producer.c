// Frames of a producer: numbered, chained, bounded; what is discarded leaves no trace.

#include "tracker/producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/delta.h"

static struct hit hit_make(size_t bytes)
{
    static const char text[HIT_FIELD_MAX + 1];
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN, .status = 302};

    hit.field[HIT_PATH] = (struct slice){text, bytes};
    return hit;
}

// All of the frame's hits are this one.
static void hits_check(const struct frame_header *header, struct slice frame, const struct hit *hit)
{
    static uint8_t raw[16384];
    struct slice payload = {frame.data + FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES};
    struct bytes_reader reader = bytes_reader(raw, delta_hits_bytes(payload));
    struct hit out;

    assert_int_equal(header->version, FRAME_VERSION_DELTA);
    assert_in_range(delta_room_bytes(payload), 1, sizeof(raw));
    assert_int_equal(delta_undo(payload, raw), 0);
    for (unsigned i = 0; i < header->count; i++) {
        assert_int_equal(hit_next(&reader, &out, NULL), 0);
        assert_true(slice_equal(out.field[HIT_PATH], hit->field[HIT_PATH]));
    }
    assert_int_equal(hit_next(&reader, &out, NULL), HIT_END);
}

static void frames_are_numbered_and_chained(void **state)
{
    (void)state;
    struct producer producer;
    struct frame_header header;
    struct hit hit = hit_make(10);
    uint64_t chain = 0, hits = 0;

    assert_int_equal(producer_init(&producer, 4096), 0);
    producer_renew(&producer, FRAME_UNJOURNALED);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        for (uint64_t i = 0; i < seq; i++)
            assert_int_equal(producer_add(&producer, &hit), 0);
        struct slice frame = producer_seal(&producer, seq > 2 ? 2 : 0, 1);
        assert_int_equal(frame_header_decode(frame.data, frame.len, &header), 0);
        assert_int_equal(
            frame_payload_check(&header, frame.data + FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES), 0);
        assert_memory_equal(header.producer, producer.id, PRODUCER_BYTES);
        assert_int_equal(header.seq, seq);
        assert_int_equal(header.count, seq);
        assert_int_equal(header.prev, chain);
        assert_int_equal(header.hits_before, hits);
        assert_int_equal(header.base, seq > 2 ? 2 : seq);
        assert_int_equal(header.hits_before_base, seq > 2 ? 1 : hits);
        assert_int_equal(header.flags, FRAME_UNJOURNALED);
        hits_check(&header, frame, &hit);
        chain = frame_chain((const uint8_t *)frame.data);
        hits += seq;
        producer_commit(&producer);
    }
    uint8_t end[FRAME_HEADER_BYTES];
    producer_end(producer.id, producer.seq, producer.hits_before, producer.prev, 0, 1, 0, end);
    assert_int_equal(frame_header_decode(end, sizeof(end), &header), 0);
    assert_int_equal(header.flags, FRAME_END);
    assert_int_equal(header.prev, chain);
    producer_deinit(&producer);
}

static void a_full_frame_says_so_and_stays_good(void **state)
{
    (void)state;
    struct producer producer;
    struct frame_header header;
    struct hit hit = hit_make(100), long_hit = hit_make(HIT_FIELD_MAX + 1), strange = hit_make(5);
    unsigned n = 0;
    int r;

    strange.kind = 99;
    assert_int_equal(producer_init(&producer, 1000), 0);
    producer_renew(&producer, 0);
    assert_int_equal(producer_add(&producer, &long_hit), PRODUCER_REFUSED);
    assert_int_equal(producer_add(&producer, &strange), PRODUCER_REFUSED);
    while ((r = producer_add(&producer, &hit)) == 0)
        n++;
    assert_int_equal(r, PRODUCER_FULL);
    assert_in_range(n, 6, 8);
    struct hit small = hit_make(1);
    assert_int_equal(producer_add(&producer, &small), 0); // a smaller one may still fit
    struct slice frame = producer_seal(&producer, 0, 0);
    assert_int_equal(frame_header_decode(frame.data, frame.len, &header), 0);
    assert_int_equal(header.count, n + 1);
    producer_discard(&producer);
    assert_int_equal(producer.seq, 1);
    assert_int_equal(producer_add(&producer, &hit), 0);
    frame = producer_seal(&producer, 0, 0);
    assert_int_equal(frame_header_decode(frame.data, frame.len, &header), 0);
    assert_int_equal(header.count, 1);
    producer_deinit(&producer);
}

static void every_producer_is_another(void **state)
{
    (void)state;
    struct producer producer;
    uint8_t before[PRODUCER_BYTES];

    assert_int_equal(producer_init(&producer, 1000), 0);
    producer_renew(&producer, 0);
    memcpy(before, producer.id, sizeof(before));
    producer_renew(&producer, 0);
    assert_memory_not_equal(before, producer.id, sizeof(before));
    producer_deinit(&producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_numbered_and_chained),
        cmocka_unit_test(a_full_frame_says_so_and_stays_good),
        cmocka_unit_test(every_producer_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
