/* The C API against the embedded node: what was written is what is read, what does not fit is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_world.h"

static void test_an_array_of_structs_comes_back_as_it_was_written(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather *rows = calloc(ROWS, sizeof *rows);
    weather *got = calloc(ROWS, sizeof *got);
    anp_status codes[ROWS];
    anp_record_meta meta[ROWS];
    uint8_t missing[ROWS];
    for (int64_t i = 0; i < ROWS; i++) {
        fill_row(&rows[i], i);
        got[i].id = ROWS - 1 - i;
        got[i].note = 77;
    }
    write_rows(w, rows, ROWS, "round");
    anp_key_array keys = ids_of(got, ROWS, "round");
    anp_read_target target = {
        .layout = layout, .rows = got, .codes = codes, .meta = meta, .missing = missing};
    anp_batch_result result;
    must(anp_read_rows(w->client, &keys, &target, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, ROWS);
    assert_int_equal(result.n_missing + result.n_failed + result.n_errors, 0);
    assert_int_equal(result.first_error.code, ANP_OK);
    for (int64_t i = 0; i < ROWS; i++) {
        expect_row(&got[i], ROWS - 1 - i);
        assert_int_equal(got[i].note, 77); /* no field's: left alone */
        assert_int_equal(codes[i], ANP_OK);
        assert_int_equal(meta[i].generation, 1);
        assert_int_equal(meta[i].ttl, ANP_TTL_NEVER);
        assert_int_equal(missing[i], 0);
    }
    free(rows);
    free(got);
}

