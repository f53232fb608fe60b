/* The batch engine against a node whose replies the test writes: each row ends exactly once,
 * whatever comes. Each case runs on the calling thread and on a loop's own, with equal results. */
#include "batch_script.h"
#include "steady.h"

/* ---- the ordinary ---- */

static void test_rows_land_where_they_belong(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 2, 100, 5000, 12345};
    for (int i = 0; i < 5; i++) {
        outcome o;
        script s = {0};
        int calls;
        run_both(&(job){.n = sizes[i], .policy = reads, .source = read_source}, serve, &s, &o,
                 &calls, NULL);
        check_good(&o);
        assert_int_equal(calls, (sizes[i] + 4999) / 5000);
        assert_int_equal(s.flags, 0x0d);
        assert_int_equal(s.n_full, 2 * calls); /* two drivers, one full row a window */
        outcome_deinit(&o);
    }
}

static void test_empty_batch_is_ok(void **state)
{
    (void)state;
    outcome o;
    run_both(&(job){.policy = reads, .source = read_source}, serve, &(script){0}, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_OK);
    outcome_deinit(&o);
}

static void test_order_of_answers_does_not_matter(void **state)
{
    (void)state;
    outcome o;
    run_both(&(job){.n = 300, .policy = reads, .source = read_source}, serve,
             &(script){.what = BACKWARDS, .until = 9}, &o, NULL, NULL);
    check_good(&o);
    outcome_deinit(&o);
}

static void test_replies_cut_at_any_byte_are_the_same(void **state)
{
    (void)state;
    for (size_t at_most = 1; at_most < 60; at_most += at_most < 32 ? 1 : 7) {
        outcome o;
        anp_policy policy = reads;
        policy.window = 20;
        tricks.read_at_most = at_most;
        run_both(&(job){.n = 90, .policy = policy, .source = read_source}, serve,
                 &(script){.what = BACKWARDS, .until = 2}, &o, NULL, NULL);
        check_good(&o);
        outcome_deinit(&o);
    }
    tricks_reset();
}

static void test_small_windows_are_pipelined_on_two_connections(void **state)
{
    (void)state;
    outcome o;
    int calls, used;
    anp_policy policy = reads;
    policy.window = 7;
    run_both(&(job){.n = 1000, .policy = policy, .source = read_source}, serve, &(script){0}, &o,
             &calls, &used);
    check_good(&o);
    assert_int_equal(calls, 143);
    assert_int_equal(used, 2);
    outcome_deinit(&o);
}

static void test_small_batch_takes_one_connection(void **state)
{
    (void)state;
    outcome o;
    int used;
    run_both(&(job){.n = 1000, .policy = reads, .source = read_source}, serve, &(script){0}, &o,
             NULL, &used);
    assert_int_equal(used, 1);
    outcome_deinit(&o);
}

static void test_keys_in_slices_give_the_same(void **state)
{
    (void)state;
    for (int send_key = 0; send_key < 2; send_key++) {
        outcome o;
        anp_policy policy = reads;
        policy.window = 64;
        job j = {.n = 2500, .policy = policy, .source = read_source, .slice = 300};
        j.source.send_key = send_key;
        run_both(&j, serve, &(script){.what = CLOSE_IN_MIDDLE, .until = 1}, &o, NULL, NULL);
        check_good(&o);
        outcome_deinit(&o);
    }
}

static void test_runs_have_their_own_sets_and_unknown_namespaces_fail_alone(void **state)
{
    (void)state;
    const anp_key_run runs[] = {
        {{(const uint8_t *)"test", 4}, {(const uint8_t *)"demo", 4}, 0},
        {{(const uint8_t *)"nope", 4}, {(const uint8_t *)"demo", 4}, 10},
        {{(const uint8_t *)"test", 4}, {NULL, 0}, 20},
        {{(const uint8_t *)"test", 4}, {(const uint8_t *)"demo", 4}, 30},
    };
    outcome o;
    script s = {0};
    run_both(&(job){.n = 40, .policy = reads, .source = read_source, .runs = runs, .n_runs = 4},
             serve, &s, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_OK);
    check_row(&o, 9);
    assert_int_equal(o.status[10], ANP_NAMESPACE);
    assert_int_equal(o.status[19], ANP_NAMESPACE);
    assert_int_equal(o.status[25], 0);
    check_row(&o, 30);
    assert_int_equal(s.n_full, 2 * 3);
    outcome_deinit(&o);
}

