/* Frame heads: recorded ones are read and written as they were; what is no frame is refused. */
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "page.h"

static const struct {
    const char *head;
    uint8_t type;
    uint64_t size;
} recorded[] = {
    {"02 01 00 00 00 00 00 0b", ANP_PROTO_INFO, 11},
    {"02 01 00 00 00 00 00 16", ANP_PROTO_INFO, 22},
    {"02 03 00 00 00 00 00 6f", ANP_PROTO_MESSAGE, 111},
    {"02 03 00 00 00 00 00 41", ANP_PROTO_MESSAGE, 65},
    {"02 02 00 00 00 00 00 10", ANP_PROTO_ADMIN, 16},
    {"02 04 00 00 08 00 00 00", ANP_PROTO_COMPRESSED, ANP_PROTO_MAX},
};

static void test_recorded_heads_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        hex_bytes want = from_hex(recorded[i].head);
        anp_frame frame;
        anp_error err;
        assert_int_equal(
            anp_frame_read(page_end_copy(want.data, want.size), ANP_PROTO_MAX, &frame, &err),
            ANP_OK);
        assert_int_equal(frame.type, recorded[i].type);
        assert_int_equal(frame.size, recorded[i].size);
        uint8_t head[ANP_PROTO_HEAD];
        anp_frame_write(head, (anp_proto_type)recorded[i].type, recorded[i].size);
        assert_memory_equal(head, want.data, sizeof head);
    }
}

static void refuse(const char *head, uint64_t max, const char *says)
{
    anp_frame frame;
    anp_error err = {.code = ANP_OK};
    assert_int_equal(anp_frame_read(from_hex(head).data, max, &frame, &err), ANP_ERR_PROTOCOL);
    assert_int_equal(err.code, ANP_ERR_PROTOCOL);
    assert_non_null(strstr(err.message, says));
    assert_int_equal(anp_frame_read(from_hex(head).data, max, &frame, NULL), ANP_ERR_PROTOCOL);
}

static void test_other_protocol_versions_are_refused(void **state)
{
    (void)state;
    refuse("00 02 00 00 00 00 00 10", ANP_PROTO_MAX, "version 0");
    refuse("01 03 00 00 00 00 00 16", ANP_PROTO_MAX, "version 1");
    refuse("03 03 00 00 00 00 00 16", ANP_PROTO_MAX, "version 3");
    refuse("16 03 01 02 00 01 00 01", ANP_PROTO_MAX, "version 22"); /* a TLS peer */
    refuse("48 54 54 50 2f 31 2e 31", ANP_PROTO_MAX, "version 72"); /* an HTTP one */
}

static void test_unknown_types_are_refused(void **state)
{
    (void)state;
    refuse("02 00 00 00 00 00 00 16", ANP_PROTO_MAX, "type 0");
    refuse("02 05 00 00 00 00 00 16", ANP_PROTO_MAX, "type 5");
    refuse("02 ff 00 00 00 00 00 16", ANP_PROTO_MAX, "type 255");
}

static void test_body_above_the_limit_is_refused_with_both_numbers(void **state)
{
    (void)state;
    refuse("02 03 00 00 08 00 00 01", ANP_PROTO_MAX,
           "134217729 bytes, above the limit of 134217728");
    refuse("02 03 ff ff ff ff ff ff", ANP_PROTO_MAX, "281474976710655");
    refuse("02 01 00 00 00 00 00 0b", 10, "11 bytes, above the limit of 10");
    refuse("02 01 00 00 00 00 00 01", 0, "1 bytes");
}

static void test_empty_body_is_a_frame(void **state)
{
    (void)state;
    anp_frame frame;
    anp_error err;
    assert_int_equal(anp_frame_read(from_hex("02 01 00 00 00 00 00 00").data, 0, &frame, &err),
                     ANP_OK);
    assert_int_equal(frame.size, 0);
}

static void test_frames_in_one_buffer_get_their_own_sizes(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    size_t first = anp_frame_begin(&b);
    anp_buffer_put(&b, "node\nbuild\n", 11);
    anp_frame_end(&b, first, ANP_PROTO_INFO);
    size_t second = anp_frame_begin(&b);
    anp_frame_end(&b, second, ANP_PROTO_MESSAGE);
    hex_bytes want = from_hex("02 01 00 00 00 00 00 0b  6e 6f 64 65 0a 62 75 69 6c 64 0a"
                              "02 03 00 00 00 00 00 00");
    assert_int_equal(b.size, want.size);
    assert_memory_equal(b.data, want.data, want.size);
    anp_buffer_deinit(&b);
}

static void test_frame_in_a_buffer_that_is_full_stays_a_failure(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 7);
    size_t begin = anp_frame_begin(&b);
    anp_frame_end(&b, begin, ANP_PROTO_INFO);
    assert_int_equal(b.failed, ANP_ERR_PARAM);
    assert_int_equal(b.size, 0);
    anp_buffer_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_heads_are_read_and_written),
        cmocka_unit_test(test_other_protocol_versions_are_refused),
        cmocka_unit_test(test_unknown_types_are_refused),
        cmocka_unit_test(test_body_above_the_limit_is_refused_with_both_numbers),
        cmocka_unit_test(test_empty_body_is_a_frame),
        cmocka_unit_test(test_frames_in_one_buffer_get_their_own_sizes),
        cmocka_unit_test(test_frame_in_a_buffer_that_is_full_stays_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
