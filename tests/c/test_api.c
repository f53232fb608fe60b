/* The C API against the embedded node: what was written is what is read, what can't be is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "aerospike_np/aerospike_np.h"
#include "base/clock.h"
#include "listener.h"
#include "node/node.h"

typedef struct weather {
    int64_t id;
    char city[16];
    double temp;
    int16_t height;
    bool is_dry;
    uint8_t note; /* no field's */
    uint8_t mark[3];
    float wind[2];
} weather;

static const anp_row_field fields[] = {
    ANP_FIELD(weather, city, ANP_SLOT_STRING, "city"),
    ANP_FIELD(weather, temp, ANP_SLOT_FLOAT, "temp"),
    ANP_FIELD(weather, height, ANP_SLOT_INT, "height"),
    ANP_FIELD(weather, is_dry, ANP_SLOT_BOOL, "is_dry"),
    ANP_FIELD(weather, mark, ANP_SLOT_BLOB, "mark"),
    ANP_FIELD_ARRAY(weather, wind, ANP_SLOT_FLOAT, "wind"),
};

enum { FIELDS = sizeof fields / sizeof fields[0], ROWS = 3000 };
enum { CITY, TEMP, HEIGHT, DRY, MARK, WIND };

static const anp_row_layout layout = {fields, FIELDS, sizeof(weather)};

/* ---- a node and a client ---- */

typedef struct world {
    anp_store *store;
    anp_node *node;
    anp_host host;
    anp_client *client;
} world;

static void must(anp_status status, const anp_error *err)
{
    if (status != ANP_OK) {
        fail_msg("%d %s: %s", (int)status, anp_status_name(status), err->message);
    }
}

static int start(void **state)
{
    static world w;
    anp_error err = {0};
    anp_namespace_config ns = {.name = "test", .allow_ttl_without_nsup = true};
    anp_store_config stores = {.namespaces = &ns, .n_namespaces = 1};
    must(anp_store_new(&stores, &w.store, &err), &err);
    must(anp_node_start(&(anp_node_config){.cluster_name = "oslo"}, w.store, &w.node, &err), &err);
    w.host = (anp_host){"127.0.0.1", anp_node_port(w.node)};
    anp_client_config config = {.hosts = &w.host, .n_hosts = 1, .cluster_name = "oslo"};
    must(anp_client_open(&config, &w.client, &err), &err);
    *state = &w;
    return 0;
}

static int stop(void **state)
{
    world *w = *state;
    anp_client_close(w->client);
    anp_node_stop(w->node);
    anp_store_release(w->store);
    return 0;
}

/* ---- rows ---- */

static anp_key_array ids_of(const weather *rows, uint64_t n, const char *set)
{
    return (anp_key_array){.namespace_name = "test",
                           .set_name = set,
                           .kind = ANP_KEY_INT,
                           .size = sizeof rows->id,
                           .base = &rows->id,
                           .stride = sizeof *rows,
                           .count = n};
}

static void fill_row(weather *row, int64_t id)
{
    memset(row, 0, sizeof *row);
    row->id = id;
    memset(row->city, '!', sizeof row->city); /* what is behind the zero is not sent */
    (void)snprintf(row->city, sizeof row->city, "city %lld", (long long)id);
    row->temp = (double)id / 4;
    row->height = (int16_t)(id - 500);
    row->is_dry = id % 3 == 0;
    row->note = (uint8_t)id;
    memcpy(row->mark, &id, sizeof row->mark);
    row->wind[0] = (float)id;
    row->wind[1] = -1.5f;
}

static void expect_row(const weather *row, int64_t id)
{
    weather wanted;
    fill_row(&wanted, id);
    assert_int_equal(row->id, id);
    assert_string_equal(row->city, wanted.city);
    assert_true(row->temp == wanted.temp);
    assert_int_equal(row->height, wanted.height);
    assert_int_equal(row->is_dry, wanted.is_dry);
    assert_memory_equal(row->mark, wanted.mark, sizeof wanted.mark);
    assert_memory_equal(row->wind, wanted.wind, sizeof wanted.wind);
}

static void write_rows(const world *w, const weather *rows, uint64_t n, const char *set)
{
    anp_error err = {0};
    anp_status *codes = malloc((size_t)n * sizeof *codes);
    anp_key_array keys = ids_of(rows, n, set);
    anp_write_source source = {.layout = layout, .rows = rows, .codes = codes};
    anp_batch_result result;
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, n);
    free(codes);
}

