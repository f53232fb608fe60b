/* table/encode and table/pack: rows into WRITE operations, byte by byte by PROTOCOL's tables. */
#include "table_fields.h"

#include "table/cell.h"

static anp_status encode_as(anp_rows rows, uint64_t row, anp_buffer *b, uint16_t *n, int32_t *field,
                            anp_reason *why)
{
    anp_status status = anp_rows_encode(&rows, row, b, n, field, why);
    uint64_t bad_row = 99;
    int32_t bad_field = 99;
    anp_reason bad_why;
    anp_status checked = anp_rows_check(&rows, row, 1, true, &bad_row, &bad_field, &bad_why);
    if (status == ANP_ERR_CONVERSION) { /* both say the same */
        assert_int_equal(checked, status);
        assert_int_equal(bad_row, row);
        assert_int_equal(bad_field, *field);
        assert_int_equal(bad_why, *why);
    } else if (*n == 0) {
        assert_int_equal(checked, ANP_ERR_CONVERSION);
        assert_int_equal(bad_field, -1);
        assert_int_equal(anp_rows_check(&rows, row, 1, false, &bad_row, &bad_field, &bad_why),
                         ANP_OK);
    } else {
        assert_int_equal(checked, ANP_OK);
    }
    return status;
}

/* One field of one row; the memory ends at a page's end and has an odd address where the size is
 * odd. */
static void encodes_field(anp_field f, const char *memory, anp_rows rows, anp_reason reason,
                          const char *want)
{
    bytes from = hex(memory);
    assert_int_equal(from.size, f.itemsize);
    paged p = paged_copy(from.data, from.size);
    f.base = p.data;
    anp_plan plan = {.fields = &f, .n_fields = 1};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    rows.plan = &plan;
    anp_buffer b;
    anp_buffer_init(&b, 1 << 20);
    anp_buffer_put(&b, "before", 6);
    uint16_t n = 99;
    int32_t field = 99;
    anp_reason why = ANP_REASON_NONE;
    anp_status status = encode_as(rows, 0, &b, &n, &field, &why);
    assert_int_equal(why, reason);
    if (reason != ANP_REASON_NONE) {
        assert_int_equal(status, ANP_ERR_CONVERSION);
        assert_int_equal(field, 0);
        assert_int_equal(n, 0);
        assert_int_equal(b.size, 6);
    } else {
        bytes op = hex(want);
        assert_int_equal(status, ANP_OK);
        assert_int_equal(n, op.size != 0);
        assert_int_equal(b.size, 6 + op.size);
        assert_memory_equal(b.data + 6, op.data, op.size);
    }
    assert_memory_equal(b.data, "before", 6);
    anp_buffer_deinit(&b);
    anp_plan_deinit(&plan);
    paged_free(p);
}

static void encodes(const char *spec, const char *memory, anp_rows rows, const char *want)
{
    encodes_field(make_field("x", spec), memory, rows, ANP_REASON_NONE, want);
}

static void refuses(const char *spec, const char *memory, anp_rows rows, anp_reason reason)
{
    encodes_field(make_field("x", spec), memory, rows, reason, NULL);
}

static const anp_rows plain;
static const anp_rows strings = {.bytes_as_string = true};
static const anp_rows lists = {.subarrays_as_list = true};

static void test_integers_become_integers(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *memory, *value;
    } cases[] = {
        {"i1", "80", "ffffffffffffff80"},
        {"i1", "7f", "000000000000007f"},
        {"i2", "0080", "ffffffffffff8000"},
        {">i2", "8000", "ffffffffffff8000"},
        {"i4", "04030201", "0000000001020304"},
        {">i4", "fefdfcfb", "fffffffffefdfcfb"},
        {"i8", "0000000000000080", "8000000000000000"},
        {">i8", "0102030405060708", "0102030405060708"},
        {"u1", "ff", "00000000000000ff"},
        {"u2", "ffff", "000000000000ffff"},
        {"u4", "ffffffff", "00000000ffffffff"},
        {">u4", "fffffffe", "00000000fffffffe"},
        {"u8", "ffffffffffffff7f", "7fffffffffffffff"},
        {"M8[s]", "0500000000000000", "0000000000000005"},
        {">m8[25ms]", "fffffffffffffffe", "fffffffffffffffe"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "0000000d 02 01 00 01 78 %s", cases[i].value);
        encodes(cases[i].spec, cases[i].memory, plain, want);
    }
    refuses("u8", "0000000000000080", plain, ANP_REASON_RANGE);
    refuses(">u8", "ffffffffffffffff", plain, ANP_REASON_RANGE);
}

