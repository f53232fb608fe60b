/* table/cell_*: the whole table of conversions, a line a promise. */
#include "table_fields.h"

#include <float.h>
#include <math.h>

#include "table/cell.h"
#include "table/half.h"
#include "table/utf8.h"

#define R ANP_ERRORS_RAISE
#define K ANP_ERRORS_MASK
#define W ANP_ERRORS_UNSAFE
#define OK ANP_REASON_NONE
#define KIND ANP_REASON_KIND
#define RANGE ANP_REASON_RANGE
#define INEXACT ANP_REASON_INEXACT
#define LENGTH ANP_REASON_LENGTH
#define ENCODING ANP_REASON_ENCODING
#define SHAPE ANP_REASON_SHAPE
#define MALFORMED ANP_REASON_MALFORMED

static uint8_t slot[512]; /* what the last store left */
static anp_field *current;

/* Stores into a field at every misalignment of two, with guard bytes on both sides. */
static anp_reason store_in(anp_field field, uint8_t type, const void *data, uint32_t size,
                           anp_errors_mode mode)
{
    static anp_field held;
    held = field;
    current = &held;
    anp_plan plan = {.fields = &held, .n_fields = 1};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    paged p = paged_copy(data, size);
    anp_particle particle = {type, p.data, size};
    anp_reason reason = OK;
    for (size_t shift = 1; shift < 3; shift++) {
        uint8_t memory[sizeof slot + 8];
        memset(memory, 0xaa, sizeof memory);
        reason = anp_cell_store(&held, memory + shift, &particle, mode);
        for (size_t i = 0; i < shift; i++) {
            assert_int_equal(memory[i], 0xaa);
        }
        for (size_t i = shift + held.itemsize; i < sizeof memory; i++) {
            assert_int_equal(memory[i], 0xaa);
        }
        memcpy(slot, memory + shift, held.itemsize);
    }
    paged_free(p);
    anp_plan_deinit(&plan);
    return reason;
}

static anp_reason store(const char *spec, uint8_t type, const void *data, uint32_t size,
                        anp_errors_mode mode)
{
    return store_in(make_field("f", spec), type, data, size, mode);
}

static anp_reason store_i(const char *spec, int64_t v, anp_errors_mode mode)
{
    uint8_t b[8];
    anp_store_be64(b, (uint64_t)v);
    return store(spec, ANP_PARTICLE_INTEGER, b, 8, mode);
}

static anp_reason store_d(const char *spec, double v, anp_errors_mode mode)
{
    uint8_t b[8];
    uint64_t bits;
    memcpy(&bits, &v, 8);
    anp_store_be64(b, bits);
    return store(spec, ANP_PARTICLE_FLOAT, b, 8, mode);
}

static anp_reason store_s(const char *spec, const char *text, anp_errors_mode mode)
{
    return store(spec, ANP_PARTICLE_STRING, text, (uint32_t)strlen(text), mode);
}

static void holds(const char *spec, const char *what)
{
    bytes want = hex(what);
    anp_field f = make_field("f", spec);
    assert_int_equal(want.size, f.itemsize);
    assert_memory_equal(slot, want.data, want.size);
}

