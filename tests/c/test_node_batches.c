/* Batches of the embedded node: bytes of real clients and servers, rows that are wrong, and frames.
 */
#include "node_requests.h"

#define BATCH(size, field, rows, flags)                                                            \
    "02 03 00 00 00 00 00 " size                                                                   \
    " 16 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 01 00 00 00 00 00 " field           \
    " 29 00 00 00 " rows " " flags " "

static void test_batch_read_as_recorded(void **state)
{
    int fd = fd_of(state);
    expect(fd,
           "02 03 00 00 00 00 00 52 16 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "
           "01 " FIELDS A1,
           HEADER_ONLY("00", "01"));
    expect(
        fd,
        BATCH("6f", "55", "02", "0d") "00 00 00 00 " K1
                                      "0a 03 00 00 00 00 00 00 00 02 00 00 " NS SET
                                      "00 00 00 01 " K2 "01",
        "02 03 00 00 00 00 00 3d 16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 01 "
        "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01 "
        "16 00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00 " TRAILER("00"));
}

static void test_mixed_batch_runs_its_rows_in_order(void **state)
{
    int fd = fd_of(state);
    expect(fd,
           BATCH("e0", "c6", "03",
                 "0d") "00 00 00 05 " K1 "0e 00 81 00 00 00 00 00 00 00 00 02 00 01 " NS SET
                       "00 00 00 0d 02 01 00 01 61 00 00 00 00 00 00 00 07 "
                       "00 00 00 06 " K1 "0a 01 00 00 00 00 00 00 00 02 00 01 " NS SET
                       "00 00 00 05 01 00 00 01 61 "
                       "00 00 00 07 " K1 "0e 00 83 00 00 00 00 00 00 00 00 02 00 00 " NS SET,
           "02 03 00 00 00 00 00 5c "
           "16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 05 00 00 00 01 00 00 00 05 02 00 00 "
           "01 61 " /* WRITE, no result */
           "16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 06 00 00 00 01 00 00 00 0d 01 01 00 "
           "01 61 00 00 00 00 00 00 00 07 "
           "16 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 07 00 00 00 00 " TRAILER("00"));
    expect(fd, GET_ALL, HEADER_ONLY("02", "00"));
}

/* Starts a batch of `rows` rows; finish_batch() fills the sizes in. */
static void start_batch(bytes *b, uint32_t rows, uint8_t flags)
{
    start(b, (request){.info1 = 8});
    put_number(b, 0, 4);
    put_number(b, 41, 1);
    put_number(b, rows, 4);
    put_number(b, flags, 1);
}

static void put_row(bytes *b, uint32_t index, const char *key, uint8_t info1, uint8_t info2,
                    const char *ns, unsigned n_fields, unsigned n_ops)
{
    uint8_t digest[20];
    digest_of(key, digest);
    put_number(b, index, 4);
    put(b, digest, 20);
    put(b, (const uint8_t[]){2, info1, info2, 0}, 4);
    put_number(b, n_fields, 2);
    put_number(b, n_ops, 2);
    if (n_fields != 0) {
        put_field(b, 0, ns, strlen(ns));
        put_field(b, 1, "demo", 4);
    }
}

static void put_repeat(bytes *b, uint32_t index, const char *key)
{
    uint8_t digest[20];
    digest_of(key, digest);
    put_number(b, index, 4);
    put(b, digest, 20);
    put_number(b, 1, 1);
}

static void send_batch(int fd, bytes *b)
{
    set_number(b, HEAD, b->size - HEAD - 4, 4);
    finish(b, 0, 1, 0);
    send_all(fd, b->data, b->size);
    drop(b);
}

typedef struct stream {
    unsigned rows, frames, ops; /* frames without the trailer's */
    int trailer;
    int codes[16]; /* by index */
} stream;

