/* The embedded node's single records: bytes of the official client and of a real server, and the
 * order of checks. */
#include "node_requests.h"

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

/* ---- truncating ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        TEST(test_truncate_removes_one_set_up_to_a_time),
        TEST(test_filter_never_stands_in_the_way_of_a_new_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