static anp_status refuse_odd(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    (void)context;
    if (row % 2 != 0) {
        return ANP_ERR_CONVERSION;
    }
    anp_op_write(ops, ANP_OP_WRITE, "a", 1, ANP_PARTICLE_BLOB, "x", 1);
    request->n_ops = 1;
    return ANP_OK;
}

static void test_rows_the_source_refuses_are_settled_and_not_sent(void **state)
{
    (void)state;
    outcome o;
    script s = {0};
    job j = {.n = 101, .policy = writes, .source = write_source};
    j.source.row = refuse_odd;
    run_both(&j, serve, &s, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_OK);
    assert_int_equal(s.n_rows, 2 * 51);
    for (uint32_t i = 0; i < 101; i++) {
        assert_int_equal(o.status[i], i % 2 != 0 ? ANP_ERR_CONVERSION : 0);
        assert_int_equal(o.attempts[i], i % 2 != 0 ? 0 : 1);
    }
    outcome_deinit(&o);
}

static anp_status large_row(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    (void)row;
    anp_op_write(ops, ANP_OP_WRITE, "a", 1, ANP_PARTICLE_BLOB, context, 100000);
    request->n_ops = 1;
    return ANP_OK;
}

static void test_large_rows_split_the_window(void **state)
{
    (void)state;
    outcome o;
    int calls;
    job j = {.n = 100, .policy = writes, .source = write_source};
    j.source.row = large_row;
    j.source.context = calloc(1, 100000);
    run_both(&j, serve, &(script){0}, &o, &calls, NULL);
    check_good(&o);
    assert_int_equal(calls, 3); /* 10 MB in windows of 4 MiB */
    outcome_deinit(&o);
    free(j.source.context);
}

/* ---- replies that are wrong ---- */

static void test_broken_replies_are_asked_again_and_first_answers_kept(void **state)
{
    (void)state;
    const what all[] = {BAD_INDEX,       DOUBLE_INDEX, MISSING_ROWS, LAST_ONLY,
                        CLOSE_IN_MIDDLE, HANG_UP,      BEHIND_LAST,  TAIL_IN_FRAME};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        outcome o;
        script s = {.what = all[i], .until = 2};
        int used;
        run_both(&(job){.n = 20, .policy = reads, .source = read_source}, serve, &s, &o, NULL,
                 &used);
        check_good(&o);
        bool keeps = all[i] == MISSING_ROWS || all[i] == LAST_ONLY || all[i] == BEHIND_LAST;
        assert_int_equal(used, keeps ? 1 : 3);
        if (all[i] == BAD_INDEX || all[i] == CLOSE_IN_MIDDLE) {
            assert_int_equal(s.n_rows, 2 * (20 + 10 + 5)); /* only what was not answered */
        }
        outcome_deinit(&o);
    }
}

static void test_rows_without_an_answer_are_told(void **state)
{
    (void)state;
    const struct {
        what what;
        anp_status row, whole;
    } all[] = {
        {BAD_INDEX, ANP_ERR_PROTOCOL, ANP_ERR_PROTOCOL},
        {DOUBLE_INDEX, ANP_ERR_PROTOCOL, ANP_ERR_PROTOCOL},
        {MISSING_ROWS, ANP_ERR_NO_RESPONSE, ANP_ERR_NO_RESPONSE},
        {CLOSE_IN_MIDDLE, ANP_ERR_CONNECTION, ANP_ERR_CONNECTION},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (int is_write = 0; is_write < 2; is_write++) {
            outcome o;
            job j = {.n = 20, .policy = writes, .source = is_write ? write_source : read_source};
            run_both(&j, serve, &(script){.what = all[i].what, .until = 9}, &o, NULL, NULL);
            assert_int_equal(o.whole, all[i].whole);
            assert_non_null(strstr(o.message, "10 of 20 rows"));
            for (uint32_t r = 0; r < 20; r++) {
                assert_int_equal(o.status[r], r < 10 ? 0 : all[i].row);
                assert_int_equal(o.doubt[r], is_write && r >= 10);
                if (r < 10) {
                    check_row(&o, r);
                }
            }
            outcome_deinit(&o);
        }
    }
}

