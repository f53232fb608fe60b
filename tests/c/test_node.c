/* The embedded node, spoken to over a socket: bytes of the official client and of a real server,
 * for info, single records and batches, and the order of checks. */
#include "node_client.h"

#include <pthread.h>

#include "base/clock.h"

#define NS "00 00 00 05 00 74 65 73 74 "
#define SET "00 00 00 05 01 64 65 6d 6f "
#define K1 "b7 47 f5 85 4d 0b 33 25 99 28 d0 cf ab 7f ad 81 d6 ab fb f6 "
#define K2 "a9 33 ee 0e 8f 82 c1 06 69 71 50 d1 5e 50 4f 08 b2 b2 e0 1d "
#define FIELDS NS SET "00 00 00 15 04 " K1
#define ZEROS8 "00 00 00 00 00 00 00 00 "
#define A1 "00 00 00 0d 02 01 00 01 61 00 00 00 00 00 00 00 01 "
#define PUT_AB                                                                                     \
    "02 03 00 00 00 00 00 5c 16 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "      \
    "02 " FIELDS A1 "00 00 00 06 02 03 00 01 62 78"
#define GET_ALL                                                                                    \
    "02 03 00 00 00 00 00 41 16 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "      \
    "00 " FIELDS
#define FOUND_AB                                                                                   \
    "02 03 00 00 00 00 00 31 16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 02 "   \
    "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01 00 00 00 06 01 03 00 01 62 78"
#define HEADER_ONLY(code, generation)                                                              \
    "02 03 00 00 00 00 00 16 16 00 00 00 00 " code " 00 00 00 " generation                         \
    " 00 00 00 00 00 00 00 00 00 00 00 00 "
#define TRAILER(code)                                                                              \
    "02 03 00 00 00 00 00 16 16 00 00 01 00 " code                                                 \
    " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "

typedef struct fixture {
    world w;
    int fd;
} fixture;

static int open_fixture(void **state)
{
    static fixture f;
    anp_node_config config = {.name = "A0"};
    f.w = open_world(&config, 0);
    f.fd = dial(f.w.node);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *f = *state;
    (void)close(f->fd);
    close_world(&f->w);
    return 0;
}

static int fd_of(void **state)
{
    return ((fixture *)*state)->fd;
}

/* ---- framing ---- */

static void test_info_answers_each_command_in_order(void **state)
{
    expect(fd_of(state), "02 01 00 00 00 00 00 0b 6e 6f 64 65 0a 62 75 69 6c 64 0a",
           "02 01 00 00 00 00 00 16 6e 6f 64 65 09 41 30 0a 62 75 69 6c 64 09 38 2e 31 2e 32 2e 30 "
           "0a");
}

static void test_info_command_without_newline_is_not_answered(void **state)
{
    expect(fd_of(state), "02 01 00 00 00 00 00 0a 6e 6f 64 65 0a 62 75 69 6c 64",
           "02 01 00 00 00 00 00 08 6e 6f 64 65 09 41 30 0a");
}

static void test_empty_info_gives_the_summary(void **state)
{
    send_all(fd_of(state), (const uint8_t[]){2, 1, 0, 0, 0, 0, 0, 0}, 8);
    bytes reply = read_frame(fd_of(state));
    assert_memory_equal(reply.data + 8, "features\t", 9);
    drop(&reply);
}

static void test_security_frame_is_answered_51_and_the_connection_goes_on(void **state)
{
    expect(fd_of(state), "02 02 00 00 00 00 00 10 00 00 14 00 " ZEROS8 "00 00 00 00",
           "02 02 00 00 00 00 00 10 00 33 00 00 " ZEROS8 "00 00 00 00");
    expect(fd_of(state), GET_ALL, HEADER_ONLY("02", "00"));
}

static void test_compressed_frame_is_answered_25(void **state)
{
    expect(fd_of(state), "02 04 00 00 00 00 00 0a " ZEROS8 "78 01", HEADER_ONLY("19", "00"));
    expect(fd_of(state), GET_ALL, HEADER_ONLY("02", "00"));
}

static void test_bytes_that_are_no_frame_close_the_connection(void **state)
{
    static const char *const bad[] = {
        "03 03 00 00 00 00 00 16", /* version */
        "02 09 00 00 00 00 00 16", /* type */
        "02 05 00 00 00 00 00 16", /* a server's own */
        "02 03 00 00 08 00 00 01", /* 128 MiB and one byte */
        "47 45 54 20 2f 20 48 54", /* GET / HT */
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = dial(f->w.node);
        bytes b = {0};
        put_hex(&b, bad[i]);
        send_all(fd, b.data, b.size);
        drop(&b);
        assert_true(is_closed(fd));
        (void)close(fd);
    }
    expect(f->fd, GET_ALL, HEADER_ONLY("02", "00"));
}

static void test_body_that_does_not_parse_is_answered_4_and_the_connection_goes_on(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info1 = 3}, "test", "demo", "k");
    put(&b, "x", 1); /* behind the last operation */
    assert_int_equal(code_of(fd, &b, 3, 0), 4);
    start_key(&b, (request){.info1 = 3}, "test", "demo", "k");
    assert_int_equal(code_of(fd, &b, 4, 0), 4); /* one field less than announced */
    start_key(&b, (request){.info1 = 1}, "test", "demo", "k");
    put_hex(&b, "00 00 00 05 01 00 00 09 61"); /* a name that is longer than its operation */
    assert_int_equal(code_of(fd, &b, 3, 1), 4);
    expect(fd, GET_ALL, HEADER_ONLY("02", "00"));
}

static void test_requests_in_single_bytes_are_understood(void **state)
{
    bytes b = {0};
    put_hex(&b, PUT_AB);
    for (size_t i = 0; i < b.size; i++) {
        send_all(fd_of(state), b.data + i, 1);
    }
    drop(&b);
    expect(fd_of(state), "", HEADER_ONLY("00", "01"));
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    expect(fd_of(state), GET_ALL PUT_AB GET_ALL,
           HEADER_ONLY("02", "00") HEADER_ONLY("00", "01") FOUND_AB);
}

