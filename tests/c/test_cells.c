/* table/cell_*: the table of conversions between numbers, a line a promise. */
#include "cells.h"

#include <float.h>
#include <math.h>

#include "table/half.h"

static anp_reason store_d(const char *spec, double v, anp_errors_mode mode)
{
    uint8_t b[8];
    uint64_t bits;
    memcpy(&bits, &v, 8);
    anp_store_be64(b, bits);
    return store(spec, ANP_PARTICLE_FLOAT, b, 8, mode);
}

static double real_held(const char *spec)
{
    bool swapped = *spec == '>';
    spec += swapped;
    unsigned width = (unsigned)(spec[1] - '0');
    uint8_t b[8] = {0};
    for (unsigned i = 0; i < width; i++) {
        b[i] = slot[swapped ? width - 1 - i : i];
    }
    if (width == 2) {
        return anp_half_to_double((uint16_t)(b[0] | b[1] << 8));
    }
    float f;
    double d;
    memcpy(&f, b, 4);
    memcpy(&d, b, 8);
    return width == 4 ? (double)f : d;
}

static void test_integers_go_into_integers_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int64_t low, high;
    } cases[] = {
        {"i1", -128, 127},
        {"i2", -32768, 32767},
        {"i4", INT32_MIN, INT32_MAX},
        {"i8", INT64_MIN, INT64_MAX},
        {"u1", 0, 255},
        {"u2", 0, 65535},
        {"u4", 0, UINT32_MAX},
        {"u8", 0, INT64_MAX},
        {"b1", 0, 1},
        {">i2", -32768, 32767},
        {">i4", INT32_MIN, INT32_MAX},
        {">i8", INT64_MIN, INT64_MAX},
        {">u2", 0, 65535},
        {">u4", 0, UINT32_MAX},
        {">u8", 0, INT64_MAX},
        {">i1", -128, 127},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *spec = cases[i].spec;
        const int64_t fits[] = {cases[i].low, cases[i].high, 0, 1};
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(store_i(spec, fits[j], R), OK);
            assert_int_equal(integer_held(spec), fits[j]);
        }
        if (cases[i].high < INT64_MAX) {
            assert_int_equal(store_i(spec, cases[i].high + 1, R), RANGE);
            assert_int_equal(store_i(spec, cases[i].high + 1, K), RANGE);
            assert_int_equal(store_i(spec, INT64_MAX, R), RANGE);
        }
        if (cases[i].low > INT64_MIN) {
            assert_int_equal(store_i(spec, cases[i].low - 1, R), RANGE);
            assert_int_equal(store_i(spec, INT64_MIN, R), RANGE);
        }
    }
    assert_int_equal(store_i("i4", 0x01020304, R), OK);
    holds("i4", "04030201");
    assert_int_equal(store_i(">i4", 0x01020304, R), OK);
    holds(">i4", "01020304");
}

static void test_unsafe_integers_wrap(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int64_t v, held;
    } cases[] = {
        {"i1", 128, -128},
        {"i1", 300, 44},
        {"u1", -1, 255},
        {"u1", 256, 0},
        {"i2", 32768, -32768},
        {"u2", -1, 65535},
        {"i4", INT64_C(0x100000001), 1},
        {"u4", -1, UINT32_MAX},
        {"u8", -1, -1},
        {"b1", 2, 1},
        {"b1", 256, 1},
        {">u2", -2, 65534},
        {">i4", INT64_MIN, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(store_i(cases[i].spec, cases[i].v, W), OK);
        assert_int_equal(integer_held(cases[i].spec), cases[i].held);
    }
}

