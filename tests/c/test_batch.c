/* Batch requests: the recorded ones are written and read to the byte; no cut of them is taken. */
#include "wire/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "hex.h"
#include "page.h"
#include "steady.h"
#include "wire/frame.h"

#define K1 "b7 47 f5 85 4d 0b 33 25 99 28 d0 cf ab 7f ad 81 d6 ab fb f6 "
#define K2 "a9 33 ee 0e 8f 82 c1 06 69 71 50 d1 5e 50 4f 08 b2 b2 e0 1d "
#define NAMESPACE_AND_SET "00 00 00 05 00 74 65 73 74 00 00 00 05 01 64 65 6d 6f "

/* Two keys, all bins, 1000 ms: recorded from the official client. */
#define ROWS                                                                                       \
    "00 00 00 00 " K1 "0a 03 00 00 00 00 00 00 00 02 00 00 " NAMESPACE_AND_SET "00 00 00 01 " K2   \
    "01"
#define READ_TWO                                                                                   \
    "02 03 00 00 00 00 00 6f "                                                                     \
    "16 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 01 00 00 "                           \
    "00 00 00 55 29 00 00 00 02 0d " ROWS

static anp_batch_row row_of(const char *digest)
{
    anp_batch_row row = {.index = 0};
    memcpy(row.digest, from_hex(digest).data, ANP_DIGEST_SIZE);
    return row;
}

static void put_namespace_and_set(anp_buffer *b)
{
    anp_field_write(b, ANP_FIELD_NAMESPACE, "test", 4);
    anp_field_write(b, ANP_FIELD_SET, "demo", 4);
}

static void is_written(anp_buffer *b, const char *hex)
{
    hex_bytes want = from_hex(hex);
    assert_int_equal(b->failed, ANP_OK);
    assert_int_equal(b->size, want.size);
    assert_memory_equal(b->data, want.data, want.size);
    anp_buffer_deinit(b);
}

static void write_two(anp_buffer *b)
{
    anp_batch_frame f;
    anp_batch_begin(b, 1000, 0x0d, (anp_slice){NULL, 0}, &f);
    anp_batch_row row = row_of(K1);
    row.flags = ANP_ROW_INFO | ANP_ROW_TTL;
    row.info1 = ANP_INFO1_READ | ANP_INFO1_GET_ALL;
    row.n_fields = 2;
    anp_batch_row_write(b, &f, &row);
    put_namespace_and_set(b);
    anp_batch_repeat_write(b, &f, 1, from_hex(K2).data);
    anp_batch_end(b, &f);
}

/* ---- writing ---- */

static void test_batch_is_written_like_the_official_client(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    write_two(&b);
    is_written(&b, READ_TWO);
}

static void test_filter_of_the_batch_stands_before_its_rows(void **state)
{
    (void)state;
    anp_buffer b;
    anp_batch_frame f;
    hex_bytes filter = from_hex("93 03 93 51 02 a1 61 05");
    anp_buffer_init(&b, 1000);
    anp_batch_begin(&b, 0, 0x0c, (anp_slice){filter.data, filter.size}, &f);
    anp_batch_repeat_write(&b, &f, 7, from_hex(K1).data);
    anp_batch_end(&b, &f);
    is_written(&b, "02 03 00 00 00 00 00 46 "
                   "16 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 00 00 "
                   "00 00 00 09 2b 93 03 93 51 02 a1 61 05 "
                   "00 00 00 1f 29 00 00 00 01 0c 00 00 00 07 " K1 "01");
}

