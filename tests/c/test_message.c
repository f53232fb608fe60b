/* Messages: recorded requests and replies are read and written to the byte; lengths that can't be
 * are refused, wherever the input is cut. */
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "hex.h"
#include "page.h"
#include "wire/frame.h"

#define KEY_FIELDS                                                                                 \
    "00 00 00 05 00 74 65 73 74  00 00 00 05 01 64 65 6d 6f "                                      \
    "00 00 00 15 04 b7 47 f5 85 4d 0b 33 25 99 28 d0 cf ab 7f ad 81 d6 ab fb f6 "
#define DIGEST "b7 47 f5 85 4d 0b 33 25 99 28 d0 cf ab 7f ad 81 d6 ab fb f6"
#define OP_A_IS_1 "00 00 00 0d 02 01 00 01 61 00 00 00 00 00 00 00 01 "
#define OP_B_IS_X "00 00 00 06 02 03 00 01 62 78 "

/* The requests were recorded from the official client; the whole frames. */
#define GET_ALL                                                                                    \
    "02 03 00 00 00 00 00 41 16 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 00 " KEY_FIELDS
#define SELECT_A                                                                                            \
    "02 03 00 00 00 00 00 4a 16 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 01 " KEY_FIELDS \
    "00 00 00 05 01 00 00 01 61"
#define EXISTS                                                                                     \
    "02 03 00 00 00 00 00 41 16 21 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 00 " KEY_FIELDS
#define PUT                                                                                                 \
    "02 03 00 00 00 00 00 5c 16 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 02 " KEY_FIELDS \
        OP_A_IS_1 OP_B_IS_X

/* The replies were recorded from a real server; messages without the frame's head. */
#define FOUND                                                                                      \
    "16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 02 "                           \
    "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01   00 00 00 06 01 03 00 01 62 78"
#define NOT_FOUND "16 00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"

/* The head, then fields and operations to the last byte. */
static bool read_all(anp_cursor *c, anp_message *m)
{
    if (!anp_message_read(c, m)) {
        return false;
    }
    for (unsigned i = 0; i < m->n_fields; i++) {
        anp_field_view f;
        if (!anp_field_read(c, &f)) {
            return false;
        }
    }
    for (unsigned i = 0; i < m->n_ops; i++) {
        anp_op op;
        if (!anp_op_read(c, &op)) {
            return false;
        }
    }
    return true;
}

static void is_slice(anp_slice s, const char *text)
{
    assert_int_equal(s.size, strlen(text));
    assert_memory_equal(s.data, text, s.size);
}

/* ---- reading ---- */

static void test_recorded_reply_gives_its_bins(void **state)
{
    (void)state;
    hex_bytes b = from_hex(FOUND);
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    anp_message m;
    anp_op op;
    assert_true(anp_message_read(&c, &m));
    assert_int_equal(m.result, 0);
    assert_int_equal(m.generation, 1);
    assert_int_equal(m.ttl, 0);
    assert_int_equal(m.n_fields, 0);
    assert_int_equal(m.n_ops, 2);
    assert_true(anp_op_read(&c, &op));
    assert_int_equal(op.type, ANP_OP_READ);
    is_slice(op.name, "a");
    int64_t v;
    assert_true(anp_particle_integer(&op.value, &v));
    assert_int_equal(v, 1);
    assert_true(anp_op_read(&c, &op));
    is_slice(op.name, "b");
    assert_int_equal(op.value.type, ANP_PARTICLE_STRING);
    is_slice((anp_slice){op.value.data, op.value.size}, "x");
    assert_int_equal(anp_cursor_left(&c), 0);
}

static void test_recorded_miss_is_a_head_with_code_2(void **state)
{
    (void)state;
    hex_bytes b = from_hex(NOT_FOUND);
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    anp_message m;
    assert_true(read_all(&c, &m));
    assert_int_equal(m.result, ANP_NOT_FOUND);
    assert_int_equal(m.n_ops, 0);
}