static void test_integers_go_into_floats_only_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int64_t bound;
    } cases[] = {{"f8", INT64_C(1) << 53},  {"f4", 1 << 24},  {"f2", 1 << 11},
                 {">f8", INT64_C(1) << 53}, {">f4", 1 << 24}, {">f2", 1 << 11}};
    for (size_t i = 0; i < 6; i++) {
        const char *spec = cases[i].spec;
        int64_t b = cases[i].bound;
        const int64_t fits[] = {b, -b, b - 1, 1 - b, 0};
        for (size_t j = 0; j < 5; j++) {
            assert_int_equal(store_i(spec, fits[j], R), OK);
            assert_true(real_held(spec) == (double)fits[j]);
        }
        assert_int_equal(store_i(spec, b + 1, R), INEXACT);
        assert_int_equal(store_i(spec, -b - 1, R), INEXACT);
        assert_int_equal(store_i(spec, INT64_MIN, R), INEXACT);
    }
    assert_int_equal(store_i("f8", (INT64_C(1) << 53) + 1, W), OK);
    assert_true(real_held("f8") == 9007199254740992.0);
    /* 2^25 + 2 + 1/2^k: by way of double it would be rounded twice */
    assert_int_equal(store_i("f4", (INT64_C(1) << 60) + (INT64_C(1) << 36) + 1, W), OK);
    assert_true(real_held("f4") == (double)(float)((INT64_C(1) << 60) + (INT64_C(1) << 36) + 1));
    assert_true(real_held("f4") > 0x1p60);
    assert_int_equal(store_i("f2", 65519, W), OK);
    assert_true(real_held("f2") == 65504);
    assert_int_equal(store_i("f2", 65520, W), OK);
    assert_true(isinf(real_held("f2")));
}

static void test_doubles_go_into_integers_when_integral_and_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        double v;
        anp_reason reason, unsafe;
        int64_t held; /* by UNSAFE; and else if there is no reason */
    } cases[] = {
        {"i1", 127, OK, OK, 127},
        {"i1", -128, OK, OK, -128},
        {"i1", 128, RANGE, OK, -128},
        {"i1", -129, RANGE, OK, -128},
        {"i1", 1.5, INEXACT, OK, 1},
        {"i1", -1.5, INEXACT, OK, -1},
        {"i1", -0.0, OK, OK, 0},
        {"i1", NAN, RANGE, OK, -128},
        {"i1", INFINITY, RANGE, OK, -128},
        {"i1", -INFINITY, RANGE, OK, -128},
        {"i1", 127.5, INEXACT, OK, 127},
        {"u1", 255, OK, OK, 255},
        {"u1", 256, RANGE, OK, 0},
        {"u1", -1, RANGE, OK, 0},
        {"u1", -0.5, INEXACT, OK, 0},
        {"u1", NAN, RANGE, OK, 0},
        {"i4", 2147483647.0, OK, OK, INT32_MAX},
        {"i4", 2147483648.0, RANGE, OK, INT32_MIN},
        {"i4", -2147483648.0, OK, OK, INT32_MIN},
        {"i8", 0x1p62, OK, OK, INT64_C(1) << 62},
        {"i8", 0x1p63, RANGE, OK, INT64_MIN},
        {"i8", -0x1p63, OK, OK, INT64_MIN},
        {"i8", -0x1.0000000000001p63, RANGE, OK, INT64_MIN},
        {"i8", 0x1.fffffffffffffp62, OK, OK, INT64_C(0x7ffffffffffffc00)},
        {"i8", 1e300, RANGE, OK, INT64_MIN},
        {"i8", DBL_MIN, INEXACT, OK, 0},
        {"u8", 0x1p63, OK, OK, INT64_MIN},
        {"u8", 0x1p64, RANGE, OK, 0},
        {"u8", 0x1.fffffffffffffp63, OK, OK, -2048},
        {"u4", 4294967295.0, OK, OK, UINT32_MAX},
        {"u4", 4294967296.0, RANGE, OK, 0},
        {">i2", -2, OK, OK, -2},
        {"b1", 1, OK, OK, 1},
        {"b1", 0, OK, OK, 0},
        {"b1", 2, RANGE, OK, 1},
        {"b1", 0.5, INEXACT, OK, 1},
        {"b1", NAN, RANGE, OK, 1},
        {"i8", 9007199254740991.0, OK, OK, INT64_C(9007199254740991)},
        {"i8", 4503599627370495.5, INEXACT, OK, INT64_C(4503599627370495)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(store_d(cases[i].spec, cases[i].v, R), cases[i].reason);
        assert_int_equal(store_d(cases[i].spec, cases[i].v, W), cases[i].unsafe);
        assert_int_equal(integer_held(cases[i].spec), cases[i].held);
        if (cases[i].reason == OK) {
            assert_int_equal(store_d(cases[i].spec, cases[i].v, K), OK);
            assert_int_equal(integer_held(cases[i].spec), cases[i].held);
        }
    }
}

