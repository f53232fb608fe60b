/* How batches end, against a node whose replies the test writes: doubt, deadlines, cancels, many at
 * once, and without memory. */
#include "batch_script.h"
#include "steady.h"

/* ---- doubt ---- */

static void test_write_cut_before_its_last_byte_is_not_in_doubt(void **state)
{
    (void)state;
    /* frame 8, head 22, field 5 + 5, full row 25 + 11 + 18, four repeats of 25 */
    const size_t size = 8 + 22 + 10 + 25 + 13 + 18 + 4 * 25;
    size_t exact = 0;
    for (size_t cut = 1; cut < size + 20; cut += cut < size - 20 ? 17 : 1) {
        outcome o;
        int calls;
        tricks.write_in_all = cut;
        run_both(&(job){.n = 5, .policy = writes, .source = write_source}, serve,
                 &(script){.what = HANG_UP, .until = 9}, &o, &calls, NULL);
        assert_int_equal(o.whole, ANP_ERR_CONNECTION);
        assert_int_equal(calls != 0, o.doubt[0]); /* the node saw it whole, or not at all */
        for (int i = 0; i < 5; i++) {
            assert_int_equal(o.doubt[i], o.doubt[0]);
            assert_int_equal(o.attempts[i], o.doubt[0]);
        }
        exact = exact == 0 && o.doubt[0] ? cut : exact;
        outcome_deinit(&o);
    }
    tricks_reset();
    assert_true(exact > 100);
}

static void test_doubt_stays_when_a_retry_is_answered(void **state)
{
    (void)state;
    outcome o;
    anp_policy policy = writes;
    policy.max_retries = 1;
    run_both(&(job){.n = 5, .policy = policy, .source = write_source}, serve,
             &(script){.what = HANG_UP, .until = 1}, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(o.status[i], 0);
        assert_int_equal(o.doubt[i], 1);
        assert_int_equal(o.attempts[i], 2);
    }
    outcome_deinit(&o);
}

static bool hang_up_on_second(scripted_call *c)
{
    return c->number != 1 && scripted_serve_well(c);
}

static void test_stale_connection_is_renewed_for_free_unless_a_write_was_sent(void **state)
{
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        world w;
        world_open(&w, hang_up_on_second, NULL, 0);
        job j = {.n = 20,
                 .policy = writes,
                 .source = is_write ? write_source : read_source}; /* no retries */
        outcome o;
        run_job(&w, &j, false, &o);
        check_good(&o);
        outcome_deinit(&o);
        run_job(&w, &j, true, &o);
        assert_int_equal(o.retries, 0);
        if (is_write) {
            assert_int_equal(o.whole, ANP_ERR_CONNECTION);
            assert_int_equal(o.doubt[19], 1);
        } else {
            check_good(&o);
        }
        outcome_deinit(&o);
        world_close(&w);
    }
}

static void test_write_that_breaks_on_a_stale_connection_before_its_end_is_sent_again(void **state)
{
    (void)state;
    world w;
    world_open(&w, serve, &(script){0}, 0);
    job j = {.n = 20, .policy = writes, .source = write_source};
    outcome o;
    run_job(&w, &j, false, &o);
    outcome_deinit(&o);
    tricks.write_breaks_once = 50;
    run_job(&w, &j, false, &o);
    check_good(&o);
    assert_int_equal(o.doubt[0], 0);
    assert_int_equal(o.attempts[0], 1);
    assert_int_equal(w.node.n_used, 2);
    outcome_deinit(&o);
    world_close(&w);
}

/* ---- time ---- */

static void test_deadline_ends_the_whole_call(void **state)
{
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        outcome o;
        job j = {.n = 30000,
                 .policy = {.total_timeout_ms = 200, .max_retries = 2},
                 .source = is_write ? write_source : read_source};
        uint64_t begin = anp_clock_now();
        run_both(&j, serve, &(script){.what = SAY_NOTHING, .until = 999}, &o, NULL, NULL);
        assert_true(anp_clock_now() - begin < 20 * ANP_NS_PER_S);
        assert_int_equal(o.whole, ANP_ERR_CLIENT_TIMEOUT);
        assert_int_equal(o.status[0], ANP_ERR_CLIENT_TIMEOUT);
        assert_int_equal(o.doubt[0], is_write);
        assert_int_equal(o.doubt[29999], 0); /* never left */
        outcome_deinit(&o);
    }
}

static void test_each_window_has_its_own_time(void **state)
{
    (void)state;
    outcome o;
    anp_policy policy = {.total_timeout_ms = 200,
                         .each_window = true,
                         .window = 100,
                         .connections = 1,
                         .max_retries = 2};
    run_both(&(job){.n = 1000, .policy = policy, .source = read_source}, serve,
             &(script){.what = SAY_NOTHING, .until = 1}, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_ERR_CLIENT_TIMEOUT);
    for (uint32_t i = 0; i < 1000; i++) {
        if (i < 100) {
            assert_int_equal(o.status[i], ANP_ERR_CLIENT_TIMEOUT);
        } else {
            check_row(&o, i);
        }
    }
    outcome_deinit(&o);
}