/* One bin of one record, of the kind that the field says. */
static void write_one(const world *w, const char *set, int64_t id, anp_row_field field,
                      const void *value)
{
    anp_error err = {0};
    anp_status code;
    anp_key_array keys = {.namespace_name = "test",
                          .set_name = set,
                          .kind = ANP_KEY_INT,
                          .size = 8,
                          .base = &id,
                          .count = 1};
    anp_write_source source = {.layout = {&field, 1, field.size}, .rows = value, .codes = &code};
    must(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), &err);
    assert_int_equal(code, ANP_OK);
}

/* ---- tests ---- */

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

/* A record whose city is too long, and whose height is no int16_t. */
static void write_misfits(const world *w)
{
    int64_t height = 40000;
    write_one(w, "fits", 1, (anp_row_field){"city", ANP_SLOT_STRING, 0, 32, 0},
              "Llanfairpwllgwyngyll\0aaaaaaaaaaa");
    write_one(w, "fits", 1, (anp_row_field){"height", ANP_SLOT_INT, 0, 8, 0}, &height);
    write_one(w, "fits", 1, (anp_row_field){"mark", ANP_SLOT_BLOB, 0, 2, 0}, "ab");
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

/* ---- what can't be ---- */

static void expect_no_open(anp_client_config config, anp_status code, const char *says)
{
    anp_error err = {0};
    anp_client *client = (anp_client *)&err;
    assert_int_equal(anp_client_open(&config, &client, &err), code);
    assert_int_equal(err.code, code);
    assert_null(client);
    if (strstr(err.message, says) == NULL) {
        fail_msg("'%s' is not in: %s", says, err.message);
    }
}

static void test_a_configuration_that_can_not_be_right_is_refused(void **state)
{
    const world *w = *state;
    char name[300];
    memset(name, 'x', sizeof name);
    name[299] = 0;
    const anp_host none = {NULL, 3000}, zero = {"127.0.0.1", 0}, wide = {name, 3000};
    expect_no_open((anp_client_config){0}, ANP_ERR_PARAM, "at least one host");
    expect_no_open((anp_client_config){.hosts = &none, .n_hosts = 1}, ANP_ERR_PARAM, "hosts[0]");
    expect_no_open((anp_client_config){.hosts = &zero, .n_hosts = 1}, ANP_ERR_PARAM, "port 0");
    expect_no_open((anp_client_config){.hosts = &wide, .n_hosts = 1}, ANP_ERR_PARAM,
                   "1 to 255 bytes");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .cluster_name = name},
                   ANP_ERR_PARAM, "cluster_name");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .tend_interval_ms = 1},
                   ANP_ERR_PARAM, "tend_interval_ms");
    expect_no_open(
        (anp_client_config){
            .hosts = &w->host, .n_hosts = 1, .min_conns_per_node = 3, .max_conns_per_node = 2},
        ANP_ERR_PARAM, "min_conns_per_node (3)");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .cluster_name = "rome"},
                   ANP_ERR_CLIENT, "its cluster is named 'oslo', not 'rome'");
}

static void test_an_unreachable_host_is_named_with_its_reason(void **state)
{
    (void)state;
    anp_address address;
    int fd = listener_refusing(&address);
    anp_host host = {"127.0.0.1", ntohs(address.v4.sin_port)};
    char where[32];
    (void)snprintf(where, sizeof where, "127.0.0.1:%u", (unsigned)host.port);
    expect_no_open((anp_client_config){.hosts = &host, .n_hosts = 1}, ANP_ERR_CONNECTION, where);
    expect_no_open((anp_client_config){.hosts = &host, .n_hosts = 1}, ANP_ERR_CONNECTION,
                   "refused");
    (void)close(fd);
}

