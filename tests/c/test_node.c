/* The embedded node, spoken to over a socket: frames, info, what it refuses, and threads. */
#include "node_requests.h"

#include <pthread.h>

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

static void test_security_frame_may_have_version_0(void **state)
{
    expect(fd_of(state), "00 02 00 00 00 00 00 10 00 00 14 00 " ZEROS8 "00 00 00 00",
           "02 02 00 00 00 00 00 10 00 33 00 00 " ZEROS8 "00 00 00 00");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

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
        TEST(test_what_is_not_built_is_refused_never_ignored),
        TEST(test_filters_keep_reads_writes_and_deletes_away),
        TEST(test_query_is_refused_with_one_header),
        TEST(test_udf_of_an_unknown_module_fails_as_on_a_server),
        TEST(test_what_clients_ask_before_they_start),
        TEST(test_replicas_claims_all_partitions_of_each_namespace),
        TEST(test_set_appears_with_its_first_write_and_counts_records),
        TEST(test_increments_of_many_connections_all_count),
        TEST(test_security_frame_may_have_version_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