static void test_silence_of_a_connection_is_a_retry(void **state)
{
    (void)state;
    outcome o;
    anp_policy policy = reads;
    policy.socket_timeout_ms = 150;
    run_both(&(job){.n = 20, .policy = policy, .source = read_source}, serve,
             &(script){.what = SAY_NOTHING, .until = 2}, &o, NULL, NULL);
    check_good(&o);
    outcome_deinit(&o);
}

static void test_pause_between_retries_is_kept(void **state)
{
    (void)state;
    outcome o;
    anp_policy policy = reads;
    policy.sleep_ms = 40;
    uint64_t begin = anp_clock_now();
    run_both(&(job){.n = 20, .policy = policy, .source = read_source}, serve,
             &(script){.what = HANG_UP, .until = 2}, &o, NULL, NULL);
    check_good(&o);
    assert_int_equal(o.retries, 2);
    assert_true(anp_clock_now() - begin >= 160 * ANP_NS_PER_MS);
    outcome_deinit(&o);
}

static void test_cancel_ends_soon_and_settles_all(void **state)
{
    (void)state;
    outcome o;
    job j = {.n = 20000, .source = write_source, .cancel_at_call = 1};
    j.policy.window = 1000;
    j.policy.connections = 1;
    run_both(&j, serve, &(script){.what = SAY_NOTHING, .until = 999}, &o, NULL, NULL);
    assert_int_equal(o.whole, ANP_ERR_ABORTED);
    assert_int_equal(o.status[0], ANP_ERR_ABORTED);
    assert_int_equal(o.doubt[0], 1);
    assert_int_equal(o.doubt[19999], 0);
    outcome_deinit(&o);
}

static void test_cancel_before_the_start(void **state)
{
    (void)state;
    world w;
    world_open(&w, serve, &(script){0}, 0);
    outcome o;
    outcome_init(&o, 10);
    int64_t *memory = NULL;
    job j = {.n = 10, .runs = &run_of_demo, .n_runs = 1};
    anp_keys keys = slice_of(&j, 0, &memory);
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = &o};
    anp_batch *b;
    assert_int_equal(anp_batch_new(w.cluster, &reads, &keys, &read_source, &sink,
                                   (anp_slice){NULL, 0}, &b, NULL),
                     ANP_OK);
    anp_command_cancel(anp_batch_command(b));
    assert_int_equal(anp_command_drive(anp_batch_command(b), 10), ANP_DRIVE_DONE);
    assert_int_equal(anp_batch_command(b)->status, ANP_ERR_ABORTED);
    check_whole(&o);
    anp_batch_free(b);
    assert_int_equal(anp_batch_new(w.cluster, &reads, &keys, &read_source, &sink,
                                   (anp_slice){NULL, 0}, &b, NULL),
                     ANP_OK);
    anp_batch_free(b); /* never driven */
    outcome_deinit(&o);
    free(memory);
    world_close(&w);
}

static void test_closing_the_cluster_ends_batches(void **state)
{
    (void)state;
    world w;
    world_open(&w, serve, &(script){.what = SAY_NOTHING, .until = 99}, 0);
    outcome o;
    outcome_init(&o, 10);
    int64_t *memory = NULL;
    job j = {.n = 10, .runs = &run_of_demo, .n_runs = 1};
    anp_keys keys = slice_of(&j, 0, &memory);
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = &o};
    anp_batch *b;
    assert_int_equal(anp_batch_new(w.cluster, &(anp_policy){0}, &keys, &read_source, &sink,
                                   (anp_slice){NULL, 0}, &b, NULL),
                     ANP_OK);
    while (w.node.n_calls == 0) {
        assert_int_equal(anp_command_drive(anp_batch_command(b), 10), ANP_DRIVE_AGAIN);
    }
    anp_cluster_close(w.cluster);
    while (anp_command_drive(anp_batch_command(b), 10) != ANP_DRIVE_DONE) {
    }
    assert_int_equal(anp_batch_command(b)->status, ANP_ERR_CLOSED);
    check_whole(&o);
    anp_batch_free(b);
    outcome_deinit(&o);
    free(memory);
    world_close(&w);
}

/* ---- many at once ---- */

typedef struct crowd {
    world *w;
    job job;
    bool is_async;
    anp_status whole;
    char message[239];
} crowd;

static void *run_in_crowd(void *argument)
{
    crowd *c = argument;
    for (int i = 0; i < 5 && c->whole == ANP_OK; i++) {
        outcome o;
        run_job(c->w, &c->job, c->is_async, &o);
        c->whole = o.whole;
        memcpy(c->message, o.message, sizeof c->message);
        if (o.whole == ANP_OK) {
            check_good(&o);
        }
        outcome_deinit(&o);
    }
    return NULL;
}