static void test_a_missing_record_a_missing_bin_and_a_zero_differ(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather zeros = {.id = 1};
    write_rows(w, &zeros, 1, "zeros");
    double temp = 2.5;
    write_one(w, "zeros", 2, (anp_row_field){"temp", ANP_SLOT_FLOAT, 0, 8, 0}, &temp);
    weather rows[3];
    for (int64_t i = 0; i < 3; i++) {
        fill_row(&rows[i], i + 1);
    }
    anp_status codes[3];
    anp_record_meta meta[3];
    uint8_t missing[3];
    anp_key_array keys = ids_of(rows, 3, "zeros");
    anp_read_target target = {
        .layout = layout, .rows = rows, .codes = codes, .meta = meta, .missing = missing};
    anp_batch_result result;
    must(anp_read_rows(w->client, &keys, &target, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, 2);
    assert_int_equal(result.n_missing, 1);
    assert_int_equal(codes[1], ANP_OK);
    assert_int_equal(codes[2], ANP_NOT_FOUND);
    for (uint32_t f = 0; f < FIELDS; f++) {
        assert_false(anp_is_missing(missing, FIELDS, 0, f));
        assert_int_equal(anp_is_missing(missing, FIELDS, 1, f), f != TEMP);
        assert_true(anp_is_missing(missing, FIELDS, 2, f));
    }
    assert_true(rows[1].temp == 2.5);
    assert_string_equal(rows[1].city, "");
    assert_true(rows[2].temp == 0);
    assert_int_equal(meta[2].generation, 0);
}

static void test_a_row_may_be_wider_than_its_fields_and_named_bins_only_are_touched(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather row;
    fill_row(&row, 11);
    write_rows(w, &row, 1, "wide");
    int64_t id = 11;
    uint8_t memory[64];
    memset(memory, 0xee, sizeof memory);
    const anp_row_field narrow[] = {{"height", ANP_SLOT_INT, 8, 4, 0},
                                    {"city", ANP_SLOT_PADDED, 12, 7, 0}};
    anp_key_array keys = {"test", "wide", ANP_KEY_INT, 8, &id, 0, 1};
    anp_status code = 99;
    anp_read_target target = {.layout = {narrow, 2, 64}, .rows = memory, .codes = &code};
    must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
    assert_int_equal(code, ANP_OK);
    int32_t height;
    memcpy(&height, memory + 8, 4);
    assert_int_equal(height, -489);
    assert_memory_equal(memory + 12, "city 11", 7); /* it fills the member: no zero behind it */
    for (size_t i = 0; i < sizeof memory; i++) {
        if (i < 8 || i >= 19) {
            assert_int_equal(memory[i], 0xee);
        }
    }
}

static void test_values_that_do_not_fit_are_refused_and_noted(void **state)
{
    const world *w = *state;
    write_misfits(w);
    for (int mode = ANP_ERRORS_RAISE; mode <= ANP_ERRORS_MASK; mode++) {
        anp_error err = {0};
        weather row = {.id = 1, .city = "before"};
        anp_status code;
        uint8_t missing;
        anp_cell_error errors[2];
        anp_key_array keys = ids_of(&row, 1, "fits");
        anp_read_target target = {.layout = layout,
                                  .rows = &row,
                                  .errors = (anp_errors_mode)mode,
                                  .codes = &code,
                                  .missing = &missing,
                                  .cell_errors = errors,
                                  .cell_errors_room = 2};
        anp_batch_result result;
        anp_status status = anp_read_rows(w->client, &keys, &target, NULL, &result, &err);
        assert_int_equal(status, mode == ANP_ERRORS_RAISE ? ANP_ERR_CONVERSION : ANP_OK);
        if (mode == ANP_ERRORS_RAISE) {
            assert_non_null(strstr(err.message, "3 values do not fit; first row 0, bin city"));
            assert_non_null(strstr(err.message, "char[16]"));
        }
        assert_int_equal(code, ANP_OK);
        assert_int_equal(result.n_ok, 1);
        assert_int_equal(result.n_errors, 3); /* though there was room for two */
        assert_int_equal(errors[0].field, CITY);
        assert_int_equal(errors[0].reason, ANP_REASON_LENGTH);
        assert_int_equal(errors[1].field, HEIGHT);
        assert_int_equal(errors[1].reason, ANP_REASON_RANGE);
        assert_string_equal(anp_reason_text((anp_reason)errors[1].reason), "out of range");
        assert_string_equal(row.city, "");
        assert_int_equal(row.height, 0);
        assert_int_equal(missing, (1 << FIELDS) - 1);
    }
}

static void test_unsafe_forces_what_can_be_forced(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    write_misfits(w);
    weather row = {.id = 1};
    anp_status code;
    anp_key_array keys = ids_of(&row, 1, "fits");
    anp_read_target target = {
        .layout = layout, .rows = &row, .errors = ANP_ERRORS_UNSAFE, .codes = &code};
    anp_batch_result result;
    must(anp_read_rows(w->client, &keys, &target, NULL, &result, &err), &err);
    assert_string_equal(row.city, "Llanfairpwllgwy"); /* cut down, and still ended by a zero */
    assert_int_equal(row.height, (int16_t)40000);
    assert_int_equal(result.n_errors, 1); /* half a blob is no blob */
}

static void test_text_with_a_zero_inside_is_not_taken_for_a_shorter_one(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    write_one(w, "zero", 1, (anp_row_field){"city", ANP_SLOT_PADDED, 0, 5, 0}, "ab\0cd");
    weather row = {.id = 1};
    anp_status code;
    anp_cell_error error;
    anp_key_array keys = ids_of(&row, 1, "zero");
    anp_read_target target = {.layout = {fields, 1, sizeof row},
                              .rows = &row,
                              .codes = &code,
                              .cell_errors = &error,
                              .cell_errors_room = 1};
    assert_int_equal(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err),
                     ANP_ERR_CONVERSION);
    assert_int_equal(error.reason, ANP_REASON_INEXACT);
}

