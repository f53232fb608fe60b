/* table/decode: messages into rows. The bytes of operations are written out by PROTOCOL's table
 * (u32 4 + name + value, op 1, particle, flags, name length, name, value). */
#include "table_fields.h"

/* {a: f8, b: i4, name: S5, long_bin_name: u2} in rows of 24 bytes: gaps at 17 and 20. */
enum { ROW = 24, N_ROWS = 4, GUARD = 32 };

typedef struct fixture {
    anp_field fields[4];
    anp_plan plan;
    anp_table t;
    struct anp_gap gaps[2];
    uint8_t rows[GUARD + ROW * N_ROWS + GUARD];
    int32_t codes[N_ROWS];
    uint32_t meta[2 * N_ROWS];
    uint8_t missing[N_ROWS];
} fixture;

static const uint8_t fill_b[4] = {0xfe, 0xff, 0xff, 0xff};

static void lay(fixture *x, int i, const char *name, const char *spec, size_t offset)
{
    x->fields[i] = make_field(name, spec);
    x->fields[i].base = x->rows + GUARD + offset;
    x->fields[i].stride = ROW;
}

static fixture *open_table(anp_errors_mode mode)
{
    fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    lay(x, 0, "a", "f8", 0);
    lay(x, 1, "b", "i4", 8);
    lay(x, 2, "name", "S5", 12);
    lay(x, 3, "long_bin_name", "u2", 18);
    x->fields[1].fill = fill_b;
    x->gaps[0] = (struct anp_gap){17, 1};
    x->gaps[1] = (struct anp_gap){20, 4};
    memset(x->rows, 0xaa, sizeof x->rows);
    x->plan = (anp_plan){.fields = x->fields,
                         .n_fields = 4,
                         .row_base = x->rows + GUARD,
                         .row_stride = ROW,
                         .gaps = x->gaps,
                         .n_gaps = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&x->plan, &err), ANP_OK);
    for (int i = 0; i < N_ROWS; i++) {
        x->codes[i] = ANP_ERR_NO_RESPONSE;
    }
    x->t = (anp_table){.plan = &x->plan,
                       .n_rows = N_ROWS,
                       .mode = mode,
                       .now = 1000,
                       .codes = x->codes,
                       .meta = x->meta,
                       .missing = x->missing,
                       .missing_stride = 1};
    anp_table_init(&x->t);
    return x;
}

static void close_table(fixture *x)
{
    anp_table_deinit(&x->t);
    anp_plan_deinit(&x->plan);
    free(x);
}

static anp_status decode_n(fixture *x, uint64_t row, uint16_t n_fields, uint16_t n_ops,
                           const char *body)
{
    bytes b = hex(body);
    paged p = paged_copy(b.data, b.size);
    anp_message m = {.generation = 7, .ttl = 1500, .n_fields = n_fields, .n_ops = n_ops};
    anp_error err = {.code = 0};
    anp_status status = anp_table_decode(&x->t, row, &m, anp_cursor_over(p.data, b.size), &err);
    assert_int_equal(err.code, status);
    paged_free(p);
    return status;
}

static anp_status decode(fixture *x, uint64_t row, uint16_t n_ops, const char *body)
{
    return decode_n(x, row, 0, n_ops, body);
}

static void row_is(const fixture *x, uint64_t row, const char *what)
{
    bytes want = hex(what);
    assert_int_equal(want.size, ROW);
    assert_memory_equal(x->rows + GUARD + row * ROW, want.data, ROW);
}

static void others_untouched(const fixture *x, uint64_t row)
{
    for (size_t i = 0; i < sizeof x->rows; i++) {
        if (i < GUARD + row * ROW || i >= GUARD + (row + 1) * ROW) {
            assert_int_equal(x->rows[i], 0xaa);
        }
    }
}

static anp_cell_error error_at(const fixture *x, size_t i)
{
    anp_cell_error e;
    assert_true((i + 1) * sizeof e <= x->t.errors.size);
    memcpy(&e, x->t.errors.data + i * sizeof e, sizeof e);
    return e;
}