static void test_bytes_behind_the_last_are_not_the_next_reply(void **state)
{
    (void)state;
    world w;
    script s = {.what = BEHIND_LAST, .until = 1};
    world_open(&w, serve, &s, 0);
    for (int i = 0; i < 3; i++) {
        outcome o;
        run_job(&w, &(job){.n = 20, .policy = reads, .source = read_source}, false, &o);
        check_good(&o);
        outcome_deinit(&o);
    }
    assert_int_equal(w.node.n_used, 2);
    world_close(&w);
}

static void test_row_the_sink_refuses_closes_the_connection(void **state)
{
    (void)state;
    outcome o;
    job j = {.n = 20, .policy = reads, .source = read_source};
    int used;
    run_both(&j, serve, &(script){.what = BAD_ROW, .until = 1}, &o, NULL, &used);
    assert_int_equal(o.status[0], ANP_ERR_PROTOCOL);
    assert_int_equal(o.whole, ANP_ERR_PROTOCOL);
    assert_int_equal(used, 2);
    for (uint32_t i = 1; i < 20; i++) {
        check_row(&o, i);
    }
    outcome_deinit(&o);
}

static void test_huge_announcement_waits_for_the_deadline_only(void **state)
{
    (void)state;
    outcome o;
    anp_policy policy = {.total_timeout_ms = 200};
    run_both(&(job){.n = 20, .policy = policy, .source = read_source}, serve,
             &(script){.what = HUGE_HEAD, .until = 9}, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_ERR_CLIENT_TIMEOUT);
    assert_int_equal(o.status[9], 0);
    assert_int_equal(o.status[10], ANP_ERR_CLIENT_TIMEOUT);
    outcome_deinit(&o);
}

/* ---- codes ---- */

static void test_row_codes_that_pass_are_asked_again_on_reads(void **state)
{
    (void)state;
    const uint8_t codes[] = {9, 11, 14, 18};
    for (int i = 0; i < 4; i++) {
        outcome o;
        script s = {.what = ROW_CODE, .code = codes[i], .until = 1};
        run_both(&(job){.n = 20, .policy = reads, .source = read_source}, serve, &s, &o, NULL,
                 NULL);
        check_good(&o);
        assert_int_equal(s.n_rows, 2 * 21);
        outcome_deinit(&o);
        /* with nothing left to try the code is the answer */
        run_both(&(job){.n = 20, .policy = writes, .source = read_source}, serve, &s, &o, NULL,
                 NULL);
        assert_int_equal(o.whole, ANP_OK);
        assert_int_equal(o.status[1], codes[i]);
        outcome_deinit(&o);
    }
}

static bool say_18_then_hang_up(scripted_call *c)
{
    if (c->number != 0) {
        return false;
    }
    return misbehave(c, &(script){.what = ROW_CODE, .code = 18});
}

static void test_the_last_code_is_delivered_when_retries_fail(void **state)
{
    (void)state;
    outcome o;
    run_both(&(job){.n = 20, .policy = reads, .source = read_source}, say_18_then_hang_up, NULL, &o,
             NULL, NULL);
    assert_int_equal(o.whole, ANP_OK);
    assert_int_equal(o.status[1], 18);
    check_row(&o, 2);
    outcome_deinit(&o);
}

static void test_row_codes_of_writes_are_answers_but_9_is_doubt(void **state)
{
    (void)state;
    const uint8_t codes[] = {9, 18, 2};
    for (int i = 0; i < 3; i++) {
        outcome o;
        job j = {.n = 20, .policy = writes, .source = write_source};
        run_both(&j, serve, &(script){.what = ROW_CODE, .code = codes[i], .until = 9}, &o, NULL,
                 NULL);
        assert_int_equal(o.whole, ANP_OK);
        assert_int_equal(o.status[1], codes[i]);
        assert_int_equal(o.doubt[1], codes[i] == 9);
        assert_int_equal(o.doubt[2], 0);
        outcome_deinit(&o);
    }
}