static void test_floats_become_doubles(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *memory, *value;
    } cases[] = {
        {"f8", "000000000000f83f", "3ff8000000000000"},
        {">f8", "7ff8000000000001", "7ff8000000000001"},
        {"f8", "0100000000000080", "8000000000000001"},
        {"f4", "0000c03f", "3ff8000000000000"},
        {">f4", "80000000", "8000000000000000"},
        {"f4", "01000000", "36a0000000000000"},
        {"f4", "0000807f", "7ff0000000000000"},
        {"f2", "003e", "3ff8000000000000"},
        {">f2", "7bff", "40effc0000000000"},
        {"f2", "0100", "3e70000000000000"},
        {"f2", "00fc", "fff0000000000000"},
        {"f2", "007e", "7ff8000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "0000000d 02 02 00 01 78 %s", cases[i].value);
        encodes(cases[i].spec, cases[i].memory, plain, want);
    }
}

static void test_bool_becomes_bool(void **state)
{
    (void)state;
    encodes("b1", "01", plain, "00000006 02 11 00 01 78 01");
    encodes("b1", "00", plain, "00000006 02 11 00 01 78 00");
    encodes("b1", "80", plain, "00000006 02 11 00 01 78 01"); /* another view's byte: true is 1 */
}

static void test_text_becomes_utf8_trimmed(void **state)
{
    (void)state;
    encodes("U3", "61000000 e4000000 00000000", plain, "00000008 02 03 00 01 78 61c3a4");
    encodes(">U3", "0001f600 00000061 00000062", plain, "0000000b 02 03 00 01 78 f09f98806162");
    encodes("U3", "00000000 61000000 00000000", plain,
            "00000007 02 03 00 01 78 0061"); /* only the trailing */
    encodes("U2", "00000000 00000000", plain, "00000005 02 03 00 01 78");
    encodes("U0", "", plain, "00000005 02 03 00 01 78");
    refuses("U2", "00d80000 61000000", plain, ANP_REASON_ENCODING);
    refuses("U2", "61000000 ffdf0000", plain, ANP_REASON_ENCODING);
    refuses("U1", "00001100", plain, ANP_REASON_ENCODING);
    refuses("U1", "ffffffff", plain, ANP_REASON_ENCODING);
    encodes("U1", "ffff1000", plain, "00000009 02 03 00 01 78 f48fbfbf");
}

static void test_bytes_become_blobs_of_full_width_or_trimmed_strings(void **state)
{
    (void)state;
    encodes("S4", "61620000", plain, "00000009 02 04 00 01 78 61620000");
    encodes("S4", "61620000", strings, "00000007 02 03 00 01 78 6162");
    encodes("S4", "00000000", strings, "00000005 02 03 00 01 78");
    encodes("S4", "61006200", strings, "00000008 02 03 00 01 78 610062");
    encodes("S3", "c3a461", strings, "00000008 02 03 00 01 78 c3a461");
    encodes("S3", "ff0000", plain, "00000008 02 04 00 01 78 ff0000");
    refuses("S3", "ff0000", strings, ANP_REASON_ENCODING);
    refuses("S3", "6161c3", strings, ANP_REASON_ENCODING);
    encodes("V3", "610000", strings, "00000008 02 04 00 01 78 610000");
    encodes("V0", "", plain, "00000005 02 04 00 01 78");
}

static void test_not_a_time_is_left_out(void **state)
{
    (void)state;
    anp_rows removes = {.masked_removes = true};
    encodes("M8[s]", "0000000000000080", plain, "");
    encodes(">M8[s]", "8000000000000000", plain, "");
    encodes("m8[s]", "0000000000000080", removes, "");
}

