/* Rows that are like one before: what anp_table_again writes is what anp_table_decode would have
 * written, and what is not wholly alike is left to it. Each row goes to two tables, to one of them
 * only through decode. */
#include "base/buffer.h"
#include "table_fields.h"

enum { ROW = 96, N_FIELDS = 10, N_ROWS = 3, MOST = 400 };

/* The names have 1, 7, 8, 9 and 15 bytes, which the compare handles each in its own way. */
static const struct {
    const char *name, *spec;
    uint8_t particle;
} columns[N_FIELDS] = {
    {"f", "f8", ANP_PARTICLE_FLOAT},
    {"integer", "i8", ANP_PARTICLE_INTEGER},
    {"interval", "i4", ANP_PARTICLE_INTEGER},
    {"real_four", "f4", ANP_PARTICLE_FLOAT},
    {"text_of_sixteen", "S16", ANP_PARTICLE_STRING},
    {"short", "S5", ANP_PARTICLE_STRING},
    {"swapped_integer", ">i8", ANP_PARTICLE_INTEGER},
    {"u", "u2", ANP_PARTICLE_INTEGER},
    {"real_as_int", "f8", ANP_PARTICLE_INTEGER},
    {"letters", "U4", ANP_PARTICLE_STRING},
};

typedef struct fixture {
    anp_field fields[N_FIELDS];
    anp_plan plan;
    anp_table t;
    struct anp_gap gap;
    uint8_t rows[ROW * N_ROWS];
    int32_t codes[N_ROWS];
    uint32_t meta[2 * N_ROWS];
    uint8_t missing[2 * N_ROWS];
} fixture;

static fixture *open_table(anp_errors_mode mode)
{
    fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    size_t offset = 0;
    for (int i = 0; i < N_FIELDS; i++) {
        x->fields[i] = make_field(columns[i].name, columns[i].spec);
        x->fields[i].base = x->rows + offset;
        x->fields[i].stride = ROW;
        offset += x->fields[i].itemsize;
    }
    assert_true(offset < ROW);
    x->gap = (struct anp_gap){offset, ROW - offset};
    x->plan = (anp_plan){.fields = x->fields,
                         .n_fields = N_FIELDS,
                         .row_base = x->rows,
                         .row_stride = ROW,
                         .gaps = &x->gap,
                         .n_gaps = 1};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&x->plan, &err), ANP_OK);
    memset(x->rows, 0xaa, sizeof x->rows);
    memset(x->missing, 0xff, sizeof x->missing);
    x->t = (anp_table){.plan = &x->plan,
                       .n_rows = N_ROWS,
                       .mode = mode,
                       .now = 1000,
                       .codes = x->codes,
                       .meta = x->meta,
                       .missing = x->missing,
                       .missing_stride = 2};
    anp_table_init(&x->t);
    return x;
}

static void close_table(fixture *x)
{
    anp_table_deinit(&x->t);
    anp_plan_deinit(&x->plan);
    free(x);
}

/* ---- rows ---- */

typedef struct random {
    uint64_t state;
} random_t;

static uint32_t draw(random_t *r, uint32_t below)
{
    r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(r->state >> 33) % below;
}

typedef struct row {
    anp_buffer bytes;
    uint16_t n_ops;
} row;

static void add_value(row *to, int field, random_t *r, bool is_usual)
{
    uint8_t particle = columns[field].particle, value[24] = {0};
    uint32_t size = 8;
    if (!is_usual && draw(r, 2) == 0) {
        static const uint8_t others[] = {ANP_PARTICLE_NULL,  ANP_PARTICLE_INTEGER,
                                         ANP_PARTICLE_FLOAT, ANP_PARTICLE_STRING,
                                         ANP_PARTICLE_BLOB,  ANP_PARTICLE_BOOL};
        particle = others[draw(r, sizeof others)];
    }
    if (particle == ANP_PARTICLE_STRING || particle == ANP_PARTICLE_BLOB) {
        size = draw(r, 3) != 0 ? 16 : draw(r, 20);
        size = field == 4 ? size : size % 5;
        for (uint32_t i = 0; i < size; i++) {
            value[i] = (uint8_t)('a' + draw(r, 26));
        }
    } else if (particle == ANP_PARTICLE_INTEGER) {
        anp_store_be64(value, is_usual ? draw(r, 60000) : (uint64_t)draw(r, 9) << (8 * draw(r, 8)));
    } else if (particle == ANP_PARTICLE_FLOAT) {
        double real = is_usual ? draw(r, 60000) / 4.0 : (draw(r, 2) != 0 ? 1e300 : -0.1);
        uint64_t bits;
        memcpy(&bits, &real, sizeof bits);
        anp_store_be64(value, bits);
    } else {
        size = particle == ANP_PARTICLE_BOOL ? 1 : 0;
    }
    if (!is_usual && draw(r, 8) == 0) {
        size = draw(r, 12);
    }
    const char *name = columns[field].name;
    anp_op_write(&to->bytes, ANP_OP_READ, name, strlen(name), particle, value, size);
    to->n_ops++;
}