static void test_recorded_increment_is_written_and_its_sum_read(void **state)
{
    (void)state;
    hex_bytes reply = from_hex("16 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 01 "
                               "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 02");
    hex_bytes ops = from_hex("00 00 00 0d 05 01 00 01 61 00 00 00 00 00 00 00 01 "
                             "00 00 00 05 01 00 00 01 61");
    anp_cursor c = anp_cursor_over(page_end_copy(reply.data, reply.size), reply.size);
    anp_message m;
    anp_op op;
    int64_t v;
    assert_true(anp_message_read(&c, &m));
    assert_int_equal(m.generation, 2);
    assert_true(anp_op_read(&c, &op));
    assert_true(anp_particle_integer(&op.value, &v));
    assert_int_equal(v, 2);
    assert_int_equal(anp_cursor_left(&c), 0);

    anp_buffer b;
    anp_buffer_init(&b, 100);
    anp_op_write(&b, ANP_OP_INCR, "a", 1, ANP_PARTICLE_INTEGER,
                 from_hex("00 00 00 00 00 00 00 01").data, 8);
    anp_op_write(&b, ANP_OP_READ, "a", 1, ANP_PARTICLE_NULL, NULL, 0);
    assert_int_equal(b.size, ops.size);
    assert_memory_equal(b.data, ops.data, ops.size);
    anp_buffer_deinit(&b);
}

static void test_every_part_of_a_head_is_read_from_its_place(void **state)
{
    (void)state;
    hex_bytes b = from_hex("16 01 35 02 10 05 00 00 00 03 00 00 00 4d 00 00 03 e8 00 04 01 02");
    anp_cursor c = anp_cursor_over(b.data, b.size);
    anp_message m;
    assert_true(anp_message_read(&c, &m));
    assert_int_equal(m.info1, 0x01);
    assert_int_equal(m.info2, 0x35);
    assert_int_equal(m.info3, 0x02);
    assert_int_equal(m.info4, 0x10);
    assert_int_equal(m.result, 5);
    assert_int_equal(m.generation, 3);
    assert_int_equal(m.ttl, 77);
    assert_int_equal(m.index, 1000);
    assert_int_equal(m.n_fields, 4);
    assert_int_equal(m.n_ops, 0x102);
}

static void test_larger_head_of_a_newer_server_is_skipped(void **state)
{
    (void)state;
    hex_bytes b = from_hex("18 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 01 ee ee"
                           "00 00 00 05 01 00 00 01 61");
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    anp_message m;
    assert_true(read_all(&c, &m));
    assert_int_equal(anp_cursor_left(&c), 0);
    size_t length;
    assert_int_equal(anp_message_measure(b.data, b.size, b.size, &length), ANP_MEASURE_WHOLE);
    assert_int_equal(length, b.size);
}

static void test_head_smaller_than_22_is_refused(void **state)
{
    (void)state;
    hex_bytes b = from_hex(FOUND);
    anp_message m;
    size_t length;
    for (unsigned size = 0; size < ANP_MESSAGE_HEAD; size++) {
        b.data[0] = (uint8_t)size;
        anp_cursor c = anp_cursor_over(b.data, b.size);
        assert_false(anp_message_read(&c, &m));
        assert_ptr_equal(c.at, b.data);
        assert_int_equal(anp_message_measure(b.data, b.size, b.size, &length), ANP_MEASURE_BAD);
        assert_int_equal(anp_message_measure(b.data, 1, b.size, &length), ANP_MEASURE_BAD);
    }
}

static void test_key_field_and_digest_field_are_views(void **state)
{
    (void)state;
    hex_bytes b = from_hex("00 00 00 04 02 03 6b 31 00 00 00 15 04 " DIGEST " 00 00 00 01 01");
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    anp_field_view f;
    assert_true(anp_field_read(&c, &f));
    assert_int_equal(f.type, ANP_FIELD_KEY);
    is_slice(f.data, "\3k1");
    assert_true(anp_field_read(&c, &f));
    assert_int_equal(f.type, ANP_FIELD_DIGEST);
    assert_int_equal(f.data.size, ANP_DIGEST_SIZE);
    assert_memory_equal(f.data.data, from_hex(DIGEST).data, ANP_DIGEST_SIZE);
    assert_true(anp_field_read(&c, &f)); /* an empty set name */
    assert_int_equal(f.data.size, 0);
    assert_false(anp_field_read(&c, &f));
}