/* The number in the slot, whatever its width and order. */
static int64_t integer_held(const char *spec)
{
    bool swapped = *spec == '>';
    spec += swapped;
    unsigned width = *spec == 'M' || *spec == 'm' ? 8 : (unsigned)(spec[1] - '0');
    uint64_t bits = 0;
    for (unsigned i = 0; i < width; i++) {
        bits |= (uint64_t)slot[swapped ? width - 1 - i : i] << 8 * i;
    }
    if (*spec != 'u' && width < 8 && (bits >> (8 * width - 1) & 1) != 0) {
        bits |= UINT64_MAX << 8 * width;
    }
    return (int64_t)bits;
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

static void test_strings_and_blobs_fit_s(void **state)
{
    (void)state;
    static const uint8_t types[] = {3, 4, 7, 8, 9, 10, 11, 12, 16, 18};
    for (size_t i = 0; i < sizeof types; i++) {
        assert_int_equal(store("S4", types[i], "ab", 2, R), OK);
        holds("S4", "61620000");
        assert_int_equal(store("S4", types[i], "", 0, R), OK);
        holds("S4", "00000000");
        assert_int_equal(store("S4", types[i], "ab\0\xff", 4, R), OK);
        holds("S4", "616200ff");
        assert_int_equal(store("S4", types[i], "abcde", 5, R), LENGTH);
        assert_int_equal(store("S4", types[i], "abcde", 5, W), types[i] == 3 ? OK : LENGTH);
    }
    assert_int_equal(store("S4", 23, "\0\0\0{}", 5, R), OK);
    holds("S4", "7b7d0000");
    assert_int_equal(store("S2", 23, "\0\0\1cellcell{}", 13, R), OK);
    holds("S2", "7b7d");
    assert_int_equal(store("S4", 23, "\0\0\2cellcell{}", 13, R), MALFORMED);
    assert_int_equal(store("S4", 23, "\0\0", 2, R), MALFORMED);
    assert_int_equal(store("S0", 3, "", 0, R), OK);
    assert_int_equal(store("S0", 3, "a", 1, R), LENGTH);
    assert_int_equal(store("S0", 3, "a", 1, W), OK);
}

static void test_every_length_fits_every_width_of_s(void **state)
{
    (void)state;
    const char *text = "abcdefghijklmnopqrstuvwxyz";
    for (uint32_t width = 0; width <= 20; width++) {
        for (uint32_t size = 0; size <= width + 1; size++) {
            char spec[8];
            (void)snprintf(spec, sizeof spec, "S%u", (unsigned)width);
            assert_int_equal(store(spec, ANP_PARTICLE_STRING, text, size, R),
                             size <= width ? OK : LENGTH);
            for (uint32_t i = 0; i < width && size <= width; i++) {
                assert_int_equal(slot[i], i < size ? text[i] : 0);
            }
        }
    }
}

static void test_unsafe_cuts_strings_at_a_code_point(void **state)
{
    (void)state;
    assert_int_equal(store_s("S4", "ab\xc3\xa4\xc3\xb6", W), OK);
    holds("S4", "6162c3a4");
    assert_int_equal(store_s("S3", "ab\xc3\xa4\xc3\xb6", W), OK);
    holds("S3", "616200");
    assert_int_equal(store_s("S3", "\xf0\x9f\x98\x80", W), OK);
    holds("S3", "000000");
    assert_int_equal(store_s("S3",
                             "\xff"
                             "bcde",
                             W),
                     OK); /* no UTF-8: bytes */
    holds("S3", "ff6263");
    assert_int_equal(store_s("U2", "a\xf0\x9f\x98\x80z", W), OK);
    holds("U2", "61000000 00f60100");
    assert_int_equal(store_s("U2", "abc\xff", W), ENCODING);
    assert_int_equal(store_s("U2", "ab\xff", W), ENCODING);
}

static void test_text_fits_u_in_code_points(void **state)
{
    (void)state;
    assert_int_equal(store_s("U3", "a\xc3\xa4\xe2\x82\xac", R), OK);
    holds("U3", "61000000 e4000000 ac200000");
    assert_int_equal(store_s(">U3", "a\xf0\x9f\x98\x80", R), OK);
    holds(">U3", "00000061 0001f600 00000000");
    assert_int_equal(store_s("U2", "abc", R), LENGTH);
    assert_int_equal(store_s("U2", "ab\xff", R), ENCODING);
    assert_int_equal(store_s("U2", "", R), OK);
    holds("U2", "0000000000000000");
    assert_int_equal(store("U2", 23, "\0\0\0{}", 5, R), OK);
    holds("U2", "7b0000007d000000");
    assert_int_equal(store_s("U0", "", R), OK);
    assert_int_equal(store_s("U0", "a", R), LENGTH);
}

static void test_utf8_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        uint32_t code_point; /* of the only one */
    } cases[] = {
        {"00", true, 0},          {"7f", true, 0x7f},
        {"80", false, 0},         {"bf", false, 0},
        {"c080", false, 0},       {"c1bf", false, 0},
        {"c280", true, 0x80},     {"dfbf", true, 0x7ff},
        {"c2", false, 0},         {"c241", false, 0},
        {"e0a080", true, 0x800},  {"e09fbf", false, 0},
        {"ed9fbf", true, 0xd7ff}, {"eda080", false, 0},
        {"edbfbf", false, 0},     {"ee8080", true, 0xe000},
        {"efbfbf", true, 0xffff}, {"e282", false, 0},
        {"e28241", false, 0},     {"f0908080", true, 0x10000},
        {"f08fbfbf", false, 0},   {"f48fbfbf", true, 0x10ffff},
        {"f4908080", false, 0},   {"f5808080", false, 0},
        {"f09f98", false, 0},     {"f09f9841", false, 0},
        {"fe", false, 0},         {"ff", false, 0},
        {"efbbbf", true, 0xfeff},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = hex(cases[i].text);
        paged p = paged_copy(b.data, b.size);
        assert_int_equal(anp_utf8_valid(p.data, b.size), cases[i].valid);
        anp_cursor c = anp_cursor_over(p.data, b.size);
        uint32_t v = 0;
        assert_int_equal(anp_utf8_take(&c, &v), cases[i].valid);
        assert_ptr_equal(c.at, cases[i].valid ? c.end : p.data);
        if (cases[i].valid) {
            uint8_t back[4];
            assert_int_equal(v, cases[i].code_point);
            assert_int_equal(anp_utf8_put(back, v), b.size);
            assert_memory_equal(back, b.data, b.size);
        }
        paged_free(p);
        bytes long_text = {.size = 20 + b.size}; /* behind ASCII that is skipped eight at a time */
        memset(long_text.data, 'a', 20);
        memcpy(long_text.data + 20, b.data, b.size);
        assert_int_equal(anp_utf8_valid(long_text.data, long_text.size), cases[i].valid);
    }
    uint8_t out[4];
    assert_int_equal(anp_utf8_put(out, 0xd800), 0);
    assert_int_equal(anp_utf8_put(out, 0xdfff), 0);
    assert_int_equal(anp_utf8_put(out, 0x110000), 0);
    assert_int_equal(anp_utf8_put(out, UINT32_MAX), 0);
}