static void test_rows_of_every_kind_are_written_like_the_official_client(void **state)
{
    (void)state;
    static const struct {
        anp_batch_row row;
        const char *hex; /* behind the digest */
    } rows[] = {
        {{.flags = 0x0e, .info2 = 0x81, .n_fields = 2, .n_ops = 1},
         "0e 00 81 00 00 00 00 00 00 00 00 02 00 01"},
        {{.flags = 0x0a, .info1 = 0x01, .n_fields = 2, .n_ops = 1},
         "0a 01 00 00 00 00 00 00 00 02 00 01"},
        {{.flags = 0x0e, .info2 = 0x83, .n_fields = 2},
         "0e 00 83 00 00 00 00 00 00 00 00 02 00 00"},
        {{.flags = 0x0e, .info2 = 0x01, .n_fields = 5},
         "0e 00 01 00 00 00 00 00 00 00 00 05 00 00"},
        /* every part at once: info2, info3, info4, generation, time to live, in this order */
        {{.flags = 0x1e,
          .info1 = 1,
          .info2 = 2,
          .info3 = 3,
          .info4 = 4,
          .generation = 0x0506,
          .ttl = 0x0708090a,
          .n_fields = 0x0b0c,
          .n_ops = 0x0d0e},
         "1e 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e"},
        {{.flags = 0, .info1 = 0x21, .n_fields = 1}, "00 21 00 01 00 00"},
        {{.flags = 0x12, .info2 = 0x11, .info4 = 2, .n_fields = 2}, "12 00 11 00 02 00 02 00 00"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        anp_buffer b;
        anp_batch_frame f = {0};
        anp_batch_row row = rows[i].row, back;
        hex_bytes want = from_hex("00 00 00 05 " K2), rest = from_hex(rows[i].hex);
        memcpy(want.data + want.size, rest.data, rest.size);
        want.size += rest.size;
        row.index = 5;
        memcpy(row.digest, from_hex(K2).data, ANP_DIGEST_SIZE);
        anp_buffer_init(&b, 1000);
        anp_batch_row_write(&b, &f, &row);
        assert_int_equal(f.rows, 1);
        assert_int_equal(b.size, want.size);
        assert_memory_equal(b.data, want.data, want.size);
        anp_buffer_deinit(&b);

        anp_cursor c = anp_cursor_over(page_end_copy(want.data, want.size), want.size);
        assert_true(anp_batch_row_read(&c, &back));
        assert_int_equal(anp_cursor_left(&c), 0);
        assert_int_equal(back.index, 5);
        assert_memory_equal(back.digest, row.digest, ANP_DIGEST_SIZE);
        assert_int_equal(back.flags, row.flags);
        assert_int_equal(back.info1, row.info1);
        assert_int_equal(back.info2, row.info2);
        assert_int_equal(back.info3, row.info3);
        assert_int_equal(back.info4, row.info4);
        assert_int_equal(back.generation, row.generation);
        assert_int_equal(back.ttl, row.ttl);
        assert_int_equal(back.n_fields, row.n_fields);
        assert_int_equal(back.n_ops, row.n_ops);
        for (size_t size = 0; size < want.size; size++) {
            uint8_t *data = page_end_copy(want.data, size);
            c = anp_cursor_over(data, size);
            assert_false(anp_batch_row_read(&c, &back));
            assert_ptr_equal(c.at, data);
        }
    }
}

static void test_batch_in_a_buffer_that_is_too_small_is_a_failure(void **state)
{
    (void)state;
    size_t whole = from_hex(READ_TWO).size;
    for (size_t max = 0; max < whole; max++) {
        anp_buffer b;
        anp_buffer_init(&b, max);
        write_two(&b);
        assert_int_equal(b.failed, ANP_ERR_PARAM);
        assert_in_range(b.size, 0, max);
        anp_buffer_deinit(&b);
    }
}

/* ---- reading ---- */

/* Reads field 41's data as the node does; false where it is malformed. */
static bool read_rows(anp_cursor *c, anp_batch_row *rows, uint32_t room, uint32_t *n)
{
    uint8_t flags;
    if (!anp_batch_open(c, n, &flags)) {
        return false;
    }
    for (uint32_t i = 0; i < *n; i++) {
        anp_batch_row row;
        if (!anp_batch_row_read(c, &row)) {
            return false;
        }
        for (unsigned k = 0; k < row.n_fields; k++) {
            anp_field_view f;
            if (!anp_field_read(c, &f)) {
                return false;
            }
        }
        for (unsigned k = 0; k < row.n_ops; k++) {
            anp_op op;
            if (!anp_op_read(c, &op)) {
                return false;
            }
        }
        if (i < room) {
            rows[i] = row;
        }
    }
    return true;
}

static hex_bytes field_data(void)
{
    return from_hex("00 00 00 02 0d " ROWS);
}

static void test_recorded_batch_is_read_row_by_row(void **state)
{
    (void)state;
    hex_bytes frame = from_hex(READ_TWO);
    anp_cursor c = anp_cursor_over(page_end_copy(frame.data, frame.size), frame.size);
    const uint8_t *head = anp_cursor_take(&c, ANP_PROTO_HEAD);
    anp_frame f;
    anp_message m;
    anp_field_view field;
    assert_int_equal(anp_frame_read(head, ANP_PROTO_MAX, &f, NULL), ANP_OK);
    assert_int_equal(f.size, anp_cursor_left(&c));
    assert_true(anp_message_read(&c, &m));
    assert_int_equal(m.info1, ANP_INFO1_BATCH);
    assert_int_equal(m.index, 1000);
    assert_true(anp_field_read(&c, &field));
    assert_int_equal(anp_cursor_left(&c), 0);
    assert_int_equal(field.type, ANP_FIELD_BATCH);
    assert_int_equal(field.data.size, 84);

    anp_batch_row rows[2];
    uint32_t n;
    c = anp_cursor_over(field.data.data, field.data.size);
    assert_true(read_rows(&c, rows, 2, &n));
    assert_int_equal(anp_cursor_left(&c), 0);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].index, 0);
    assert_memory_equal(rows[0].digest, from_hex(K1).data, ANP_DIGEST_SIZE);
    assert_int_equal(rows[0].flags, ANP_ROW_INFO | ANP_ROW_TTL);
    assert_int_equal(rows[0].info1, ANP_INFO1_READ | ANP_INFO1_GET_ALL);
    assert_int_equal(rows[0].n_fields, 2);
    assert_int_equal(rows[1].index, 1);
    assert_memory_equal(rows[1].digest, from_hex(K2).data, ANP_DIGEST_SIZE);
    assert_int_equal(rows[1].flags, ANP_ROW_REPEAT);
    assert_int_equal(rows[1].info1, 0);
    assert_int_equal(rows[1].n_fields, 0);
}

