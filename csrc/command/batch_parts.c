/* See batch_parts.h. A part is a batch by itself; its rows are counted from 0, and told to its sink
 * by their numbers in the whole.
 *
 * Thread-safety: `lock` guards n_working. A part's batch belongs to the thread that drives it;
 * other threads only set `is_cancelled`, at which it looks every SLICE_MS. */
#include "command/batch_parts.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/condition.h"

enum { SLICE_MS = 20 };

typedef struct part {
    anp_batch_parts *all;
    anp_batch *batch;
    anp_row_sink sink;
    uint64_t first;
    anp_key_run *runs;
    pthread_t thread;
    bool has_thread;
} part;

struct anp_batch_parts {
    anp_command command;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    uint32_t n_working; /* threads */
    uint32_t next;      /* sync: the part that the driver's thread is at */
    bool has_begun;
    _Atomic bool is_cancelled;
    anp_task over; /* async */
    uint32_t n;
    part parts[];
};

/* ---- sinks ---- */

static anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                         anp_error *err)
{
    const part *p = context;
    return p->sink.row(p->sink.context, p->first + row, m, body, err);
}

static size_t on_again(void *context, uint64_t row, uint32_t generation, uint32_t void_time,
                       uint32_t n_ops, const uint8_t *ops, size_t here)
{
    const part *p = context;
    return p->sink.again(p->sink.context, p->first + row, generation, void_time, n_ops, ops, here);
}

static void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    const part *p = context;
    p->sink.settle(p->sink.context, p->first + row, code, in_doubt);
}

static void on_soon(void *context, uint64_t row)
{
    const part *p = context;
    p->sink.soon(p->sink.context, p->first + row);
}

/* ---- threads ---- */

static void work(part *p)
{
    anp_command *c = anp_batch_command(p->batch);
    do { /* looks before the first slice, too: what is cancelled by then is not sent */
        if (atomic_load(&p->all->is_cancelled)) {
            anp_command_cancel(c);
        }
    } while (anp_command_drive(c, SLICE_MS) != ANP_DRIVE_DONE);
}

static void *thread_main(void *argument)
{
    part *p = argument;
    anp_batch_parts *all = p->all;
    work(p);
    (void)pthread_mutex_lock(&all->lock);
    bool is_last = --all->n_working == 0;
    (void)pthread_cond_signal(&all->ended);
    if (is_last && all->command.is_submitted) { /* under the lock: then nobody frees it yet */
        anp_loop_post(all->command.loop, &all->over);
    }
    (void)pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* A part without a thread is the driver's; where that can't wait, its rows are given up. */
static void begin(anp_batch_parts *all, uint32_t from)
{
    sigset_t every, before;
    (void)sigfillset(&every);
    (void)pthread_sigmask(SIG_SETMASK, &every, &before); /* threads are born with them blocked */
    (void)pthread_mutex_lock(&all->lock);
    for (uint32_t i = 0; i < all->n; i++) {
        part *p = &all->parts[i];
        anp_batch_command(p->batch)->policy.total_timeout_ms = all->command.policy.total_timeout_ms;
        if (i >= from) {
            p->has_thread = pthread_create(&p->thread, NULL, thread_main, p) == 0;
            all->n_working += p->has_thread;
        }
    }
    (void)pthread_mutex_unlock(&all->lock);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    all->has_begun = true;
}

/* ---- the end ---- */

static void finish(anp_batch_parts *all)
{
    anp_error err = {.code = ANP_OK};
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < all->n && status == ANP_OK; i++) {
        const anp_command *c = anp_batch_command(all->parts[i].batch);
        status = c->status;
        if (status != ANP_OK) {
            err = c->error;
            (void)snprintf(err.message, sizeof err.message,
                           "of the rows from %" PRIu64 " on, %.180s", all->parts[i].first,
                           c->error.message);
        }
    }
    anp_command_finish(&all->command, status, &err);
}

static void on_over(anp_task *t) /* the loop's thread */
{
    anp_batch_parts *all = (anp_batch_parts *)(void *)((char *)t - offsetof(anp_batch_parts, over));
    (void)pthread_mutex_lock(&all->lock); /* the last thread has left it */
    (void)pthread_mutex_unlock(&all->lock);
    finish(all);
}

/* ---- the drivers ---- */

static bool wait_for_threads(anp_batch_parts *all, uint64_t until)
{
    (void)pthread_mutex_lock(&all->lock);
    while (all->n_working != 0 && anp_condition_wait(&all->ended, &all->lock, until)) {
    }
    bool are_done = all->n_working == 0;
    (void)pthread_mutex_unlock(&all->lock);
    return are_done;
}

static anp_drive drive(anp_command *c, int slice_ms)
{
    anp_batch_parts *all = (anp_batch_parts *)c;
    uint64_t end = anp_clock_now() + (uint64_t)(slice_ms > 0 ? slice_ms : 0) * ANP_NS_PER_MS;
    if (!all->has_begun) {
        if (atomic_load(&c->is_cancelled)) {
            atomic_store(&all->is_cancelled, true);
        }
        begin(all, 1);
    }
    for (; all->next < all->n; all->next++) {
        const part *p = &all->parts[all->next];
        if (p->has_thread) {
            continue;
        }
        anp_command *own = anp_batch_command(p->batch);
        if (atomic_load(&all->is_cancelled)) {
            anp_command_cancel(own);
        }
        if (anp_command_drive(own, slice_ms) != ANP_DRIVE_DONE) {
            return ANP_DRIVE_AGAIN;
        }
    }
    if (!wait_for_threads(all, end)) {
        return ANP_DRIVE_AGAIN;
    }
    finish(all);
    return ANP_DRIVE_DONE;
}