#define OP_A "0000000d 01 02 00 01 61 3ff8000000000000 "
#define OP_B "0000000d 01 01 00 01 62 0000000000000005 "
#define OP_NAME "0000000b 01 03 00 04 6e616d65 616263 "
#define OP_LONG "00000019 01 01 00 0d 6c6f6e675f62696e5f6e616d65 0000000000000102 "
#define FULL "000000000000f83f 05000000 6162630000 00 0201 00000000"

static void test_full_row_lands_in_place_with_padding_zeroed(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    assert_int_equal(decode(x, 2, 4, OP_A OP_B OP_NAME OP_LONG), ANP_OK);
    row_is(x, 2, FULL);
    others_untouched(x, 2);
    assert_int_equal(x->codes[2], 0);
    assert_int_equal(x->codes[1], ANP_ERR_NO_RESPONSE);
    assert_int_equal(x->missing[2], 0);
    assert_int_equal(x->meta[4], 7);
    assert_int_equal(x->meta[5], 500);
    assert_int_equal(x->t.errors.size, 0);
    close_table(x);
}

static void test_any_order_and_unknown_bins_and_fields_make_no_difference(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    assert_int_equal(decode(x, 0, 4, OP_LONG OP_NAME OP_B OP_A), ANP_OK);
    row_is(x, 0, FULL);
    assert_int_equal(decode(x, 1, 7,
                            "0000000d 01 01 00 01 7a 0000000000000005" OP_B
                            "00000004 01 00 00 00" OP_LONG "00000005 01 00 00 01 71" OP_A OP_NAME),
                     ANP_OK);
    row_is(x, 1, FULL);
    assert_int_equal(
        decode_n(x, 2, 2, 4, "00000005 04 01020304 00000001 00" OP_A OP_B OP_NAME OP_LONG), ANP_OK);
    row_is(x, 2, FULL);
    /* names that share the guess's beginning or length */
    assert_int_equal(
        decode(x, 3, 6,
               "00000018 01 01 00 0c 6c6f6e675f62696e5f6e616d 0000000000000102"
               "00000019 01 01 00 0d 6c6f6e675f62696e5f6e616d66 0000000000000102" OP_A OP_B OP_NAME
                   OP_LONG),
        ANP_OK);
    row_is(x, 3, FULL);
    close_table(x);
}

static void test_missing_and_nil_bins_are_masked_and_filled_without_error(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    assert_int_equal(decode(x, 0, 1, OP_NAME), ANP_OK);
    row_is(x, 0, "0000000000000000 feffffff 6162630000 00 0000 00000000");
    assert_int_equal(x->missing[0], 0x0b);
    assert_int_equal(decode(x, 1, 3, OP_A "00000005 01 00 00 01 62" OP_LONG), ANP_OK);
    row_is(x, 1, "000000000000f83f feffffff 0000000000 00 0201 00000000");
    assert_int_equal(x->missing[1], 0x06);
    assert_int_equal(decode(x, 2, 0, ""), ANP_OK);
    row_is(x, 2, "0000000000000000 feffffff 0000000000 00 0000 00000000");
    assert_int_equal(x->missing[2], 0x0f);
    assert_int_equal(x->codes[2], 0);
    assert_int_equal(x->t.errors.size, 0);
    close_table(x);
}

static void test_refused_value_is_filled_masked_and_noted(void **state)
{
    (void)state;
    for (anp_errors_mode mode = ANP_ERRORS_RAISE; mode <= ANP_ERRORS_UNSAFE; mode++) {
        fixture *x = open_table(mode);
        assert_int_equal(decode(x, 3, 4,
                                OP_A "0000000d 01 01 00 01 62 0000000100000005"
                                     "0000000e 01 03 00 04 6e616d65 616263c3a461" OP_LONG),
                         ANP_OK);
        if (mode == ANP_ERRORS_UNSAFE) {
            row_is(x, 3, "000000000000f83f 05000000 616263c3a4 00 0201 00000000");
            assert_int_equal(x->missing[3], 0);
            assert_int_equal(x->t.errors.size, 0);
        } else {
            row_is(x, 3, "000000000000f83f feffffff 0000000000 00 0201 00000000");
            assert_int_equal(x->missing[3], 0x06);
            assert_int_equal(x->t.errors.size, 2 * sizeof(anp_cell_error));
            anp_cell_error e = error_at(x, 0);
            assert_int_equal(e.row, 3);
            assert_int_equal(e.field, 1);
            assert_int_equal(e.reason, ANP_REASON_RANGE);
            assert_int_equal(e.particle, ANP_PARTICLE_INTEGER);
            e = error_at(x, 1);
            assert_int_equal(e.field, 2);
            assert_int_equal(e.reason, ANP_REASON_LENGTH);
        }
        assert_int_equal(x->codes[3], 0);
        close_table(x);
    }
}

