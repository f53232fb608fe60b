/* A batch's life: made, pumped by whatever happens, ended. See batch_engine.h for the other parts.
 */
#include "command/batch.h"

#include <stddef.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "command/batch_engine.h"

enum { LOOK_MS = 250 };

void anp_batch_count(anp_batch *b, uint64_t rows)
{
    /* one writer: a plain add that other threads may read */
    uint64_t n = atomic_load_explicit(&b->progress, memory_order_relaxed);
    atomic_store_explicit(&b->progress, n + rows, memory_order_relaxed);
}

static uint64_t ended(const anp_batch *b)
{
    return atomic_load_explicit(&b->progress, memory_order_relaxed);
}

static void tell_sent(anp_batch *b, const anp_window_row *r)
{
    if (b->source.is_write && b->sink.sent != NULL) {
        b->sink.sent(b->sink.context, r->row, r->sends, (r->flags & ANP_WROW_DOUBT) != 0);
    }
}

void anp_batch_settle(anp_batch *b, const anp_window_row *r, anp_status code, bool lost,
                      const anp_error *err)
{
    if (lost) {
        if (b->n_lost++ == 0) {
            if (err != NULL) {
                b->first_error = *err;
            } else {
                (void)anp_error_set(&b->first_error, code, "%s", anp_status_name(code));
            }
            b->first_error.code = code;
        }
        b->first_error.in_doubt |= (r->flags & ANP_WROW_DOUBT) != 0;
    }
    tell_sent(b, r);
    b->sink.settle(b->sink.context, r->row, code,
                   b->source.is_write && (r->flags & ANP_WROW_DOUBT) != 0);
    anp_batch_count(b, 1);
}

anp_status anp_batch_deliver(anp_batch *b, const anp_window_row *r, const anp_message *m,
                             anp_cursor body, anp_error *err)
{
    tell_sent(b, r);
    anp_status status = b->sink.row(b->sink.context, r->row, m, body, err);
    if (status != ANP_OK) {
        anp_status code = status == ANP_ERR_MEMORY ? status : ANP_ERR_PROTOCOL;
        if (b->n_lost++ == 0) {
            b->first_error = *err;
            b->first_error.code = code;
        }
        b->sink.settle(b->sink.context, r->row, code, b->source.is_write);
    }
    anp_batch_count(b, 1);
    return status;
}

bool anp_batch_may_retry(const anp_batch *b, const anp_window_row *r)
{
    const anp_command *c = &b->command;
    return !b->is_stopping && r->retries < c->policy.max_retries && r->retries < UINT16_MAX &&
           (c->deadline == ANP_NEVER ||
            anp_clock_now() + c->policy.sleep_ms * ANP_NS_PER_MS < c->deadline);
}

/* ---- ends ---- */

static void end_list(anp_batch *b, anp_window_list *list, anp_status code, const anp_error *err)
{
    for (anp_window *w; (w = anp_window_pop(list)) != NULL;) {
        anp_window_end(b, w, code, false, false, err);
    }
}

/* Ends every row that has not ended: whole call's deadline, cancel, close. */
static void stop(anp_batch *b, anp_status code, const char *why)
{
    if (b->is_stopping || b->is_over) {
        return;
    }
    b->is_stopping = true;
    b->stop_code = code;
    anp_error err;
    (void)anp_error_set(&err, code, "%s", why);
    for (uint32_t i = 0; i < b->n_peers; i++) {
        anp_batch_peer *p = b->peers[i];
        for (uint32_t k = 0; k < b->connections; k++) {
            if (p->channels[k].windows.count != 0) {
                anp_channel_blame(&p->channels[k], code);
            }
            anp_channel_fail(&p->channels[k], code, false, &err);
        }
        end_list(b, &p->queue, code, &err);
        if (p->open != NULL) {
            anp_window_end(b, p->open, code, false, false, &err);
            p->open = NULL;
        }
    }
    anp_batch_seal(b);
    end_list(b, &b->parked, code, &err);
    for (uint64_t row = b->chunk_row; row < b->total; row++) {
        anp_window_row r = {.row = row};
        anp_batch_settle(b, &r, code, true, &err);
    }
    b->chunk_row = b->next_row = b->slice_end = b->total;
}

