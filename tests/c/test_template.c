/* table/template: operations with places, filled with the values of rows. */
#include "table_fields.h"

#include "table/template.h"

/* "increment a", "append to the list l", "touch" */
static const char OPS[] = "00000005 05 00 00 01 61"
                          "00000007 04 04 00 01 6c 92 01"
                          "00000004 0b 00 00 00";

enum { N_ROWS = 3 };

typedef struct world {
    bytes ops;
    anp_field fields[2];
    anp_plan plan;
    anp_row_mask masks[2];
    anp_rows rows;
    anp_template_op list[3];
    anp_template_hole holes[2];
    anp_template t;
    int32_t amounts[N_ROWS];
    uint64_t values[N_ROWS];
    uint8_t masked[2][N_ROWS];
} world;

static void open_world(world *w)
{
    *w = (world){.ops = hex(OPS), .amounts = {7, -1, 9}, .values = {5, 200, 6}};
    w->fields[0] = make_field("0", "i4");
    w->fields[1] = make_field("1", "u8");
    w->fields[0].base = (uint8_t *)w->amounts;
    w->fields[1].base = (uint8_t *)w->values;
    w->fields[0].stride = 4;
    w->fields[1].stride = 8;
    w->plan = (anp_plan){.fields = w->fields, .n_fields = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&w->plan, &err), ANP_OK);
    w->masks[0] = (anp_row_mask){w->masked[0], 1};
    w->masks[1] = (anp_row_mask){w->masked[1], 1};
    w->rows = (anp_rows){.plan = &w->plan, .masks = w->masks};
    w->list[0] = (anp_template_op){.begin = 0, .end = 9, .hole = 0, .n_holes = 1};
    w->list[1] = (anp_template_op){.begin = 9, .end = 20, .hole = 1, .n_holes = 1};
    w->list[2] = (anp_template_op){.begin = 20, .end = 28, .hole = 2};
    w->holes[0] = (anp_template_hole){.at = 9};
    w->holes[1] = (anp_template_hole){.at = 20, .is_packed = true};
    w->t = (anp_template){.bytes = w->ops.data,
                          .ops = w->list,
                          .n_ops = 3,
                          .holes = w->holes,
                          .rows = &w->rows,
                          .lists = w->rows};
}

static void row_is(const world *w, uint64_t row, uint16_t n_ops, const char *want)
{
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    anp_buffer_put(&b, "before", 6);
    uint16_t n;
    uint32_t hole;
    anp_reason reason;
    assert_int_equal(anp_template_encode(&w->t, row, &b, &n, &hole, &reason), ANP_OK);
    bytes ops = hex(want);
    assert_int_equal(n, n_ops);
    assert_int_equal(b.size, 6 + ops.size);
    assert_memory_equal(b.data + 6, ops.data, ops.size);
    anp_buffer_deinit(&b);
}

static void test_values_go_to_their_places(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    row_is(&w, 0, 3,
           "0000000d 05 01 00 01 61 0000000000000007 00000008 04 04 00 01 6c 92 01 05"
           "00000004 0b 00 00 00");
    row_is(&w, 1, 3,
           "0000000d 05 01 00 01 61 ffffffffffffffff 00000009 04 04 00 01 6c 92 01 ccc8"
           "00000004 0b 00 00 00");
    anp_plan_deinit(&w.plan);
}

static void test_an_operation_without_its_value_is_left_out(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.masked[0][0] = w.masked[1][1] = 1;
    row_is(&w, 0, 2, "00000008 04 04 00 01 6c 92 01 05 00000004 0b 00 00 00");
    row_is(&w, 1, 2, "0000000d 05 01 00 01 61 ffffffffffffffff 00000004 0b 00 00 00");
    w.t.n_ops = 2;
    w.masked[1][0] = 1;
    row_is(&w, 0, 0, "");
    uint64_t row;
    uint32_t hole;
    anp_reason reason;
    assert_int_equal(anp_template_check(&w.t, N_ROWS, false, &row, &hole, &reason), ANP_OK);
    assert_int_equal(anp_template_check(&w.t, N_ROWS, true, &row, &hole, &reason),
                     ANP_ERR_CONVERSION);
    assert_int_equal(reason, ANP_REASON_NONE);
    assert_int_equal(row, 0);
    anp_plan_deinit(&w.plan);
}

static void test_a_value_that_does_not_fit_is_found_by_both(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.values[2] = UINT64_MAX;
    uint64_t row;
    uint32_t hole;
    anp_reason reason;
    assert_int_equal(anp_template_check(&w.t, N_ROWS, true, &row, &hole, &reason),
                     ANP_ERR_CONVERSION);
    assert_int_equal(row, 2);
    assert_int_equal(hole, 1);
    assert_int_equal(reason, ANP_REASON_RANGE);
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    anp_buffer_put(&b, "before", 6);
    uint16_t n;
    assert_int_equal(anp_template_encode(&w.t, 2, &b, &n, &hole, &reason), ANP_ERR_CONVERSION);
    assert_int_equal(hole, 1);
    assert_int_equal(reason, ANP_REASON_RANGE);
    assert_int_equal(b.size, 6);
    anp_buffer_deinit(&b);
    anp_plan_deinit(&w.plan);
}

static void test_a_full_buffer_is_told_and_left_as_it_was(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    anp_buffer b;
    anp_buffer_init(&b, 20);
    anp_buffer_put(&b, "before", 6);
    uint16_t n;
    uint32_t hole;
    anp_reason reason;
    assert_int_not_equal(anp_template_encode(&w.t, 0, &b, &n, &hole, &reason), ANP_OK);
    assert_int_equal(b.size, 6);
    anp_buffer_deinit(&b);
    anp_plan_deinit(&w.plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_go_to_their_places),
        cmocka_unit_test(test_an_operation_without_its_value_is_left_out),
        cmocka_unit_test(test_a_value_that_does_not_fit_is_found_by_both),
        cmocka_unit_test(test_a_full_buffer_is_told_and_left_as_it_was),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