static void test_raw_wants_exactly_its_bytes(void **state)
{
    (void)state;
    for (anp_errors_mode mode = R; mode <= W; mode++) {
        assert_int_equal(store("V3", 4, "ab\0", 3, mode), OK);
        holds("V3", "616200");
        assert_int_equal(store("V3", 18, "abc", 3, mode), OK);
        assert_int_equal(store("V3", 4, "ab", 2, mode), LENGTH);
        assert_int_equal(store("V3", 4, "abcd", 4, mode), LENGTH);
    }
    assert_int_equal(store("V0", 4, "", 0, R), OK);
}

static void test_integers_are_times_in_the_fields_unit(void **state)
{
    (void)state;
    for (anp_errors_mode mode = R; mode <= W; mode++) {
        static const char *const specs[] = {"M8[s]",  "m8[25ms]", "M8[Y]", ">M8[ns]",
                                            ">m8[D]", "M8",       "m8"};
        for (size_t i = 0; i < 7; i++) {
            const int64_t fits[] = {0, -1, INT64_MAX, -INT64_MAX};
            for (size_t j = 0; j < 4; j++) {
                assert_int_equal(store_i(specs[i], fits[j], mode), OK);
                assert_int_equal(integer_held(specs[i]), fits[j]);
            }
            assert_int_equal(store_i(specs[i], INT64_MIN, mode), RANGE);
        }
    }
}