static void test_doubles_keep_every_bit_in_f8(void **state)
{
    (void)state;
    static const char *const cases[] = {"7ff8000000000001", "7ff0000000000001", "fff8dead0000beef",
                                        "8000000000000000", "0000000000000001", "7ff0000000000000"};
    for (size_t i = 0; i < 6; i++) {
        bytes b = hex(cases[i]);
        assert_int_equal(store(">f8", ANP_PARTICLE_FLOAT, b.data, 8, R), OK);
        assert_memory_equal(slot, b.data, 8);
        assert_int_equal(store("f8", ANP_PARTICLE_FLOAT, b.data, 8, R), OK);
        for (int j = 0; j < 8; j++) {
            assert_int_equal(slot[j], b.data[7 - j]);
        }
    }
}

static void test_doubles_round_to_nearest_even_in_f4_and_f2(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        double v;
        anp_reason reason;
        const char *held; /* also by UNSAFE */
    } cases[] = {
        {"f4", 1.0, OK, "0000803f"},
        {">f4", 1.0, OK, "3f800000"},
        {"f4", -0.0, OK, "00000080"},
        {"f4", 1 + 0x1p-24, OK, "0000803f"}, /* a tie, to even */
        {"f4", 1 + 0x1p-24 + 0x1p-52, OK, "0100803f"},
        {"f4", 1 + 3 * 0x1p-24, OK, "0200803f"}, /* a tie, to even, upwards */
        {"f4", FLT_MAX, OK, "ffff7f7f"},
        {"f4", 0x1.fffffefffffffp127, OK, "ffff7f7f"}, /* just below the tie with 2^128 */
        {"f4", 0x1.ffffffp127, RANGE, "0000807f"},
        {"f4", -1e39, RANGE, "000080ff"},
        {"f4", INFINITY, OK, "0000807f"},
        {"f4", -INFINITY, OK, "000080ff"},
        {"f4", NAN, OK, "0000c07f"},
        {"f4", 0x1p-149, OK, "01000000"},
        {"f4", 0x1p-150, OK, "00000000"},
        {"f4", 1e-300, OK, "00000000"},
        {"f2", 1.0, OK, "003c"},
        {">f2", 1.0, OK, "3c00"},
        {"f2", -0.0, OK, "0080"},
        {"f2", 1 + 0x1p-11, OK, "003c"},
        {"f2", 1 + 0x1p-11 + 0x1p-40, OK, "013c"}, /* by way of float it would be the tie above */
        {"f2", 1 + 3 * 0x1p-11, OK, "023c"},
        {"f2", 65504, OK, "ff7b"},
        {"f2", 65519.99, OK, "ff7b"},
        {"f2", 65520, RANGE, "007c"},
        {"f2", -1e10, RANGE, "00fc"},
        {"f2", INFINITY, OK, "007c"},
        {"f2", NAN, OK, "007e"},
        {"f2", 0x1p-14, OK, "0004"},
        {"f2", 0x1.ffbp-15, OK, "ff03"}, /* the largest subnormal is 1023 * 2^-24 */
        {"f2", 0x1.ffcp-15, OK, "0004"}, /* a tie, to the smallest normal */
        {"f2", 0x1p-24, OK, "0100"},
        {"f2", 0x1p-25, OK, "0000"},
        {"f2", 0x1.0000000000001p-25, OK, "0100"},
        {"f2", 3 * 0x1p-25, OK, "0200"},
        {"f2", 0x1p-26, OK, "0000"},
        {"f2", -DBL_MIN, OK, "0080"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(store_d(cases[i].spec, cases[i].v, R), cases[i].reason);
        if (cases[i].reason == OK) {
            holds(cases[i].spec, cases[i].held);
        }
        assert_int_equal(store_d(cases[i].spec, cases[i].v, W), OK);
        holds(cases[i].spec, cases[i].held);
    }
}

static void test_every_half_survives_the_way_through_double(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x10000; i++) {
        double v = anp_half_to_double((uint16_t)i);
        uint16_t back = anp_half_from_double(v);
        if ((i & 0x7fff) > 0x7c00) {
            assert_true(isnan(v));
            assert_int_equal(back, i | 0x200); /* quiet */
        } else {
            assert_int_equal(back, i);
        }
        if ((i & 0x7fff) < 0x7c00 &&
            (i & 0x7fff) > 0) { /* the middle to the next goes to the even one */
            double next =
                (i & 0x7fff) == 0x7bff ? copysign(65536, v) : anp_half_to_double((uint16_t)(i + 1));
            double middle = (v + next) / 2;
            assert_int_equal(anp_half_from_double(middle), (i + 1) & ~1u);
            assert_int_equal(anp_half_from_double(nextafter(middle, v)), i);
            assert_int_equal(anp_half_from_double(nextafter(middle, next)), i + 1);
        }
    }
}

