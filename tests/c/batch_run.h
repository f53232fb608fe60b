/* For tests of the batch engine: a batch over a ring of nodes that is driven step by step. */
#pragma once

#include "batch_job.h"
#include "scripted_cluster.h"

typedef struct run {
    job job;
    outcome outcome;
    int64_t *memory;
    uint64_t next;
    anp_batch *batch;
    anp_keys keys;
    anp_row_sink sink;
} run;

static inline run *run_open(ring *r, const job *what)
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
static inline bool run_step(run *x)
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

static inline void run_end(run *x)
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

static inline void run_free(run *x)
{
    anp_batch_free(x->batch);
    outcome_deinit(&x->outcome);
    free(x->memory);
    free(x);
}