static void test_of_a_bin_that_comes_twice_the_last_counts(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    assert_int_equal(
        decode(x, 0, 5, OP_A "0000000d 01 01 00 01 62 0000000000000009" OP_B OP_NAME OP_LONG),
        ANP_OK);
    row_is(x, 0, FULL);
    assert_int_equal(decode(x, 1, 5, OP_A OP_B "00000005 01 00 00 01 62" OP_NAME OP_LONG), ANP_OK);
    row_is(x, 1, FULL); /* nil is no value */
    assert_int_equal(x->missing[1], 0);
    assert_int_equal(decode(x, 2, 5, OP_A OP_B "00000006 01 03 00 01 62 61" OP_NAME OP_LONG),
                     ANP_OK);
    row_is(x, 2, "000000000000f83f feffffff 6162630000 00 0201 00000000");
    assert_int_equal(x->missing[2], 2);
    assert_int_equal(x->t.errors.size, sizeof(anp_cell_error));
    assert_int_equal(decode(x, 3, 5, OP_A "00000006 01 03 00 01 62 61" OP_B OP_NAME OP_LONG),
                     ANP_OK);
    row_is(x, 3, FULL);
    assert_int_equal(x->missing[3], 0);
    assert_int_equal(x->t.errors.size, sizeof(anp_cell_error)); /* of row 2 */
    close_table(x);
}

static void test_other_results_are_data(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    static const uint8_t results[] = {2, 27, 11, 255};
    for (uint64_t i = 0; i < 4; i++) {
        x->meta[2 * i] = x->meta[2 * i + 1] = 99;
        anp_message m = {.result = results[i], .generation = 3, .ttl = 5000};
        anp_error err;
        assert_int_equal(anp_table_decode(&x->t, i, &m, anp_cursor_over("", 0), &err), ANP_OK);
        row_is(x, i, "0000000000000000 feffffff 0000000000 00 0000 00000000");
        assert_int_equal(x->codes[i], results[i]);
        assert_int_equal(x->missing[i], 0x0f);
        assert_int_equal(x->meta[2 * i], 0);
        assert_int_equal(x->meta[2 * i + 1], 0);
    }
    close_table(x);
}

static void test_settled_row_is_filled_and_masked(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    anp_table_settle(&x->t, 1, ANP_ERR_NO_RESPONSE);
    row_is(x, 1, "0000000000000000 feffffff 0000000000 00 0000 00000000");
    others_untouched(x, 1);
    assert_int_equal(x->codes[1], ANP_ERR_NO_RESPONSE);
    assert_int_equal(x->missing[1], 0x0f);
    /* and may be answered after all, whole */
    assert_int_equal(decode(x, 1, 4, OP_A OP_B OP_NAME OP_LONG), ANP_OK);
    row_is(x, 1, FULL);
    assert_int_equal(x->missing[1], 0);
    close_table(x);
}

static void test_time_to_live_counts_from_now(void **state)
{
    (void)state;
    static const struct {
        uint32_t void_time, ttl;
    } cases[] = {{0, 0xffffffff}, {1001, 1}, {1000, 1}, {1, 1}, {0xffffffff, 0xffffffff - 1000},
                 {5000, 4000}};
    fixture *x = open_table(ANP_ERRORS_RAISE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        anp_message m = {.ttl = cases[i].void_time, .generation = 65535};
        anp_error err;
        assert_int_equal(anp_table_decode(&x->t, 0, &m, anp_cursor_over("", 0), &err), ANP_OK);
        assert_int_equal(x->meta[0], 65535);
        assert_int_equal(x->meta[1], cases[i].ttl);
    }
    close_table(x);
}