static void test_iso_8601_becomes_times_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text;
        anp_reason reason;
        int64_t held;
    } cases[] = {
        /* as numpy 2.x gives them: np.datetime64(text, unit).astype('i8') */
        {"M8[s]", "1970-01-01T00:00:00", OK, 0},
        {"M8[s]", "2024-02-29T12:34:56", OK, 1709210096},
        {"M8[s]", "2024-02-29 12:34:56Z", OK, 1709210096},
        {"M8[s]", "2024-02-29T12:34:56+00:00", OK, 1709210096},
        {"M8[s]", "2024-02-29T14:34:56+02:00", OK, 1709210096},
        {"M8[s]", "2024-02-29T14:34:56+02", OK, 1709210096},
        {"M8[s]", "2024-02-29T14:34:56+0200", OK, 1709210096},
        {"M8[s]", "2024-03-01T00:34:56+14:00", OK, 1709202896},
        {"M8[s]", "2023-12-31T23:00:00-01:00", OK, 1704067200},
        {"M8[Y]", "2023-12-31T23:00:00-01:00", OK, 54},
        {"M8[Y]", "2024-01-01T01:00:00+01:00", OK, 54},
        {"M8[M]", "2024-03-01T01:00+01:00", OK, 650},
        {"M8[D]", "2024-02-29T23:00-01:00", OK, 19783},
        {"M8[D]", "2024-03-01T00:00+24:00", MALFORMED, 0},
        {"M8[s]", "2024-02-29T12:34", OK, 1709210040},
        {"M8[s]", "2024-02-29T12", OK, 1709208000},
        {"M8[s]", "2024-02-29", OK, 1709164800},
        {"M8[s]", "2024-02", OK, 1706745600},
        {"M8[s]", "2024", OK, 1704067200},
        {"M8[s]", "1969-12-31T23:59:59", OK, -1},
        {"M8[D]", "1600-02-29", OK, -135081},
        {"M8[D]", "1900-02-29", MALFORMED, 0},
        {"M8[D]", "2000-02-29", OK, 11016},
        {"M8[D]", "2100-02-29", MALFORMED, 0},
        {"M8[D]", "2023-02-29", MALFORMED, 0},
        {"M8[D]", "0000-01-01", OK, -719528},
        {"M8[D]", "0000-02-29", OK, -719469},
        {"M8[D]", "0001-01-01", OK, -719162},
        {"M8[D]", "-0001-12-31", OK, -719529},
        {"M8[D]", "-0004-02-29", OK, -720930},
        {"M8[D]", "+2000-02-29", OK, 11016},
        {"M8[D]", "+10000-01-01", OK, 2932897},
        {"M8[D]", "-10000-01-01", OK, -4371953},
        {"M8[D]", "9999-12-31", OK, 2932896},
        {"M8[Y]", "1969", OK, -1},
        {"M8[Y]", "2024-01-01", OK, 54},
        {"M8[Y]", "2024-01-02", INEXACT, 0},
        {"M8[Y]", "2024-02-01", INEXACT, 0},
        {"M8[2Y]", "2024", OK, 27},
        {"M8[2Y]", "2023", INEXACT, 0},
        {"M8[M]", "2024-02", OK, 649},
        {"M8[M]", "1969-12-01", OK, -1},
        {"M8[M]", "2024-02-02", INEXACT, 0},
        {"M8[M]", "2024-02-01T00:00:01", INEXACT, 0},
        {"M8[W]", "1970-01-08", OK, 1},
        {"M8[W]", "1969-12-25", OK, -1},
        {"M8[W]", "1970-01-07", INEXACT, 0},
        {"M8[D]", "2024-02-29T00:00:00.000", OK, 19782},
        {"M8[D]", "2024-02-29T00:00:00.001", INEXACT, 0},
        {"M8[h]", "2024-02-29T12:00", OK, 474780},
        {"M8[h]", "1969-12-31T23", OK, -1},
        {"M8[h]", "2024-02-29T12:30", INEXACT, 0},
        {"M8[m]", "2024-02-29T12:30", OK, 28486830},
        {"M8[m]", "2024-02-29T12:30:01", INEXACT, 0},
        {"M8[15m]", "2024-02-29T12:30", OK, 1899122},
        {"M8[15m]", "2024-02-29T12:31", INEXACT, 0},
        {"M8[s]", "2024-02-29T12:30:01.5", INEXACT, 0},
        {"M8[ms]", "2024-02-29T12:30:01.5", OK, 1709209801500},
        {"M8[25ms]", "2024-02-29T12:30:01.5", OK, 68368392060},
        {"M8[25ms]", "2024-02-29T12:30:01.510", INEXACT, 0},
        {"M8[ms]", "1969-12-31T23:59:59.999", OK, -1},
        {"M8[ms]", "2024-02-29T12:30:01.5001", INEXACT, 0},
        {"M8[us]", "2024-02-29T12:30:01.123456", OK, 1709209801123456},
        {"M8[ns]", "2024-02-29T12:30:01.123456789", OK, 1709209801123456789},
        {"M8[ns]", "2262-04-11T23:47:16.854775807", OK, INT64_MAX},
        {"M8[ns]", "2262-04-11T23:47:16.854775808", RANGE, 0},
        {"M8[ns]", "1677-09-21T00:12:43.145224193", OK, -INT64_MAX},
        {"M8[ns]", "1677-09-21T00:12:43.145224192", RANGE, 0}, /* would be NaT */
        {"M8[ns]", "+999999999999-01-01", RANGE, 0},
        {"M8[ps]", "1970-01-01T00:00:01.000000000001", OK, 1000000000001},
        {"M8[fs]", "1970-01-01T00:00:01.000000000000001", OK, 1000000000000001},
        {"M8[as]", "1970-01-01T00:00:01.000000000000000001", OK, 1000000000000000001},
        {"M8[as]", "1970-01-01T00:00:09.223372036854775807", OK, INT64_MAX},
        {"M8[as]", "1970-01-01T00:00:09.223372036854775808", RANGE, 0},
        {"M8[as]", "+999999999999-12-31T23:59:59.999999999999999999", RANGE, 0},
        {"M8[as]", "-999999999999-01-01T00:00:00", RANGE, 0},
        {"M8[as]", "1970-01-01T00:00:01.0000000000000000010", OK, 1000000000000000001},
        {"M8[as]", "1970-01-01T00:00:01.0000000000000000011", INEXACT, 0},
        {"M8[s]", "+1000000000000", MALFORMED, 0},
        {">M8[ms]", "2024-02-29T12:30:01.5", OK, 1709209801500},
        {"M8[s]", "", MALFORMED, 0},
        {"M8[s]", "NaT", MALFORMED, 0},
        {"M8[s]", "now", MALFORMED, 0},
        {"M8[s]", "20240229", MALFORMED, 0},
        {"M8[s]", "10000-01-01", MALFORMED, 0},
        {"M8[s]", "+999-01-01", MALFORMED, 0},
        {"M8[s]", "999", MALFORMED, 0},
        {"M8[s]", "2024-", MALFORMED, 0},
        {"M8[s]", "2024-1", MALFORMED, 0},
        {"M8[s]", "2024-13", MALFORMED, 0},
        {"M8[s]", "2024-00", MALFORMED, 0},
        {"M8[s]", "2024-02-30", MALFORMED, 0},
        {"M8[s]", "2024-02-00", MALFORMED, 0},
        {"M8[s]", "2024-04-31", MALFORMED, 0},
        {"M8[s]", "2024-02-29T", MALFORMED, 0},
        {"M8[s]", "2024-02-29T24", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:60", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:60", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59.", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59,5", MALFORMED, 0},
        {"M8[s]", "2024-02-29Z", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59ZZ", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59+", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59+1", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59+01:", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59+01:60", MALFORMED, 0},
        {"M8[s]", "2024-02-29T23:59:59 ", MALFORMED, 0},
        {"M8[s]", " 2024-02-29", MALFORMED, 0},
        {"M8[s]", "2024/02/29", MALFORMED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (anp_errors_mode mode = R; mode <= W; mode++) {
            anp_reason reason = store_s(cases[i].spec, cases[i].text, mode);
            if (reason != cases[i].reason) {
                fail_msg("%s into %s: %d, not %d", cases[i].text, cases[i].spec, (int)reason,
                         cases[i].reason);
            }
            if (reason == OK && integer_held(cases[i].spec) != cases[i].held) {
                fail_msg("%s into %s: %lld", cases[i].text, cases[i].spec,
                         (long long)integer_held(cases[i].spec));
            }
        }
    }
}

static void test_arrays_from_blobs_are_little_endian(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *blob;
        anp_reason reason;
        const char *held;
    } cases[] = {
        {"3:u1", "010203", OK, "010203"},
        {"2:i2", "0102 0304", OK, "01020304"},
        {"2:>i2", "0102 0304", OK, "02010403"},
        {"2:f4", "0000803f 00000040", OK, "0000803f00000040"},
        {"1,2:>f4", "0000803f 00000040", OK, "3f80000040000000"},
        {"1:>u8", "0102030405060708", OK, "0807060504030201"},
        {"2:f4", "0000803f 000000", LENGTH, NULL},
        {"2:f4", "0000803f 00000040 00", LENGTH, NULL},
        {"3:b1", "000101", OK, "000101"},
        {"3:b1", "000201", RANGE, NULL},
        {"0:f4", "", OK, ""},
    };
    static const uint8_t types[] = {4, 7, 8, 9, 10, 11, 12, 16, 18};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = hex(cases[i].blob);
        for (size_t j = 0; j < sizeof types; j++) {
            for (anp_errors_mode mode = R; mode <= W; mode++) {
                assert_int_equal(store(cases[i].spec, types[j], b.data, b.size, mode),
                                 cases[i].reason);
                if (cases[i].held != NULL) {
                    holds(cases[i].spec, cases[i].held);
                }
            }
        }
    }
}

