/* For tests of the batch engine: a batch, driven from here or on a loop's own thread, and what came
 * of it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "command/batch.h"
#include "scripted_world.h"

enum { NO_STATUS = -9999 };

/* ---- a batch and what came of it ---- */

typedef struct outcome {
    uint32_t n;
    int32_t *status;
    uint32_t *generation, *attempts;
    uint8_t *doubt, *times;
    anp_status whole;
    char message[239];
    uint32_t retries;
} outcome;

static inline anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                                anp_error *err)
{
    outcome *o = context;
    (void)body;
    if (m->generation == 0xbad) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "a bad row");
    }
    o->status[row] = m->result;
    o->generation[row] = m->generation;
    o->times[row]++;
    return ANP_OK;
}

static inline void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    outcome *o = context;
    o->status[row] = code;
    o->doubt[row] |= in_doubt;
    o->times[row]++;
}

static inline void on_sent(void *context, uint64_t row, uint32_t attempts, bool in_doubt)
{
    outcome *o = context;
    o->attempts[row] = attempts;
    o->doubt[row] |= in_doubt;
}

static inline void outcome_init(outcome *o, uint32_t n)
{
    *o = (outcome){.n = n,
                   .status = calloc(n + 1, 4),
                   .generation = calloc(n + 1, 4),
                   .attempts = calloc(n + 1, 4),
                   .doubt = calloc(n + 1, 1),
                   .times = calloc(n + 1, 1)};
    for (uint32_t i = 0; i < n; i++) {
        o->status[i] = NO_STATUS;
    }
}

static inline void outcome_deinit(outcome *o)
{
    free(o->status);
    free(o->generation);
    free(o->attempts);
    free(o->doubt);
    free(o->times);
}

static const anp_key_run run_of_demo = {
    {(const uint8_t *)"test", 4}, {(const uint8_t *)"demo", 4}, 0};

typedef struct job {
    uint32_t n;
    anp_policy policy;
    anp_row_source source;
    const anp_key_run *runs;
    uint32_t n_runs;
    uint32_t slice;     /* keys are given so many at a time; 0: all */
    int cancel_at_call; /* cancel when the node has seen so many calls; 0: never */
    uint32_t max_conns;
    int64_t *keys; /* made by run_job */
} job;

static const anp_row_source read_source = {.same = {.flags = 0x0a, .info1 = 3}};
static const anp_row_source write_source = {.same = {.flags = 0x0e, .info2 = 0x81},
                                            .is_write = true};

/* The keys of the slice that begins at `first`; they lie in memory of its own, which is freed when
 * the next is given. */
static inline anp_keys slice_of(const job *j, uint64_t first, int64_t **memory)
{
    uint64_t count = j->slice != 0 && j->n - first > j->slice ? j->slice : j->n - first;
    free(*memory);
    *memory = malloc((count + 1) * sizeof **memory);
    for (uint64_t i = 0; i < count; i++) {
        (*memory)[i] = (int64_t)(first + i);
    }
    return (anp_keys){.kind = ANP_KEYS_INT,
                      .first = first,
                      .count = count,
                      .total = j->n,
                      .runs = j->runs,
                      .n_runs = j->n_runs,
                      .base = (const uint8_t *)*memory,
                      .stride = 8,
                      .width = 8,
                      .is_signed = true};
}

typedef struct async_run {
    _Atomic bool is_done;
    const job *job;
    anp_batch *batch;
    uint64_t next;
    int64_t *memory;
} async_run;

static inline void on_done(anp_command *c)
{
    async_run *a = c->owner;
    a->is_done = true;
}

static inline void on_keys(anp_command *c)
{
    async_run *a = c->owner;
    anp_keys keys = slice_of(a->job, a->next, &a->memory);
    a->next += keys.count;
    anp_batch_give(a->batch, &keys);
    anp_command_resume(c);
}

static inline void drive_here(world *w, const job *j, anp_batch *b, int64_t **memory, uint64_t next)
{
    anp_command *c = anp_batch_command(b);
    for (;;) {
        anp_drive what = anp_command_drive(c, 20);
        if (what == ANP_DRIVE_DONE) {
            return;
        }
        if (what == ANP_DRIVE_KEYS) {
            anp_keys keys = slice_of(j, next, memory);
            next += keys.count;
            anp_batch_give(b, &keys);
        }
        if (j->cancel_at_call != 0 && w->node.n_calls >= j->cancel_at_call) {
            anp_command_cancel(c);
        }
    }
}