static void test_batches_at_the_cap_do_not_starve_each_other(void **state)
{
    (void)state;
    for (uint32_t cap = 1; cap <= 3; cap += 2) {
        world w;
        world_open(&w, serve, &(script){0}, cap);
        crowd all[6];
        pthread_t threads[6];
        for (int i = 0; i < 6; i++) {
            all[i] = (crowd){.w = &w,
                             .job = {.n = 500, .policy = reads, .source = read_source},
                             .is_async = i & 1};
            all[i].job.policy.window = 20;
            pthread_create(&threads[i], NULL, run_in_crowd, &all[i]);
        }
        for (int i = 0; i < 6; i++) {
            pthread_join(threads[i], NULL);
            if (all[i].whole != ANP_OK) {
                fail_msg("%s", all[i].message);
            }
        }
        assert_true(w.node.n_used <= (int)cap);
        world_close(&w);
    }
}

static void test_waiting_for_a_connection_ends_at_the_deadline(void **state)
{
    (void)state;
    for (int each_window = 0; each_window < 2; each_window++) {
        for (int is_async = 0; is_async < 2; is_async++) {
            world w;
            world_open(&w, serve, &(script){.what = SAY_NOTHING, .until = 1}, 1);
            outcome o, o2;
            outcome_init(&o, 10);
            int64_t *memory = NULL;
            job j = {.n = 10, .runs = &run_of_demo, .n_runs = 1};
            anp_keys keys = slice_of(&j, 0, &memory);
            anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = &o};
            anp_batch *b;
            assert_int_equal(anp_batch_new(w.cluster, &reads, &keys, &read_source, &sink,
                                           (anp_slice){NULL, 0}, &b, NULL),
                             ANP_OK);
            while (w.node.n_calls == 0) {
                assert_int_equal(anp_command_drive(anp_batch_command(b), 10), ANP_DRIVE_AGAIN);
            }
            job second = {.n = 30,
                          .policy = {.total_timeout_ms = 60, .each_window = each_window},
                          .source = write_source};
            second.policy.window = 10;
            run_job(&w, &second, is_async, &o2);
            assert_int_equal(o2.whole, ANP_ERR_CLIENT_TIMEOUT);
            assert_int_equal(o2.doubt[0], 0);
            anp_command_cancel(anp_batch_command(b));
            assert_int_equal(anp_command_drive(anp_batch_command(b), 10), ANP_DRIVE_DONE);
            anp_batch_free(b);
            outcome_deinit(&o);
            outcome_deinit(&o2);
            free(memory);
            world_close(&w);
        }
    }
}

/* ---- memory ---- */

static _Thread_local bool fails_here;
static int fail_at, n_allocations;

static int allow(void *context)
{
    (void)context;
    return !fails_here || n_allocations++ != fail_at;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    anp_alloc_hook(allow, NULL);
    world w;
    world_open(&w, serve, &(script){0}, 0);
    bool reached = true;
    for (fail_at = 0; reached; fail_at++) {
        outcome o;
        outcome_init(&o, 300);
        int64_t *memory = NULL;
        job j = {.n = 300, .runs = &run_of_demo, .n_runs = 1};
        anp_keys keys = slice_of(&j, 0, &memory);
        anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = &o};
        anp_policy policy = reads;
        policy.window = 50;
        anp_batch *b = NULL;
        n_allocations = 0;
        fails_here = true;
        if (anp_batch_new(w.cluster, &policy, &keys, &read_source, &sink, (anp_slice){NULL, 0}, &b,
                          NULL) == ANP_OK) {
            while (anp_command_drive(anp_batch_command(b), 10) != ANP_DRIVE_DONE) {
            }
            fails_here = false;
            check_whole(&o);
            anp_batch_free(b);
        }
        fails_here = false;
        reached = n_allocations > fail_at;
        free(memory);
        outcome_deinit(&o);
        assert_true(fail_at < 500);
    }
    assert_true(fail_at > 10);
    world_close(&w);
    anp_alloc_hook(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_cut_before_its_last_byte_is_not_in_doubt),
        cmocka_unit_test(test_doubt_stays_when_a_retry_is_answered),
        cmocka_unit_test(test_stale_connection_is_renewed_for_free_unless_a_write_was_sent),
        cmocka_unit_test(test_write_that_breaks_on_a_stale_connection_before_its_end_is_sent_again),
        cmocka_unit_test(test_deadline_ends_the_whole_call),
        cmocka_unit_test(test_each_window_has_its_own_time),
        cmocka_unit_test(test_silence_of_a_connection_is_a_retry),
        cmocka_unit_test(test_pause_between_retries_is_kept),
        cmocka_unit_test(test_cancel_ends_soon_and_settles_all),
        cmocka_unit_test(test_cancel_before_the_start),
        cmocka_unit_test(test_closing_the_cluster_ends_batches),
        cmocka_unit_test(test_batches_at_the_cap_do_not_starve_each_other),
        cmocka_unit_test(test_waiting_for_a_connection_ends_at_the_deadline),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