static void test_arrays_from_lists_have_the_shape_and_obey_the_number_rules(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *list;
        anp_reason reason, unsafe;
        const char *held;
    } cases[] = {
        {"3:u1", "93 01 02 03", OK, OK, "010203"},
        {"3:u1", "94 c7 00 01 01 02 03", OK, OK, "010203"}, /* ordered: the mark is counted */
        {"3:u1", "93 c7 00 01 01 02", SHAPE, SHAPE, NULL},
        {"3:u1", "92 01 02", SHAPE, SHAPE, NULL},
        {"3:u1", "94 01 02 03 04", SHAPE, SHAPE, NULL},
        {"3:u1", "93 01 02 cd0100", RANGE, OK, "010200"},
        {"3:u1", "93 01 02 ff", RANGE, OK, "0102ff"},
        {"3:u1", "93 01 02 c0", KIND, KIND, NULL},
        {"3:u1", "93 01 02 a20361", KIND, KIND, NULL},
        {"3:u1", "93 01 02 80", KIND, KIND, NULL},
        {"3:u1", "93 01 02 d4ff00", KIND, KIND, NULL},
        {"3:u1", "93 01 02 9101", SHAPE, SHAPE, NULL},
        {"3:u1", "93 01 c3 c2", OK, OK, "010100"},
        {"3:u1", "93 01 02", MALFORMED, MALFORMED, NULL},
        {"3:u1", "93 01 02 03 04", MALFORMED, MALFORMED, NULL},
        {"3:u1", "01", SHAPE, SHAPE, NULL},
        {"3:u1", "", MALFORMED, MALFORMED, NULL},
        {"3:u1", "93 c1 02 03", MALFORMED, MALFORMED, NULL},
        {"2:f4", "92 cb3ff0000000000000 02", OK, OK, "0000803f00000040"},
        {"2:>f4", "92 cb3ff0000000000000 ca40000000", OK, OK, "3f80000040000000"},
        {"1:f4", "91 ce01000001", INEXACT, OK, "0000804b"},
        {"1:i2", "91 cb3ff8000000000000", INEXACT, OK, "0100"},
        {"1:u8", "91 cfffffffffffffffff", OK, OK, "ffffffffffffffff"},
        {"1:i8", "91 cfffffffffffffffff", RANGE, OK, "ffffffffffffffff"},
        {"1:u4", "91 cfffffffffffffffff", RANGE, OK, "ffffffff"},
        {"1:b1", "91 cf8000000000000000", RANGE, OK, "01"},
        {"1:f8", "91 cf8000000000000000", INEXACT, OK, "000000000000e043"},
        {"1:f4", "91 cf8000000000000000", INEXACT, OK, "0000005f"},
        {"2,2:u1", "92 92 01 02 92 03 04", OK, OK, "01020304"},
        {"2,2:u1", "94 01 02 03 04", SHAPE, SHAPE, NULL},
        {"2,2:u1", "92 01 02", SHAPE, SHAPE, NULL},
        {"2,2:u1", "92 92 01 02 91 03", SHAPE, SHAPE, NULL},
        {"2,2:u1", "92 92 01 02", MALFORMED, MALFORMED, NULL},
        {"2,2:u1", "92 93 c7 00 01 01 02 92 03 04", OK, OK, "01020304"},
        {"2,1,2:u1", "92 91 92 01 02 91 92 03 04", OK, OK, "01020304"},
        {"2,0:u1", "92 90 90", OK, OK, ""},
        {"0:u1", "90", OK, OK, ""},
        {"0:u1", "91 c7 00 01", OK, OK, ""},
        {"0:u1", "91 01", SHAPE, SHAPE, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = hex(cases[i].list);
        for (anp_errors_mode mode = R; mode <= W; mode++) {
            anp_reason want = mode == W ? cases[i].unsafe : cases[i].reason;
            anp_reason got = store(cases[i].spec, ANP_PARTICLE_LIST, b.data, b.size, mode);
            if (got != want) {
                fail_msg("%s into %s: %d, not %d", cases[i].list, cases[i].spec, got, want);
            }
            if (got == OK) {
                holds(cases[i].spec, cases[i].held);
            }
        }
    }
}