static void test_operations_of_every_shape_are_read(void **state)
{
    (void)state;
    hex_bytes b = from_hex("00 00 00 0d 02 02 00 01 66 3f f8 00 00 00 00 00 00 "
                           "00 00 00 06 02 11 00 01 74 01 "
                           "00 00 00 07 02 04 00 01 79 01 02 "
                           "00 00 00 0c 02 14 00 01 6c 94 01 a2 03 61 c0 fd "
                           "00 00 00 0a 02 13 00 01 6d 81 a2 03 6b 01 "
                           "00 00 00 04 0b 00 00 00 "        /* touch: no name, no value */
                           "00 00 00 05 05 00 00 01 61 "     /* a null result */
                           "00 00 00 06 01 00 00 02 7a 7a"); /* another */
    static const struct {
        uint8_t type, particle;
        const char *name;
        uint32_t size;
    } want[] = {{2, 2, "f", 8},  {2, 17, "t", 1}, {2, 4, "y", 2}, {2, 20, "l", 7},
                {2, 19, "m", 5}, {11, 0, "", 0},  {5, 0, "a", 0}, {1, 0, "zz", 0}};
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        anp_op op;
        assert_true(anp_op_read(&c, &op));
        assert_int_equal(op.type, want[i].type);
        assert_int_equal(op.flags, 0);
        assert_int_equal(op.value.type, want[i].particle);
        assert_int_equal(op.value.size, want[i].size);
        is_slice(op.name, want[i].name);
    }
    assert_int_equal(anp_cursor_left(&c), 0);
}

static void test_bad_lengths_of_fields_and_operations_are_refused(void **state)
{
    (void)state;
    static const char *const fields[] = {"00 00 00 00", "00 00 00 00 01", "00 00 00 02 01",
                                         "ff ff ff ff 01 02", "7f ff ff ff 01 02"};
    static const char *const ops[] = {"00 00 00 00 01 00 00 00",    "00 00 00 03 01 00 00 00",
                                      "00 00 00 04 01 00 00 01 61", "00 00 00 05 01 00 00 02 61 61",
                                      "00 00 00 05 01 00 00 ff 61", "ff ff ff ff 01 00 00 00",
                                      "ff ff ff ff 01 00 00 ff",    "00 00 00 06 01 00 00 01 61"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        hex_bytes b = from_hex(fields[i]);
        uint8_t *data = page_end_copy(b.data, b.size);
        anp_cursor c = anp_cursor_over(data, b.size);
        anp_field_view f;
        assert_false(anp_field_read(&c, &f));
        assert_ptr_equal(c.at, data);
    }
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        hex_bytes b = from_hex(ops[i]);
        uint8_t *data = page_end_copy(b.data, b.size);
        anp_cursor c = anp_cursor_over(data, b.size);
        anp_op op;
        assert_false(anp_op_read(&c, &op));
        assert_ptr_equal(c.at, data);
    }
}

static const char *const recorded[] = {GET_ALL, SELECT_A, EXISTS, PUT};

static void test_messages_cut_at_any_byte_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        hex_bytes b = from_hex(recorded[i]);
        size_t whole = b.size - ANP_PROTO_HEAD;
        for (size_t size = 0; size <= whole; size++) {
            uint8_t *data = page_end_copy(b.data + ANP_PROTO_HEAD, size);
            anp_cursor c = anp_cursor_over(data, size);
            anp_message m;
            assert_int_equal(read_all(&c, &m), size == whole);
        }
    }
}

/* ---- measuring ---- */

static void test_measure_asks_for_more_until_a_message_is_whole(void **state)
{
    (void)state;
    const char *const messages[] = {FOUND, NOT_FOUND, GET_ALL, PUT};
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        hex_bytes b = from_hex(messages[i]);
        size_t skip_head = b.data[0] == 2 ? ANP_PROTO_HEAD : 0;
        size_t whole = b.size - skip_head;
        for (size_t size = 0; size < whole; size++) {
            size_t length = 0;
            const uint8_t *data = page_end_copy(b.data + skip_head, size);
            assert_int_equal(anp_message_measure(data, size, whole, &length), ANP_MEASURE_SHORT);
            assert_in_range(length, size + 1, whole); /* progress, and never too much */
        }
        size_t length = 0;
        const uint8_t *data = page_end_copy(b.data + skip_head, whole);
        assert_int_equal(anp_message_measure(data, whole, whole, &length), ANP_MEASURE_WHOLE);
        assert_int_equal(length, whole);
        assert_int_equal(anp_message_measure(data, whole, whole + 1000, &length),
                         ANP_MEASURE_WHOLE); /* others follow */
        assert_int_equal(length, whole);
    }
}