/* ---- single records ---- */

static void test_put_get_exists_select_as_recorded(void **state)
{
    int fd = fd_of(state);
    expect(fd, GET_ALL, HEADER_ONLY("02", "00"));
    expect(fd, PUT_AB, HEADER_ONLY("00", "01"));
    expect(fd, GET_ALL, FOUND_AB);
    expect(fd,
           "02 03 00 00 00 00 00 41 16 21 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "
           "00 " FIELDS,
           HEADER_ONLY("00", "01"));
    expect(
        fd,
        "02 03 00 00 00 00 00 4a 16 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "
        "01 " FIELDS "00 00 00 05 01 00 00 01 61",
        "02 03 00 00 00 00 00 27 16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 01 "
        "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01");
    expect(fd,
           "02 03 00 00 00 00 00 4a 16 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "
           "01 " FIELDS "00 00 00 05 01 00 00 01 7a",
           HEADER_ONLY("00", "01")); /* no such bin: not in the reply */
}

static void test_increment_then_read_sees_the_sum(void **state)
{
    expect(fd_of(state), PUT_AB, HEADER_ONLY("00", "01"));
    expect(
        fd_of(state),
        "02 03 00 00 00 00 00 5b 16 01 01 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "
        "02 " FIELDS
        "00 00 00 0d 05 01 00 01 61 00 00 00 00 00 00 00 01 00 00 00 05 01 00 00 01 61",
        "02 03 00 00 00 00 00 27 16 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 01 "
        "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 02");
}

static void test_five_kinds_of_bins_as_recorded(void **state)
{
    expect(fd_of(state),
           "02 03 00 00 00 00 00 85 16 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "
           "05 " FIELDS "00 00 00 0d 02 02 00 01 66 3f f8 00 00 00 00 00 00 "
           "00 00 00 06 02 11 00 01 74 01 00 00 00 07 02 04 00 01 79 01 02 "
           "00 00 00 0c 02 14 00 01 6c 94 01 a2 03 61 c0 fd "
           "00 00 00 0a 02 13 00 01 6d 81 a2 03 6b 01",
           HEADER_ONLY("00", "01"));
    expect(fd_of(state), GET_ALL,
           "02 03 00 00 00 00 00 5a 16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 "
           "05 00 00 00 0d 01 02 00 01 66 3f f8 00 00 00 00 00 00 "
           "00 00 00 06 01 11 00 01 74 01 00 00 00 07 01 04 00 01 79 01 02 "
           "00 00 00 0c 01 14 00 01 6c 94 01 a2 03 61 c0 fd "
           "00 00 00 0a 01 13 00 01 6d 81 a2 03 6b 01");
}

static void test_policies_as_recorded_are_checked_in_order(void **state)
{
    int fd = fd_of(state);
    /* generation 3, time to live 77, create only, key, commit master, durable delete */
    static const char *const put =
        "02 03 00 00 00 00 00 5a 16 00 35 02 00 00 00 00 00 03 00 00 00 4d 00 00 03 e8 00 04 00 "
        "01 " FIELDS "00 00 00 04 02 03 6b 31 " A1;
    static const int codes[] = {3, 5}; /* nothing is generation 0; what is there is not created */
    for (int there = 0; there < 2; there++) {
        bytes b = {0};
        put_hex(&b, put);
        send_all(fd, b.data, b.size);
        drop(&b);
        bytes reply = read_frame(fd);
        expect_ops(&reply, codes[there], "");
        if (!there) {
            expect(fd, GET_ALL, HEADER_ONLY("02", "00"));
            expect(fd, PUT_AB, HEADER_ONLY("00", "01"));
        }
    }
    expect(fd, GET_ALL, FOUND_AB);
}

static void test_bin_names_have_15_bytes_and_no_zero(void **state)
{
    int fd = fd_of(state);
    static const struct {
        const char *op; /* writes the boolean true */
        int code;
    } cases[] = {
        {"00 00 00 14 02 11 00 0f 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 01", 0},
        {"00 00 00 15 02 11 00 10 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 01", 21},
        {"00 00 00 08 02 11 00 03 61 00 62 01", 21},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bytes b = {0};
        start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
        put_hex(&b, cases[i].op);
        assert_int_equal(code_of(fd, &b, 3, 1), cases[i].code);
    }
    bytes reply = get(fd, "k");
    assert_int_equal(number(reply.data + 14, 4), 1);
    drop(&reply);
}

static void test_respond_all_ops_answers_all_but_touch(void **state)
{
    int fd = fd_of(state);
    assert_int_equal(put_a(fd, "k", 5), 0);
    bytes b = {0};
    start_key(&b, (request){.info1 = 1, .info2 = 0x81}, "test", "demo", "k");
    put_integer(&b, INCR, "a", 5);
    put_op(&b, READ, 0, "a", NULL, 0);
    put_op(&b, READ, 0, "zz", NULL, 0);
    put_op(&b, TOUCH, 0, "", NULL, 0);
    bytes reply = ask(fd, &b, 3, 4);
    assert_int_equal(number(reply.data + 28, 2), 3);
    expect_ops(&reply, 0,
               "00 00 00 05 05 00 00 01 61 00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 0a 00 "
               "00 00 06 01 00 00 02 7a 7a");
}

static int write_a(int fd, request r, const char *key)
{
    bytes b = {0};
    r.info2 |= 1;
    start_key(&b, r, "test", "demo", key);
    put_integer(&b, WRITE, "a", 7);
    return code_of(fd, &b, 3, 1);
}

