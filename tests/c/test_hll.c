/* HyperLogLog: registers and estimates that a real server had, its codes, and damaged values. */
#include "data/hll.h"

#include "data/murmur.h"
#include "data_call.h"

#define HEAD(n, r) "00 " n " " r " 00 00 00 00 00 00 00 00 "
#define EMPTY_4 HEAD("04", "00") "00 00 00 00 00 00 00 00 00 00 00 00"
#define OF_A HEAD("04", "00") "00 00 00 00 40 00 00 00 00 00 00 00"
#define OF_A_4 HEAD("04", "04") "00 00 00 00 00 00 04 70 00 00 00 00 00 00 00 00 00 00 00 00"
#define OF_1 HEAD("04", "00") "00 00 00 00 00 40 00 00 00 00 00 00"
#define OF_BOTH HEAD("04", "00") "00 00 00 00 40 40 00 00 00 00 00 00"
/* A value of 23 bytes in a list of one. */
#define LIST(hll) "91 b8 12 " hll
/* One of 31 bytes, behind its head. */
#define FOUR(hll) "d9 20 12 " hll " "
#define ZEROS_38                                                                                   \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "   \
    "00 00 00 00 00 00 00 00 "
#define ZEROS_114 ZEROS_38 ZEROS_38 ZEROS_38

static const call_case modifying[] = {
    {"93 00 04 ff", NULL, 0, EMPTY_4},
    {"91 00", NULL, 26, NULL},
    {"92 00 03", NULL, 4, NULL},
    {"92 00 11", NULL, 4, NULL},
    {"93 00 04 03", NULL, 4, NULL},
    {"93 00 04 34", NULL, 4, NULL},
    {"93 00 0e 33", NULL, 4, NULL},     /* more than 64 bits together */
    {"94 00 04 ff 01", OF_A, 6, NULL},  /* create only */
    {"94 00 04 ff 02", NULL, 17, NULL}, /* update only */
    {"94 00 04 ff 06", NULL, 0, NULL},  /* the same, not to fail */
    {"91 00", OF_A, 0, EMPTY_4},        /* reset */
    {"93 01 91 a2 03 61 04", NULL, 0, OF_A},
    {"95 01 91 a2 03 61 04 04 00", NULL, 0, OF_A_4},
    {"93 01 91 01 04", NULL, 0, OF_1},
    {"93 01 91 cd 00 01 04", NULL, 0, OF_1}, /* numbers count in their smallest form */
    {"92 01 92 01 a2 03 61", EMPTY_4, 0, OF_BOTH},
    {"95 01 91 01 ff ff 01", NULL, 26, NULL},
    {"95 01 91 01 04 ff 02", NULL, 4, NULL}, /* adding is never update only */
    {"92 01 91 d4 ff 01", OF_A, 4, NULL},    /* infinity is no value */
    {"92 02 " LIST(OF_1), OF_A, 0, OF_BOTH},
    {"92 02 " LIST(OF_1), NULL, 0, OF_1},
    {"93 02 " LIST(OF_1) " 01", OF_A, 6, NULL},
    {"93 02 " LIST(OF_1) " 02", NULL, 17, NULL},
    {"92 02 " LIST(OF_1), OF_A_4, 26, NULL}, /* would lose the MinHash bits */
    {"93 02 " LIST(OF_1) " 08", OF_A_4, 0, OF_BOTH},
    {"92 02 90", OF_A, 4, NULL},
    {"92 02 91 a2 03 61", OF_A, 4, NULL},
    {"91 03", OF_A, 0, "00 04 00 01 00 00 00 00 00 00 00 00 00 00 00 40 00 00 00 00 00 00 00"},
    {"91 03", NULL, 17, NULL},
    {"92 04 04", OF_A, 0, OF_A},
    {"92 04 05", OF_A, 26, NULL},
    {"92 04 04", OF_A_4, 26, NULL},
    {"92 04 03", OF_A, 4, NULL},
    {"92 04 ff", OF_A, 26, NULL},
    {"94 00 04 ff 03", NULL, 4, NULL}, /* to make, and not to */
    {"93 00 10 ff", "00 04 33 00 00 00 00 00 00 00 00 " ZEROS_114, 26, NULL}, /* with its 51 bits */
    {"94 01 91 91 01 04", NULL, 4, NULL},                                     /* no lists */
    {"92 01 90", OF_A, 4, NULL},
    {"93 02 " LIST(OF_1) " 04", OF_A_4, 26, NULL}, /* still an error */
    {"92 02 91 b8 04 " OF_1, OF_A, 0, OF_BOTH},    /* of whatever type */
    {"91 04", OF_A, 4, NULL},
    {"91 05", OF_A, 4, NULL},
};