static void test_arguments_that_can_not_be_right_are_refused(void **state)
{
    const world *w = *state;
    weather rows[2] = {{.id = 1}, {.id = 2}};
    static const anp_row_field twice[] = {{"a", ANP_SLOT_INT, 0, 8, 0},
                                          {"a", ANP_SLOT_INT, 8, 8, 0}};
    static const anp_row_field beyond = {"a", ANP_SLOT_INT, 8, 8, 0};
    static const anp_row_field odd = {"a", ANP_SLOT_INT, 0, 3, 0};
    static const anp_row_field half = {"a", ANP_SLOT_FLOAT, 0, 2, 0};
    static const anp_row_field kind = {"a", (anp_slot_kind)7, 0, 8, 0};
    static const anp_row_field name = {"sixteen bytes...", ANP_SLOT_INT, 0, 8, 0};
    static const anp_row_field texts = {"a", ANP_SLOT_STRING, 0, 4, 2};
    const struct {
        anp_row_layout layout;
        const char *says;
    } cases[] = {
        {{twice, 2, 16}, "two fields are named 'a'"},
        {{&beyond, 1, 12}, "reaches beyond its row: offset 8, size 8"},
        {{&odd, 1, 8}, "integers have 1, 2, 4 or 8 bytes"},
        {{&half, 1, 8}, "no number has 2 bytes"},
        {{&kind, 1, 8}, "there is no kind 7"},
        {{&name, 1, 8}, "1 to 15 bytes; 'sixteen bytes...' has 16"},
        {{&texts, 1, 8}, "only numbers may be in a sub-array"},
        {{NULL, 1, 8}, "layout.fields is a null pointer"},
    };
    anp_status codes[2] = {99, 99};
    anp_error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        anp_key_array keys = ids_of(rows, 2, "args");
        anp_read_target target = {.layout = cases[i].layout, .rows = rows, .codes = codes};
        assert_int_equal(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), ANP_ERR_PARAM);
        if (strstr(err.message, cases[i].says) == NULL) {
            fail_msg("'%s' is not in: %s", cases[i].says, err.message);
        }
    }
    anp_read_target target = {.layout = layout, .rows = rows, .codes = codes};
    anp_key_array bad[] = {ids_of(rows, 2, "args"), ids_of(rows, 2, "args"),
                           ids_of(rows, 2, "args"), ids_of(rows, 2, "args")};
    bad[0].namespace_name = NULL;
    bad[1].size = 3;
    bad[2].kind = (anp_key_kind)9;
    bad[3].base = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(anp_read_rows(w->client, &bad[i], &target, NULL, NULL, &err),
                         ANP_ERR_PARAM);
    }
    anp_key_array keys = ids_of(rows, 2, "args");
    anp_batch_policy zero = {0};
    assert_int_equal(anp_read_rows(w->client, &keys, &target, &zero, NULL, &err), ANP_ERR_PARAM);
    assert_non_null(strstr(err.message, "anp_batch_policy_init"));
    anp_write_source source = {.layout = {NULL, 0, 0}, .rows = rows, .codes = codes};
    assert_int_equal(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), ANP_ERR_PARAM);
    source = (anp_write_source){.layout = layout, .rows = rows, .codes = codes, .ttl = 400000000};
    assert_int_equal(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), ANP_ERR_PARAM);
    assert_int_equal(codes[0], 99);
}

/* ---- time ---- */

