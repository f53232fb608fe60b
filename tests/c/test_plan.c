/* table/plan: what is refused, and finding bins by name. */
#include "table_fields.h"

static void test_finds_every_bin_by_guess_and_by_name(void **state)
{
    (void)state;
    enum { N = 1000 };
    static char names[N][16];
    static anp_field fields[N];
    for (int i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], i % 2 ? "b%d" : "a_longer_%06d", i);
        fields[i] = make_field(names[i], "i4");
    }
    anp_plan plan = {.fields = fields, .n_fields = N};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    for (int i = 0; i < N; i++) {
        anp_slice name = {(const uint8_t *)names[i], strlen(names[i])};
        assert_int_equal(anp_plan_find(&plan, name, (uint32_t)i), i);
        assert_int_equal(anp_plan_find(&plan, name, 0), i);
        assert_int_equal(anp_plan_find(&plan, name, N), i);
        assert_int_equal(anp_plan_find(&plan, name, UINT32_MAX), i);
    }
    assert_int_equal(anp_plan_find(&plan, (anp_slice){(const uint8_t *)"b", 1}, 0), -1);
    assert_int_equal(anp_plan_find(&plan, (anp_slice){(const uint8_t *)"", 0}, 0), -1);
    uint8_t long_name[255] = {'b', '1'};
    assert_int_equal(anp_plan_find(&plan, (anp_slice){long_name, 255}, 1), -1);
    anp_plan_deinit(&plan);
    anp_plan_deinit(&plan);
}

static void test_empty_plan_is_legal(void **state)
{
    (void)state;
    anp_plan plan = {.n_fields = 0};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    assert_int_equal(anp_plan_find(&plan, (anp_slice){(const uint8_t *)"a", 1}, 0), -1);
    anp_plan_deinit(&plan);
}

static void refused(anp_field f, const char *says)
{
    anp_plan plan = {.fields = &f, .n_fields = 1};
    anp_error err = {.code = 0};
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_ERR_PARAM);
    if (strstr(err.message, says) == NULL) {
        fail_msg("'%s' does not say '%s'", err.message, says);
    }
    assert_null(plan.index);
}

static void test_wrong_fields_are_refused_by_name(void **state)
{
    (void)state;
    refused(make_field("sixteen_bytes_ab", "i4"), "sixteen_bytes_ab");
    refused(make_field("", "i4"), "no name");
    refused(make_field("odd", "i3"), "odd");
    refused(make_field("odd", "u16"), "odd");
    refused(make_field("odd", "f1"), "odd");
    refused(make_field("odd", "f16"), "odd");
    refused(make_field("odd", "b2"), "odd");
    refused(make_field("odd", "3:S4"), "odd");
    refused(make_field("odd", "2:M8[s]"), "odd");
    anp_field f = make_field("size", "2,3:f4");
    f.itemsize = 23;
    refused(f, "size");
    f = make_field("many", "2:f4");
    f.shape[0] = f.shape[1] = UINT32_MAX;
    f.ndim = 2;
    refused(f, "many");
    f = make_field("ucs", "U2");
    f.itemsize = 7;
    refused(f, "ucs");
    f = make_field("unit", "M8[s]");
    f.unit_count = 0;
    refused(f, "unit");
    f = make_field("unit", "M8[s]");
    f.unit = 14;
    refused(f, "unit");
    anp_field child = at_offset(make_field("inside", "i4"), 5);
    refused(make_struct("parent", &child, 1, 8), "inside");
}

static void test_double_names_are_refused_at_any_depth(void **state)
{
    (void)state;
    anp_field twins[2] = {make_field("twin", "i4"), make_field("twin", "i4")};
    anp_plan plan = {.fields = twins, .n_fields = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_ERR_PARAM);
    assert_non_null(strstr(err.message, "twin"));
    refused(make_struct("parent", twins, 2, 4), "twin");
}