static void test_a_value_that_can_not_be_written_sends_nothing(void **state)
{
    const world *w = *state;
    static const uint64_t large = UINT64_MAX;
    const struct {
        anp_row_field field;
        const void *value;
        const char *says;
    } cases[] = {
        {{"a", ANP_SLOT_STRING, 0, 4, 0}, "Oslo", "bin a (char[4]): of the wrong length"},
        {{"a", ANP_SLOT_STRING, 0, 4, 0}, "\xff\0\0", "not valid Unicode"},
        {{"a", ANP_SLOT_PADDED, 0, 2, 0}, "\xc3(", "not valid Unicode"},
        {{"a", ANP_SLOT_UINT, 0, 8, 0}, &large, "out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        anp_error err = {0};
        int64_t id = 1;
        anp_status code = 99;
        anp_key_array keys = {"test", "bad", ANP_KEY_INT, 8, &id, 0, 1};
        anp_write_source source = {.layout = {&cases[i].field, 1, cases[i].field.size},
                                   .rows = cases[i].value,
                                   .codes = &code};
        anp_batch_result result;
        assert_int_equal(anp_write_rows(w->client, &keys, &source, NULL, &result, &err),
                         ANP_ERR_CONVERSION);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_int_equal(code, 99);
        assert_int_equal(result.n_ok + result.n_failed, 0);
        anp_read_target target = {.codes = &code};
        must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
        assert_int_equal(code, ANP_NOT_FOUND);
    }
}

/* Reads bin "n" of the records of these keys; the codes. */
static void read_numbers(const world *w, anp_key_array keys, int64_t *out, anp_status *codes)
{
    static const anp_row_field number = {"n", ANP_SLOT_INT, 0, 8, 0};
    anp_error err = {0};
    anp_read_target target = {.layout = {&number, 1, 8}, .rows = out, .codes = codes};
    must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
}

static void write_numbers(const world *w, anp_key_array keys, const int64_t *values)
{
    static const anp_row_field number = {"n", ANP_SLOT_INT, 0, 8, 0};
    anp_error err = {0};
    anp_status codes[8];
    anp_batch_result result;
    anp_write_source source = {.layout = {&number, 1, 8}, .rows = values, .codes = codes};
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, keys.count);
}

static void test_keys_of_every_kind_find_their_record(void **state)
{
    const world *w = *state;
    static const char names[2][8] = {"Oslo\0!!", "Helsinki"}; /* the second fills its place */
    const int64_t values[] = {10, 20};
    anp_key_array in_place = {"test", "keys", ANP_KEY_STRING, 8, names, 0, 2};
    write_numbers(w, in_place, values);

    int64_t got[2];
    anp_status codes[2];
    const anp_bytes elsewhere[] = {{"Helsinki, Finland", 8}, {"Oslo", 4}};
    anp_key_array at = {"test", "keys", ANP_KEY_STRING_AT, 0, elsewhere, 0, 2};
    read_numbers(w, at, got, codes);
    assert_int_equal(got[0], 20);
    assert_int_equal(got[1], 10);

    anp_key_array backwards = in_place;
    backwards.base = names[1];
    backwards.stride = -8;
    read_numbers(w, backwards, got, codes);
    assert_int_equal(got[0], 20);
    assert_int_equal(got[1], 10);

    at.kind = ANP_KEY_BLOB_AT; /* a blob of the same bytes is another key */
    read_numbers(w, at, got, codes);
    assert_int_equal(codes[0], ANP_NOT_FOUND);
    assert_int_equal(codes[1], ANP_NOT_FOUND);
    write_numbers(w, at, (const int64_t[]){1, 2});
    anp_key_array blob = {"test", "keys", ANP_KEY_BLOB, 4, "Oslo", 0, 1};
    read_numbers(w, blob, got, codes);
    assert_int_equal(got[0], 2);
}

static void test_integer_keys_of_every_width_are_the_same_keys(void **state)
{
    const world *w = *state;
    const int64_t wide[] = {-7, 7}, values[] = {1, 2};
    write_numbers(w, (anp_key_array){"test", "ints", ANP_KEY_INT, 8, wide, 0, 2}, values);
    int64_t got[2];
    anp_status codes[2];
    const int8_t small[] = {-7, 7};
    read_numbers(w, (anp_key_array){"test", "ints", ANP_KEY_INT, 1, small, 0, 2}, got, codes);
    assert_int_equal(got[0], 1);
    assert_int_equal(got[1], 2);
    const uint16_t no_sign[] = {7};
    read_numbers(w, (anp_key_array){"test", "ints", ANP_KEY_UINT, 2, no_sign, 0, 1}, got, codes);
    assert_int_equal(got[0], 2);
    const uint64_t large[] = {UINT64_C(1) << 63, 7};
    read_numbers(w, (anp_key_array){"test", "ints", ANP_KEY_UINT, 8, large, 0, 2}, got, codes);
    assert_int_equal(codes[0], ANP_ERR_PARAM); /* that row's own fault; the other is read */
    assert_int_equal(codes[1], ANP_OK);
    assert_int_equal(got[1], 2);
}

