/* The two drivers: the calling thread, slice by slice, or a loop's own thread. What the kinds have
 * in common and nothing of what they do.
 *
 * Other threads talk to a command that a loop's thread drives by wishes: bits, and one task that is
 * posted when the first bit is set. A command ends for its owner only when no task of it is under
 * way, so that the owner may free it. */
#include "command/command.h"

#include <stddef.h>

#include "base/clock.h"

enum { WISH_START = 1, WISH_CANCEL = 2, WISH_RESUME = 4, WISH_ENDED = 8 };

static void set_deadline(anp_command *c)
{
    c->deadline = anp_clock_deadline(anp_clock_now(), c->policy.total_timeout_ms);
}

static void end(anp_command *c)
{
    void (*done)(anp_command *) = c->done;
    atomic_store_explicit(&c->is_done, true, memory_order_release);
    if (done != NULL) {
        done(c); /* may free it */
    }
}

static void run_wishes(anp_task *t)
{
    anp_command *c = (anp_command *)(void *)((char *)t - offsetof(anp_command, task));
    uint32_t wishes = atomic_fetch_and(&c->wishes, WISH_ENDED);
    if ((wishes & WISH_ENDED) != 0) {
        end(c);
    } else if ((wishes & WISH_START) != 0) {
        atomic_store(&c->is_started, true);
        c->kind->start(c); /* sees a cancel that came with it, or before it */
    } else if ((wishes & WISH_CANCEL) != 0) {
        if (atomic_load(&c->is_started)) {
            c->kind->cancel(c);
        }
    } else if ((wishes & WISH_RESUME) != 0 && c->kind->resume != NULL) {
        atomic_store(&c->wants_keys, false);
        c->kind->resume(c);
    }
}

static void wish(anp_command *c, uint32_t what)
{
    if (atomic_fetch_or(&c->wishes, what) == 0) {
        anp_loop_post(c->loop, &c->task);
    }
}

void anp_command_init(anp_command *c, const anp_command_kind *kind, anp_cluster *cluster,
                      const anp_policy *policy)
{
    *c = (anp_command){.kind = kind,
                       .cluster = anp_cluster_retain(cluster),
                       .policy = *policy,
                       .deadline = ANP_NEVER};
    c->task.run = run_wishes;
}

static void return_loop(anp_command *c)
{
    if (c->loop != NULL && !c->is_submitted) {
        anp_cluster_loop_put(c->cluster, c->loop);
        c->loop = NULL;
    }
}

void anp_command_deinit(anp_command *c)
{
    if (c->cluster != NULL) {
        return_loop(c);
        anp_cluster_release(c->cluster);
        c->cluster = NULL;
    }
}

void anp_command_finish(anp_command *c, anp_status status, const anp_error *err)
{
    c->status = status;
    if (c->retries != 0) {
        anp_cluster_count_retries(c->cluster, c->retries);
    }
    if (status == ANP_OK) {
        c->error = (anp_error){.code = ANP_OK};
    } else if (err != NULL && err != &c->error) {
        c->error = *err;
    }
    if ((atomic_fetch_or(&c->wishes, WISH_ENDED) & (WISH_START | WISH_CANCEL | WISH_RESUME)) == 0) {
        end(c);
    }
}

/* The loop, and the start, of a command that needs a loop. */
static void start_on_loop(anp_command *c)
{
    c->loop = anp_cluster_loop_take(c->cluster);
    if (c->loop == NULL) {
        (void)anp_error_set(&c->error, ANP_ERR_MEMORY,
                            "no event loop could be made: out of memory or file descriptors");
    }
    c->kind->start(c);
}

anp_drive anp_command_drive(anp_command *c, int slice_ms)
{
    if (atomic_load(&c->is_done)) {
        return_loop(c);
        return ANP_DRIVE_DONE;
    }
    bool first = !atomic_exchange(&c->is_started, true);
    if (first) {
        set_deadline(c);
    }
    if (c->kind->drive != NULL) {
        return c->kind->drive(c, slice_ms);
    }
    if (first) {
        start_on_loop(c);
    } else if (atomic_load(&c->wants_keys)) { /* the last drive said so */
        atomic_store(&c->wants_keys, false);
        c->kind->resume(c);
    }
    uint64_t now = anp_clock_now();
    uint64_t slice_end = now + (uint64_t)(slice_ms > 0 ? slice_ms : 0) * ANP_NS_PER_MS;
    for (;;) {
        if (atomic_load(&c->is_done)) {
            return_loop(c);
            return ANP_DRIVE_DONE;
        }
        if (atomic_load(&c->wants_keys)) {
            return ANP_DRIVE_KEYS;
        }
        if (now >= slice_end) {
            return ANP_DRIVE_AGAIN;
        }
        anp_loop_step(c->loop, anp_clock_ms_left(slice_end, now, slice_ms));
        now = anp_clock_now();
    }
}

void anp_command_submit(anp_command *c, anp_loop *loop)
{
    set_deadline(c);
    c->loop = loop;
    atomic_store(&c->is_submitted, true);
    wish(c, WISH_START);
}

void anp_command_cancel(anp_command *c)
{
    if (atomic_load(&c->is_done) || atomic_exchange(&c->is_cancelled, true)) {
        return;
    }
    /* Another thread may be submitting it just now. In this order: what is seen to be started on a
     * loop's thread is seen to be submitted too. */
    bool is_started = atomic_load(&c->is_started);
    if (atomic_load(&c->is_submitted)) {
        wish(c, WISH_CANCEL);
    } else if (is_started) {
        c->kind->cancel(c);
    }
}

void anp_command_resume(anp_command *c)
{
    if (c->is_submitted) {
        wish(c, WISH_RESUME);
    }
}