static void test_truncated_message_leaves_the_code_and_notes_nothing(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    bytes b = hex("00000005 04 01020304"
                  "0000000d 01 01 00 01 62 0000000100000005" OP_A OP_NAME OP_LONG);
    for (uint32_t size = 0; size <= b.size; size++) {
        paged p = paged_copy(b.data, size);
        anp_message m = {.n_fields = 1, .n_ops = 4};
        anp_error err;
        anp_status status = anp_table_decode(&x->t, 1, &m, anp_cursor_over(p.data, size), &err);
        paged_free(p);
        if (size < b.size) {
            assert_int_equal(status, ANP_ERR_PROTOCOL);
            assert_int_equal(x->codes[1], ANP_ERR_NO_RESPONSE);
            assert_int_equal(x->t.errors.size, 0);
        } else {
            assert_int_equal(status, ANP_OK);
        }
    }
    others_untouched(x, 1);
    close_table(x);
}

static void test_wrong_lengths_are_protocol_errors(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    assert_int_equal(decode(x, 0, 1, "00000003 01 00 00 00"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 1, "00000000 01 00 00 00"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 1, "00000005 01 00 00 02 61"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 1, "ffffffff 01 00 00 01 61"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 1, "0000000d 01 01 00 ff 61 0000000000000000"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 1, OP_A "00"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 0, OP_A), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, 0, 2, OP_A), ANP_ERR_PROTOCOL);
    assert_int_equal(decode_n(x, 0, 1, 0, "00000000 00"), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, N_ROWS, 1, OP_A), ANP_ERR_PROTOCOL);
    assert_int_equal(decode(x, UINT64_MAX, 1, OP_A), ANP_ERR_PROTOCOL);
    assert_int_equal(x->codes[0], ANP_ERR_NO_RESPONSE);
    close_table(x);
}

static void test_columns_and_negative_strides_are_the_same_road(void **state)
{
    (void)state;
    fixture *x = open_table(ANP_ERRORS_RAISE);
    uint8_t f8[8 * N_ROWS + 1];
    x->fields[0].base = f8 + 1; /* unaligned */
    x->fields[0].stride = 8;
    int32_t i4[N_ROWS];
    x->fields[1].base = (uint8_t *)&i4[N_ROWS - 1];
    x->fields[1].stride = -4;
    for (uint64_t row = 0; row < N_ROWS; row++) {
        assert_int_equal(decode(x, row, 2, OP_A OP_B), ANP_OK);
    }
    for (int i = 0; i < N_ROWS; i++) {
        double v;
        memcpy(&v, f8 + 1 + 8 * i, 8);
        assert_true(v == 1.5);
        assert_int_equal(i4[i], 5);
    }
    close_table(x);
}

static void test_many_fields_have_a_bit_each(void **state)
{
    (void)state;
    enum { N = 77 };
    static char names[N][16];
    static anp_field fields[N];
    static int8_t values[2][N];
    uint8_t missing[21];
    memset(missing, 0xcc, sizeof missing);
    for (int i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "b%02d", i);
        fields[i] = make_field(names[i], "i1");
        fields[i].base = (uint8_t *)&values[0][i];
        fields[i].stride = N;
    }
    anp_plan plan = {.fields = fields, .n_fields = N};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    int32_t codes[2];
    uint32_t meta[4];
    anp_table t = {.plan = &plan,
                   .n_rows = 2,
                   .codes = codes,
                   .meta = meta,
                   .missing = missing,
                   .missing_stride = 10};
    anp_table_init(&t);
    uint8_t body[N * 20];
    uint8_t *p = body;
    uint16_t n = 0;
    for (int i = 0; i < N; i += 3, n++) {
        bytes op = hex("0000000f 01 01 00 03 623030 0000000000000000");
        memcpy(op.data + 8, names[i], 3);
        op.data[op.size - 1] = (uint8_t)i;
        memcpy(p, op.data, op.size);
        p += op.size;
    }
    anp_message m = {.n_ops = n};
    assert_int_equal(anp_table_decode(&t, 1, &m, anp_cursor_over(body, (size_t)(p - body)), &err),
                     ANP_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(missing[10 + i / 8] >> (i % 8) & 1, i % 3 != 0);
        assert_int_equal(values[1][i], i % 3 == 0 ? i : 0);
    }
    assert_int_equal(missing[19] >> 5, 0);
    assert_int_equal(missing[0], 0xcc);
    assert_int_equal(missing[20], 0xcc);
    anp_table_deinit(&t);
    anp_plan_deinit(&plan);
}

