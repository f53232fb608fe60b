/* Bit operations: what a real server made of the blob 01 42 03 04 05, its codes, and a slow model
 * that moves single bits. */
#include "data/bits.h"

#include "base/random.h"
#include "data_call.h"

#define BLOB "01 42 03 04 05"

static const call_case modifying[] = {
    {"94 03 01 03 a2 04 e0", BLOB, 0, "71 42 03 04 05"},    /* set */
    {"94 08 00 10 04", BLOB, 0, "14 20 03 04 05"},          /* shift left */
    {"94 09 00 10 04", BLOB, 0, "00 14 03 04 05"},          /* shift right */
    {"96 0a 00 08 cc ff 00 04", BLOB, 0, "00 42 03 04 05"}, /* add, wrap */
    {"96 0a 00 08 cc ff 00 02", BLOB, 0, "ff 42 03 04 05"}, /* add, saturate */
    {"94 0a 00 08 cc ff", BLOB, 26, NULL},                  /* add, overflow */
    {"96 0a 00 08 cc ff 04 00", BLOB, 0, NULL},             /* the same, not to fail */
    {"96 0b 00 08 02 00 02", BLOB, 0, "00 42 03 04 05"},    /* subtract, saturate */
    {"96 0b 00 08 02 00 01", BLOB, 0, "ff 42 03 04 05"},    /* subtract, signed */
    {"96 0a 00 08 7f 00 01", BLOB, 26, NULL},               /* signed overflow */
    {"96 0a 00 08 7f 00 03", BLOB, 0, "7f 42 03 04 05"},    /* signed, saturate */
    {"96 0b 00 08 d0 80 00 03", BLOB, 0, "81 42 03 04 05"}, /* 1 - -128: turned round, -128 */
    {"95 0a 00 08 d0 80 00", "80", 26, NULL},               /* unsigned */
    {"96 0a 00 08 d0 80 00 01", "80", 0, "00"},             /* -128 + -128: 0 has not gone over */
    {"96 0a 00 08 d0 81 00 01", "80", 26, NULL},
    {"96 0a 00 08 d0 81 00 03", "80", 0, "80"},
    {"94 0c 01 08 7f", BLOB, 0, "3f c2 03 04 05"},             /* set integer */
    {"93 07 00 28", BLOB, 0, "fe bd fc fb fa"},                /* not */
    {"94 04 07 08 a2 04 ff", BLOB, 0, "01 fe 03 04 05"},       /* or */
    {"94 05 00 08 a2 04 03", BLOB, 0, "02 42 03 04 05"},       /* xor */
    {"94 06 00 08 a2 04 03", BLOB, 0, "01 42 03 04 05"},       /* and */
    {"94 06 f8 08 a2 04 01", BLOB, 0, "01 42 03 04 01"},       /* counted from the end */
    {"95 03 20 10 a3 04 ff ff 08", BLOB, 0, "01 42 03 04 ff"}, /* partial */
    {"94 03 20 10 a3 04 ff ff", BLOB, 26, NULL},
    {"94 03 00 10 a2 04 ff", BLOB, 4, NULL}, /* the value has fewer bits */
    {"94 03 00 00 a2 04 ff", BLOB, 4, NULL},
    {"94 0a 00 41 01", BLOB, 4, NULL}, /* more than a word */
    {"92 00 02", BLOB, 0, "01 42"},    /* resize */
    {"94 00 02 00 01", BLOB, 0, "04 05"},
    {"94 00 06 00 01", BLOB, 0, "00 01 42 03 04 05"},
    {"94 00 02 00 02", BLOB, 4, NULL},
    {"94 00 06 00 04", BLOB, 4, NULL},
    {"94 00 06 00 06", BLOB, 4, NULL},
    {"93 00 06 08", BLOB, 4, NULL}, /* resizing is never partial */
    {"93 00 06 01", BLOB, 6, NULL},
    {"92 00 02", NULL, 0, "00 00"},
    {"93 00 02 02", NULL, 17, NULL},
    {"93 00 02 06", NULL, 0, NULL},
    {"93 01 00 a2 04 ff", BLOB, 0, "ff 01 42 03 04 05"}, /* insert */
    {"93 01 07 a2 04 ff", BLOB, 0, "01 42 03 04 05 00 00 ff"},
    {"93 01 fa a2 04 ff", BLOB, 4, NULL}, /* before the first, whatever the policy */
    {"94 01 fa a2 04 ff 04", BLOB, 4, NULL},
    {"93 01 ff a2 04 ff", NULL, 4, NULL},
    {"93 01 00 a1 04", BLOB, 4, NULL},
    {"93 01 00 c4 02 09 ff", BLOB, 0, "ff 01 42 03 04 05"}, /* of whatever type */
    {"92 00 00", BLOB, 0, ""},
    {"92 00 00", NULL, 0, NULL},
    {"93 00 02 03", BLOB, 4, NULL}, /* to make, and not to */
    {"94 08 00 08 ce 40 00 00 01", BLOB, 4, NULL},
    {"93 01 ff a2 04 ff", BLOB, 0, "01 42 03 04 ff 05"},
    {"93 01 01 a2 04 ff", NULL, 0, "00 ff"},
    {"93 02 00 02", BLOB, 0, "03 04 05"}, /* remove */
    {"93 02 03 03", BLOB, 4, NULL},
    {"94 02 03 03 08", BLOB, 0, "01 42 03"},
    {"93 02 06 01", BLOB, 4, NULL},
    {"93 02 00 01", NULL, 17, NULL},
    {"93 02 00 05", BLOB, 0, ""},
    {"92 0d 00", BLOB, 4, NULL}, /* there is no such operation */
    {"93 32 00 08", BLOB, 4, NULL},
    {"94 07 00 08 00 00", BLOB, 4, NULL}, /* too many arguments */
    {"92 07 00", BLOB, 4, NULL},
    {"90", BLOB, 4, NULL},
};