static void test_too_deep_is_refused_and_deepest_is_taken(void **state)
{
    (void)state;
    anp_field levels[ANP_PLAN_DEPTH + 1];
    for (int depth = ANP_PLAN_DEPTH; depth <= ANP_PLAN_DEPTH + 1; depth++) {
        levels[0] = make_field("leaf", "i4");
        for (int i = 1; i < depth; i++) {
            levels[i] = make_struct("level", &levels[i - 1], 1, 4);
        }
        anp_plan plan = {.fields = &levels[depth - 1], .n_fields = 1};
        anp_error err;
        anp_status want = depth == ANP_PLAN_DEPTH ? ANP_OK : ANP_ERR_PARAM;
        assert_int_equal(anp_plan_prepare(&plan, &err), want);
        anp_plan_deinit(&plan);
    }
}

static void test_deferred_is_seen_at_any_depth(void **state)
{
    (void)state;
    anp_field leaf = make_field("o", "O");
    anp_field inner = make_struct("inner", &leaf, 1, 8);
    anp_field fields[2] = {make_field("a", "i4"), make_struct("outer", &inner, 1, 8)};
    anp_plan plan = {.fields = fields, .n_fields = 2};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    assert_true(plan.has_deferred);
    assert_true(fields[1].has_deferred);
    assert_false(fields[0].has_deferred);
    anp_plan_deinit(&plan);
}

static void test_failed_allocation_is_said_and_leaks_nothing(void **state)
{
    (void)state;
    anp_field leaf = make_field("x", "i4");
    anp_field inner = make_struct("inner", &leaf, 1, 4);
    anp_field fields[2] = {make_field("a", "i4"), make_struct("outer", &inner, 1, 4)};
    anp_plan plan = {.fields = fields, .n_fields = 2};
    anp_error err;
    anp_status status = ANP_ERR_MEMORY;
    for (int n = 0; status != ANP_OK; n++) {
        assert_true(n < 10);
        int left = n;
        anp_alloc_hook(allow_some, &left);
        status = anp_plan_prepare(&plan, &err);
        anp_alloc_hook(NULL, NULL);
        assert_true(status == ANP_OK ? n == 3 : status == ANP_ERR_MEMORY);
    }
    anp_plan_deinit(&plan);
}

static void test_fields_are_described(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text;
    } cases[] = {
        {"i4", "4-byte integer"},
        {"u1", "unsigned 1-byte integer"},
        {"f8", "8-byte float"},
        {"b1", "bool"},
        {"S8", "string of 8 bytes"},
        {"U3", "text of 3 characters"},
        {"V5", "5 raw bytes"},
        {"M8[25ms]", "time in 25 ms"},
        {"m8[s]", "time span in seconds"},
        {"O", "object"},
        {"2,3:f4", "2 x 3 array of 4-byte float"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        anp_field f = make_field("f", cases[i].spec);
        anp_field_describe(&f, text, sizeof text);
        assert_string_equal(text, cases[i].text);
        for (size_t size = 0; size < 30; size++) { /* cut, never overrun */
            memset(text, 'x', sizeof text);
            anp_field_describe(&f, text, size);
            assert_int_equal(text[size], 'x');
            assert_true(size == 0 || memchr(text, 0, size) != NULL);
        }
    }
    for (int i = 0; i <= 8; i++) {
        assert_true(strlen(anp_reason_text((anp_reason)i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_every_bin_by_guess_and_by_name),
        cmocka_unit_test(test_empty_plan_is_legal),
        cmocka_unit_test(test_wrong_fields_are_refused_by_name),
        cmocka_unit_test(test_double_names_are_refused_at_any_depth),
        cmocka_unit_test(test_too_deep_is_refused_and_deepest_is_taken),
        cmocka_unit_test(test_deferred_is_seen_at_any_depth),
        cmocka_unit_test(test_failed_allocation_is_said_and_leaks_nothing),
        cmocka_unit_test(test_fields_are_described),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