/* {o: O, s: {k: O, n: i4}} */
typedef struct objects {
    anp_field inner[2], fields[2];
    anp_plan plan;
    anp_table t;
    uint8_t rows[2][24];
    int32_t codes[2];
    uint32_t meta[4];
    uint8_t missing[2];
} objects;

static objects *open_objects(void)
{
    objects *x = calloc(1, sizeof *x);
    assert_non_null(x);
    memset(x->rows, 0xaa, sizeof x->rows);
    x->inner[0] = at_offset(make_field("k", "O"), 0);
    x->inner[1] = at_offset(make_field("n", "i4"), 8);
    x->fields[0] = make_field("o", "O");
    x->fields[1] = make_struct("s", x->inner, 2, 16);
    x->fields[0].base = x->rows[0];
    x->fields[1].base = x->rows[0] + 8;
    x->fields[0].stride = x->fields[1].stride = 24;
    x->plan = (anp_plan){.fields = x->fields, .n_fields = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&x->plan, &err), ANP_OK);
    x->t = (anp_table){.plan = &x->plan,
                       .n_rows = 2,
                       .codes = x->codes,
                       .meta = x->meta,
                       .missing = x->missing,
                       .missing_stride = 1};
    anp_table_init(&x->t);
    return x;
}

static void close_objects(objects *x)
{
    anp_table_deinit(&x->t);
    anp_plan_deinit(&x->plan);
    free(x);
}

static anp_status decode_objects(objects *x, uint64_t row, uint16_t n_ops, const char *body,
                                 anp_error *err)
{
    bytes b = hex(body);
    anp_message m = {.n_ops = n_ops};
    return anp_table_decode(&x->t, row, &m, anp_cursor_over(b.data, b.size), err);
}

static void deferred_is(const objects *x, size_t i, uint64_t row, const uint8_t *slot,
                        uint8_t particle, const char *what)
{
    anp_deferred d;
    bytes want = hex(what);
    assert_true((i + 1) * sizeof d <= x->t.deferred.size);
    memcpy(&d, x->t.deferred.data + i * sizeof d, sizeof d);
    assert_int_equal(d.row, row);
    assert_ptr_equal(d.slot, slot);
    assert_int_equal(d.particle, particle);
    assert_int_equal(d.size, want.size);
    assert_true(d.offset + d.size <= x->t.arena.size);
    assert_memory_equal(x->t.arena.data + d.offset, want.data, want.size);
    for (int j = 0; j < 8; j++) { /* what a field's own slot holds is not ours to overwrite */
        assert_int_equal(slot[j], d.field == 0 ? 0xaa : 0);
    }
}

#define OP_O "00000008 01 04 00 01 6f 616263 "

static void test_objects_wait_in_the_arena_at_any_depth(void **state)
{
    (void)state;
    objects *x = open_objects();
    anp_error err;
    assert_int_equal(
        decode_objects(x, 0, 2, OP_O "0000000f 01 13 00 01 73 82 a2036b 920102 a2036e", &err),
        ANP_OK);
    assert_int_equal(x->missing[0],
                     2); /* the map was cut short: refused, and nothing of it waits */
    assert_int_equal(x->t.deferred.size, sizeof(anp_deferred));
    deferred_is(x, 0, 0, x->rows[0], 4, "616263");
    assert_int_equal(
        decode_objects(x, 1, 1, "00000010 01 13 00 01 73 82 a2036e 05 a2036b 920102", &err),
        ANP_OK);
    assert_int_equal(x->missing[1], 1);
    assert_int_equal(x->rows[1][16], 5);
    deferred_is(x, 1, 1, x->rows[1] + 8, 20, "920102");
    close_objects(x);
}