static const call_case reading[] = {
    {"91 32", OF_BOTH, 0, "00 00 00 00 00 00 00 02"},
    {"91 32", EMPTY_4, 0, "00 00 00 00 00 00 00 00"},
    {"91 32", NULL, 0, NULL},
    {"92 33 " LIST(OF_1), OF_A, 0, OF_BOTH},
    {"92 33 90", OF_A, 4, NULL},
    {"92 34 " LIST(OF_1), OF_A, 0, "00 00 00 00 00 00 00 02"},
    {"92 35 " LIST(OF_1), OF_BOTH, 0, "00 00 00 00 00 00 00 01"},
    {"92 36 " LIST(OF_1), OF_BOTH, 0, "3f e0 00 00 00 00 00 00"},
    {"92 36 " LIST(EMPTY_4), EMPTY_4, 0, "ff f8 00 00 00 00 00 00"}, /* nothing of nothing */
    {"92 35 92 b8 12 " OF_1 " b8 12 " OF_BOTH, OF_BOTH, 0, "00 00 00 00 00 00 00 01"},
    {"92 35 92 b8 12 " OF_1 " b8 12 " OF_1, OF_A, 0, "00 00 00 00 00 00 00 00"},
    {"92 35 93 b8 12 " OF_1 " b8 12 " OF_1 " b8 12 " OF_1, OF_A, 4, NULL}, /* without MinHash */
    {"92 35 93 " FOUR(OF_A_4) FOUR(OF_A_4) FOUR(OF_A_4), OF_A, 26, NULL},
    {"92 35 93 " FOUR(OF_A_4) FOUR(OF_A_4) FOUR(OF_A_4), OF_A_4, 0, "00 00 00 00 00 00 00 01"},
    {"92 36 93 " FOUR(OF_A_4) FOUR(OF_A_4) FOUR(OF_A_4), OF_A_4, 0, "3f f0 00 00 00 00 00 00"},
    {"91 37", OF_A_4, 0, "92 04 04"},
    {"92 38 91 a2 03 61", OF_A_4, 0, "00 00 00 00 00 00 00 01"},
    {"92 38 92 a2 03 61 01", OF_A, 0, "00 00 00 00 00 00 00 00"},
    {"91 39", OF_A, 4, NULL},
    {"91 32", "00 04 00", 12, NULL}, /* no such value */
};

static const call_cases all[] = {CASES(modifying, true), CASES(reading, false)};

static void test_recorded_and_described_calls_give_what_the_server_gives(void **state)
{
    (void)state;
    check_calls(anp_hll_call, ANP_PARTICLE_HLL, all, COUNT(all));
}

static void test_bin_of_another_type_is_refused(void **state)
{
    (void)state;
    check_call(anp_hll_call, ANP_PARTICLE_BLOB, false, &(call_case){"91 32", OF_A, 12, NULL});
}

static void test_elements_are_hashed_as_the_server_hashes_them(void **state)
{
    (void)state;
    uint64_t hash[2];
    anp_murmur3("\xa2\x03\x61", 3, hash);
    assert_true(hash[0] == UINT64_C(0x8d15ae180c40a275));
    assert_true(hash[1] == UINT64_C(0x0e22c7dd0fe0da88));
}

static void test_estimate_is_near_the_count_at_every_precision(void **state)
{
    (void)state;
    for (uint8_t bits = 4; bits <= 16; bits++) {
        anp_buffer value, call;
        anp_outcome out;
        anp_hll h;
        anp_buffer_init(&value, 1 << 20);
        anp_buffer_init(&call, 1 << 20);
        anp_outcome_init(&out, 1 << 20);
        (void)anp_hll_make(&value, bits, 0);
        enum { N = 20000 };
        anp_msgpack_put_list(&call, 2);
        anp_msgpack_put_int(&call, 1);
        anp_msgpack_put_list(&call, N);
        for (int i = 0; i < N; i++) {
            anp_msgpack_put_int(&call, i);
        }
        anp_particle bin = {ANP_PARTICLE_HLL, value.data, (uint32_t)value.size};
        assert_int_equal(anp_hll_call((anp_slice){call.data, call.size}, true, &bin, &out), 0);
        assert_true(anp_hll_open(&h, (anp_slice){out.bin.data, out.bin.size}));
        double off = (double)anp_hll_count(&h) / N - 1, m = 1 << bits;
        assert_true(off * off * m < 16); /* within some four standard errors */
        anp_buffer_deinit(&value);
        anp_buffer_deinit(&call);
        anp_outcome_deinit(&out);
    }
}

static void test_damaged_calls_end_with_a_code(void **state)
{
    (void)state;
    check_damaged_calls(anp_hll_call, ANP_PARTICLE_HLL, OF_A, all, COUNT(all), 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_and_described_calls_give_what_the_server_gives),
        cmocka_unit_test(test_bin_of_another_type_is_refused),
        cmocka_unit_test(test_elements_are_hashed_as_the_server_hashes_them),
        cmocka_unit_test(test_estimate_is_near_the_count_at_every_precision),
        cmocka_unit_test(test_damaged_calls_end_with_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
