/* table/cell_*: arrays and structs from lists, maps and blobs, a line a promise. */
#include "cells.h"

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
        {"3:f8", "93 cb3ff8000000000000 cbbff0000000000000 cb4000000000000000", OK, OK,
         "000000000000f83f000000000000f0bf0000000000000040"},
        {"3:f8", "93 cb3ff8000000000000 02 cb4000000000000000", OK, OK,
         "000000000000f83f00000000000000400000000000000040"},
        {"3:f8", "94 c7 00 01 cb3ff8000000000000 cb3ff8000000000000 01", OK, OK,
         "000000000000f83f000000000000f83f000000000000f03f"},
        {"3:f8", "93 cb3ff8000000000000 c0 cb4000000000000000", KIND, KIND, NULL},
        {"2:f8", "92 cb3ff8000000000000 cb40000000000000", MALFORMED, MALFORMED, NULL},
        {"2:f8", "92 cb3ff8000000000000 cb4000000000000000 cb4000000000000000", MALFORMED,
         MALFORMED, NULL},
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
        cmocka_unit_test(test_arrays_from_blobs_are_little_endian),
        cmocka_unit_test(test_arrays_from_lists_have_the_shape_and_obey_the_number_rules),
        cmocka_unit_test(test_structs_from_maps_check_each_child),
        cmocka_unit_test(test_structs_from_blobs_are_their_image),
        cmocka_unit_test(test_bytes_never_become_pointers),
        cmocka_unit_test(test_truncated_lists_and_maps_are_never_overread),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