/* A row as they usually are, or with something about it that is not. */
static void make_row(row *to, random_t *r, bool is_usual)
{
    int order[N_FIELDS];
    for (int i = 0; i < N_FIELDS; i++) {
        order[i] = i;
    }
    uint32_t what = is_usual ? 99 : draw(r, 6);
    if (what == 0) { /* another order */
        int i = (int)draw(r, N_FIELDS), k = (int)draw(r, N_FIELDS), was = order[i];
        order[i] = order[k];
        order[k] = was;
    } else if (what == 1) { /* one twice, another missing */
        order[draw(r, N_FIELDS)] = (int)draw(r, N_FIELDS);
    }
    int odd = what == 2 ? (int)draw(r, N_FIELDS) : -1;
    int left_out = what == 3 ? (int)draw(r, N_FIELDS) : -1;
    anp_buffer_clear(&to->bytes);
    to->n_ops = 0;
    for (int i = 0; i < N_FIELDS; i++) {
        if (i != left_out) {
            add_value(to, order[i], r, i != odd);
        }
    }
    if (what == 4) { /* a bin that nobody asked for */
        anp_op_write(&to->bytes, ANP_OP_READ, "other", 5, ANP_PARTICLE_STRING, "x", 1);
        to->n_ops++;
    } else if (what == 5) { /* any byte is another one */
        to->bytes.data[draw(r, (uint32_t)to->bytes.size)] ^= (uint8_t)(1u << draw(r, 8));
    }
}

static anp_status decode_so_many(fixture *x, uint64_t at, const row *from, const uint8_t *ops,
                                 size_t size)
{
    anp_message m = {.generation = 7, .ttl = 1500, .n_ops = from->n_ops};
    anp_error err;
    return anp_table_decode(&x->t, at, &m, anp_cursor_over(ops, size), &err);
}

static anp_status decode(fixture *x, uint64_t at, const row *from, const uint8_t *ops)
{
    return decode_so_many(x, at, from, ops, from->bytes.size);
}

static size_t again(fixture *x, uint64_t at, const row *from, const uint8_t *ops, size_t here)
{
    return anp_table_again(&x->t, at, 7, 1500, from->n_ops, ops, here);
}

static void are_equal(const fixture *one, const fixture *other)
{
    assert_memory_equal(one->rows, other->rows, sizeof one->rows);
    assert_memory_equal(one->codes, other->codes, sizeof one->codes);
    assert_memory_equal(one->meta, other->meta, sizeof one->meta);
    assert_memory_equal(one->missing, other->missing, sizeof one->missing);
    assert_int_equal(one->t.errors.size, other->t.errors.size);
    if (one->t.errors.size != 0) {
        assert_memory_equal(one->t.errors.data, other->t.errors.data, one->t.errors.size);
    }
}

/* ---- tests ---- */

static void any_rows_come_out_equal(anp_errors_mode mode, unsigned seed)
{
    print_message("seed %u\n", seed);
    random_t r = {seed};
    fixture *quick = open_table(mode), *slow = open_table(mode);
    row from = {.n_ops = 0};
    anp_buffer_init(&from.bytes, MOST);
    unsigned n_again = 0, n_odd = 0;
    for (int turn = 0; turn < 4000; turn++) {
        make_row(&from, &r, draw(&r, 3) != 0);
        assert_int_equal(from.bytes.failed, ANP_OK);
        uint64_t at = draw(&r, N_ROWS);
        paged p = paged_copy(from.bytes.data, (uint32_t)from.bytes.size);
        size_t cut = draw(&r, (uint32_t)from.bytes.size);
        if (draw(&r, 4) == 0) { /* not wholly here: it must not look beyond */
            paged part = paged_copy(from.bytes.data, (uint32_t)cut);
            assert_int_equal(again(quick, at, &from, part.data, cut), 0);
            paged_free(part);
        }
        size_t took = again(quick, at, &from, p.data, from.bytes.size);
        anp_status status = decode(slow, at, &from, p.data);
        if (took != 0) {
            assert_int_equal(took, from.bytes.size);
            assert_int_equal(status, ANP_OK);
            n_again++;
        } else {
            assert_int_equal(decode(quick, at, &from, p.data), status);
            n_odd++;
        }
        if (status == ANP_OK) {
            are_equal(quick, slow);
        } else { /* settled, as a batch does */
            anp_table_settle(&quick->t, at, ANP_ERR_PROTOCOL);
            anp_table_settle(&slow->t, at, ANP_ERR_PROTOCOL);
            are_equal(quick, slow);
        }
        paged_free(p);
    }
    assert_true(n_again > 400 && n_odd > 400);
    anp_buffer_deinit(&from.bytes);
    close_table(quick);
    close_table(slow);
}

