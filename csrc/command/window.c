/* Windows: sub-batches of one node. Lists of them, their requests, and what becomes of their rows.
 *
 * A row's index in the request is its place in the window. A window that ends leaves no row behind:
 * each is answered, settled, or parked with the window until it is planned again. */
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "command/batch_engine.h"
#include "command/request.h"

enum { SPARE_REQUEST = 512 * 1024 }; /* of a window that is kept */

/* ---- lists ---- */

void anp_window_push(anp_window_list *list, anp_window *w)
{
    w->next = NULL;
    if (list->last != NULL) {
        list->last->next = w;
    } else {
        list->first = w;
    }
    list->last = w;
    list->count++;
}

void anp_window_push_front(anp_window_list *list, anp_window *w)
{
    w->next = list->first;
    list->first = w;
    if (list->last == NULL) {
        list->last = w;
    }
    list->count++;
}

anp_window *anp_window_pop(anp_window_list *list)
{
    anp_window *w = list->first;
    if (w != NULL) {
        list->first = w->next;
        if (list->first == NULL) {
            list->last = NULL;
        }
        list->count--;
        w->next = NULL;
    }
    return w;
}

void anp_window_remove(anp_window_list *list, anp_window *w)
{
    anp_window *before = NULL;
    for (anp_window *at = list->first; at != NULL; before = at, at = at->next) {
        if (at == w) {
            *(before != NULL ? &before->next : &list->first) = w->next;
            if (list->last == w) {
                list->last = before;
            }
            list->count--;
            w->next = NULL;
            return;
        }
    }
}

/* ---- memory ---- */

static anp_window *window_of(anp_spare *spare)
{
    return (anp_window *)(void *)((char *)spare - offsetof(anp_window, spare));
}

static void drop_spare(anp_spare *spare)
{
    anp_window *w = window_of(spare);
    anp_buffer_deinit(&w->request);
    anp_free(w);
}

/* Only windows of the usual size are left to other batches. */
static anp_window *new_window(anp_batch *b)
{
    anp_spare *spare =
        b->window_rows == ANP_WINDOW_ROWS ? anp_cluster_spare_take(b->command.cluster) : NULL;
    if (spare != NULL) {
        return window_of(spare);
    }
    anp_window *w = anp_malloc(sizeof *w + b->window_rows * sizeof w->rows[0]);
    if (w != NULL) {
        w->spare.drop = drop_spare;
        anp_buffer_init(&w->request, ANP_PROTO_HEAD + (size_t)ANP_PROTO_MAX);
    }
    return w;
}

void anp_window_free(anp_batch *b, anp_window *w)
{
    bool is_usual = b->window_rows == ANP_WINDOW_ROWS && w->request.capacity <= SPARE_REQUEST;
    if (!is_usual || !anp_cluster_spare_put(b->command.cluster, &w->spare)) {
        drop_spare(&w->spare);
    }
}

anp_window *anp_window_take(anp_batch *b)
{
    anp_window *w = b->spare;
    if (w != NULL) {
        b->spare = w->next;
    } else if ((w = new_window(b)) == NULL) {
        return NULL;
    }
    w->next = NULL;
    w->n_rows = 0;
    w->is_encoded = w->is_sent = w->was_renewed = w->is_overloaded = false;
    w->is_counted = w->is_hopping = w->is_waiting = false;
    w->peer = w->stale = NULL;
    w->deadline = ANP_NEVER;
    w->resume_at = 0;
    w->written = 0;
    anp_buffer_clear(&w->request);
    return w;
}

void anp_window_give(anp_batch *b, anp_window *w)
{
    w->next = b->spare;
    b->spare = w;
}

uint32_t anp_window_limit(const anp_batch *b, const anp_batch_peer *p)
{
    uint32_t rows = atomic_load_explicit(&p->node->batch_rows, memory_order_relaxed);
    return rows == 0 || rows > b->window_rows ? b->window_rows : rows;
}

/* ---- the request ---- */

static uint8_t batch_flags(const anp_policy *policy)
{
    return (uint8_t)(ANP_BATCH_RETURN_ERROR_ROW |
                     (policy->allow_inline ? ANP_BATCH_ALLOW_INLINE : 0) |
                     (policy->allow_inline_ssd ? ANP_BATCH_ALLOW_INLINE_SSD : 0) |
                     (policy->respond_all ? ANP_BATCH_RESPOND_ALL : 0));
}