static void test_nested_objects_look_like_particles(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        uint8_t particle;
        const char *bytes;
    } cases[] = {
        {"0000000a 01 13 00 01 73 81 a2036b ff", 1, "ffffffffffffffff"},
        {"00000012 01 13 00 01 73 81 a2036b cb3ff8000000000000", 2, "3ff8000000000000"},
        {"0000000a 01 13 00 01 73 81 a2036b c3", 17, "01"},
        {"0000000c 01 13 00 01 73 81 a2036b a20361", 3, "61"},
        {"0000000c 01 13 00 01 73 81 a2036b a21761", 23, "00000061"},
        {"0000000c 01 13 00 01 73 81 a2036b a204ff", 4, "ff"},
        {"0000000c 01 13 00 01 73 81 a2036b 810102", 19, "810102"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        objects *x = open_objects();
        anp_error err;
        bytes b = hex(cases[i].op); /* the length is what follows it */
        anp_store_be32(b.data, b.size - 4);
        anp_message m = {.n_ops = 1};
        assert_int_equal(anp_table_decode(&x->t, 0, &m, anp_cursor_over(b.data, b.size), &err),
                         ANP_OK);
        assert_int_equal(x->missing[0], 1);
        deferred_is(x, 0, 0, x->rows[0] + 8, cases[i].particle, cases[i].bytes);
        close_objects(x);
    }
}

static void test_object_that_comes_twice_waits_once(void **state)
{
    (void)state;
    objects *x = open_objects();
    anp_error err;
    assert_int_equal(decode_objects(x, 0, 2, OP_O "00000006 01 03 00 01 6f 64", &err), ANP_OK);
    assert_int_equal(x->t.deferred.size, sizeof(anp_deferred));
    deferred_is(x, 0, 0, x->rows[0], 3, "64");
    assert_int_equal(decode_objects(x, 1, 2, OP_O "00000005 01 00 00 01 6f", &err), ANP_OK);
    assert_int_equal(x->t.deferred.size, 2 * sizeof(anp_deferred)); /* nil is no value */
    assert_int_equal(x->missing[1], 2);
    close_objects(x);
}

static void test_failed_allocation_is_said_and_leaves_no_trace(void **state)
{
    (void)state;
    anp_status status = ANP_ERR_MEMORY;
    for (int n = 0; status != ANP_OK; n++) {
        assert_true(n < 10);
        objects *x = open_objects();
        anp_error err;
        int left = n;
        anp_alloc_hook(allow_some, &left);
        status = decode_objects(x, 0, 2, OP_O "00000006 01 03 00 01 73 61",
                                &err); /* the second is refused */
        anp_alloc_hook(NULL, NULL);
        if (status != ANP_OK) {
            assert_int_equal(status, ANP_ERR_MEMORY);
            assert_int_equal(x->t.deferred.size + x->t.errors.size + x->t.arena.size, 0);
        } else {
            assert_int_equal(n, 3);
        }
        close_objects(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_row_lands_in_place_with_padding_zeroed),
        cmocka_unit_test(test_any_order_and_unknown_bins_and_fields_make_no_difference),
        cmocka_unit_test(test_missing_and_nil_bins_are_masked_and_filled_without_error),
        cmocka_unit_test(test_refused_value_is_filled_masked_and_noted),
        cmocka_unit_test(test_of_a_bin_that_comes_twice_the_last_counts),
        cmocka_unit_test(test_other_results_are_data),
        cmocka_unit_test(test_settled_row_is_filled_and_masked),
        cmocka_unit_test(test_time_to_live_counts_from_now),
        cmocka_unit_test(test_truncated_message_leaves_the_code_and_notes_nothing),
        cmocka_unit_test(test_wrong_lengths_are_protocol_errors),
        cmocka_unit_test(test_columns_and_negative_strides_are_the_same_road),
        cmocka_unit_test(test_many_fields_have_a_bit_each),
        cmocka_unit_test(test_objects_wait_in_the_arena_at_any_depth),
        cmocka_unit_test(test_nested_objects_look_like_particles),
        cmocka_unit_test(test_object_that_comes_twice_waits_once),
        cmocka_unit_test(test_failed_allocation_is_said_and_leaves_no_trace),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