static void test_bools_go_into_numbers(void **state)
{
    (void)state;
    static const char *const specs[] = {"i1", "i8", "u4", "b1", ">i4"};
    for (uint8_t v = 0; v < 2; v++) {
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(store(specs[i], ANP_PARTICLE_BOOL, &v, 1, R), OK);
            assert_int_equal(integer_held(specs[i]), v);
        }
        assert_int_equal(store("f8", ANP_PARTICLE_BOOL, &v, 1, R), OK);
        assert_true(real_held("f8") == v);
        assert_int_equal(store("f2", ANP_PARTICLE_BOOL, &v, 1, R), OK);
        assert_true(real_held("f2") == v);
    }
    assert_int_equal(store("b1", ANP_PARTICLE_BOOL, "\2", 1, R), MALFORMED);
    assert_int_equal(store("b1", ANP_PARTICLE_BOOL, "\1\1", 2, R), MALFORMED);
    assert_int_equal(store("S4", ANP_PARTICLE_BOOL, "\1", 1, R), KIND);
}

static void test_numbers_of_the_wrong_size_are_malformed(void **state)
{
    (void)state;
    static const char *const specs[] = {"i1", "i8", "f8", "f4", "b1", ">i8", "M8[s]"};
    for (size_t i = 0; i < 7; i++) {
        for (uint32_t size = 0; size < 17; size++) {
            uint8_t zeros[17] = {0};
            anp_reason want = size == 8 ? OK : MALFORMED;
            assert_int_equal(store(specs[i], ANP_PARTICLE_INTEGER, zeros, size, R), want);
            if (*specs[i] != 'M') {
                assert_int_equal(store(specs[i], ANP_PARTICLE_FLOAT, zeros, size, W), want);
            }
        }
    }
}

/* For every field and particle that have no place in the table. */
static void test_what_is_not_in_the_table_is_refused_by_kind_also_when_unsafe(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *types; /* i d s b(lob) g(eo) l(ist) m(ap) t(rue) x(unknown) */
    } cases[] = {
        {"i4", "sbglmx"},    {"u8", "sbglmx"},     {"b1", "sbglmx"},      {"f8", "sbglmx"},
        {"f4", "sbglmx"},    {"f2", "sbglmx"},     {"S4", "idtlmx"},      {"U4", "idtblmx"},
        {"V2", "idtsglmx"},  {"M8[s]", "dtbglmx"}, {"m8[s]", "dtsbglmx"}, {"M8", "dtsbglmx"},
        {"2:f4", "idtsgmx"}, {"O", "idtsbglmx"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (const char *t = cases[i].types; *t != '\0'; t++) {
            static const char order[] = "idsbglmtx";
            static const uint8_t types[] = {1, 2, 3, 4, 23, 20, 19, 17, 99};
            static const char *const values[] = {"0000000000000001",
                                                 "3ff0000000000000",
                                                 "61",
                                                 "6162",
                                                 "0000007b7d",
                                                 "90",
                                                 "80",
                                                 "01",
                                                 "00"};
            size_t at = (size_t)(strchr(order, *t) - order);
            bytes b = hex(values[at]);
            for (anp_errors_mode mode = R; mode <= W; mode++) {
                assert_int_equal(store(cases[i].spec, types[at], b.data, b.size, mode), KIND);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_go_into_integers_in_range),
        cmocka_unit_test(test_unsafe_integers_wrap),
        cmocka_unit_test(test_integers_go_into_floats_only_exactly),
        cmocka_unit_test(test_doubles_go_into_integers_when_integral_and_in_range),
        cmocka_unit_test(test_doubles_keep_every_bit_in_f8),
        cmocka_unit_test(test_doubles_round_to_nearest_even_in_f4_and_f2),
        cmocka_unit_test(test_every_half_survives_the_way_through_double),
        cmocka_unit_test(test_bools_go_into_numbers),
        cmocka_unit_test(test_numbers_of_the_wrong_size_are_malformed),
        cmocka_unit_test(test_what_is_not_in_the_table_is_refused_by_kind_also_when_unsafe),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
