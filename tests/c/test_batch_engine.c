/* The batch engine against a node whose replies the test writes: each row ends exactly once,
 * whatever comes. Each case runs on the calling thread and on a loop's own, with equal results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch_job.h"

/* ---- scripts ---- */

typedef enum {
    WELL,
    BACKWARDS,
    BAD_INDEX,
    DOUBLE_INDEX,
    MISSING_ROWS,
    LAST_ONLY,
    CLOSE_IN_MIDDLE,
    HANG_UP,
    SAY_NOTHING,
    BEHIND_LAST,
    HUGE_HEAD,
    BAD_ROW,
    LAST_CODE,
    ROW_CODE,
    TAIL_IN_FRAME,
    LIMIT_ROWS,
} what;

typedef struct script {
    what what;
    int until; /* calls below this number misbehave */
    uint8_t code;
    uint32_t limit;
    _Atomic int n_rows; /* asked for in all */
    _Atomic int flags;  /* of the last batch */
    _Atomic int n_full; /* rows without REPEAT */
} script;

static bool misbehave(scripted_call *c, const script *s)
{
    anp_buffer b;
    anp_buffer_init(&b, 64 << 20);
    uint32_t half = c->n_rows / 2;
    bool go_on = true;
    switch (s->what) {
    case BACKWARDS:
        for (uint32_t i = c->n_rows; i-- > 0;) {
            scripted_row_frame(&b, c, i, 0);
        }
        scripted_last(&b, 0);
        break;
    case BAD_INDEX: {
        scripted_rows(&b, c, 0, half);
        size_t f = scripted_frame(&b);
        scripted_message(&b, 0, 0, 1, c->n_rows);
        scripted_frame_end(&b, f);
        break;
    }
    case DOUBLE_INDEX: {
        scripted_rows(&b, c, 0, half);
        size_t f = scripted_frame(&b);
        scripted_message(&b, 0, 0, 12345, 0);
        scripted_frame_end(&b, f);
        break;
    }
    case MISSING_ROWS:
        scripted_rows(&b, c, 0, half);
        scripted_last(&b, 0);
        break;
    case LAST_ONLY:
        scripted_last(&b, 0);
        break;
    case LAST_CODE:
        scripted_last(&b, s->code);
        break;
    case CLOSE_IN_MIDDLE:
        scripted_rows(&b, c, 0, half);
        anp_buffer_put(&b, "\x02\x03\0\0\0\0\0\x16\x16", 9);
        go_on = false;
        break;
    case HANG_UP:
        go_on = false;
        break;
    case SAY_NOTHING:
        scripted_gate_wait(c->node);
        break;
    case BEHIND_LAST:
        scripted_rows(&b, c, 0, c->n_rows);
        scripted_last(&b, 0);
        anp_buffer_u8(&b, 2);
        break;
    case TAIL_IN_FRAME: {
        size_t f = scripted_frame(&b);
        scripted_message(&b, 1, 0, 0, 0);
        scripted_message(&b, 0, 0, 0, 0);
        scripted_frame_end(&b, f);
        break;
    }
    case HUGE_HEAD:
        scripted_rows(&b, c, 0, half);
        anp_buffer_put(
            &b,
            "\x02\x03\0\0\x07\xff\xff\xff\x16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x07\0\0\0",
            8 + 26);
        break;
    case BAD_ROW: {
        size_t f = scripted_frame(&b);
        scripted_message(&b, 0, 0, 0xbad, 0);
        scripted_frame_end(&b, f);
        break;
    }
    case ROW_CODE:
        for (uint32_t i = 0; i < c->n_rows; i++) {
            scripted_row_frame(&b, c, i, i == 1 ? s->code : 0);
        }
        scripted_last(&b, 0);
        break;
    case LIMIT_ROWS:
    case WELL:
    default:
        scripted_rows(&b, c, 0, c->n_rows);
        scripted_last(&b, 0);
    }
    return scripted_send_buffer(c, &b) && go_on;
}

static bool serve(scripted_call *c)
{
    script *s = c->node->context;
    s->n_rows += (int)c->n_rows;
    s->flags = c->batch_flags;
    for (uint32_t i = 0; i < c->n_rows; i++) {
        s->n_full += (c->rows[i].flags & ANP_ROW_REPEAT) == 0;
    }
    if (s->what == LIMIT_ROWS && c->n_rows > s->limit) {
        anp_buffer b;
        anp_buffer_init(&b, 1000);
        scripted_last(&b, ANP_BATCH_MAX_REQUESTS);
        return scripted_send_buffer(c, &b);
    }
    return c->number < s->until ? misbehave(c, s) : scripted_serve_well(c);
}

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
    anp_policy policy = {.total_timeout_ms = 60};
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
                 .policy = {.total_timeout_ms = 80, .max_retries = 2},
                 .source = is_write ? write_source : read_source};
        uint64_t begin = anp_clock_now();
        run_both(&j, serve, &(script){.what = SAY_NOTHING, .until = 999}, &o, NULL, NULL);
        assert_true(anp_clock_now() - begin < 15 * ANP_NS_PER_S);
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
    anp_policy policy = {.total_timeout_ms = 80,
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
    policy.socket_timeout_ms = 50;
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