/* {a: i2 at 0, b: U1 at 4 (fill 'z'), t: M8[s] at 8 (fill NaT), in: {x: b1 at 1, y: 2:u1 at 2} at
 * 16, 4 bytes}, 24 */
static anp_reason store_struct(uint8_t type, const char *value, anp_errors_mode mode)
{
    static anp_field inner[2], outer[4];
    static const uint8_t nat[8] = {[7] = 0x80};
    inner[0] = at_offset(make_field("x", "b1"), 1);
    inner[1] = at_offset(make_field("y", "2:u1"), 2);
    outer[0] = at_offset(make_field("a", "i2"), 0);
    outer[1] = at_offset(make_field("b", "U1"), 4);
    outer[1].fill = (const uint8_t *)"z\0\0\0";
    outer[2] = at_offset(make_field("t", "M8[s]"), 8);
    outer[2].fill = nat;
    outer[3] = at_offset(make_struct("in", inner, 2, 4), 16);
    bytes b = hex(value);
    return store_in(make_struct("f", outer, 4, 24), type, b.data, b.size, mode);
}

#define EMPTY_STRUCT "00000000 7a000000 0000000000000080 00000000 00000000"

static void test_structs_from_maps_check_each_child(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        anp_reason reason;
        const char *held;
    } cases[] = {
        {"80", OK, EMPTY_STRUCT},
        {"81 c70001 c0", OK, EMPTY_STRUCT},
        {"81 a20361 05", OK, "05000000 7a000000 0000000000000080 00000000 00000000"},
        {"82 c70001c0 a20361 05", OK, "05000000 7a000000 0000000000000080 00000000 00000000"},
        {"84 a20361 05 a20362 a203c3 a20374 07 a303696e 82 a20378 c3 a20379 920102", ENCODING,
         NULL},
        {"84 a20361 05 a20362 a20371 a20374 07 a303696e 82 a20378 c3 a20379 920102", OK,
         "05000000 71000000 0700000000000000 00010102 00000000"},
        /* other order, and keys that are no field */
        {"84 a303696e 82 a20379 a3040102 a2037a 9101 a203ff 01 05 a3036161 a20361 05", OK,
         "05000000 7a000000 0000000000000080 00000102 00000000"},
        {"81 a20374 b603 323032342d30322d32395431323a33343a35365a 00", MALFORMED, NULL},
        {"81 a20374 b503 323032342d30322d32395431323a33343a35365a", OK,
         "00000000 7a000000 f079e06500000000 00000000 00000000"},
        {"82 a20361 05 a20362 c0", OK, "05000000 7a000000 0000000000000080 00000000 00000000"},
        {"82 a20361 05 a20361 06", OK, "06000000 7a000000 0000000000000080 00000000 00000000"},
        {"81 a20361 cd8000", RANGE, NULL},
        {"81 a20361 a20371", KIND, NULL},
        {"81 a20362 a3036161", LENGTH, NULL},
        {"81 a20362 a203ff", ENCODING, NULL},
        {"81 a303696e 81 a20378 02", RANGE, NULL},
        {"81 a303696e 81 a20379 9101", SHAPE, NULL},
        {"81 a303696e 01", KIND, NULL},
        {"81 a303696e a50400010203", OK, "00000000 7a000000 0000000000000080 00010203 00000000"},
        {"81 a303696e a50400020203", RANGE, NULL},
        {"81 a303696e a404000102", LENGTH, NULL},
        {"81 a20361", MALFORMED, NULL},
        {"81 a20361 05 00", MALFORMED, NULL},
        {"", MALFORMED, NULL},
        {"81 61 c1", MALFORMED, NULL},
        {"81 a161 05", OK, EMPTY_STRUCT}, /* no type byte 3: not the key "a" */
        {"81 a0 05", MALFORMED, NULL},
        {"9105", KIND, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        anp_reason got = store_struct(ANP_PARTICLE_MAP, cases[i].map, R);
        if (got != cases[i].reason) {
            fail_msg("%s: %d, not %d", cases[i].map, got, cases[i].reason);
        }
        if (got == OK) {
            bytes want = hex(cases[i].held);
            assert_int_equal(want.size, 24);
            assert_memory_equal(slot, want.data, 24);
        }
    }
    assert_int_equal(store_struct(ANP_PARTICLE_MAP, "81 a20361 cd8001", W), OK);
    assert_int_equal(slot[0], 0x01);
    assert_int_equal(slot[1], 0x80);
    assert_int_equal(store_struct(ANP_PARTICLE_MAP, "81 a20361 a20371", W), KIND);
}