static void test_batch_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    hex_bytes whole = field_data();
    for (size_t size = 0; size <= whole.size; size++) {
        anp_cursor c = anp_cursor_over(page_end_copy(whole.data, size), size);
        uint32_t n;
        assert_int_equal(read_rows(&c, NULL, 0, &n), size == whole.size);
    }
}

static void test_more_rows_than_there_are_bytes_are_refused(void **state)
{
    (void)state;
    hex_bytes b = field_data();
    memset(b.data, 0xff, 4);
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    uint32_t n;
    assert_false(read_rows(&c, NULL, 0, &n));
}

static void test_damaged_batches_are_read_within_bounds(void **state)
{
    (void)state;
    anp_random_seed(3);
    hex_bytes whole = field_data();
    for (int round = 0; round < 20000; round++) {
        uint8_t *data = page_end_copy(whole.data, whole.size);
        for (uint64_t k = 1 + anp_random() % 3; k != 0; k--) {
            data[anp_random() % whole.size] = (uint8_t)anp_random();
        }
        anp_cursor c = anp_cursor_over(data, whole.size);
        uint32_t n;
        (void)read_rows(&c, NULL, 0, &n);
        assert_true(c.at >= data && c.at <= c.end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_is_written_like_the_official_client),
        cmocka_unit_test(test_filter_of_the_batch_stands_before_its_rows),
        cmocka_unit_test(test_rows_of_every_kind_are_written_like_the_official_client),
        cmocka_unit_test(test_batch_in_a_buffer_that_is_too_small_is_a_failure),
        cmocka_unit_test(test_recorded_batch_is_read_row_by_row),
        cmocka_unit_test(test_batch_cut_at_any_byte_is_refused),
        cmocka_unit_test(test_more_rows_than_there_are_bytes_are_refused),
        cmocka_unit_test(test_damaged_batches_are_read_within_bounds),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