static anp_status verdict(anp_batch *b, anp_error *err)
{
    if (b->n_lost == 0 && b->stop_code != ANP_ERR_ABORTED) {
        return ANP_OK;
    }
    anp_status code = b->first_error.code;
    if (b->is_stopping) {
        code = b->stop_code;
    } else if (b->has_window_timeout) {
        code = ANP_ERR_CLIENT_TIMEOUT;
    }
    if (b->n_lost == 0) {
        return anp_error_set(err, code, "cancelled");
    }
    (void)anp_error_set(err, code, "%llu of %llu rows without an answer, first error: %s",
                        (unsigned long long)b->n_lost, (unsigned long long)b->total,
                        b->first_error.message);
    anp_error_node(err, b->first_error.node);
    err->in_doubt = b->first_error.in_doubt;
    return code;
}

/* True when all rows have ended and nothing of us is left on the loop; then the batch is over. */
static bool try_end(anp_batch *b)
{
    if (ended(b) != b->total) {
        return false;
    }
    for (uint32_t i = 0; i < b->n_peers; i++) {
        for (uint32_t k = 0; k < b->connections; k++) {
            const anp_channel *c = &b->peers[i]->channels[k];
            if (c->windows.count != 0 || c->state == ANP_CHANNEL_LEAVING) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < b->n_peers; i++) {
        for (uint32_t k = 0; k < b->connections; k++) {
            anp_channel_release(&b->peers[i]->channels[k], true);
            if (b->peers[i]->channels[k].state == ANP_CHANNEL_LEAVING) {
                return false;
            }
        }
    }
    if (b->command.loop != NULL) {
        anp_loop_timer_cancel(b->command.loop, &b->timer);
    }
    b->ns_total = anp_clock_now() - b->started_at;
    b->is_over = true;
    return true;
}

/* ---- the pump ---- */

/* Is a parked window's time come? */
static bool is_due(const anp_batch *b, const anp_window *w)
{
    return w->resume_at <= b->now && (!w->is_waiting || anp_batch_is_news(b, &w->news));
}

static void unpark(anp_batch *b)
{
    anp_window_list windows = b->parked; /* what is parked meanwhile is looked at next time */
    b->parked = (anp_window_list){0};
    for (anp_window *w; (w = anp_window_pop(&windows)) != NULL;) {
        if (!is_due(b, w)) {
            anp_window_push(&b->parked, w);
            continue;
        }
        if (w->is_counted) {
            b->command.retries++;
        }
        for (uint32_t i = 0; i < w->n_rows; i++) {
            anp_window_row r = w->rows[i];
            r.retries = (uint16_t)(r.retries + (w->is_counted ? 1 : 0));
            bool is_late = b->source.is_write && r.code == ANP_SERVER_TIMEOUT &&
                           (r.flags & ANP_WROW_AGAIN) != 0;
            r.hops = (uint8_t)(r.hops + (w->is_hopping && !is_late && r.hops < UINT8_MAX ? 1 : 0));
            anp_batch_add(b, &r, w);
        }
        anp_window_give(b, w);
    }
}

/* With no key left to plan, half-filled windows leave too. With keys sent along, every row must be
 * over before the next slice of keys replaces this one. While no more may be held back for slow
 * nodes nothing is planned: then those of hungry nodes leave. */
static void flush(anp_batch *b)
{
    bool all = anp_batch_is_planned(b) && (b->slice_end == b->total || b->source.send_key);
    if (!all && !anp_batch_is_full(b)) {
        return;
    }
    for (uint32_t i = 0; i < b->n_peers; i++) {
        anp_batch_peer *p = b->peers[i];
        if (p->open != NULL && p->open->n_rows != 0 && (all || anp_batch_is_hungry(b, p))) {
            anp_window_push(&p->queue, p->open);
            p->open = NULL;
        }
    }
}

static void set_timer(anp_batch *b)
{
    anp_command *c = &b->command;
    uint64_t now = anp_clock_now();
    uint64_t at = now + LOOK_MS * ANP_NS_PER_MS;
    at = c->deadline < at ? c->deadline : at;
    for (const anp_window *w = b->parked.first; w != NULL; w = w->next) {
        uint64_t look = now + (w->is_waiting ? ANP_WAIT_LOOK_MS * ANP_NS_PER_MS : 0);
        look = w->resume_at > look ? w->resume_at : look;
        at = look < at ? look : at;
    }
    for (uint32_t i = 0; i < b->n_peers; i++) {
        for (uint32_t k = 0; k < b->connections; k++) {
            uint64_t next = anp_channel_next(&b->peers[i]->channels[k]);
            at = next < at ? next : at;
        }
    }
    anp_error err;
    if (anp_loop_timer_set(c->loop, &b->timer, at, &err) != ANP_OK) {
        stop(b, err.code, err.message);
    }
}

static bool wants_keys(anp_batch *b)
{
    return !b->is_stopping && b->slice_end < b->total && anp_batch_is_planned(b) &&
           (!b->source.send_key || ended(b) == b->next_row);
}

static void adopt_keys(anp_batch *b)
{
    b->keys = b->given;
    b->has_given = false;
    b->has_asked = false;
    b->run_end = 0;
    uint64_t end = b->keys.first + b->keys.count;
    b->slice_end = end < b->total ? end : b->total;
    if (b->keys.first != b->next_row || end < b->keys.first) {
        stop(b, ANP_ERR_PARAM, "the keys that were given do not go on where the last ended");
    }
}

/* Idle connections go back: somebody else may wait for one. */
static void release_idle(anp_batch *b)
{
    for (uint32_t i = 0; i < b->n_peers; i++) {
        for (uint32_t k = 0; k < b->connections; k++) {
            anp_channel *c = &b->peers[i]->channels[k];
            if (c->state == ANP_CHANNEL_OPEN && c->windows.count == 0) {
                anp_channel_release(c, true);
            }
        }
    }
}

void anp_batch_pump(anp_batch *b)
{
    if (b->is_over) {
        return;
    }
    do {
        b->is_dirty = false;
        if (!b->is_stopping) {
            anp_batch_look(b);
            anp_batch_recall_all(b);
            unpark(b);
            anp_batch_plan(b);
            flush(b);
            for (uint32_t i = 0; i < b->n_peers; i++) {
                anp_channel_feed(b, b->peers[i]);
            }
            anp_batch_seal(b);
        }
    } while (b->is_dirty);
    if (!try_end(b)) {
        release_idle(b);
        set_timer(b);
        if (!b->is_stopping || !try_end(b)) {
            if (wants_keys(b) && !b->has_asked) {
                b->has_asked = true;
                atomic_store(&b->command.wants_keys, true);
                if (b->command.keys != NULL) {
                    b->command.keys(&b->command);
                }
            }
            return;
        }
    }
    anp_error err = {.code = ANP_OK};
    anp_status status = verdict(b, &err);
    anp_command_finish(&b->command, status, &err);
}

static void on_timer(anp_timer *t)
{
    anp_batch *b = (anp_batch *)(void *)((char *)t - offsetof(anp_batch, timer));
    uint64_t now = anp_clock_now();
    if (now >= b->command.deadline) {
        char text[64];
        (void)snprintf(text, sizeof text, "total_timeout of %u ms passed",
                       (unsigned)b->command.policy.total_timeout_ms);
        stop(b, ANP_ERR_CLIENT_TIMEOUT, text);
    } else if (anp_attempt_is_closed(b->command.cluster)) {
        anp_error closed;
        stop(b, anp_error_closed(&closed), closed.message);
    }
    for (uint32_t i = 0; i < b->n_peers && !b->is_stopping; i++) {
        for (uint32_t k = 0; k < b->connections; k++) {
            anp_channel_expire(&b->peers[i]->channels[k], now);
        }
    }
    anp_batch_pump(b);
}

/* ---- the command's kind ---- */

static void start(anp_command *c)
{
    anp_batch *b = (anp_batch *)c;
    b->started_at = anp_clock_now();
    if (c->policy.each_window) {
        c->deadline = ANP_NEVER;
    }
    if (c->loop == NULL) {
        stop(b, c->error.code, c->error.message);
    } else if (atomic_load(&c->is_cancelled)) {
        stop(b, ANP_ERR_ABORTED, "the call was cancelled");
    } else {
        anp_batch_new_map(b);
    }
    if (c->loop == NULL) {
        (void)try_end(b);
        anp_error err = {.code = ANP_OK};
        anp_status status = verdict(b, &err);
        anp_command_finish(c, status, &err);
        return;
    }
    anp_batch_pump(b);
}

static void cancel(anp_command *c)
{
    anp_batch *b = (anp_batch *)c;
    stop(b, ANP_ERR_ABORTED, "the call was cancelled");
    atomic_store(&c->wants_keys, false);
    anp_batch_pump(b);
}

static void resume(anp_command *c)
{
    anp_batch *b = (anp_batch *)c;
    if (b->has_given) {
        adopt_keys(b);
    } else {
        b->has_asked = false;
    }
    anp_batch_pump(b);
}

static const anp_command_kind kind = {
    .name = "batch", .start = start, .cancel = cancel, .resume = resume};

anp_status anp_batch_new(anp_cluster *cluster, const anp_policy *policy, const anp_keys *keys,
                         const anp_row_source *source, const anp_row_sink *sink, anp_slice filter,
                         anp_batch **out, anp_error *err)
{
    anp_batch *b = anp_calloc(1, sizeof *b);
    if (b == NULL) {
        return anp_error_memory(err, sizeof *b, "a batch");
    }
    b->source = *source;
    b->sink = *sink;
    b->keys = *keys;
    b->total = keys->total;
    b->chunk_row = b->next_row = keys->first;
    uint64_t end = keys->first + keys->count;
    b->slice_end = end < b->total ? end : b->total;
    uint32_t rows = policy->window != 0 ? policy->window : ANP_WINDOW_ROWS;
    b->window_rows = b->total < rows ? (uint32_t)(b->total != 0 ? b->total : 1) : rows;
    b->connections = policy->connections != 0 ? policy->connections : 2;
    b->timer.fire = on_timer;
    anp_buffer_init(&b->scratch, SIZE_MAX / 2);
    anp_buffer_init(&b->ops, ANP_PROTO_MAX);
    anp_buffer_init(&b->in, (size_t)2 * ANP_PROTO_MAX);
    b->in_room = (b->total < 256 ? 32u : b->total < 5000 ? 128u : 256u) * 1024u;
    b->chunk = anp_malloc((size_t)(b->total < ANP_CHUNK_ROWS ? b->total : ANP_CHUNK_ROWS) *
                          ANP_DIGEST_SIZE);
    if (filter.size != 0) {
        b->filter = (anp_slice){anp_memdup(filter.data, filter.size), filter.size};
    }
    anp_command_init(&b->command, &kind, cluster, policy);
    if (b->chunk == NULL || (filter.size != 0 && b->filter.data == NULL) ||
        !anp_buffer_reserve(&b->in, b->in_room)) {
        anp_batch_free(b);
        return anp_error_memory(err, sizeof *b + rows, "a batch");
    }
    *out = b;
    return ANP_OK;
}

void anp_batch_free(anp_batch *b)
{
    if (b == NULL) {
        return;
    }
    anp_batch_plan_free(b);
    for (anp_window *w = b->spare, *next; w != NULL; w = next) {
        next = w->next;
        anp_window_free(b, w);
    }
    anp_buffer_deinit(&b->scratch);
    anp_buffer_deinit(&b->ops);
    anp_buffer_deinit(&b->in);
    anp_free(b->chunk);
    anp_free((void *)(uintptr_t)b->filter.data);
    anp_command_deinit(&b->command);
    anp_free(b);
}

anp_command *anp_batch_command(anp_batch *b)
{
    return &b->command;
}

void anp_batch_give(anp_batch *b, const anp_keys *keys)
{
    b->given = *keys;
    b->has_given = true;
}

uint64_t anp_batch_progress(const anp_batch *b)
{
    return atomic_load_explicit(&b->progress, memory_order_relaxed);
}

void anp_batch_timings_get(const anp_batch *b, anp_batch_timings *out)
{
    const double second = 1e9;
    uint64_t total = b->is_over           ? b->ns_total
                     : b->started_at != 0 ? anp_clock_now() - b->started_at
                                          : 0;
    uint64_t busy = b->ns_digests + b->ns_sending + b->ns_decoding;
    *out = (anp_batch_timings){
        .digests = (double)b->ns_digests / second,
        .sending = (double)b->ns_sending / second,
        .waiting = total > busy ? (double)(total - busy) / second : 0,
        .decoding = (double)b->ns_decoding / second,
    };
}