static void test_structs_from_blobs_are_their_image(void **state)
{
    (void)state;
    const char *image = "05000000 71000000 0700000000000000 09010102 00000003";
    assert_int_equal(store_struct(ANP_PARTICLE_BLOB, image, R), OK);
    bytes want = hex(image);
    assert_memory_equal(slot, want.data, 24);
    assert_int_equal(store_struct(ANP_PARTICLE_BLOB, "05000000", W), LENGTH);
    assert_int_equal(
        store_struct(ANP_PARTICLE_BLOB, "05000000 71000000 0700000000000000 09020102 00000003", R),
        RANGE);
    assert_int_equal(
        store_struct(ANP_PARTICLE_BLOB, "05000000 00d80000 0700000000000000 09010102 00000003", R),
        ENCODING);
    assert_int_equal(store_struct(ANP_PARTICLE_STRING, "61", R), KIND);
    assert_int_equal(store_struct(ANP_PARTICLE_LIST, "90", R), KIND);
}

static void test_bytes_never_become_pointers(void **state)
{
    (void)state;
    anp_field child = make_field("o", "O");
    anp_field f = make_struct("f", &child, 1, 8);
    assert_int_equal(store_in(f, ANP_PARTICLE_BLOB, "12345678", 8, W), KIND);
    bytes map = hex("81 a2036f 01");
    assert_int_equal(store_in(f, ANP_PARTICLE_MAP, map.data, map.size, W), KIND);
}