static void test_exists_policies(void **state)
{
    int fd = fd_of(state);
    assert_int_equal(write_a(fd, (request){.info3 = 0x08}, "k"), 2); /* update only */
    assert_int_equal(write_a(fd, (request){.info3 = 0x20}, "k"), 2); /* replace only */
    assert_int_equal(write_a(fd, (request){.info2 = 0x20}, "k"), 0); /* create only */
    assert_int_equal(write_a(fd, (request){.info2 = 0x20}, "k"), 5);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_integer(&b, WRITE, "b", 1);
    assert_int_equal(code_of(fd, &b, 3, 1), 0);
    assert_int_equal(write_a(fd, (request){.info3 = 0x10}, "k"), 0); /* create or replace: b goes */
    bytes reply = get(fd, "k");
    assert_int_equal(number(reply.data + 14, 4), 3);
    expect_ops(&reply, 0, "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 07");
}

static void test_generation_checks_count_a_missing_record_as_0(void **state)
{
    int fd = fd_of(state);
    assert_int_equal(write_a(fd, (request){.info2 = 4, .generation = 3}, "k"), 3);
    assert_int_equal(write_a(fd, (request){.info2 = 4, .generation = 0}, "k"), 0);
    assert_int_equal(write_a(fd, (request){.info2 = 4, .generation = 0}, "k"), 3);
    assert_int_equal(write_a(fd, (request){.info2 = 8, .generation = 1}, "k"), 3);
    assert_int_equal(write_a(fd, (request){.info2 = 8, .generation = 2}, "k"), 0);
    bytes b = {0};
    start_key(&b, (request){.info2 = 7, .generation = 9}, "test", "demo", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 3); /* deletes check too */
}

static void test_deletes(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info2 = 0x13}, "test", "demo", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 25); /* a durable one, before anything else */
    start_key(&b, (request){.info2 = 3}, "test", "demo", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 2);
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_key(&b, (request){.info2 = 3}, "test", "other", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 4);
    start_key(&b, (request){.info2 = 3}, "test", "demo", "k");
    bytes reply = ask(fd, &b, 3, 0);
    assert_int_equal(number(reply.data + 14, 4), 0);
    expect_ops(&reply, 0, "");
    assert_int_equal(get_code(fd, "k"), 2);
}

static void test_set_must_agree_with_the_record(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_key(&b, (request){.info1 = 3}, "test", "other", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 4);
    start_key(&b, (request){.info1 = 3}, "test", "", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 0); /* a read need not name it */
    start_key(&b, (request){.info2 = 1}, "test", "", "k");
    put_integer(&b, WRITE, "a", 2);
    assert_int_equal(code_of(fd, &b, 3, 1), 4); /* a write must */
    char name[65];
    memset(name, 's', 64);
    name[64] = 0;
    start_key(&b, (request){.info2 = 1}, "test", name, "new");
    put_integer(&b, WRITE, "a", 2);
    assert_int_equal(code_of(fd, &b, 3, 1), 4);
    start_key(&b, (request){.info2 = 1}, "test", name + 1, "new");
    put_integer(&b, WRITE, "a", 2);
    assert_int_equal(code_of(fd, &b, 3, 1), 0);
}

static void test_stored_key_is_compared(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0); /* stores none */
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_field(&b, 2, "\3k", 2);
    put_integer(&b, WRITE, "a", 1);
    assert_int_equal(code_of(fd, &b, 4, 1), 0); /* from now on there is one */
    static const uint8_t kinds[] = {1, 2, 3};
    for (size_t i = 0; i < sizeof kinds; i++) { /* write, read, delete */
        start_key(&b, kinds[i] == 2 ? (request){.info1 = 3} : (request){.info2 = kinds[i]}, "test",
                  "demo", "k");
        put_field(&b, 2, "\3x", 2);
        if (kinds[i] == 1) {
            put_integer(&b, WRITE, "a", 1);
        }
        assert_int_equal(code_of(fd, &b, 4, kinds[i] == 1), 19);
    }
    assert_int_equal(put_a(fd, "k", 2), 0); /* none sent: fine */
}

static void test_namespace_must_be_known(void **state)
{
    bytes b = {0};
    start_key(&b, (request){.info1 = 3}, "nowhere", "demo", "k");
    assert_int_equal(code_of(fd_of(state), &b, 3, 0), 20);
    start_key(&b, (request){0}, "test", "demo", "k");
    assert_int_equal(code_of(fd_of(state), &b, 3, 0), 4); /* neither reads nor writes */
}

static void test_read_needs_operations_only_where_a_record_is(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info1 = 1}, "test", "demo", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 2);
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_key(&b, (request){.info1 = 1}, "test", "demo", "k");
    assert_int_equal(code_of(fd, &b, 3, 0), 4);
    start_key(&b, (request){.info1 = 1}, "test", "demo", "k");
    put_op(&b, READ, 0, "a234567890123456", NULL, 0);
    assert_int_equal(code_of(fd, &b, 3, 1), 21);
}

static void test_failing_operation_undoes_the_ones_before(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_integer(&b, WRITE, "a", 1);
    put_op(&b, WRITE, STRING, "s", "text", 4);
    assert_int_equal(code_of(fd, &b, 3, 2), 0);
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_integer(&b, WRITE, "a", 2);
    put_integer(&b, INCR, "s", 1);
    assert_int_equal(code_of(fd, &b, 3, 2), 12);
    bytes reply = get(fd, "k");
    assert_int_equal(number(reply.data + 14, 4), 1);
    expect_ops(&reply, 0,
               "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01 00 00 00 09 01 03 00 01 73 74 "
               "65 78 74");
}

