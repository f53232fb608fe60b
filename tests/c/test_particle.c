/* Particles: values are read as the server writes them; a wrong type or size is no value. */
#include "wire/particle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "page.h"

static anp_particle particle(uint8_t type, const char *hex)
{
    hex_bytes b = from_hex(hex);
    return (anp_particle){type, page_end_copy(b.data, b.size), (uint32_t)b.size};
}

static void test_integers_are_eight_bytes_big_endian_and_signed(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int64_t value;
    } vectors[] = {
        {"00 00 00 00 00 00 00 01", 1},
        {"ff ff ff ff ff ff ff fd", -3},
        {"7f ff ff ff ff ff ff ff", INT64_MAX},
        {"80 00 00 00 00 00 00 00", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        anp_particle p = particle(ANP_PARTICLE_INTEGER, vectors[i].hex);
        int64_t v;
        assert_true(anp_particle_integer(&p, &v));
        assert_true(v == vectors[i].value);
    }
}

static void test_float_is_eight_bytes_ieee_754(void **state)
{
    (void)state;
    anp_particle p = particle(ANP_PARTICLE_FLOAT, "3f f8 00 00 00 00 00 00"); /* recorded: 1.5 */
    double v;
    assert_true(anp_particle_float(&p, &v));
    assert_true(v == 1.5);
    p = particle(ANP_PARTICLE_FLOAT, "80 00 00 00 00 00 00 00");
    assert_true(anp_particle_float(&p, &v));
    assert_true(v == 0 && signbit(v));
    p = particle(ANP_PARTICLE_FLOAT, "7f f8 00 00 00 00 00 01");
    assert_true(anp_particle_float(&p, &v));
    assert_true(isnan(v));
}

static void test_bool_is_one_byte_of_0_or_1(void **state)
{
    (void)state;
    bool v;
    anp_particle p = particle(ANP_PARTICLE_BOOL, "01");
    assert_true(anp_particle_bool(&p, &v));
    assert_true(v);
    p = particle(ANP_PARTICLE_BOOL, "00");
    assert_true(anp_particle_bool(&p, &v));
    assert_false(v);
    p = particle(ANP_PARTICLE_BOOL, "02");
    assert_false(anp_particle_bool(&p, &v));
    p = particle(ANP_PARTICLE_BOOL, "ff");
    assert_false(anp_particle_bool(&p, &v));
}

static void test_wrong_sizes_are_refused_without_reading_beyond(void **state)
{
    (void)state;
    const uint8_t zeros[20] = {0};
    for (uint32_t size = 0; size <= sizeof zeros; size++) {
        anp_particle p = {0, page_end_copy(zeros, size), size};
        int64_t i;
        double d;
        bool b;
        p.type = ANP_PARTICLE_INTEGER;
        assert_int_equal(anp_particle_integer(&p, &i), size == 8);
        p.type = ANP_PARTICLE_FLOAT;
        assert_int_equal(anp_particle_float(&p, &d), size == 8);
        p.type = ANP_PARTICLE_BOOL;
        assert_int_equal(anp_particle_bool(&p, &b), size == 1);
    }
}

static void test_wrong_types_are_refused(void **state)
{
    (void)state;
    const uint8_t zeros[8] = {0};
    for (unsigned type = 0; type < 256; type++) {
        anp_particle eight = {(uint8_t)type, zeros, 8}, one = {(uint8_t)type, zeros, 1};
        int64_t i;
        double d;
        bool b;
        anp_slice text;
        assert_int_equal(anp_particle_integer(&eight, &i), type == ANP_PARTICLE_INTEGER);
        assert_int_equal(anp_particle_float(&eight, &d), type == ANP_PARTICLE_FLOAT);
        assert_int_equal(anp_particle_bool(&one, &b), type == ANP_PARTICLE_BOOL);
        assert_int_equal(anp_particle_geojson(&eight, &text), type == ANP_PARTICLE_GEOJSON);
    }
}

static void test_geojson_text_begins_behind_flags_and_cells(void **state)
{
    (void)state;
    anp_slice text;
    anp_particle p = particle(ANP_PARTICLE_GEOJSON, "00 00 00 7b 22 74 79 70 65 22"); /* recorded */
    assert_true(anp_particle_geojson(&p, &text));
    assert_int_equal(text.size, 7);
    assert_memory_equal(text.data, "{\"type\"", 7);
    p = particle(ANP_PARTICLE_GEOJSON, "01 00 02 1111111111111111 2222222222222222 7b 7d");
    assert_true(anp_particle_geojson(&p, &text));
    assert_int_equal(text.size, 2);
    assert_memory_equal(text.data, "{}", 2);
    p = particle(ANP_PARTICLE_GEOJSON, "00 00 00");
    assert_true(anp_particle_geojson(&p, &text));
    assert_int_equal(text.size, 0);
}

static void test_geojson_that_is_cut_in_its_cells_is_refused(void **state)
{
    (void)state;
    hex_bytes whole = from_hex("01 00 02 1111111111111111 2222222222222222 7b 7d");
    for (uint32_t size = 0; size <= whole.size; size++) {
        anp_particle p = {ANP_PARTICLE_GEOJSON, page_end_copy(whole.data, size), size};
        anp_slice text;
        bool ok = anp_particle_geojson(&p, &text);
        assert_int_equal(ok, size >= 19);
        assert_true(!ok || text.size == size - 19);
    }
    anp_particle most = particle(ANP_PARTICLE_GEOJSON, "00 ff ff 00 00 00 00 00 00 00 00");
    anp_slice text;
    assert_false(anp_particle_geojson(&most, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_eight_bytes_big_endian_and_signed),
        cmocka_unit_test(test_float_is_eight_bytes_ieee_754),
        cmocka_unit_test(test_bool_is_one_byte_of_0_or_1),
        cmocka_unit_test(test_wrong_sizes_are_refused_without_reading_beyond),
        cmocka_unit_test(test_wrong_types_are_refused),
        cmocka_unit_test(test_geojson_text_begins_behind_flags_and_cells),
        cmocka_unit_test(test_geojson_that_is_cut_in_its_cells_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