static const call_case reading[] = {
    {"93 32 00 0c", BLOB, 0, "01 40"},
    {"93 33 00 28", BLOB, 0, "00 00 00 00 00 00 00 08"},
    {"94 34 00 28 c3", BLOB, 0, "00 00 00 00 00 00 00 07"},
    {"94 35 00 28 c3", BLOB, 0, "00 00 00 00 00 00 00 27"},
    {"94 34 07 01 c2", BLOB, 0, "ff ff ff ff ff ff ff ff"},
    {"93 36 08 08", BLOB, 0, "00 00 00 00 00 00 00 42"},
    {"94 36 09 07 01", BLOB, 0, "ff ff ff ff ff ff ff c2"},
    {"93 36 29 01", BLOB, 26, NULL},
    {"93 36 00 29", BLOB, 26, NULL},
    {"93 36 d0 d7 01", BLOB, 4, NULL},
    {"93 33 00 08", NULL, 0, NULL},
    {"93 33 00 00", BLOB, 4, NULL},
    {"93 07 00 08", BLOB, 4, NULL},
};

static const call_cases all[] = {CASES(modifying, true), CASES(reading, false)};

static void test_recorded_and_described_calls_give_what_the_server_gives(void **state)
{
    (void)state;
    check_calls(anp_bits_call, ANP_PARTICLE_BLOB, all, COUNT(all));
}

static void test_bin_of_another_type_is_refused(void **state)
{
    (void)state;
    check_call(anp_bits_call, ANP_PARTICLE_STRING, true, &(call_case){"93 07 00 08", BLOB, 12, 0});
    check_call(anp_bits_call, ANP_PARTICLE_STRING, true, &(call_case){"93 00 02 01", BLOB, 6, 0});
}

/* ---- against single bits ---- */

static bool bit_of(const uint8_t *p, uint64_t at)
{
    return p[at / 8] >> (7 - at % 8) & 1;
}

static void put_bit(uint8_t *p, uint64_t at, bool v)
{
    unsigned mask = 0x80u >> at % 8;
    p[at / 8] = (uint8_t)(v ? p[at / 8] | mask : p[at / 8] & ~mask);
}

enum { BYTES = 24, BITS = BYTES * 8, TURNS = 20000 };

static void move_both_ways(int kind, const anp_bit_run *run, uint8_t *slow, const uint8_t *with,
                           uint64_t by)
{
    uint8_t old[BYTES];
    memcpy(old, slow, BYTES);
    for (uint64_t i = 0; i < run->size; i++) {
        bool a = bit_of(old, run->at + i), b = bit_of(with, i);
        bool left = i + by < run->size && bit_of(old, run->at + i + by);
        bool right = i >= by && bit_of(old, run->at + i - by);
        const bool results[] = {b, a || b, a != b, a && b, !a, left, right};
        put_bit(slow, run->at + i, results[kind]);
    }
    if (kind <= ANP_BITS_NOT) {
        anp_bits_merge(run, with, (anp_bits_join)kind);
    } else {
        (kind == 5 ? anp_bits_shift_left : anp_bits_shift_right)(run, by);
    }
}

static void test_runs_of_bits_move_as_single_bits_do(void **state)
{
    (void)state;
    uint8_t fast[BYTES], slow[BYTES], with[BYTES];
    start_random();
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < BYTES; i++) {
            fast[i] = slow[i] = (uint8_t)anp_random();
            with[i] = (uint8_t)anp_random();
        }
        anp_bit_run run = {fast, anp_random() % BITS, 0};
        run.size = 1 + anp_random() % (BITS - run.at);
        move_both_ways((int)(anp_random() % 7), &run, slow, with, anp_random() % (BITS + 9));
        assert_memory_equal(fast, slow, BYTES);

        uint64_t count = 0;
        int64_t first = -1, last = -1;
        bool wanted = anp_random() % 2;
        for (uint64_t i = 0; i < run.size; i++) {
            bool v = bit_of(fast, run.at + i);
            count += v;
            first = v == wanted && first < 0 ? (int64_t)i : first;
            last = v == wanted ? (int64_t)i : last;
        }
        assert_int_equal(anp_bits_count(&run), count);
        assert_int_equal(anp_bits_find_first(&run, wanted), first);
        assert_int_equal(anp_bits_find_last(&run, wanted), last);
        if (run.size <= 64) {
            uint64_t v = anp_bits_load(&run);
            anp_bits_store(&run, ~v);
            anp_bits_store(&run, v);
            assert_memory_equal(fast, slow, BYTES);
        }
    }
}

static void test_damaged_calls_end_with_a_code(void **state)
{
    (void)state;
    check_damaged_calls(anp_bits_call, ANP_PARTICLE_BLOB, BLOB, all, COUNT(all), 100000);
}

static void test_value_that_would_be_too_large_is_refused_before_it_is_made(void **state)
{
    (void)state;
    hex_bytes call = from_hex("92 00 ce 00 20 00 00");
    anp_outcome out;
    anp_outcome_init(&out, 1 << 20);
    assert_int_equal(anp_bits_call((anp_slice){call.data, call.size}, true, NULL, &out),
                     ANP_RECORD_TOO_BIG);
    assert_int_equal(out.bin.capacity, 0);
    anp_outcome_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_and_described_calls_give_what_the_server_gives),
        cmocka_unit_test(test_bin_of_another_type_is_refused),
        cmocka_unit_test(test_runs_of_bits_move_as_single_bits_do),
        cmocka_unit_test(test_damaged_calls_end_with_a_code),
        cmocka_unit_test(test_value_that_would_be_too_large_is_refused_before_it_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