static void test_a_deadline_ends_a_call_and_the_client_goes_on(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather rows[2];
    fill_row(&rows[0], 1);
    fill_row(&rows[1], 2);
    write_rows(w, rows, 2, "slow");
    anp_status codes[2];
    uint8_t in_doubt[2];
    anp_batch_policy policy;
    anp_batch_policy_init(&policy);
    policy.total_timeout_ms = 150;
    policy.for_each_window = false;
    anp_batch_result result;
    anp_key_array keys = ids_of(rows, 2, "slow");
    anp_write_source source = {
        .layout = layout, .rows = rows, .codes = codes, .in_doubt = in_doubt};
    anp_node_freeze(w->node);
    uint64_t begin = anp_clock_now();
    anp_status status = anp_write_rows(w->client, &keys, &source, &policy, &result, &err);
    uint64_t took = anp_clock_now() - begin;
    anp_node_thaw(w->node);
    assert_int_equal(status, ANP_ERR_CLIENT_TIMEOUT);
    assert_true(took >= 149 * ANP_NS_PER_MS && took < 5 * ANP_NS_PER_S);
    assert_non_null(strstr(err.message, "2 of 2 rows without an answer"));
    assert_true(err.in_doubt); /* the request is with the node, which will apply it */
    assert_int_equal(result.n_in_doubt, 2);
    assert_int_equal(result.n_failed, 2);
    assert_int_equal(result.first_error.code, codes[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(codes[i], ANP_ERR_CLIENT_TIMEOUT);
        assert_int_equal(in_doubt[i], 1);
    }
    write_rows(w, rows, 2, "slow");
}

typedef struct asked {
    int times, until;
    uint64_t last, longest; /* ns between two times */
} asked;

static bool interrupt(void *context)
{
    asked *a = context;
    uint64_t now = anp_clock_now();
    if (a->times != 0 && now - a->last > a->longest) {
        a->longest = now - a->last;
    }
    a->last = now;
    return ++a->times >= a->until;
}

static void test_an_interrupt_is_asked_while_a_call_waits_and_ends_it(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather row = {.id = 1};
    anp_status code = 99;
    asked a = {.until = 4};
    anp_batch_policy policy;
    anp_batch_policy_init(&policy);
    policy.total_timeout_ms = 0;
    policy.interrupt = interrupt;
    policy.interrupt_context = &a;
    anp_key_array keys = ids_of(&row, 1, "slow");
    anp_read_target target = {.layout = layout, .rows = &row, .codes = &code};
    anp_node_freeze(w->node);
    uint64_t begin = anp_clock_now();
    anp_status status = anp_read_rows(w->client, &keys, &target, &policy, NULL, &err);
    uint64_t took = anp_clock_now() - begin;
    anp_node_thaw(w->node);
    assert_int_equal(status, ANP_ERR_ABORTED);
    assert_int_equal(code, ANP_ERR_ABORTED);
    assert_in_range(a.times, 4, 5);
    assert_true(took < 10 * ANP_NS_PER_S);
    assert_true(a.longest < 2 * ANP_NS_PER_S); /* every 100 ms, on a machine that is not busy */
}

static void test_opening_ends_at_its_timeout_and_at_an_interrupt(void **state)
{
    (void)state;
    anp_address address;
    int fd = listener_open(&address, 0); /* the kernel connects; nobody answers */
    anp_host host = {"127.0.0.1", ntohs(address.v4.sin_port)};
    asked a = {.until = 2};
    anp_client_config config = {
        .hosts = &host, .n_hosts = 1, .open_timeout_ms = 120, .connect_timeout_ms = 60000};
    expect_no_open(config, ANP_ERR_CLIENT_TIMEOUT, "open_timeout_ms of 120 ms passed");
    config.open_timeout_ms = 0;
    config.interrupt = interrupt;
    config.interrupt_context = &a;
    expect_no_open(config, ANP_ERR_ABORTED, "interrupted");
    assert_int_equal(a.times, 2);
    (void)close(fd);
}

/* ---- threads ---- */

typedef struct worker {
    const world *w;
    pthread_t thread;
    int64_t first;
    int wrong;
} worker;

static void *work(void *argument)
{
    worker *me = argument;
    enum { N = 500 };
    weather *rows = calloc(N, sizeof *rows);
    weather *got = calloc(N, sizeof *got);
    anp_status codes[N];
    anp_error err = {0};
    for (int round = 0; round < 10; round++) {
        for (int64_t i = 0; i < N; i++) {
            fill_row(&rows[i], me->first + i);
            got[i].id = rows[i].id;
        }
        anp_key_array keys = ids_of(rows, N, "threads");
        anp_write_source source = {.layout = layout, .rows = rows, .codes = codes};
        anp_read_target target = {.layout = layout, .rows = got, .codes = codes};
        anp_batch_result wrote, read;
        if (anp_write_rows(me->w->client, &keys, &source, NULL, &wrote, &err) != ANP_OK ||
            anp_read_rows(me->w->client, &keys, &target, NULL, &read, &err) != ANP_OK ||
            wrote.n_ok != N || read.n_ok != N) {
            me->wrong++;
            continue;
        }
        for (int i = 0; i < N; i++) {
            me->wrong += strcmp(got[i].city, rows[i].city) != 0 || got[i].temp != rows[i].temp;
        }
    }
    free(rows);
    free(got);
    return NULL;
}

static void test_two_threads_share_a_client(void **state)
{
    worker workers[2];
    for (int i = 0; i < 2; i++) {
        workers[i] = (worker){.w = *state, .first = 10000 * (i + 1)};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
}

static void test_a_client_counts_its_nodes(void **state)
{
    const world *w = *state;
    assert_true(anp_client_is_connected(w->client));
    assert_int_equal(anp_client_node_count(w->client), 1);
    anp_client_close(NULL);
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
        cmocka_unit_test(test_no_rows_are_no_error),
        cmocka_unit_test(test_a_configuration_that_can_not_be_right_is_refused),
        cmocka_unit_test(test_an_unreachable_host_is_named_with_its_reason),
        cmocka_unit_test(test_arguments_that_can_not_be_right_are_refused),
        cmocka_unit_test(test_a_deadline_ends_a_call_and_the_client_goes_on),
        cmocka_unit_test(test_an_interrupt_is_asked_while_a_call_waits_and_ends_it),
        cmocka_unit_test(test_opening_ends_at_its_timeout_and_at_an_interrupt),
        cmocka_unit_test(test_two_threads_share_a_client),
        cmocka_unit_test(test_a_client_counts_its_nodes),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