static void test_arrays_become_little_endian_blobs_or_lists(void **state)
{
    (void)state;
    encodes("2:i2", "0100ff7f", plain, "00000009 02 04 00 01 78 0100ff7f");
    encodes("2:>i2", "00017fff", plain, "00000009 02 04 00 01 78 0100ff7f");
    encodes("1:>f8", "3ff8000000000000", plain, "0000000d 02 04 00 01 78 000000000000f83f");
    encodes("1:>u4", "01020304", plain, "00000009 02 04 00 01 78 04030201");
    encodes("3:b1", "000180", plain, "00000008 02 04 00 01 78 000101");
    encodes("1:u8", "ffffffffffffffff", plain, "0000000d 02 04 00 01 78 ffffffffffffffff");
    encodes("2:i2", "0100ffff", lists, "00000008 02 14 00 01 78 9201ff");
    encodes("2,2:>u2", "0001000200030100", lists, "0000000e 02 14 00 01 78 92 920102 9203cd0100");
    encodes("2:f4", "0000c03f00000080", lists,
            "00000018 02 14 00 01 78 92 cb3ff8000000000000 cb8000000000000000");
    encodes("2:b1", "0001", lists, "00000008 02 14 00 01 78 92c2c3");
    encodes("0:u1", "", lists, "00000006 02 14 00 01 78 90");
    encodes("17:u1", "0000000000000000000000000000000000", lists,
            "00000019 02 14 00 01 78 dc0011 0000000000000000000000000000000000");
    refuses("2:u8", "0100000000000000 ffffffffffffffff", lists, ANP_REASON_RANGE);
}

static anp_field big_struct(void)
{
    static anp_field inner[2], outer[6];
    inner[0] = at_offset(make_field("i", ">i2"), 0);
    inner[1] = at_offset(make_field("arr", "2:u1"), 2);
    outer[0] = at_offset(make_field("b", "U2"), 0);
    outer[1] = at_offset(make_field("a", "f4"), 8);
    outer[2] = at_offset(make_field("t", "M8[s]"), 12);
    outer[3] = at_offset(make_field("s", "S2"), 20);
    outer[4] = at_offset(make_struct("in", inner, 2, 4), 22);
    outer[5] = at_offset(make_field("u", "u8"), 26);
    return make_struct("x", outer, 6, 35);
}

static void test_structs_become_maps_in_field_order(void **state)
{
    (void)state;
    encodes_field(
        big_struct(),
        "61000000 00000000 0000c03f 0000000000000080 6100 ff00 0102 ff00000000000000 aa", plain,
        ANP_REASON_NONE,
        "0000003c 02 13 00 01 78 86 a20362 a20361 a20361 cb3ff8000000000000 a20374 c0 a20373 a3046100"
        "a303696e 82 a20369 d1ff00 a403617272 a3040102 a20375 ccff");
    anp_rows both = {.subarrays_as_list = true, .bytes_as_string = true};
    encodes_field(
        big_struct(),
        "61000000 e4000000 0000c03f 0100000000000000 6100 ff00 0102 ff00000000000000 aa", both,
        ANP_REASON_NONE,
        "0000003c 02 13 00 01 78 86 a20362 a40361c3a4 a20361 cb3ff8000000000000 a20374 01 a20373 a20361"
        "a303696e 82 a20369 d1ff00 a403617272 920102 a20375 ccff");
    encodes_field(big_struct(),
                  "00d80000 00000000 0000c03f 0000000000000080 6100 ff00 0102 ff00000000000000 aa",
                  plain, ANP_REASON_ENCODING, NULL);
    encodes_field(big_struct(),
                  "61000000 00000000 0000c03f 0000000000000080 ff00 ff00 0102 ff00000000000000 aa",
                  both, ANP_REASON_ENCODING, NULL);
    encodes_field(big_struct(),
                  "61000000 00000000 0000c03f 0000000000000080 6100 ff00 0102 ffffffffffffffff aa",
                  plain, ANP_REASON_RANGE, NULL);
    anp_field child = make_field("o", "O");
    encodes_field(make_struct("x", &child, 1, 8), "0000000000000000", plain, ANP_REASON_KIND, NULL);
}