static inline void drive_there(world *w, const job *j, anp_batch *b, int64_t **memory,
                               uint64_t next)
{
    anp_loop *loop;
    anp_error err;
    assert_int_equal(anp_loop_new(&loop, &err), ANP_OK);
    assert_int_equal(anp_loop_thread_start(loop, &err), ANP_OK);
    async_run a = {.job = j, .batch = b, .next = next, .memory = *memory};
    anp_command *c = anp_batch_command(b);
    c->owner = &a;
    c->done = on_done;
    c->keys = on_keys;
    anp_command_submit(c, loop);
    if (j->cancel_at_call != 0) {
        assert_true(UNTIL(w->node.n_calls >= j->cancel_at_call));
        anp_command_cancel(c);
    }
    assert_true(UNTIL(a.is_done));
    anp_loop_thread_stop(loop);
    anp_loop_free(loop);
    *memory = a.memory;
}

static inline void check_whole(const outcome *o)
{
    for (uint32_t i = 0; i < o->n; i++) {
        if (o->times[i] != 1) {
            fail_msg("row %u ended %u times", i, o->times[i]);
        }
    }
}

static inline void run_job(world *w, const job *what, bool is_async, outcome *o)
{
    job j = *what;
    if (j.runs == NULL) {
        j.runs = &run_of_demo;
        j.n_runs = 1;
    }
    outcome_init(o, j.n);
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .sent = on_sent, .context = o};
    int64_t *memory = NULL;
    anp_keys keys = slice_of(&j, 0, &memory);
    anp_batch *b;
    anp_error err;
    assert_int_equal(anp_batch_new(w->cluster, &j.policy, &keys, &j.source, &sink,
                                   (anp_slice){NULL, 0}, &b, &err),
                     ANP_OK);
    (is_async ? drive_there : drive_here)(w, &j, b, &memory, keys.count);
    const anp_command *c = anp_batch_command(b);
    o->whole = c->status;
    o->retries = c->retries;
    memcpy(o->message, c->error.message, sizeof o->message);
    assert_int_equal(anp_batch_progress(b), j.n);
    anp_batch_timings t;
    anp_batch_timings_get(b, &t);
    assert_true(t.waiting >= 0 && t.digests >= 0);
    anp_batch_free(b);
    free(memory);
    check_whole(o);
}

/* Both drivers; the outcomes must be the same. */
static inline void run_both(const job *j, bool (*serve)(scripted_call *c), void *context,
                            outcome *o, int *calls, int *used)
{
    size_t at_most = tricks.read_at_most, in_all = tricks.write_in_all;
    outcome there;
    for (int is_async = 0; is_async < 2; is_async++) {
        world w;
        world_open(&w, serve, context, j->max_conns);
        tricks.read_at_most = at_most;
        tricks.write_in_all = in_all;
        run_job(&w, j, is_async, is_async ? &there : o);
        tricks_reset();
        if (calls != NULL) {
            *calls = w.node.n_calls;
        }
        if (used != NULL) {
            *used = w.node.n_used;
        }
        world_close(&w);
    }
    assert_int_equal(o->whole, there.whole);
    assert_memory_equal(o->status, there.status, 4 * (size_t)o->n);
    assert_memory_equal(o->generation, there.generation, 4 * (size_t)o->n);
    assert_memory_equal(o->doubt, there.doubt, o->n);
    outcome_deinit(&there);
}

static inline void check_row(const outcome *o, uint32_t row)
{
    uint8_t digest[20];
    anp_digest("demo", 4, &(anp_key){.type = ANP_PARTICLE_INTEGER, .integer = row}, digest);
    if (o->status[row] != 0 || o->generation[row] != scripted_generation(digest)) {
        fail_msg("row %u: status %d, generation %u: %s", row, (int)o->status[row],
                 o->generation[row], o->message);
    }
}

static inline void check_good(const outcome *o)
{
    if (o->whole != ANP_OK) {
        fail_msg("%d: %s", (int)o->whole, o->message);
    }
    for (uint32_t i = 0; i < o->n; i++) {
        check_row(o, i);
    }
}

static const anp_policy reads = {
    .total_timeout_ms = 20000, .max_retries = 2, .allow_inline = true, .respond_all = true};
static const anp_policy writes = {
    .total_timeout_ms = 20000, .allow_inline = true, .respond_all = true};