static void test_a_digest_is_a_key_and_a_null_string_is_its_rows_fault(void **state)
{
    const world *w = *state;
    /* RIPEMD-160 of "demo", the type byte 3 and "k1", made with OpenSSL. */
    static const uint8_t digest[20] = {0xb7, 0x47, 0xf5, 0x85, 0x4d, 0x0b, 0x33, 0x25, 0x99, 0x28,
                                       0xd0, 0xcf, 0xab, 0x7f, 0xad, 0x81, 0xd6, 0xab, 0xfb, 0xf6};
    const int64_t value = 5;
    write_numbers(w, (anp_key_array){"test", "demo", ANP_KEY_STRING, 2, "k1", 0, 1}, &value);
    int64_t got[2];
    anp_status codes[2];
    read_numbers(w, (anp_key_array){"test", "demo", ANP_KEY_DIGEST, 0, digest, 0, 1}, got, codes);
    assert_int_equal(codes[0], ANP_OK);
    assert_int_equal(got[0], 5);
    const anp_bytes keys[] = {{NULL, 2}, {"k1", 2}};
    read_numbers(w, (anp_key_array){"test", "demo", ANP_KEY_STRING_AT, 0, keys, 0, 2}, got, codes);
    assert_int_equal(codes[0], ANP_ERR_PARAM);
    assert_int_equal(codes[1], ANP_OK);
}

static void test_rows_that_fail_are_counted_and_the_first_is_explained(void **state)
{
    const world *w = *state;
    weather rows[4];
    for (int64_t i = 0; i < 4; i++) {
        fill_row(&rows[i], i);
    }
    write_rows(w, rows + 1, 2, "modes");
    anp_error err = {0};
    anp_status codes[4];
    uint32_t generations[4];
    uint8_t in_doubt[4];
    anp_key_array keys = ids_of(rows, 4, "modes");
    anp_batch_result result;
    anp_write_source source = {.layout = layout,
                               .rows = rows,
                               .mode = ANP_WRITE_CREATE_ONLY,
                               .codes = codes,
                               .generations = generations,
                               .in_doubt = in_doubt};
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, 2);
    assert_int_equal(result.n_failed, 2);
    assert_int_equal(result.first_failed, 1);
    assert_int_equal(result.first_error.code, ANP_RECORD_EXISTS);
    assert_non_null(strstr(result.first_error.message, "record exists already"));
    const anp_status wanted[] = {0, ANP_RECORD_EXISTS, ANP_RECORD_EXISTS, 0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(codes[i], wanted[i]);
        assert_int_equal(generations[i], wanted[i] == 0 ? 1 : 0);
        assert_int_equal(in_doubt[i], 0);
    }
    keys.set_name = "nobody";
    source.mode = ANP_WRITE_UPDATE_ONLY;
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_missing, 4);
    keys.namespace_name = "nowhere";
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_failed, 4);
    assert_int_equal(result.first_error.code, ANP_NAMESPACE);
}

static void test_a_replacing_write_drops_other_bins_and_a_ttl_is_kept(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather row;
    fill_row(&row, 1);
    write_rows(w, &row, 1, "replace");
    anp_status code;
    uint8_t missing;
    anp_record_meta meta;
    anp_key_array keys = ids_of(&row, 1, "replace");
    anp_write_source source = {.layout = {fields, 1, sizeof row},
                               .rows = &row,
                               .mode = ANP_WRITE_REPLACE,
                               .ttl = 1000,
                               .codes = &code};
    must(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), &err);
    anp_read_target target = {
        .layout = layout, .rows = &row, .codes = &code, .meta = &meta, .missing = &missing};
    must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
    assert_int_equal(missing, ((1 << FIELDS) - 1) & ~1);
    assert_int_equal(meta.generation, 2);
    assert_in_range(meta.ttl, 990, 1000);
}