static uint32_t time_limit(const anp_batch *b)
{
    if (b->command.policy.each_window || b->command.deadline == ANP_NEVER) {
        return b->command.policy.each_window ? b->command.policy.total_timeout_ms : 0;
    }
    int ms = anp_clock_ms_left(b->command.deadline, anp_clock_now(), INT32_MAX);
    return ms > 0 ? (uint32_t)ms : 1;
}

/* Everything of a full row behind its head. */
static void write_row_rest(anp_buffer *to, const anp_batch_space *s, const anp_key *key,
                           const anp_row_request *q)
{
    anp_field_write(to, ANP_FIELD_NAMESPACE, s->bytes, s->namespace_size);
    anp_field_write(to, ANP_FIELD_SET, s->bytes + s->namespace_size, s->set_size);
    if (key != NULL) {
        anp_buffer_be32(to, 2 + (key->type == ANP_PARTICLE_INTEGER ? 8 : key->size));
        anp_buffer_u8(to, ANP_FIELD_KEY);
        anp_key_field_write(to, key);
    }
    anp_buffer_put(to, q->fields.data, q->fields.size);
    anp_buffer_put(to, q->ops.data, q->ops.size);
}

/* Appends one full row. Not ANP_OK: it can't be sent, and nothing was appended. */
static anp_status write_row(anp_batch *b, anp_window *w, uint32_t i, anp_batch_frame *frame)
{
    anp_window_row *r = &w->rows[i];
    anp_row_request q = b->source.same;
    anp_buffer_clear(&b->ops);
    if (b->source.row != NULL) {
        anp_status status = b->source.row(b->source.context, r->row, &q, &b->ops);
        if (status != ANP_OK) {
            return status;
        }
        if (b->ops.failed != ANP_OK) {
            return b->ops.failed;
        }
        if (q.ops.data == NULL && q.n_ops != 0) {
            q.ops = (anp_slice){b->ops.data, b->ops.size};
        }
    }
    anp_key key;
    bool has_key = false;
    if (b->source.send_key || q.send_key) {
        anp_error err;
        anp_status status = anp_keys_get(&b->keys, r->row, &key, &b->scratch, &err);
        if (status != ANP_OK) {
            return status;
        }
        has_key = key.type != 0;
    }
    anp_batch_row head = {
        .index = i,
        .flags = q.flags,
        .info1 = q.info1,
        .info2 = q.info2,
        .info3 = q.info3,
        .generation = q.generation,
        .ttl = q.ttl,
        .n_fields = (uint16_t)(2 + (has_key ? 1 : 0) + q.n_fields),
        .n_ops = q.n_ops,
    };
    memcpy(head.digest, r->digest, ANP_DIGEST_SIZE);
    size_t size = w->request.size;
    uint32_t rows = frame->rows;
    anp_batch_row_write(&w->request, frame, &head);
    write_row_rest(&w->request, &b->spaces[r->space], has_key ? &key : NULL, &q);
    anp_status failed = w->request.failed;
    if (failed != ANP_OK) {
        w->request.size = size;
        w->request.failed = ANP_OK;
        frame->rows = rows;
    }
    return failed;
}

/* The rows from `from` on make a window of their own, which is the queue's first. */
static void split(anp_batch *b, anp_batch_peer *p, anp_window *w, uint32_t from)
{
    anp_window *rest = anp_window_take(b);
    if (rest == NULL) {
        anp_error err;
        (void)anp_error_memory(&err, b->window_rows * sizeof(anp_window_row), "a window");
        for (uint32_t i = from; i < w->n_rows; i++) {
            anp_batch_settle(b, &w->rows[i], ANP_ERR_MEMORY, true, &err);
        }
    } else {
        rest->n_rows = w->n_rows - from;
        memcpy(rest->rows, w->rows + from, rest->n_rows * sizeof rest->rows[0]);
        anp_window_push_front(&p->queue, rest);
    }
    w->n_rows = from;
}