static void test_any_rows_come_out_as_decode_writes_them(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 3; seed++) {
        any_rows_come_out_equal(ANP_ERRORS_RAISE, seed);
        any_rows_come_out_equal(ANP_ERRORS_UNSAFE, seed);
    }
}

static void test_each_bit_of_a_row_counts(void **state)
{
    (void)state;
    random_t r = {5};
    fixture *quick = open_table(ANP_ERRORS_RAISE), *slow = open_table(ANP_ERRORS_RAISE);
    row usual = {.n_ops = 0};
    anp_buffer_init(&usual.bytes, MOST);
    make_row(&usual, &r, true);
    assert_int_equal(decode(quick, 0, &usual, usual.bytes.data), ANP_OK);
    assert_int_equal(decode(slow, 0, &usual, usual.bytes.data), ANP_OK);
    /* what lies behind may be read, and must make no difference */
    uint8_t ops[MOST + 16] = {0};
    memcpy(ops, usual.bytes.data, usual.bytes.size);
    assert_int_equal(again(quick, 0, &usual, ops, sizeof ops), usual.bytes.size);
    unsigned n_refused = 0;
    for (size_t bit = 0; bit < usual.bytes.size * 8; bit++) {
        ops[bit / 8] ^= (uint8_t)(1u << bit % 8);
        size_t took = again(quick, 1, &usual, ops, sizeof ops);
        if (took != 0) {
            assert_int_equal(decode_so_many(slow, 1, &usual, ops, took), ANP_OK);
            are_equal(quick, slow);
        } else {
            n_refused++;
            anp_table_settle(&quick->t, 1, 0);
            anp_table_settle(&slow->t, 1, 0);
        }
        ops[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(n_refused > N_FIELDS * 8 * 8 && n_refused < usual.bytes.size * 8);
    anp_buffer_deinit(&usual.bytes);
    close_table(quick);
    close_table(slow);
}

static void test_nothing_is_taken_without_a_row_before_or_beyond_the_table(void **state)
{
    (void)state;
    random_t r = {6};
    fixture *x = open_table(ANP_ERRORS_RAISE);
    row usual = {.n_ops = 0};
    anp_buffer_init(&usual.bytes, MOST);
    make_row(&usual, &r, true);
    const uint8_t *ops = usual.bytes.data;
    assert_int_equal(again(x, 0, &usual, ops, usual.bytes.size), 0);
    assert_int_equal(decode(x, 0, &usual, ops), ANP_OK);
    assert_int_equal(again(x, N_ROWS, &usual, ops, usual.bytes.size), 0);
    usual.n_ops--;
    assert_int_equal(again(x, 1, &usual, ops, usual.bytes.size), 0);
    usual.n_ops = 0;
    assert_int_equal(again(x, 1, &usual, ops, usual.bytes.size), 0);
    anp_buffer_deinit(&usual.bytes);
    close_table(x);
}

static int no_memory(void *context)
{
    (void)context;
    return 0;
}

static void test_without_memory_for_the_form_rows_are_decoded_one_by_one(void **state)
{
    (void)state;
    random_t r = {7};
    fixture *x = open_table(ANP_ERRORS_RAISE);
    row usual = {.n_ops = 0};
    anp_buffer_init(&usual.bytes, MOST);
    make_row(&usual, &r, true);
    anp_alloc_hook(no_memory, NULL);
    anp_status status = decode(x, 0, &usual, usual.bytes.data);
    anp_alloc_hook(NULL, NULL);
    assert_int_equal(status, ANP_OK);
    assert_int_equal(again(x, 1, &usual, usual.bytes.data, usual.bytes.size), 0);
    anp_buffer_deinit(&usual.bytes);
    close_table(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_rows_come_out_as_decode_writes_them),
        cmocka_unit_test(test_each_bit_of_a_row_counts),
        cmocka_unit_test(test_nothing_is_taken_without_a_row_before_or_beyond_the_table),
        cmocka_unit_test(test_without_memory_for_the_form_rows_are_decoded_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