static void test_arrays_are_blobs_or_lists_and_come_back_from_both(void **state)
{
    const world *w = *state;
    for (int as_lists = 0; as_lists < 2; as_lists++) {
        anp_error err = {0};
        weather row, got = {.id = 3};
        fill_row(&row, 3);
        anp_status code;
        anp_key_array keys = ids_of(&row, 1, as_lists ? "lists" : "blobs");
        anp_write_source source = {
            .layout = layout, .rows = &row, .arrays_as_lists = as_lists != 0, .codes = &code};
        must(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), &err);
        anp_read_target target = {.layout = layout, .rows = &got, .codes = &code};
        must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
        expect_row(&got, 3);
        uint8_t bytes[8]; /* is it a blob? */
        const anp_row_field blob = {"wind", ANP_SLOT_BLOB, 0, sizeof bytes, 0};
        anp_read_target raw = {.layout = {&blob, 1, sizeof bytes}, .rows = bytes, .codes = &code};
        assert_int_equal(anp_read_rows(w->client, &keys, &raw, NULL, NULL, &err),
                         as_lists ? ANP_ERR_CONVERSION : ANP_OK);
    }
}

static void test_no_rows_are_no_error(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    anp_key_array keys = {.namespace_name = "test", .kind = ANP_KEY_INT, .size = 8};
    anp_read_target target = {.layout = layout, .rows = &(weather){0}};
    anp_write_source source = {.layout = layout, .rows = &(weather){0}};
    anp_batch_result result;
    must(anp_read_rows(w->client, &keys, &target, NULL, &result, &err), &err);
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, 0);
    assert_true(result.first_failed == UINT64_MAX);
}

static void test_what_was_missing_stays_missing_when_it_is_written_back(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    double temp = 2.5;
    write_one(w, "back", 1, (anp_row_field){"temp", ANP_SLOT_FLOAT, 0, 8, 0}, &temp);
    weather rows[2] = {{.id = 1}, {.id = 2}}; /* there is no record 2 */
    anp_status codes[2];
    uint8_t missing[2];
    anp_key_array keys = ids_of(rows, 2, "back");
    anp_read_target target = {.layout = layout, .rows = rows, .codes = codes, .missing = missing};
    anp_write_source source = {.layout = layout, .rows = rows, .missing = missing, .codes = codes};
    must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
    rows[0].temp = 3.5;
    anp_batch_result result;
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(codes[0], ANP_OK);
    assert_int_equal(codes[1], ANP_ERR_PARAM);
    assert_int_equal(result.first_failed, 1);
    assert_non_null(strstr(result.first_error.message, "nothing to write"));
    must(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), &err);
    assert_true(rows[0].temp == 3.5);
    assert_int_equal(missing[0], ((1 << FIELDS) - 1) & ~(1 << TEMP));
    assert_int_equal(codes[1], ANP_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_array_of_structs_comes_back_as_it_was_written),
        cmocka_unit_test(test_a_missing_record_a_missing_bin_and_a_zero_differ),
        cmocka_unit_test(test_a_row_may_be_wider_than_its_fields_and_named_bins_only_are_touched),
        cmocka_unit_test(test_values_that_do_not_fit_are_refused_and_noted),
        cmocka_unit_test(test_unsafe_forces_what_can_be_forced),
        cmocka_unit_test(test_text_with_a_zero_inside_is_not_taken_for_a_shorter_one),
        cmocka_unit_test(test_a_value_that_can_not_be_written_sends_nothing),
        cmocka_unit_test(test_keys_of_every_kind_find_their_record),
        cmocka_unit_test(test_integer_keys_of_every_width_are_the_same_keys),
        cmocka_unit_test(test_a_digest_is_a_key_and_a_null_string_is_its_rows_fault),
        cmocka_unit_test(test_rows_that_fail_are_counted_and_the_first_is_explained),
        cmocka_unit_test(test_a_replacing_write_drops_other_bins_and_a_ttl_is_kept),
        cmocka_unit_test(test_arrays_are_blobs_or_lists_and_come_back_from_both),
        cmocka_unit_test(test_what_was_missing_stays_missing_when_it_is_written_back),
        cmocka_unit_test(test_no_rows_are_no_error),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
