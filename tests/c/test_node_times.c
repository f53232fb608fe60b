/* Times to live: when records end, and what prolongs them. */
#include "node_requests.h"

#include <time.h>

#include "base/clock.h"

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

#define TIMED(name) cmocka_unit_test_setup_teardown(name, open_shifted, close_shifted)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TIMED(test_times_to_live),
        TIMED(test_expired_record_is_gone_and_comes_back_as_new),
        TIMED(test_touch_gives_a_new_life_and_a_generation),
        TIMED(test_read_late_in_a_life_prolongs_it),
        TIMED(test_times_count_by_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