static void test_measure_refuses_what_the_frame_cannot_hold(void **state)
{
    (void)state;
    hex_bytes b = from_hex(FOUND);
    for (size_t frame = 0; frame < b.size; frame++) {
        size_t length = 0;
        size_t here = frame < b.size ? frame : b.size;
        const uint8_t *data = page_end_copy(b.data, here);
        assert_int_equal(anp_message_measure(data, here, frame, &length), ANP_MEASURE_BAD);
    }
}

static void measure_is(const char *tail, uint8_t n_fields, uint8_t n_ops, uint64_t frame_left,
                       anp_measure want)
{
    hex_bytes b = from_hex(NOT_FOUND), more = from_hex(tail);
    memcpy(b.data + b.size, more.data, more.size);
    b.size += more.size;
    b.data[19] = n_fields;
    b.data[21] = n_ops;
    size_t length;
    assert_int_equal(
        anp_message_measure(page_end_copy(b.data, b.size), b.size, frame_left, &length), want);
}

static void test_measure_refuses_lengths_that_can_never_be_right(void **state)
{
    (void)state;
    measure_is("00 00 00 00 01", 1, 0, 1000, ANP_MEASURE_BAD);          /* field below its type */
    measure_is("00 00 00 03 01 00 00 00", 0, 1, 1000, ANP_MEASURE_BAD); /* op below its head */
    measure_is("00 00 00 05 01 00 00 02 61", 0, 1, 1000, ANP_MEASURE_BAD); /* name beyond the op */
    measure_is("ff ff ff ff 01 00 00 01", 0, 1, 1000, ANP_MEASURE_BAD);
    measure_is("ff ff ff ff 01", 1, 0, 1000, ANP_MEASURE_BAD);
    measure_is("00 00 03 ce 01 00 00 01", 0, 1, 1000, ANP_MEASURE_SHORT); /* ends with the frame */
    measure_is("00 00 03 cf 01 00 00 01", 0, 1, 1000, ANP_MEASURE_BAD);   /* one byte beyond */
    measure_is("", 0, 3, 22 + 7, ANP_MEASURE_BAD); /* no room for one operation */
    measure_is("", 1, 0, 22 + 4, ANP_MEASURE_BAD);
}

static void test_measure_takes_as_many_operations_as_there_can_be(void **state)
{
    (void)state;
    enum { OPS = 65535 };
    size_t size = ANP_MESSAGE_HEAD + OPS * 8;
    uint8_t *data = calloc(size, 1);
    assert_non_null(data);
    memcpy(data, from_hex(NOT_FOUND).data, ANP_MESSAGE_HEAD);
    data[20] = data[21] = 0xff;
    for (size_t i = 0; i < OPS; i++) {
        data[ANP_MESSAGE_HEAD + i * 8 + 3] = 4;
    }
    size_t length;
    assert_int_equal(anp_message_measure(data, size, size, &length), ANP_MEASURE_WHOLE);
    assert_int_equal(length, size);
    assert_int_equal(anp_message_measure(data, size, size - 1, &length), ANP_MEASURE_BAD);
    free(data);
}

/* Whatever is in a message: nothing is read beyond it, and what measures WHOLE can be read. */
static void test_damaged_messages_are_measured_and_read_within_bounds(void **state)
{
    (void)state;
    anp_random_seed(1);
    hex_bytes original = from_hex(PUT);
    size_t whole = original.size - ANP_PROTO_HEAD;
    for (int round = 0; round < 20000; round++) {
        uint8_t *data = page_end_copy(original.data + ANP_PROTO_HEAD, whole);
        for (uint64_t n = 1 + anp_random() % 3; n != 0; n--) {
            data[anp_random() % whole] = (uint8_t)anp_random();
        }
        size_t length = 0;
        anp_cursor c = anp_cursor_over(data, whole);
        anp_message m;
        bool read = read_all(&c, &m);
        switch (anp_message_measure(data, whole, whole, &length)) {
        case ANP_MEASURE_WHOLE:
            assert_true(read);
            assert_ptr_equal(c.at, data + length);
            break;
        case ANP_MEASURE_SHORT:
            fail_msg("the whole frame is here");
            break;
        case ANP_MEASURE_BAD:
            assert_false(read);
            break;
        }
    }
}

/* ---- writing ---- */