static stream read_stream(int fd)
{
    stream s = {.trailer = -1};
    memset(s.codes, -1, sizeof s.codes);
    while (s.trailer < 0) {
        bytes frame = read_frame(fd);
        size_t at = 8;
        s.frames++;
        while (at < frame.size) {
            assert_true(frame.size - at >= 22 && frame.data[at] == 22);
            const uint8_t *m = frame.data + at;
            uint64_t index = number(m + 14, 4), ops = number(m + 20, 2);
            if (m[3] & 1) { /* alone in its frame */
                assert_int_equal(frame.size, HEAD);
                s.trailer = m[5];
                s.frames--;
            } else {
                s.rows++;
                s.ops += (unsigned)ops;
                if (index < 16) {
                    s.codes[index] = m[5];
                }
            }
            at += 22;
            while (ops-- != 0) {
                assert_true(frame.size - at >= 8);
                at += 4 + (size_t)number(frame.data + at, 4);
            }
        }
        assert_int_equal(at, frame.size);
        drop(&frame);
    }
    return s;
}

static void test_batch_error_row_by_flags(void **state)
{
    static const struct {
        uint8_t flags;
        unsigned rows;
        int trailer;
    } cases[] = {{0x05, 2, 0}, {0x0d, 2, 0}, {0x09, 2, 12}, {0x01, 0, 12}};
    int fd = fd_of(state);
    assert_int_equal(put_a(fd, "good", 1), 0);
    assert_int_equal(put_a(fd, "bad", 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bytes b = {0};
        start_batch(&b, 2, cases[i].flags);
        put_row(&b, 0, "good", 0, 1, "test", 2, 1);
        put_integer(&b, WRITE, "a", 1);
        put_row(&b, 1, "bad", 0, 1, "test", 2, 1);
        put_op(&b, APPEND, STRING, "a", "x", 1);
        send_batch(fd, &b);
        stream s = read_stream(fd);
        assert_int_equal(s.rows, cases[i].rows);
        assert_int_equal(s.trailer, cases[i].trailer);
        if (s.rows == 2) {
            assert_int_equal(s.codes[0], 0);
            assert_int_equal(s.codes[1], 12);
        }
    }
}

static void test_missing_rows_are_no_error_of_the_batch(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_batch(&b, 3, 0x01);
    put_row(&b, 0, "none", 3, 0, "test", 2, 0);
    put_repeat(&b, 1, "none either");
    put_row(&b, 2, "none", 0, 3, "test", 2, 0);
    send_batch(fd, &b);
    stream s = read_stream(fd);
    assert_int_equal(s.rows, 3);
    assert_int_equal(s.trailer, 0);
    assert_int_equal(s.codes[2], 2);
}

static void test_row_without_operations_is_its_own_error(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_batch(&b, 2, 0x05);
    put_row(&b, 0, "k", 1, 0, "test", 2, 0);
    put_row(&b, 1, "k", 3, 0, "test", 2, 0);
    send_batch(fd, &b);
    stream s = read_stream(fd);
    assert_int_equal(s.codes[0], 4);
    assert_int_equal(s.codes[1], 0);
    assert_int_equal(s.trailer, 0);
}

static void test_malformed_row_leaves_only_a_trailer_4(void **state)
{
    int fd = fd_of(state);
    for (int i = 0; i < 7; i++) {
        bytes b = {0};
        start_batch(&b, i == 5 ? 0 : i == 6 ? 3 : 2, 0x0d);
        if (i == 0) { /* an unknown namespace in row 1 */
            put_row(&b, 0, "k", 3, 0, "test", 2, 0);
            put_row(&b, 1, "k", 3, 0, "nowhere", 2, 0);
        } else if (i == 1) { /* nothing to repeat */
            put_repeat(&b, 0, "k");
            put_repeat(&b, 1, "k");
        } else if (i == 2) { /* a row with a key is not repeated */
            put_row(&b, 0, "k", 3, 0, "test", 3, 0);
            put_field(&b, 2, "\3k", 2);
            put_repeat(&b, 1, "k");
        } else if (i == 3) { /* the first field is the namespace, even if none are announced */
            put_row(&b, 0, "k", 3, 0, "test", 2, 0);
            put_row(&b, 1, "k", 3, 0, "test", 0, 0);
        } else if (i == 4) { /* cut short */
            put_row(&b, 0, "k", 3, 0, "test", 2, 0);
            put(&b, "\0\0\0\1", 4);
        } else if (i == 6) { /* fewer rows than announced */
            put_row(&b, 0, "k", 3, 0, "test", 2, 0);
            put_repeat(&b, 1, "k");
        }
        send_batch(fd, &b);
        stream s = read_stream(fd);
        assert_int_equal(s.rows, 0);
        assert_int_equal(s.trailer, 4);
    }
    bytes b = {0};
    start(&b, (request){.info1 = 8});
    put_field(&b, 0, "test", 4); /* a batch without the batch */
    finish(&b, 0, 1, 0);
    send_all(fd, b.data, b.size);
    drop(&b);
    assert_int_equal(read_stream(fd).trailer, 4);
}

static void test_rows_of_a_malformed_batch_were_executed(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_batch(&b, 2, 0x0d);
    put_row(&b, 0, "k", 0, 1, "test", 2, 1);
    put_integer(&b, WRITE, "a", 1);
    put_row(&b, 1, "k", 3, 0, "nowhere", 2, 0);
    send_batch(fd, &b);
    assert_int_equal(read_stream(fd).trailer, 4);
    assert_int_equal(get_code(fd, "k"), 0);
}

static void test_old_batch_field_is_the_same(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_batch(&b, 1, 0x0d);
    b.data[HEAD + 4] = 42;
    put_row(&b, 3, "k", 3, 0, "test", 2, 0);
    send_batch(fd, &b);
    stream s = read_stream(fd);
    assert_int_equal(s.codes[3], 2);
    assert_int_equal(s.trailer, 0);
}

static void test_batch_replies_come_in_frames_of_at_most_128_KiB(void **state)
{
    int fd = fd_of(state);
    enum { ROWS = 20000 };
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_batch(&b, ROWS, 0x0d);
    put_row(&b, 0, "k", 3, 0, "test", 2, 0);
    for (uint32_t i = 1; i < ROWS; i++) {
        put_repeat(&b, i, "k");
    }
    send_batch(fd, &b);
    uint32_t rows = 0;
    for (bool last = false; !last;) {
        bytes frame = read_frame(fd);
        assert_true(frame.size <= 128 * 1024);
        last = (frame.data[11] & 1) != 0;
        rows += last ? 0 : (uint32_t)((frame.size - 8) / 39);
        drop(&frame);
    }
    assert_int_equal(rows, ROWS);
}

static void test_row_larger_than_a_frame_of_a_batch_is_not_split(void **state)
{
    enum { SIZE = 300000 };
    int fd = fd_of(state);
    uint8_t *blob = calloc(SIZE, 1);
    assert_non_null(blob);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "large");
    put_op(&b, WRITE, BLOB, "b", blob, SIZE);
    free(blob);
    assert_int_equal(code_of(fd, &b, 3, 1), 0);
    assert_int_equal(put_a(fd, "small", 1), 0);
    start_batch(&b, 3, 0x0d);
    put_row(&b, 0, "small", 3, 0, "test", 2, 0);
    put_repeat(&b, 1, "large");
    put_repeat(&b, 2, "small");
    send_batch(fd, &b);
    stream s = read_stream(fd); /* which takes whole messages only */
    assert_int_equal(s.rows, 3);
    assert_int_equal(s.ops, 3);
    assert_int_equal(s.trailer, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s.codes[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_batch_read_as_recorded),
        TEST(test_mixed_batch_runs_its_rows_in_order),
        TEST(test_batch_error_row_by_flags),
        TEST(test_missing_rows_are_no_error_of_the_batch),
        TEST(test_row_without_operations_is_its_own_error),
        TEST(test_malformed_row_leaves_only_a_trailer_4),
        TEST(test_rows_of_a_malformed_batch_were_executed),
        TEST(test_old_batch_field_is_the_same),
        TEST(test_batch_replies_come_in_frames_of_at_most_128_KiB),
        TEST(test_row_larger_than_a_frame_of_a_batch_is_not_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