static void test_append_prepend_increment_make_what_is_missing(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_op(&b, APPEND, STRING, "s", "b", 1);
    put_op(&b, PREPEND, STRING, "s", "a", 1);
    put_op(&b, APPEND, STRING, "s", "c", 1);
    put_integer(&b, INCR, "n", INT64_MAX);
    put_integer(&b, INCR, "n", 1); /* wraps around */
    assert_int_equal(code_of(fd, &b, 3, 5), 0);
    bytes reply = get(fd, "k");
    expect_ops(
        &reply, 0,
        "00 00 00 08 01 03 00 01 73 61 62 63 00 00 00 0d 01 01 00 01 6e 80 00 00 00 00 00 00 00");
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_op(&b, INCR, FLOAT, "n", "\x3f\xf0\0\0\0\0\0\0", 8);
    assert_int_equal(code_of(fd, &b, 3, 1), 12);
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_op(&b, APPEND, BLOB, "s", "x", 1);
    assert_int_equal(code_of(fd, &b, 3, 1), 12);
}

static void test_last_bin_takes_the_place_of_a_removed_one(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_integer(&b, WRITE, "a", 1);
    put_integer(&b, WRITE, "b", 2);
    put_integer(&b, WRITE, "c", 3);
    put_op(&b, WRITE, NIL, "a", NULL, 0);
    assert_int_equal(code_of(fd, &b, 3, 4), 0);
    bytes reply = get(fd, "k");
    expect_ops(&reply, 0,
               "00 00 00 0d 01 01 00 01 63 00 00 00 00 00 00 00 03 00 00 00 0d 01 01 00 01 62 00 "
               "00 00 00 00 00 00 02");
}

static void test_record_without_bins_is_gone(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_op(&b, WRITE, NIL, "a", NULL, 0);
    assert_int_equal(code_of(fd, &b, 3, 1), 2); /* it was never there */
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_key(&b, (request){.info2 = 0x11}, "test", "demo", "k");
    put_op(&b, WRITE, NIL, "a", NULL, 0);
    assert_int_equal(code_of(fd, &b, 3, 1), 25); /* would have to be durable */
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_op(&b, DELETE_ALL, 0, "", NULL, 0);
    bytes reply = ask(fd, &b, 3, 1);
    assert_int_equal(number(reply.data + 14, 8), 0); /* neither generation nor void time */
    expect_ops(&reply, 0, "");
    assert_int_equal(get_code(fd, "k"), 2);
}

static void test_combinations_that_are_refused(void **state)
{
    static const struct {
        request r;
        uint8_t ops[2];
        int code;
    } cases[] = {
        {{.info2 = 1}, {READ}, 4},                /* without the read bit */
        {{.info2 = 1, .info3 = 0x10}, {INCR}, 4}, /* replacing what it changes */
        {{.info2 = 1, .info3 = 0x10}, {TOUCH}, 4},
        {{.info2 = 1, .info3 = 0x10}, {DELETE_ALL}, 4},
        {{.info1 = 3, .info2 = 1}, {WRITE}, 4}, /* "all bins" asked for by no operation */
        {{.info2 = 1}, {17}, 4},                /* no such operations here */
        {{.info2 = 1}, {18}, 4},
        {{.info2 = 1}, {6}, 4},
        {{.info2 = 1}, {TOUCH}, 2}, /* of a missing record */
        {{.info1 = 1, .info2 = 1}, {WRITE, READ}, 0},
    };
    int fd = fd_of(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bytes b = {0};
        unsigned n = 0;
        start_key(&b, cases[i].r, "test", "demo", "k");
        for (; n < 2 && cases[i].ops[n] != 0; n++) {
            uint8_t op = cases[i].ops[n];
            bool has_value = op == WRITE || op == INCR;
            put_op(&b, op, has_value ? INT : 0, op == TOUCH || op == DELETE_ALL ? "" : "a",
                   "\0\0\0\0\0\0\0\1", has_value ? 8 : 0);
        }
        assert_int_equal(code_of(fd, &b, 3, n), cases[i].code);
    }
    bytes b = {0};
    start_key(&b, (request){.info1 = 3, .info2 = 1}, "test", "demo", "k");
    put_integer(&b, WRITE, "a", 1);
    put_op(&b, READ, 0, "", NULL, 0);
    bytes reply = ask(fd, &b, 3, 2);
    expect_ops(&reply, 0, "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01");
    start_key(&b, (request){.info1 = 3, .info2 = 0x81}, "test", "demo", "k");
    put_op(&b, READ, 0, "", NULL, 0);
    assert_int_equal(code_of(fd, &b, 3, 1), 4); /* together with RESPOND_ALL_OPS */
    start_key(&b, (request){.info1 = 3, .info2 = 1}, "test", "demo", "k");
    put_op(&b, READ, 0, "", NULL, 0);
    put_op(&b, READ, 0, "a", NULL, 0);
    assert_int_equal(code_of(fd, &b, 3, 2), 4); /* together with another that answers */
}

/* ---- values ---- */

typedef struct value_case {
    uint8_t particle;
    const char *sent;
    int code;
    const char *stored; /* NULL: as sent */
} value_case;

static void check_values(int fd, const value_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes value = {0}, b = {0}, wanted = {0};
        put_hex(&value, cases[i].sent);
        start_key(&b, (request){.info2 = 1, .info3 = 0x10}, "test", "demo", "v");
        put_op(&b, WRITE, cases[i].particle, "a", value.data, value.size);
        assert_int_equal(code_of(fd, &b, 3, 1), cases[i].code);
        if (cases[i].code == 0) {
            put_hex(&wanted, cases[i].stored != NULL ? cases[i].stored : cases[i].sent);
            bytes reply = get(fd, "v");
            assert_int_equal(reply.data[HEAD + 5], cases[i].particle);
            assert_int_equal(reply.size - HEAD - 9, wanted.size);
            if (wanted.size != 0) {
                assert_memory_equal(reply.data + HEAD + 9, wanted.data, wanted.size);
            }
            drop(&reply);
        }
        drop(&value);
        drop(&wanted);
    }
}