/* Cut short at any byte, a list or a map is malformed (or its shape is wrong); it is never read
 * beyond its end, which is a page's end. */
static void test_truncated_lists_and_maps_are_never_overread(void **state)
{
    (void)state;
    bytes list = hex("92 93 c7 00 01 01 cd0002 92 cb3ff0000000000000 04");
    for (uint32_t size = 0; size < list.size; size++) {
        assert_int_equal(store("2,2:u2", ANP_PARTICLE_LIST, list.data, size, R), MALFORMED);
    }
    assert_int_equal(store("2,2:u2", ANP_PARTICLE_LIST, list.data, list.size, R), OK);
    const char *map = "85c70001c0a2036105a20362a20371a2037407a303696e82a20378c3a20379920102";
    for (size_t size = 0; size < strlen(map); size += 2) {
        char cut[128] = {0};
        memcpy(cut, map, size);
        assert_int_equal(store_struct(ANP_PARTICLE_MAP, cut, R), MALFORMED);
    }
    assert_int_equal(store_struct(ANP_PARTICLE_MAP, map, R), OK);
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
        cmocka_unit_test(test_strings_and_blobs_fit_s),
        cmocka_unit_test(test_every_length_fits_every_width_of_s),
        cmocka_unit_test(test_unsafe_cuts_strings_at_a_code_point),
        cmocka_unit_test(test_text_fits_u_in_code_points),
        cmocka_unit_test(test_utf8_is_strict),
        cmocka_unit_test(test_raw_wants_exactly_its_bytes),
        cmocka_unit_test(test_integers_are_times_in_the_fields_unit),
        cmocka_unit_test(test_iso_8601_becomes_times_exactly),
        cmocka_unit_test(test_arrays_from_blobs_are_little_endian),
        cmocka_unit_test(test_arrays_from_lists_have_the_shape_and_obey_the_number_rules),
        cmocka_unit_test(test_structs_from_maps_check_each_child),
        cmocka_unit_test(test_structs_from_blobs_are_their_image),
        cmocka_unit_test(test_bytes_never_become_pointers),
        cmocka_unit_test(test_truncated_lists_and_maps_are_never_overread),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
