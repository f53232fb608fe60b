/* table/cell_*: strings, bytes and times, a line a promise. */
#include "cells.h"

#include "table/utf8.h"

static anp_reason store_s(const char *spec, const char *text, anp_errors_mode mode)
{
    return store(spec, ANP_PARTICLE_STRING, text, (uint32_t)strlen(text), mode);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_and_blobs_fit_s),
        cmocka_unit_test(test_every_length_fits_every_width_of_s),
        cmocka_unit_test(test_unsafe_cuts_strings_at_a_code_point),
        cmocka_unit_test(test_text_fits_u_in_code_points),
        cmocka_unit_test(test_utf8_is_strict),
        cmocka_unit_test(test_raw_wants_exactly_its_bytes),
        cmocka_unit_test(test_integers_are_times_in_the_fields_unit),
        cmocka_unit_test(test_iso_8601_becomes_times_exactly),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