static void test_scalars_are_checked_by_type_and_size(void **state)
{
    static const value_case cases[] = {
        {INT, "ff", 0, "00 00 00 00 00 00 00 ff"},
        {INT, "80 00", 0, "00 00 00 00 00 00 80 00"},
        {INT, "ff ff ff ff", 0, "00 00 00 00 ff ff ff ff"},
        {INT, "01 02 03", 4, NULL},
        {INT, "", 4, NULL},
        {FLOAT, "3f f8 00 00 00 00 00 00", 0, NULL},
        {FLOAT, "3f f8 00 00", 4, NULL},
        {BOOL, "01", 0, NULL},
        {BOOL, "02", 4, NULL},
        {BOOL, "00 01", 4, NULL},
        {STRING, "", 0, NULL},
        {STRING, "ff fe", 0, NULL}, /* UTF-8 is not looked at */
        {BLOB, "", 0, NULL},
        {9, "80 03", 0, NULL}, /* a Python blob */
        {99, "00", 4, NULL},
        {24, "00", 4, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

static void test_collections_are_brought_into_stored_form(void **state)
{
    static const value_case cases[] = {
        {LIST, "94 01 a2 03 61 c0 fd", 0, NULL},
        {MAP, "81 a2 03 6b 01", 0, NULL},
        {LIST, "91 cd 00 05", 0, "91 05"}, /* the smallest integer */
        {LIST, "91 d3 ff ff ff ff ff ff ff ff", 0, "91 ff"},
        {LIST, "91 ca 3f 80 00 00", 0, NULL},    /* a short float stays one */
        {LIST, "91 c4 01 ff", 0, "91 a2 04 ff"}, /* blobs in str heads */
        {LIST, "dc 00 01 01", 0, "91 01"},
        {MAP, "82 02 c0 01 c3", 0, "82 01 c3 02 c0"}, /* sorted by key */
        {MAP, "82 a2 03 61 01 05 02", 0, "82 05 02 a2 03 61 01"},
        {LIST, "91 82 02 c0 01 c3", 0, "91 82 01 c3 02 c0"}, /* inside, too */
        {LIST, "93 c7 00 01 01 05", 0, NULL},                /* ordered, and it is */
        {LIST, "93 c7 00 01 05 01", 1, NULL},                /* ordered, and it isn't */
        {LIST, "93 c7 00 11 01 05", 0, "93 c7 00 01 01 05"}, /* a persisted index is not told of */
        {MAP, "82 c7 00 01 c0 a2 03 61 01", 0, NULL},
        {MAP, "83 c7 00 01 c0 02 c0 01 c3", 0, "83 c7 00 01 c0 01 c3 02 c0"},
        {MAP, "82 01 c0 01 c3", 1, NULL}, /* a key twice */
        {MAP, "82 01 c0 cc 01 c3", 1, NULL},
        {MAP, "81 c3 01", 1, NULL}, /* keys that can't be */
        {MAP, "81 c0 01", 1, NULL},
        {MAP, "81 90 01", 1, NULL},
        {MAP, "81 cb 3f f0 00 00 00 00 00 00 01", 1, NULL},
        {LIST, "81 01 02", 1, NULL}, /* the other kind */
        {MAP, "91 01", 1, NULL},
        {LIST, "01", 1, NULL},
        {LIST, "", 1, NULL},
        {LIST, "92 01", 1, NULL},    /* cut short */
        {LIST, "91 01 02", 1, NULL}, /* more than one element */
        {LIST, "dd ff ff ff ff", 1, NULL},
        {LIST, "90", 0, NULL},
        {MAP, "80", 0, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

static void test_values_have_a_total_order(void **state)
{
    /* nil < false < true < integer < string < list < map < blob < double < GeoJSON < infinity, as
     * an ordered list has them */
    static const value_case cases[] = {
        {LIST,
         "9c c7 00 01 c0 c2 c3 05 a2 03 61 90 80 a2 04 61 cb 3f f0 00 00 00 00 00 00 a2 17 7b d4 "
         "ff 01",
         0, NULL},
        {LIST, "93 c7 00 01 c3 c2", 1, NULL},
        {LIST, "93 c7 00 01 a2 03 61 05", 1, NULL},
        {LIST, "93 c7 00 01 80 91 01", 1, NULL},
        {LIST, "94 c7 00 01 90 92 00 09 91 01", 0, NULL}, /* element by element, then the shorter */
        {LIST, "93 c7 00 01 80 81 a2 03 61 01", 0, NULL},
        {LIST, "94 c7 00 01 ff 00 cf ff ff ff ff ff ff ff ff", 0,
         NULL}, /* by value, up to 2^64 - 1 */
        {LIST, "93 c7 00 01 a3 03 61 61 a2 03 61", 1, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

static void test_nesting_has_a_limit(void **state)
{
    int fd = fd_of(state);
    for (int deep = 0; deep < 2; deep++) {
        size_t n = deep ? 100000 : 100;
        uint8_t *lists = malloc(n + 1);
        assert_non_null(lists);
        memset(lists, 0x91, n);
        lists[n] = 0x90;
        bytes b = {0};
        start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
        put_op(&b, WRITE, LIST, "a", lists, n + 1);
        assert_int_equal(code_of(fd, &b, 3, 1), deep ? 1 : 0);
        free(lists);
    }
}

static void test_geojson_is_kept_without_cells(void **state)
{
    static const value_case cases[] = {
        {GEO, "00 00 00 7b 22 61 22 3a 31 7d", 0, NULL},
        {GEO, "01 00 01 11 22 33 44 55 66 77 88 7b 7d", 0, "00 00 00 7b 7d"},
        {GEO, "00 00 00 5b 31 5d", 160, NULL}, /* no object */
        {GEO, "00 00 00", 160, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

/* ---- time ---- */

static _Atomic uint64_t ahead; /* seconds */

static uint64_t shifted_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec + ahead) * ANP_NS_PER_S + (uint64_t)t.tv_nsec;
}

static int open_shifted(void **state)
{
    ahead = 0;
    anp_clock_hook(NULL, shifted_wall);
    return open_fixture(state);
}

static int close_shifted(void **state)
{
    int failed = close_fixture(state);
    anp_clock_hook(NULL, NULL);
    return failed;
}

static uint32_t seconds_now(void)
{
    return (uint32_t)(shifted_wall() / ANP_NS_PER_S - 1262304000);
}

static uint32_t void_time_after(int fd, const char *ns, uint32_t ttl, int code)
{
    bytes b = {0};
    start_key(&b, (request){.info2 = 1, .ttl = ttl}, ns, "demo", "t");
    put_integer(&b, WRITE, "a", 1);
    bytes reply = ask(fd, &b, 3, 1);
    assert_int_equal(reply.data[13], code);
    uint32_t void_time = (uint32_t)number(reply.data + 18, 4);
    drop(&reply);
    return void_time;
}

static void test_times_to_live(void **state)
{
    int fd = fd_of(state);
    uint32_t now = seconds_now();
    assert_int_equal(void_time_after(fd, "test", 0, 0), 0); /* the namespace's own: never */
    assert_in_range(void_time_after(fd, "test", 100, 0), now + 100, now + 110);
    assert_in_range(void_time_after(fd, "test", UINT32_MAX - 1, 0), now + 100,
                    now + 110);                                      /* as it was */
    assert_int_equal(void_time_after(fd, "test", UINT32_MAX, 0), 0); /* never */
    (void)void_time_after(fd, "test", 315360001, 4);
    (void)void_time_after(fd, "test", UINT32_MAX - 2, 4);
    assert_in_range(void_time_after(fd, "mem", UINT32_MAX - 1, 0), now + 1000,
                    now + 1010); /* nothing there: the default */
    assert_in_range(void_time_after(fd, "mem", 0, 0), now + 1000, now + 1010);
    (void)void_time_after(fd, "still", 100, 22); /* nobody would expire it */
    assert_int_equal(void_time_after(fd, "still", 0, 0), 0);
}

static void test_expired_record_is_gone_and_comes_back_as_new(void **state)
{
    int fd = fd_of(state);
    (void)void_time_after(fd, "test", 100, 0);
    (void)void_time_after(fd, "test", 100, 0); /* generation 2 */
    ahead = 99 - 10;
    assert_int_equal(get_code(fd, "t"), 0);
    ahead = 102;
    assert_int_equal(get_code(fd, "t"), 2);
    (void)void_time_after(fd, "test", 100, 0);
    bytes reply = get(fd, "t");
    assert_int_equal(number(reply.data + 14, 4), 1);
    drop(&reply);
}

static void test_touch_gives_a_new_life_and_a_generation(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    (void)void_time_after(fd, "test", 50, 0);
    start_key(&b, (request){.info2 = 1, .ttl = 100}, "test", "demo", "t");
    put_op(&b, TOUCH, 0, "", NULL, 0);
    uint32_t now = seconds_now();
    bytes reply = ask(fd, &b, 3, 1);
    assert_int_equal(number(reply.data + 14, 4), 2);
    assert_in_range(number(reply.data + 18, 4), now + 100, now + 110);
    expect_ops(&reply, 0, "");
}

static void test_read_late_in_a_life_prolongs_it(void **state)
{
    int fd = fd_of(state);
    uint32_t born = seconds_now();
    (void)void_time_after(fd, "test", 100, 0);
    static const struct {
        uint32_t at, percent, least;
        int code;
    } steps[] = {
        {60, 20, 100, 0},                            /* 40 left: not in the last fifth */
        {60, 101, 100, 4}, {85, UINT32_MAX, 100, 0}, /* never */
        {85, 0, 100, 0},   {85, 20, 185, 0},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ahead = steps[i].at;
        bytes b = {0};
        start_key(&b, (request){.info1 = 3, .ttl = steps[i].percent}, "test", "demo", "t");
        assert_int_equal(code_of(fd, &b, 3, 0), steps[i].code);
        bytes reply = get(fd, "t");
        assert_in_range(number(reply.data + 18, 4), born + steps[i].least,
                        born + steps[i].least + 10);
        drop(&reply);
    }
}

static void test_truncate_removes_one_set_up_to_a_time(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0);
    start_key(&b, (request){.info2 = 1}, "test", "other", "o");
    put_integer(&b, WRITE, "a", 1);
    assert_int_equal(code_of(fd, &b, 3, 1), 0);
    expect_info(fd, "truncate:namespace=test;set=demo;lut=1000000000", "ok"); /* older than all */
    assert_int_equal(get_code(fd, "k"), 0);
    expect_info(fd, "truncate:namespace=test;set=demo", "ok");
    assert_int_equal(get_code(fd, "k"), 2);
    start_key(&b, (request){.info1 = 3}, "test", "other", "o");
    assert_int_equal(code_of(fd, &b, 3, 0), 0);
    assert_int_equal(put_a(fd, "k", 1), 0); /* what is written afterwards stays */
    assert_int_equal(get_code(fd, "k"), 0);
    expect_info(fd, "truncate-namespace:namespace=test", "ok");
    assert_int_equal(get_code(fd, "k"), 2);
    expect_info(fd, "truncate:namespace=test", "ERROR:4:missing 'set'");
    expect_info(fd, "truncate:namespace=test;set=demo;lut=9000000000000000000",
                "ERROR:4:would truncate in the future");
    expect_info(fd, "truncate:namespace=nowhere;set=demo", "ok"); /* servers only note it */
}

/* ---- what is not built ---- */

static void test_what_is_not_built_is_refused_never_ignored(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0);
    static const uint8_t newer[] = {17, 18, 19}; /* operations on strings, of newer servers */
    for (size_t i = 0; i < sizeof newer; i++) {
        start_key(&b, (request){.info1 = 1}, "test", "demo", "k");
        put_op(&b, newer[i], BLOB, "a", "\x91\x00", 2);
        assert_int_equal(code_of(fd, &b, 3, 1), 4);
    }
    bytes reply = get(fd, "k"); /* nothing has changed */
    assert_int_equal(number(reply.data + 14, 4), 1);
    drop(&reply);
    start_key(&b, (request){.info1 = 3}, "test", "demo", "k");
    put_field(&b, 5, "\1\0\0\0\0\0\0\0", 8); /* a transaction */
    assert_int_equal(code_of(fd, &b, 4, 0), 25);
}

/* A filter's code for each kind of request; what it keeps away from has not changed. */
static void expect_filtered(int fd, const char *filter, size_t size, int code)
{
    static const request kinds[] = {{.info1 = 3}, {.info2 = 1}, {.info2 = 3}};
    bytes b = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        start_key(&b, kinds[i], "test", "demo", "k");
        put_field(&b, 43, filter, size);
        if (i == 1) {
            put_integer(&b, WRITE, "a", 2);
        }
        assert_int_equal(code_of(fd, &b, 4, i == 1), code);
    }
    bytes reply = get(fd, "k");
    assert_int_equal(number(reply.data + 14, 4), 1);
    drop(&reply);
}

static void test_filters_keep_reads_writes_and_deletes_away(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    assert_int_equal(put_a(fd, "k", 1), 0);
    expect_filtered(fd, "\xc2", 1, 27);
    expect_filtered(fd, "\x93\x03\x93\x51\x02\xa1\x61\x01", 8, 27); /* a > 1 */
    expect_filtered(fd, "\x93\x01\x93\x51\x02\xa1\x7a\x01", 8, 27); /* of a bin that isn't there */
    expect_filtered(fd, "\x01", 1, 4);                              /* neither true nor false */
    expect_filtered(fd, "\x93", 1, 4);
    start_key(&b, (request){.info2 = 1}, "test", "demo", "new"); /* a new record it lets be */
    put_field(&b, 43, "\xc2", 1);
    put_integer(&b, WRITE, "a", 2);
    assert_int_equal(code_of(fd, &b, 4, 1), 0);
    start_key(&b, (request){.info2 = 3}, "test", "demo", "k");
    put_field(&b, 43, "\x93\x01\x93\x51\x02\xa1\x61\x01", 8);
    assert_int_equal(code_of(fd, &b, 4, 0), 0);
    assert_int_equal(get_code(fd, "k"), 2);
}

static void test_query_is_refused_with_one_header(void **state)
{
    int fd = fd_of(state);
    expect(fd,
           "02 03 00 00 00 00 00 47 16 01 00 04 00 00 00 00 00 00 ff ff ff ff 00 00 00 00 00 05 00 "
           "00 " NS SET "00 00 00 05 09 00 00 75 30 00 00 00 09 07 1f b0 0d 7a 22 c8 20 37 00 00 "
           "00 05 0b 00 00 01 00",
           HEADER_ONLY("10", "00"));
    assert_int_equal(put_a(fd, "k", 1), 0);
}

static void test_udf_of_an_unknown_module_fails_as_on_a_server(void **state)
{
    int fd = fd_of(state);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_field(&b, 30, "mod", 3);
    put_field(&b, 31, "fn", 2);
    put_field(&b, 32, "\x92\1\xa2\3x", 5);
    bytes reply = ask(fd, &b, 6, 0);
    expect_ops(&reply, 100,
               "00 00 00 21 01 03 00 07 46 41 49 4c 55 52 45 55 44 46 3a 20 45 78 65 63 75 74 69 "
               "6f 6e 20 45 72 72 6f 72 20 31");
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_field(&b, 30, "mod", 3);
    put_field(&b, 31, "fn", 2);
    assert_int_equal(code_of(fd, &b, 5, 0), 4); /* arguments are mandatory */
}

/* ---- batches ---- */

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

/* ---- info ---- */

static void test_what_clients_ask_before_they_start(void **state)
{
    int fd = fd_of(state);
    expect_info(fd, "peers-clear-std", "0,3000,[]");
    expect_info(fd, "peers-tls-std", "ERROR:25:enterprise only");
    expect_info(fd, "cluster-name", "null");
    expect_info(fd, "services", "");
    expect_info(fd, "partitions", "4096");
    expect_info(fd, "namespaces", "test;mem;still");
    expect_info(fd, "namespace/nowhere", "type=unknown");
    expect_info(fd, "no-such-command", "ERROR:4:unrecognized command");
    expect_info(fd, "sindex-list:namespace=test", "");
    expect_info(fd, "query-show", "");
    expect_info(fd, "udf-list", "");
    expect_info(fd, "user-agent-set:value=MSxweXRob24tMTkuMy4wLG5vdC1zZXQ=", "ok");
    expect_info(fd, "user-agent-set:value=MSxweXRob24tMTkuMy4wLG5vdC1zZXQ=", "ERROR:4:already set");
    char *features = info(fd, "features");
    assert_non_null(strstr(features, "pscans"));
    free(features);
}

static void test_replicas_claims_all_partitions_of_each_namespace(void **state)
{
    char wanted[3 * 720], *at = wanted;
    static const char *const names[] = {"test", "mem", "still"};
    for (int i = 0; i < 3; i++) { /* 4096 bits set: 682 times '/', then "8=" */
        at += sprintf(at, "%s%s:0,1,", i != 0 ? ";" : "", names[i]);
        memset(at, '/', 682);
        at += 682;
        at += sprintf(at, "8=");
    }
    expect_info(fd_of(state), "replicas", wanted);
}

static void test_set_appears_with_its_first_write_and_counts_records(void **state)
{
    int fd = fd_of(state);
    expect_info(fd, "sets/test/demo", "");
    assert_int_equal(put_a(fd, "k", 1), 0);
    assert_int_equal(put_a(fd, "l", 1), 0);
    char *value = info(fd, "sets/test");
    assert_memory_equal(value, "ns=test:set=demo:objects=2:tombstones=0:", 40);
    free(value);
    expect_info(fd, "sets/nowhere", "ns_type=unknown");
    value = info(fd, "namespace/test");
    assert_non_null(strstr(value, ";objects=2;"));
    assert_non_null(strstr(value, ";nsup-period=120;"));
    free(value);
}

/* ---- threads ---- */

enum { WORKERS = 4, ROUNDS = 300 };

static void *increment(void *argument)
{
    int fd = dial(argument);
    for (int i = 0; i < ROUNDS; i++) {
        bytes b = {0};
        start_key(&b, (request){.info2 = 1}, "test", "demo", "n");
        put_integer(&b, INCR, "n", 1);
        finish(&b, 0, 3, 1);
        send_all(fd, b.data, b.size);
        drop(&b);
        bytes reply = read_frame(fd);
        drop(&reply);
    }
    (void)close(fd);
    return NULL;
}

static void test_increments_of_many_connections_all_count(void **state)
{
    fixture *f = *state;
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, increment, f->w.node), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    bytes reply = get(f->fd, "n");
    assert_int_equal(number(reply.data + 14, 4), WORKERS * ROUNDS);
    expect_ops(&reply, 0, "00 00 00 0d 01 01 00 01 6e 00 00 00 00 00 00 04 b0");
}

/* ---- smaller promises ---- */

static void test_filter_never_stands_in_the_way_of_a_new_record(void **state)
{
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_field(&b, 43, "\xc3", 1);
    put_integer(&b, WRITE, "a", 1);
    assert_int_equal(code_of(fd_of(state), &b, 4, 1), 0);
    assert_int_equal(get_code(fd_of(state), "k"), 0);
}

static void test_text_that_is_no_json_is_no_geojson(void **state)
{
    static const char *const texts[] = {"{nonsense}", "{\"a\":}",    "{\"a\":1}}",
                                        "{\"a\":1",   "{\"a\":01e}", "{} {}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bytes b = {0}, value = {0};
        put(&value, "\0\0\0", 3);
        put(&value, texts[i], strlen(texts[i]));
        start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
        put_op(&b, WRITE, GEO, "g", value.data, value.size);
        assert_int_equal(code_of(fd_of(state), &b, 3, 1), 160);
        drop(&value);
    }
    static const value_case good = {
        GEO, "00 00 00 20 7b 22 61 22 3a 5b 2d 31 2e 35 65 33 2c 6e 75 6c 6c 5d 7d 0a", 0, NULL};
    check_values(fd_of(state), &good, 1);
}

static void test_security_frame_may_have_version_0(void **state)
{
    expect(fd_of(state), "00 02 00 00 00 00 00 10 00 00 14 00 " ZEROS8 "00 00 00 00",
           "02 02 00 00 00 00 00 10 00 33 00 00 " ZEROS8 "00 00 00 00");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
#define TIMED(name) cmocka_unit_test_setup_teardown(name, open_shifted, close_shifted)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_info_answers_each_command_in_order),
        TEST(test_info_command_without_newline_is_not_answered),
        TEST(test_empty_info_gives_the_summary),
        TEST(test_security_frame_is_answered_51_and_the_connection_goes_on),
        TEST(test_compressed_frame_is_answered_25),
        TEST(test_bytes_that_are_no_frame_close_the_connection),
        TEST(test_body_that_does_not_parse_is_answered_4_and_the_connection_goes_on),
        TEST(test_requests_in_single_bytes_are_understood),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_put_get_exists_select_as_recorded),
        TEST(test_increment_then_read_sees_the_sum),
        TEST(test_five_kinds_of_bins_as_recorded),
        TEST(test_policies_as_recorded_are_checked_in_order),
        TEST(test_bin_names_have_15_bytes_and_no_zero),
        TEST(test_respond_all_ops_answers_all_but_touch),
        TEST(test_exists_policies),
        TEST(test_generation_checks_count_a_missing_record_as_0),
        TEST(test_deletes),
        TEST(test_set_must_agree_with_the_record),
        TEST(test_stored_key_is_compared),
        TEST(test_namespace_must_be_known),
        TEST(test_read_needs_operations_only_where_a_record_is),
        TEST(test_failing_operation_undoes_the_ones_before),
        TEST(test_append_prepend_increment_make_what_is_missing),
        TEST(test_last_bin_takes_the_place_of_a_removed_one),
        TEST(test_record_without_bins_is_gone),
        TEST(test_combinations_that_are_refused),
        TEST(test_scalars_are_checked_by_type_and_size),
        TEST(test_collections_are_brought_into_stored_form),
        TEST(test_values_have_a_total_order),
        TEST(test_nesting_has_a_limit),
        TEST(test_geojson_is_kept_without_cells),
        TIMED(test_times_to_live),
        TIMED(test_expired_record_is_gone_and_comes_back_as_new),
        TIMED(test_touch_gives_a_new_life_and_a_generation),
        TIMED(test_read_late_in_a_life_prolongs_it),
        TEST(test_truncate_removes_one_set_up_to_a_time),
        TEST(test_what_is_not_built_is_refused_never_ignored),
        TEST(test_filters_keep_reads_writes_and_deletes_away),
        TEST(test_query_is_refused_with_one_header),
        TEST(test_udf_of_an_unknown_module_fails_as_on_a_server),
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
        TEST(test_what_clients_ask_before_they_start),
        TEST(test_replicas_claims_all_partitions_of_each_namespace),
        TEST(test_set_appears_with_its_first_write_and_counts_records),
        TEST(test_increments_of_many_connections_all_count),
        TEST(test_filter_never_stands_in_the_way_of_a_new_record),
        TEST(test_text_that_is_no_json_is_no_geojson),
        TEST(test_security_frame_may_have_version_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
