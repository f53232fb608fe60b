/* The embedded node's single records: bytes of the official client and of a real server, the order
 * of checks, and times to live. */
#include "node_requests.h"

#include <time.h>

#include "base/clock.h"

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

/* ---- time ---- */

static _Atomic uint64_t ahead;  /* seconds */
static _Atomic uint64_t stands; /* where the clock does, if not 0: nanoseconds */

static uint64_t shifted_wall(void)
{
    struct timespec t;
    if (stands != 0) {
        return stands + ahead * ANP_NS_PER_S;
    }
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec + ahead) * ANP_NS_PER_S + (uint64_t)t.tv_nsec;
}

static int open_shifted(void **state)
{
    ahead = stands = 0;
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

/* The void time of a read that may touch; what the reply says is how it was before. */
static uint32_t read_touching(int fd, uint32_t percent)
{
    bytes b = {0};
    start_key(&b, (request){.info1 = 3, .ttl = percent}, "test", "demo", "t");
    bytes reply = ask(fd, &b, 3, 0);
    assert_int_equal(reply.data[13], 0);
    assert_int_equal(number(reply.data + 14, 4), 1); /* touching is no new generation */
    uint32_t void_time = (uint32_t)number(reply.data + 18, 4);
    drop(&reply);
    return void_time;
}

static bool holds(int fd, const char *expression_hex)
{
    bytes b = {0}, e = {0};
    put_hex(&e, expression_hex);
    start_key(&b, (request){.info1 = 3, .ttl = UINT32_MAX}, "test", "demo", "t");
    put_field(&b, 43, e.data, e.size);
    free(e.data);
    int code = code_of(fd, &b, 4, 0);
    assert_true(code == 0 || code == 27);
    return code == 0;
}

static void test_times_count_by_the_second(void **state)
{
    int fd = fd_of(state);
    enum { BORN = 500 * 1000 * 1000 };
    stands = (UINT64_C(1262304000) + BORN) * ANP_NS_PER_S + 700 * 1000 * 1000;
    assert_int_equal(void_time_after(fd, "test", 100, 0), BORN + 100);
    assert_int_equal(read_touching(fd, 100), BORN + 100); /* it would live no longer */
    assert_int_equal(read_touching(fd, UINT32_MAX), BORN + 100);
    ahead = 79; /* 21 of 100 seconds are left */
    assert_int_equal(read_touching(fd, 20), BORN + 100);
    assert_int_equal(read_touching(fd, UINT32_MAX), BORN + 100);
    assert_true(holds(fd, "93 01 91 45 15"));             /* ttl: 21 */
    assert_true(holds(fd, "93 01 91 43 ce 00 01 34 98")); /* since update: 79000 ms */
    ahead = 80;
    assert_int_equal(read_touching(fd, 20), BORN + 100); /* now it is touched */
    assert_int_equal(read_touching(fd, UINT32_MAX), BORN + 180);
    assert_true(holds(fd, "93 01 91 45 64"));
    assert_true(holds(fd, "93 01 91 43 00"));
    assert_true(holds(fd, "93 01 91 44 93 16 ce 69 0a a0 b4 ce 3b 9a ca 00")); /* void time, ns */
    ahead = 180;
    assert_int_equal(get_code(fd, "t"), 0); /* through its last second */
    assert_true(holds(fd, "93 01 91 45 00"));
    ahead = 181;
    assert_int_equal(get_code(fd, "t"), 2);
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
#define TIMED(name) cmocka_unit_test_setup_teardown(name, open_shifted, close_shifted)

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
        TIMED(test_times_to_live),
        TIMED(test_expired_record_is_gone_and_comes_back_as_new),
        TIMED(test_touch_gives_a_new_life_and_a_generation),
        TIMED(test_read_late_in_a_life_prolongs_it),
        TIMED(test_times_count_by_the_second),
        TEST(test_truncate_removes_one_set_up_to_a_time),
        TEST(test_filter_never_stands_in_the_way_of_a_new_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