static void start(anp_command *c)
{
    anp_batch_parts *all = (anp_batch_parts *)c;
    if (atomic_load(&c->is_cancelled)) {
        atomic_store(&all->is_cancelled, true);
    }
    begin(all, 0);
    bool has_thread = false;
    for (uint32_t i = 0; i < all->n; i++) {
        part *p = &all->parts[i];
        has_thread |= p->has_thread;
        if (!p->has_thread) { /* the system has no more threads */
            anp_command_cancel(anp_batch_command(p->batch));
            work(p);
        }
    }
    if (!has_thread) {
        finish(all);
    }
}

static void cancel(anp_command *c)
{
    atomic_store(&((anp_batch_parts *)c)->is_cancelled, true);
}

static const anp_command_kind kind = {
    .name = "batch in parts", .start = start, .drive = drive, .cancel = cancel};

/* ---- life ---- */

/* The share of the keys from `begin` to `end`, counted from 0. */
static bool take_keys(part *p, const anp_keys *keys, uint64_t begin, uint64_t end, anp_keys *out)
{
    uint64_t skip = begin - keys->first;
    *out = *keys;
    out->first = 0;
    out->count = out->total = end - begin;
    if (keys->kind == ANP_KEYS_PACKED) {
        out->types += skip;
        out->offsets += skip;
    } else {
        out->base += (ptrdiff_t)skip * keys->stride;
    }
    uint32_t from = 0, to;
    while (from + 1 < keys->n_runs && keys->runs[from + 1].first <= begin) {
        from++;
    }
    for (to = from; to < keys->n_runs && keys->runs[to].first < end; to++) {
    }
    p->runs = anp_malloc((to - from) * sizeof *p->runs);
    out->runs = p->runs;
    out->n_runs = to - from;
    for (uint32_t i = 0; p->runs != NULL && i < out->n_runs; i++) {
        p->runs[i] = keys->runs[from + i];
        p->runs[i].first = p->runs[i].first > begin ? p->runs[i].first - begin : 0;
    }
    return p->runs != NULL;
}

anp_status anp_batch_parts_new(anp_cluster *cluster, const anp_policy *policy, const anp_keys *keys,
                               const anp_row_source *source, const anp_row_sink *sinks,
                               uint32_t n_parts, anp_slice filter, anp_batch_parts **out,
                               anp_error *err)
{
    size_t size = sizeof(anp_batch_parts) + n_parts * sizeof(part);
    anp_batch_parts *all = anp_calloc(1, size);
    if (all == NULL) {
        return anp_error_memory(err, size, "a batch in parts");
    }
    all->n = n_parts;
    all->over.run = on_over;
    (void)pthread_mutex_init(&all->lock, NULL);
    anp_condition_init(&all->ended);
    anp_command_init(&all->command, &kind, cluster, policy);
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < n_parts && status == ANP_OK; i++) {
        part *p = &all->parts[i];
        anp_keys own;
        p->all = all;
        p->sink = sinks[i];
        p->first = keys->first + keys->count * i / n_parts;
        if (!take_keys(p, keys, p->first, keys->first + keys->count * (i + 1) / n_parts, &own)) {
            status = anp_error_memory(err, keys->n_runs * sizeof *p->runs, "a part's keys");
            break;
        }
        anp_row_sink sink = {.row = on_row,
                             .again = p->sink.again != NULL ? on_again : NULL,
                             .settle = on_settle,
                             .soon = p->sink.soon != NULL ? on_soon : NULL,
                             .context = p};
        status = anp_batch_new(cluster, policy, &own, source, &sink, filter, &p->batch, err);
    }
    if (status != ANP_OK) {
        anp_batch_parts_free(all);
        return status;
    }
    *out = all;
    return ANP_OK;
}

void anp_batch_parts_free(anp_batch_parts *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        part *p = &all->parts[i];
        if (p->has_thread) {
            (void)pthread_join(p->thread, NULL);
        }
        anp_batch_free(p->batch);
        anp_free(p->runs);
    }
    anp_command_deinit(&all->command);
    (void)pthread_cond_destroy(&all->ended);
    (void)pthread_mutex_destroy(&all->lock);
    anp_free(all);
}

anp_command *anp_batch_parts_command(anp_batch_parts *all)
{
    return &all->command;
}

uint64_t anp_batch_parts_progress(const anp_batch_parts *all)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        rows += anp_batch_progress(all->parts[i].batch);
    }
    return rows;
}

void anp_batch_parts_timings(const anp_batch_parts *all, anp_batch_timings *out)
{
    *out = (anp_batch_timings){0};
    for (uint32_t i = 0; i < all->n; i++) {
        anp_batch_timings t;
        anp_batch_timings_get(all->parts[i].batch, &t);
        out->digests += t.digests;
        out->sending += t.sending;
        out->waiting += t.waiting;
        out->decoding += t.decoding;
    }
}