void anp_window_encode(anp_batch *b, anp_batch_peer *p, anp_window *w)
{
    uint64_t begin = anp_clock_now();
    bool may_repeat = b->source.row == NULL && !b->source.send_key;
    uint32_t space = UINT32_MAX; /* of the last full row */
    anp_batch_frame frame;
    anp_buffer_clear(&w->request);
    anp_batch_begin(&w->request, time_limit(b), batch_flags(&b->command.policy), b->filter, &frame);
    for (uint32_t i = 0; i < w->n_rows; i++) {
        anp_window_row *r = &w->rows[i];
        if ((r->flags & ANP_WROW_ANSWERED) !=
            0) { /* refused when this was encoded for another connection */
            continue;
        }
        anp_status status = w->request.failed;
        if (status == ANP_OK && may_repeat && r->space == space) {
            size_t size = w->request.size;
            uint32_t rows = frame.rows;
            anp_batch_repeat_write(&w->request, &frame, i, r->digest);
            status = w->request.failed;
            if (status != ANP_OK) {
                w->request.size =
                    size; /* the head's size is patched at the end: what is there stays whole */
                w->request.failed = ANP_OK;
                frame.rows = rows;
            }
        } else if (status == ANP_OK) {
            status = write_row(b, w, i, &frame);
            space = status == ANP_OK ? r->space : space;
        }
        if (status == ANP_OK) {
            r->flags |= ANP_WROW_SENT;
        } else {
            r->flags |= ANP_WROW_ANSWERED;
            r->flags &= (uint8_t)~(ANP_WROW_AGAIN | ANP_WROW_SENT);
            anp_batch_settle(b, r, status, status == ANP_ERR_MEMORY, NULL);
        }
        if (w->request.size >= ANP_WINDOW_BYTES && i + 1 < w->n_rows) {
            split(b, p, w, i + 1);
        }
    }
    anp_batch_end(&w->request, &frame);
    if (frame.rows == 0) { /* nobody is left */
        w->n_rows = 0;
    }
    w->is_encoded = true;
    w->written = 0;
    b->ns_sending += anp_clock_now() - begin;
}

/* ---- ends ---- */

/* A row that its window leaves behind; true: it is to be asked again. */
static bool keep_or_settle(anp_batch *b, anp_window *w, anp_window_row *r, anp_status code,
                           bool may_retry, bool is_counted, const anp_error *err)
{
    bool is_again = (r->flags & ANP_WROW_AGAIN) != 0;
    bool is_new =
        (r->flags & ANP_WROW_ANSWERED) != 0; /* AGAIN of this attempt, not of an earlier one */
    if (w->is_sent && b->source.is_write && code != ANP_BATCH_MAX_REQUESTS && !is_new) {
        r->flags |= ANP_WROW_DOUBT;
    }
    if ((may_retry || (is_again && is_new)) &&
        (is_counted ? anp_batch_may_retry(b, r) : !b->is_stopping)) {
        return true;
    }
    if (is_again &&
        !b->source.is_write) { /* what the server said last is better than what we say */
        anp_message m = {.result = r->code, .index = (uint32_t)(r - w->rows)};
        anp_error ignored;
        (void)anp_batch_deliver(b, r, &m, anp_cursor_over(NULL, 0), &ignored);
    } else if (is_again && is_new) { /* a write that timed out on the server */
        anp_batch_settle(b, r, r->code, false, NULL);
    } else {
        anp_batch_settle(b, r, code, code < 0, err);
    }
    return false;
}

void anp_window_end(anp_batch *b, anp_window *w, anp_status code, bool may_retry, bool is_counted,
                    const anp_error *err)
{
    uint32_t kept = 0;
    bool is_stale = code == ANP_UNAVAILABLE;
    for (uint32_t i = 0; i < w->n_rows; i++) {
        anp_window_row *r = &w->rows[i];
        if ((r->flags & ANP_WROW_ANSWERED) != 0 && (r->flags & ANP_WROW_AGAIN) == 0) {
            continue;
        }
        if (keep_or_settle(b, w, r, code, may_retry, is_counted, err)) {
            r->flags &= ANP_WROW_DOUBT | ANP_WROW_AGAIN;
            is_stale |= (r->flags & ANP_WROW_AGAIN) != 0 && r->code == ANP_UNAVAILABLE;
            w->rows[kept++] = *r;
        }
    }
    w->n_rows = kept;
    b->is_dirty = true;
    if (kept == 0) {
        anp_window_give(b, w);
        return;
    }
    w->is_counted = is_counted;
    /* what a write's master did not answer in time is its own to repeat */
    w->is_hopping = is_counted && !(b->source.is_write && code == ANP_ERR_CLIENT_TIMEOUT);
    if (is_stale) {
        w->stale = w->peer;
        w->news = anp_batch_news_now(b);
        anp_cluster_refresh(b->command.cluster);
    }
    w->resume_at = is_counted ? anp_clock_now() + b->command.policy.sleep_ms * ANP_NS_PER_MS : 0;
    w->deadline = ANP_NEVER;
    anp_window_push(&b->parked, w);
}
