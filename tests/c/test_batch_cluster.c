/* The batch engine against several nodes of which one is slow, frozen, dead, gone or without its
 * partitions: the rows of the others don't wait, and those of that one end as they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch_job.h"
#include "scripted_cluster.h"

/* ---- a batch that is driven step by step ---- */

typedef struct run {
    job job;
    outcome outcome;
    int64_t *memory;
    uint64_t next;
    anp_batch *batch;
    anp_keys keys;
    anp_row_sink sink;
} run;

static run *run_open(ring *r, const job *what)
{
    run *x = calloc(1, sizeof *x);
    x->job = *what;
    x->job.runs = &run_of_demo;
    x->job.n_runs = 1;
    outcome_init(&x->outcome, what->n);
    x->sink =
        (anp_row_sink){.row = on_row, .settle = on_settle, .sent = on_sent, .context = &x->outcome};
    x->keys = slice_of(&x->job, 0, &x->memory);
    x->next = x->keys.count;
    anp_error err;
    assert_int_equal(anp_batch_new(r->world.cluster, &x->job.policy, &x->keys, &x->job.source,
                                   &x->sink, (anp_slice){NULL, 0}, &x->batch, &err),
                     ANP_OK);
    return x;
}

/* One slice of driving; false: it is over. */
static bool run_step(run *x)
{
    switch (anp_command_drive(anp_batch_command(x->batch), 5)) {
    case ANP_DRIVE_DONE:
        return false;
    case ANP_DRIVE_KEYS: {
        anp_keys keys = slice_of(&x->job, x->next, &x->memory);
        x->next += keys.count;
        anp_batch_give(x->batch, &keys);
        break;
    }
    case ANP_DRIVE_AGAIN:
    default:
        break;
    }
    return true;
}

#define RUN_UNTIL(x, condition)                                                                    \
    do {                                                                                           \
        uint64_t run_end_ = anp_clock_now() + 20 * ANP_NS_PER_S;                                   \
        while (!(condition)) {                                                                     \
            assert_true(anp_clock_now() < run_end_);                                               \
            assert_true(run_step(x));                                                              \
        }                                                                                          \
    } while (0)

static void run_end(run *x)
{
    uint64_t end = anp_clock_now() + 60 * ANP_NS_PER_S;
    while (run_step(x)) {
        assert_true(anp_clock_now() < end);
    }
    const anp_command *c = anp_batch_command(x->batch);
    x->outcome.whole = c->status;
    x->outcome.retries = c->retries;
    memcpy(x->outcome.message, c->error.message, sizeof x->outcome.message);
    check_whole(&x->outcome);
}

static void run_free(run *x)
{
    anp_batch_free(x->batch);
    outcome_deinit(&x->outcome);
    free(x->memory);
    free(x);
}

/* How many of the rows a node owns. */
static uint32_t rows_of(ring *r, uint32_t n, uint32_t node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        count += ring_owner(r, 0, i) == node;
    }
    return count;
}

/* ---- a slow node ---- */

/* Node 0 answers when its gate is opened. */
static bool node_0_waits(fake_call *c)
{
    if (ring_index(c->node) == 0) {
        fake_gate_wait(c->node);
    }
    return fake_serve_well(c);
}

static void test_rows_of_other_nodes_do_not_wait_for_a_stalled_one(void **state)
{
    (void)state;
    for (int sliced = 0; sliced < 2; sliced++) {
        ring *r = ring_open(3, 1, node_0_waits, NULL, 0);
        job j = {.n = 60000, .policy = reads, .source = read_source, .slice = sliced ? 7000 : 0};
        j.policy.total_timeout_ms = 60000;
        j.policy.window = 100;
        run *x = run_open(r, &j);
        uint32_t others = j.n - rows_of(r, j.n, 0);
        RUN_UNTIL(x, anp_batch_progress(x->batch) == others);
        for (uint32_t i = 0; i < j.n; i++) {
            assert_int_equal(x->outcome.times[i], ring_owner(r, 0, i) != 0);
        }
        fake_gate_open(&r->nodes[0]);
        run_end(x);
        check_good(&x->outcome);
        assert_int_equal(x->outcome.retries, 0);
        run_free(x);
        ring_close(r);
    }
}

/* Drives until nothing more is planned; gives how many keys were asked for. */
static uint64_t keys_asked_for(run *x, uint64_t least)
{
    uint64_t before = 0;
    RUN_UNTIL(x, x->next >= least);
    for (int quiet = 0; quiet < 10; quiet++) {
        before = x->next;
        assert_true(run_step(x));
        quiet = x->next == before ? quiet : 0;
    }
    return x->next;
}

static void test_planning_does_not_run_ahead_of_a_node_that_is_alone(void **state)
{
    (void)state;
    ring *r = ring_open(1, 1, node_0_waits, NULL, 0);
    job j = {.n = 30000, .policy = reads, .source = read_source, .slice = 100};
    j.policy.total_timeout_ms = 60000;
    j.policy.window = 100;
    run *x = run_open(r, &j);
    /* two windows on each of two connections, two in the queue, one open */
    assert_true(keys_asked_for(x, 400) <= 8 * 100);
    fake_gate_open(&r->nodes[0]);
    run_end(x);
    check_good(&x->outcome);
    run_free(x);
    ring_close(r);
}

static void test_what_is_held_back_for_a_stalled_node_is_bounded(void **state)
{
    (void)state;
    ring *r = ring_open(3, 1, node_0_waits, NULL, 0);
    /* a window's memory is that of so many rows, though nodes take 5,000 */
    job j = {.n = 600000, .policy = reads, .source = read_source, .slice = 500};
    j.policy.total_timeout_ms = 60000;
    j.policy.window = 600000;
    run *x = run_open(r, &j);
    uint64_t asked = keys_asked_for(x, 3 * 6 * 5000);
    assert_true(asked <= 3 * 15 * 5000); /* 200 MiB in windows of 24 MB, and those in flight */
    uint32_t others = 0;
    for (uint32_t i = 0; i < asked; i++) {
        others += ring_owner(r, 0, i) != 0;
    }
    /* half-filled windows leave; of the last keys some may not be planned yet */
    RUN_UNTIL(x, anp_batch_progress(x->batch) + 500 > others);
    fake_gate_open(&r->nodes[0]);
    run_end(x);
    check_good(&x->outcome);
    run_free(x);
    ring_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_other_nodes_do_not_wait_for_a_stalled_one),
        cmocka_unit_test(test_planning_does_not_run_ahead_of_a_node_that_is_alone),
        cmocka_unit_test(test_what_is_held_back_for_a_stalled_node_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