static void test_masked_values_are_left_out_or_removed(void **state)
{
    (void)state;
    uint8_t values[2][2] = {{1, 2}, {3, 4}};
    static const uint8_t mask[4] = {0, 7, 0, 0}; /* of the second field: row 1 */
    anp_field fields[2] = {make_field("a", "u1"), make_field("b", "u1")};
    fields[0].base = values[0];
    fields[1].base = values[0] + 1;
    fields[0].stride = fields[1].stride = 2;
    anp_plan plan = {.fields = fields, .n_fields = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    anp_row_mask masks[2] = {{NULL, 0}, {mask, 1}};
    anp_rows rows = {.plan = &plan, .masks = masks};
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    uint16_t n;
    int32_t field;
    anp_reason why;
    assert_int_equal(encode_as(rows, 0, &b, &n, &field, &why), ANP_OK);
    assert_int_equal(n, 2);
    anp_buffer_clear(&b);
    assert_int_equal(encode_as(rows, 1, &b, &n, &field, &why), ANP_OK);
    assert_int_equal(n, 1);
    bytes want = hex("0000000d 02 01 00 01 61 0000000000000003");
    assert_int_equal(b.size, want.size);
    assert_memory_equal(b.data, want.data, want.size);
    anp_buffer_clear(&b);
    rows.masked_removes = true;
    assert_int_equal(encode_as(rows, 1, &b, &n, &field, &why), ANP_OK);
    assert_int_equal(n, 2);
    want = hex("0000000d 02 01 00 01 61 0000000000000003 00000005 02 00 00 01 62");
    assert_int_equal(b.size, want.size);
    assert_memory_equal(b.data, want.data, want.size);
    anp_buffer_clear(&b);
    rows.masked_removes = false;
    masks[0] = masks[1];
    assert_int_equal(encode_as(rows, 1, &b, &n, &field, &why), ANP_OK);
    assert_int_equal(n, 0);
    assert_int_equal(b.size, 0);
    anp_buffer_deinit(&b);
    anp_plan_deinit(&plan);
}

static void test_check_names_the_first_bad_row(void **state)
{
    (void)state;
    uint64_t values[5] = {1, 2, UINT64_MAX, 4, UINT64_MAX};
    anp_field f = make_field("x", "u8");
    f.base = (uint8_t *)&values[4];
    f.stride = -8;
    anp_plan plan = {.fields = &f, .n_fields = 1};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    anp_rows rows = {.plan = &plan};
    uint64_t row = 0;
    int32_t field;
    anp_reason why;
    assert_int_equal(anp_rows_check(&rows, 1, 4, true, &row, &field, &why), ANP_ERR_CONVERSION);
    assert_int_equal(row, 2);
    assert_int_equal(field, 0);
    assert_int_equal(why, ANP_REASON_RANGE);
    assert_int_equal(anp_rows_check(&rows, 3, 2, true, &row, &field, &why), ANP_OK);
    assert_int_equal(anp_rows_check(&rows, 3, 0, true, &row, &field, &why), ANP_OK);
    anp_plan_deinit(&plan);
}

static void test_ready_columns_go_out_as_they_are(void **state)
{
    (void)state;
    anp_field f = make_field("x", "O");
    anp_plan plan = {.fields = &f, .n_fields = 1};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    static const uint8_t types[] = {3, 0, 4, 20};
    static const uint64_t offsets[] = {0, 2, 2, 2, 4};
    anp_ready_column column = {types, offsets, (const uint8_t *)"ab\x91\x01"};
    anp_rows rows = {.plan = &plan, .ready = &column};
    static const char *const want[] = {"00000007 02 03 00 01 78 6162", "",
                                       "00000005 02 04 00 01 78", "00000007 02 14 00 01 78 9101"};
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    uint16_t n;
    int32_t field;
    anp_reason why;
    for (uint64_t row = 0; row < 4; row++) {
        bytes op = hex(want[row]);
        anp_buffer_clear(&b);
        assert_int_equal(encode_as(rows, row, &b, &n, &field, &why), ANP_OK);
        assert_int_equal(n, op.size != 0);
        assert_int_equal(b.size, op.size);
        if (op.size != 0) {
            assert_memory_equal(b.data, op.data, op.size);
        }
    }
    rows.ready = NULL;
    assert_int_equal(encode_as(rows, 0, &b, &n, &field, &why), ANP_ERR_CONVERSION);
    anp_buffer_deinit(&b);
    anp_plan_deinit(&plan);
}

/* Fails every allocation in turn, then every maximum: the buffer is always back at its old size. */
static void test_buffer_is_as_before_when_memory_or_room_is_out(void **state)
{
    (void)state;
    anp_field fields[2] = {make_field("first", "S200"), big_struct()};
    static uint8_t values[235];
    fields[0].base = values;
    fields[1].base = values + 200;
    anp_plan plan = {.fields = fields, .n_fields = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    anp_rows rows = {.plan = &plan};
    uint16_t n;
    int32_t field;
    anp_reason why;
    anp_status status = ANP_ERR_MEMORY;
    for (int i = 0; status != ANP_OK; i++) {
        assert_true(i < 10);
        anp_buffer b;
        anp_buffer_init(&b, 1000);
        int left = i;
        anp_alloc_hook(allow_some, &left);
        status = anp_rows_encode(&rows, 0, &b, &n, &field, &why);
        anp_alloc_hook(NULL, NULL);
        if (status != ANP_OK) {
            assert_int_equal(status, ANP_ERR_MEMORY);
            assert_int_equal(b.size, 0);
            assert_int_equal(n, 0);
        }
        anp_buffer_deinit(&b);
    }
    for (size_t max = 0; max < 300; max++) {
        anp_buffer b;
        anp_buffer_init(&b, max);
        status = anp_rows_encode(&rows, 0, &b, &n, &field, &why);
        assert_true(status == ANP_OK ? b.size <= max : status == ANP_ERR_PARAM && b.size == 0);
        anp_buffer_deinit(&b);
    }
    anp_plan_deinit(&plan);
}

/* What was written is read back as it was, for each kind. */
static void test_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *memory;
    } cases[] = {
        {"i1", "80"},
        {">i4", "80000001"},
        {"u8", "ffffffffffffff7f"},
        {"f2", "ff7b"},
        {">f2", "0001"},
        {"f4", "ffff7f7f"},
        {">f8", "7ff8000000000001"},
        {"b1", "01"},
        {"S4", "61620000"},
        {"U3", "61000000 e4000000 00f60100"},
        {">U2", "00000061 00000000"},
        {"V3", "610000"},
        {"M8[s]", "0100000000000080"},
        {"2,2:>i2", "0001000200030004"},
        {"2:f4", "0000c03f00000080"},
    };
    anp_rows kinds[] = {plain, strings, lists};
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        bytes from = hex(cases[i / 3].memory);
        anp_field f = make_field("x", cases[i / 3].spec);
        f.base = from.data;
        anp_plan plan = {.fields = &f, .n_fields = 1};
        anp_error err;
        assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
        kinds[i % 3].plan = &plan;
        anp_buffer b;
        anp_buffer_init(&b, 1000);
        uint16_t n;
        int32_t field;
        anp_reason why;
        assert_int_equal(encode_as(kinds[i % 3], 0, &b, &n, &field, &why), ANP_OK);
        uint8_t back[64];
        anp_particle p = {b.data[5], b.data + 9, (uint32_t)b.size - 9};
        assert_int_equal(anp_cell_store(&f, back, &p, ANP_ERRORS_RAISE), ANP_REASON_NONE);
        assert_memory_equal(back, from.data, from.size);
        anp_buffer_deinit(&b);
        anp_plan_deinit(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_become_integers),
        cmocka_unit_test(test_floats_become_doubles),
        cmocka_unit_test(test_bool_becomes_bool),
        cmocka_unit_test(test_text_becomes_utf8_trimmed),
        cmocka_unit_test(test_bytes_become_blobs_of_full_width_or_trimmed_strings),
        cmocka_unit_test(test_not_a_time_is_left_out),
        cmocka_unit_test(test_arrays_become_little_endian_blobs_or_lists),
        cmocka_unit_test(test_structs_become_maps_in_field_order),
        cmocka_unit_test(test_masked_values_are_left_out_or_removed),
        cmocka_unit_test(test_check_names_the_first_bad_row),
        cmocka_unit_test(test_ready_columns_go_out_as_they_are),
        cmocka_unit_test(test_buffer_is_as_before_when_memory_or_room_is_out),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