static void put_key_fields(anp_buffer *b)
{
    anp_field_write(b, ANP_FIELD_NAMESPACE, "test", 4);
    anp_field_write(b, ANP_FIELD_SET, "demo", 4);
    anp_field_write(b, ANP_FIELD_DIGEST, from_hex(DIGEST).data, ANP_DIGEST_SIZE);
}

static void is_written(anp_buffer *b, const char *hex)
{
    hex_bytes want = from_hex(hex);
    assert_int_equal(b->failed, ANP_OK);
    assert_int_equal(b->size, want.size);
    assert_memory_equal(b->data, want.data, want.size);
    anp_buffer_deinit(b);
}

static void test_requests_are_written_like_the_official_client(void **state)
{
    (void)state;
    static const struct {
        uint8_t info1;
        const char *bin, *frame;
    } reads[] = {{0x03, NULL, GET_ALL}, {0x01, "a", SELECT_A}, {0x21, NULL, EXISTS}};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        anp_buffer b;
        anp_buffer_init(&b, 4096);
        size_t frame = anp_frame_begin(&b);
        anp_message m = {
            .info1 = reads[i].info1, .index = 1000, .n_fields = 3, .n_ops = reads[i].bin != NULL};
        anp_message_write(&b, &m);
        put_key_fields(&b);
        if (reads[i].bin != NULL) {
            anp_op_write(&b, ANP_OP_READ, reads[i].bin, 1, 0, NULL, 0);
        }
        anp_frame_end(&b, frame, ANP_PROTO_MESSAGE);
        is_written(&b, reads[i].frame);
    }
}

static void test_policies_are_written_to_their_places(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 100);
    anp_message m = {.info2 = 0x35,
                     .info3 = 2,
                     .generation = 3,
                     .ttl = 77,
                     .index = 1000,
                     .n_fields = 4,
                     .n_ops = 1};
    anp_message_write(&b, &m);
    is_written(&b, "16 00 35 02 00 00 00 00 00 03 00 00 00 4d 00 00 03 e8 00 04 00 01");
}

static void test_touch_has_neither_name_nor_value(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 100);
    anp_op_write(&b, ANP_OP_TOUCH, NULL, 0, ANP_PARTICLE_NULL, NULL, 0);
    is_written(&b, "00 00 00 04 0b 00 00 00");
}

static void test_full_buffer_keeps_whole_parts_only(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 22 + 9 + 17; max++) {
        anp_buffer b;
        anp_buffer_init(&b, max);
        anp_message_write(&b, &(anp_message){0});
        anp_field_write(&b, ANP_FIELD_NAMESPACE, "test", 4);
        anp_op_write(&b, ANP_OP_WRITE, "a", 1, ANP_PARTICLE_INTEGER,
                     from_hex("00 00 00 00 00 00 00 01").data, 8);
        assert_int_equal(b.failed, max == 22 + 9 + 17 ? ANP_OK : ANP_ERR_PARAM);
        assert_in_range(b.size, 0, max);
        anp_buffer_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_reply_gives_its_bins),
        cmocka_unit_test(test_recorded_miss_is_a_head_with_code_2),
        cmocka_unit_test(test_recorded_increment_is_written_and_its_sum_read),
        cmocka_unit_test(test_every_part_of_a_head_is_read_from_its_place),
        cmocka_unit_test(test_larger_head_of_a_newer_server_is_skipped),
        cmocka_unit_test(test_head_smaller_than_22_is_refused),
        cmocka_unit_test(test_key_field_and_digest_field_are_views),
        cmocka_unit_test(test_operations_of_every_shape_are_read),
        cmocka_unit_test(test_bad_lengths_of_fields_and_operations_are_refused),
        cmocka_unit_test(test_messages_cut_at_any_byte_are_refused),
        cmocka_unit_test(test_measure_asks_for_more_until_a_message_is_whole),
        cmocka_unit_test(test_measure_refuses_what_the_frame_cannot_hold),
        cmocka_unit_test(test_measure_refuses_lengths_that_can_never_be_right),
        cmocka_unit_test(test_measure_takes_as_many_operations_as_there_can_be),
        cmocka_unit_test(test_damaged_messages_are_measured_and_read_within_bounds),
        cmocka_unit_test(test_requests_are_written_like_the_official_client),
        cmocka_unit_test(test_policies_are_written_to_their_places),
        cmocka_unit_test(test_touch_has_neither_name_nor_value),
        cmocka_unit_test(test_full_buffer_keeps_whole_parts_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