static void test_code_151_halves_windows_and_is_no_retry(void **state)
{
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        outcome o;
        script s = {.what = LIMIT_ROWS, .limit = 100};
        job j = {.n = 1000, .policy = writes, .source = is_write ? write_source : read_source};
        run_both(&j, serve, &s, &o, NULL, NULL);
        check_good(&o);
        assert_int_equal(o.retries, 0);
        assert_int_equal(o.doubt[0], 0);
        outcome_deinit(&o);
    }
    outcome o;
    script s = {.what = LIMIT_ROWS, .limit = 0};
    run_both(&(job){.n = 9, .policy = reads, .source = read_source}, serve, &s, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_OK);
    assert_int_equal(o.status[8], ANP_BATCH_MAX_REQUESTS);
    outcome_deinit(&o);
}

static void test_halved_window_is_remembered(void **state)
{
    (void)state;
    world w;
    script s = {.what = LIMIT_ROWS, .limit = 100};
    world_open(&w, serve, &s, 0);
    outcome o;
    job j = {.n = 800, .policy = reads, .source = read_source};
    run_job(&w, &j, false, &o);
    outcome_deinit(&o);
    int rows = s.n_rows, calls = w.node.n_calls;
    run_job(&w, &j, false, &o);
    check_good(&o);
    outcome_deinit(&o);
    assert_int_equal(s.n_rows - rows, 800);
    assert_int_equal(w.node.n_calls - calls, 8);
    world_close(&w);
}

static void test_code_of_the_trailer_is_the_rows_code(void **state)
{
    (void)state;
    outcome o;
    run_both(&(job){.n = 5, .policy = reads, .source = read_source}, serve,
             &(script){.what = LAST_CODE, .code = 150, .until = 9}, &o, NULL, NULL);
    assert_int_equal(o.status[4], 150);
    assert_int_equal(o.whole, ANP_OK);
    outcome_deinit(&o);
    run_both(&(job){.n = 5, .policy = reads, .source = read_source}, serve,
             &(script){.what = LAST_CODE, .code = 152, .until = 2}, &o, NULL, NULL);
    check_good(&o);
    outcome_deinit(&o);
    run_both(&(job){.n = 5, .policy = writes, .source = write_source}, serve,
             &(script){.what = LAST_CODE, .code = 152, .until = 2}, &o, NULL, NULL);
    assert_int_equal(o.status[0], 152);
    assert_int_equal(o.doubt[0], 1);
    outcome_deinit(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_land_where_they_belong),
        cmocka_unit_test(test_empty_batch_is_ok),
        cmocka_unit_test(test_order_of_answers_does_not_matter),
        cmocka_unit_test(test_replies_cut_at_any_byte_are_the_same),
        cmocka_unit_test(test_small_windows_are_pipelined_on_two_connections),
        cmocka_unit_test(test_small_batch_takes_one_connection),
        cmocka_unit_test(test_keys_in_slices_give_the_same),
        cmocka_unit_test(test_runs_have_their_own_sets_and_unknown_namespaces_fail_alone),
        cmocka_unit_test(test_rows_the_source_refuses_are_settled_and_not_sent),
        cmocka_unit_test(test_large_rows_split_the_window),
        cmocka_unit_test(test_broken_replies_are_asked_again_and_first_answers_kept),
        cmocka_unit_test(test_rows_without_an_answer_are_told),
        cmocka_unit_test(test_bytes_behind_the_last_are_not_the_next_reply),
        cmocka_unit_test(test_row_the_sink_refuses_closes_the_connection),
        cmocka_unit_test(test_huge_announcement_waits_for_the_deadline_only),
        cmocka_unit_test(test_row_codes_that_pass_are_asked_again_on_reads),
        cmocka_unit_test(test_the_last_code_is_delivered_when_retries_fail),
        cmocka_unit_test(test_row_codes_of_writes_are_answers_but_9_is_doubt),
        cmocka_unit_test(test_code_151_halves_windows_and_is_no_retry),
        cmocka_unit_test(test_halved_window_is_remembered),
        cmocka_unit_test(test_code_of_the_trailer_is_the_rows_code),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
