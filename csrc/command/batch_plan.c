/* From keys to open windows: digests a thousand at a time, the partition's node, a place in that
 * node's window. Pauses where a node's queue is full, in the middle of a thousand if need be:
 * memory does not grow with the number of keys. But a slow node does not make the others wait:
 * while one of them could take a window now, planning goes on, and what the slow one can't take yet
 * is held back for it, up to ANP_HELD_BYTES. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "command/batch_engine.h"

/* ---- spaces: each pair of namespace and set once, so that windows don't point into keys that are
 * gone ---- */

static uint32_t hash_run(const anp_key_run *run)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < run->namespace_name.size; i++) {
        h = (h ^ run->namespace_name.data[i]) * 16777619u;
    }
    h = (h ^ 0xffu) * 16777619u;
    for (size_t i = 0; i < run->set.size; i++) {
        h = (h ^ run->set.data[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

static bool slices_equal(const uint8_t *a, size_t a_size, anp_slice b)
{
    return a_size == b.size && (a_size == 0 || memcmp(a, b.data, a_size) == 0);
}

static bool is_space(const anp_batch_space *s, const anp_key_run *run)
{
    return slices_equal(s->bytes, s->namespace_size, run->namespace_name) &&
           slices_equal(s->bytes + s->namespace_size, s->set_size, run->set);
}

static anp_slice space_namespace(const anp_batch_space *s)
{
    return (anp_slice){s->bytes, s->namespace_size};
}

static bool grow_spaces(anp_batch *b)
{
    uint32_t room = b->room_spaces != 0 ? b->room_spaces * 2 : 4;
    anp_batch_space *spaces = anp_realloc(b->spaces, room * sizeof *spaces);
    if (spaces == NULL) {
        return false;
    }
    b->spaces = spaces;
    uint32_t size = room * 2;
    uint32_t *table = anp_calloc(size, sizeof *table);
    if (table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < b->n_spaces; i++) {
        const anp_batch_space *s = &spaces[i];
        anp_key_run run = {space_namespace(s), {s->bytes + s->namespace_size, s->set_size}, 0};
        uint32_t at = hash_run(&run) & (size - 1);
        while (table[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        table[at] = i + 1;
    }
    anp_free(b->space_table);
    b->space_table = table;
    b->table_size = size;
    b->room_spaces = room;
    return true;
}

/* The number of a run's space; UINT32_MAX: no memory. */
static uint32_t intern(anp_batch *b, const anp_key_run *run)
{
    if (b->n_spaces != 0 && is_space(&b->spaces[b->last_space], run)) {
        return b->last_space;
    }
    if (b->n_spaces == b->room_spaces && !grow_spaces(b)) {
        return UINT32_MAX;
    }
    uint32_t at = hash_run(run) & (b->table_size - 1);
    for (; b->space_table[at] != 0; at = (at + 1) & (b->table_size - 1)) {
        if (is_space(&b->spaces[b->space_table[at] - 1], run)) {
            return b->last_space = b->space_table[at] - 1;
        }
    }
    anp_batch_space s = {.namespace_size = (uint32_t)run->namespace_name.size,
                         .set_size = (uint32_t)run->set.size,
                         .namespace_index = -2};
    s.bytes = anp_malloc(run->namespace_name.size + run->set.size);
    if (s.bytes == NULL) {
        return UINT32_MAX;
    }
    if (s.namespace_size != 0) {
        memcpy(s.bytes, run->namespace_name.data, s.namespace_size);
    }
    if (s.set_size != 0) {
        memcpy(s.bytes + s.namespace_size, run->set.data, s.set_size);
    }
    b->spaces[b->n_spaces] = s;
    b->space_table[at] = ++b->n_spaces;
    return b->last_space = b->n_spaces - 1;
}

/* ---- rows into windows ---- */

/* A row that can't go anywhere. What a server once said about it is still better than what we say
 * now. */
static void strand(anp_batch *b, const anp_window_row *r, anp_status code, const anp_error *err)
{
    if ((r->flags & ANP_WROW_AGAIN) != 0 && !b->source.is_write) {
        anp_message m = {.result = r->code, .index = (uint32_t)r->row};
        anp_error ignored;
        (void)anp_batch_deliver(b, r, &m, anp_cursor_over(NULL, 0), &ignored);
        return;
    }
    anp_batch_settle(b, r, code, code < 0, err);
}

/* A row that has no node to go to now: it waits for a better moment where that is allowed. */
static void put_off(anp_batch *b, anp_window_row *r, anp_batch_way way, anp_status code,
                    anp_error *err)
{
    bool may_wait = anp_batch_may_retry(b, r);
    if (way == ANP_WAY_WAIT) {
        may_wait = !b->is_stopping; /* it was not asked: that is no retry */
    } else if (way == ANP_WAY_SHUT) {
        may_wait &= b->command.policy.sleep_ms != 0; /* at once it would be no better */
    } else if (way == ANP_WAY_REFUSED || (code == ANP_NAMESPACE && r->retries != 0)) {
        may_wait = false;
    }
    if (may_wait && anp_batch_wait(b, r, way != ANP_WAY_WAIT)) {
        return;
    }
    if (way == ANP_WAY_WAIT) {
        code = anp_error_memory(err, sizeof(anp_window), "a window");
    } else if (code == ANP_ERR_INVALID_NODE && anp_attempt_is_closed(b->command.cluster)) {
        code = anp_error_closed(err);
    }
    strand(b, r, code, err);
}

/* Into the open window of its node. */
static void place(anp_batch *b, anp_batch_peer *p, const anp_window_row *r)
{
    anp_window *w = p->open;
    anp_window_row *to = &w->rows[w->n_rows++];
    *to = *r;
    to->flags &= ANP_WROW_DOUBT | ANP_WROW_AGAIN; /* AGAIN: `code` is still the last word */
    if (w->n_rows >= anp_window_limit(b, p)) {
        if (p->queue.count >= ANP_WINDOWS_QUEUED) {
            anp_buffer_deinit(&w->request); /* held back: without the memory of an earlier use */
        }
        anp_window_push(&p->queue, w);
        p->open = NULL;
    }
}

/* Adds a row; gives the peer it went to, NULL when it waits or was settled. `from`: as for
 * anp_batch_add. */
static anp_batch_peer *add(anp_batch *b, anp_window_row *r, const anp_window *from)
{
    anp_status code = ANP_OK;
    anp_error err = {.code = ANP_OK};
    uint32_t peer = ANP_NO_PEER;
    anp_batch_way way = anp_batch_route(b, r, &peer, &code, &err);
    if (way == ANP_WAY_PEER && from != NULL && from->stale == b->peers[peer] &&
        !anp_batch_is_news(b, &from->news)) {
        way = ANP_WAY_WAIT; /* it would only say again that it doesn't serve the partition */
    }
    if (way == ANP_WAY_LEFT) { /* waits once */
        bool has_waited = from != NULL && from->is_waiting && !from->is_counted;
        way = has_waited ? ANP_WAY_NOWHERE : ANP_WAY_WAIT;
    }
    if (way != ANP_WAY_PEER) {
        put_off(b, r, way, code, &err);
        return NULL;
    }
    anp_batch_peer *p = b->peers[peer];
    if (p->open == NULL) {
        p->open = anp_window_take(b);
        if (p->open == NULL) {
            code = anp_error_memory(&err, b->window_rows * sizeof(anp_window_row), "a window");
            strand(b, r, code, &err);
            return NULL;
        }
    }
    place(b, p, r);
    return p;
}

void anp_batch_add(anp_batch *b, const anp_window_row *r, const anp_window *from)
{
    anp_window_row copy = *r;
    (void)add(b, &copy, from);
}

/* ---- keys ---- */

/* The slow way, for a thousand that holds a key that can't be: that one is settled, the others go
 * on. */
static void add_singly(anp_batch *b, uint64_t row, uint32_t n, uint32_t space)
{
    for (uint32_t i = 0; i < n; i++) {
        anp_window_row r = {.row = row + i, .space = space};
        anp_error err;
        anp_status status = anp_keys_digest(&b->keys, row + i, 1, r.digest, &b->scratch, &err);
        if (status != ANP_OK) {
            anp_batch_settle(b, &r, status, status == ANP_ERR_MEMORY, &err);
        } else {
            (void)add(b, &r, NULL);
        }
    }
}

/* Digests the next rows into the chunk. They share a run. */
static void digest_chunk(anp_batch *b)
{
    if (b->next_row >= b->run_end) {
        b->run = anp_keys_run(&b->keys, b->next_row, &b->run_end);
        b->run_space = intern(b, b->run);
    }
    uint64_t left = (b->run_end < b->slice_end ? b->run_end : b->slice_end) - b->next_row;
    uint32_t n = left < ANP_CHUNK_ROWS ? (uint32_t)left : ANP_CHUNK_ROWS;
    uint64_t row = b->next_row;
    b->next_row += n;
    anp_error err;
    if (b->run_space == UINT32_MAX) {
        (void)anp_error_memory(&err, sizeof(anp_batch_space), "a set's name");
        for (uint32_t i = 0; i < n; i++) {
            anp_window_row r = {.row = row + i};
            anp_batch_settle(b, &r, ANP_ERR_MEMORY, true, &err);
        }
        b->chunk_row = b->next_row;
    } else if (anp_keys_digest(&b->keys, row, n, b->chunk, &b->scratch, &err) != ANP_OK) {
        add_singly(b, row, n, b->run_space);
        b->chunk_row = b->next_row;
    } else {
        b->chunk_base = row;
    }
}

bool anp_batch_is_hungry(const anp_batch *b, const anp_batch_peer *p)
{
    if (p->queue.count != 0 || !atomic_load_explicit(&p->node->active, memory_order_relaxed)) {
        return false;
    }
    bool is_used = false, has_free = false;
    for (uint32_t k = 0; k < b->connections; k++) {
        const anp_channel *c = &p->channels[k];
        if (c->state == ANP_CHANNEL_OPEN && c->windows.count < ANP_WINDOWS_FLYING) {
            return true;
        }
        is_used |= c->state != ANP_CHANNEL_FREE && c->state != ANP_CHANNEL_LEAVING;
        has_free |= c->state == ANP_CHANNEL_FREE;
    }
    return has_free && (!is_used || !p->no_more);
}

bool anp_batch_is_full(const anp_batch *b)
{
    size_t held = b->parked.count;
    for (uint32_t i = 0; i < b->n_peers; i++) {
        held += b->peers[i]->queue.count;
    }
    return held > ANP_WINDOWS_QUEUED &&
           held * (sizeof(anp_window) + b->window_rows * sizeof(anp_window_row)) >= ANP_HELD_BYTES;
}

/* Is there no room for further windows? */
static bool is_crowded(const anp_batch *b)
{
    bool is_crowded = false, has_hungry = false;
    for (uint32_t i = 0; i < b->n_peers; i++) {
        is_crowded |= b->peers[i]->queue.count >= ANP_WINDOWS_QUEUED;
        has_hungry |= anp_batch_is_hungry(b, b->peers[i]);
    }
    return (is_crowded && !has_hungry) || anp_batch_is_full(b);
}

void anp_batch_plan(anp_batch *b)
{
    if (anp_batch_is_planned(b) || is_crowded(b)) {
        return;
    }
    uint64_t begin = anp_clock_now();
    bool paused = false;
    while (!paused && !anp_batch_is_planned(b)) {
        if (b->chunk_row == b->next_row) {
            digest_chunk(b);
            paused = is_crowded(b); /* add_singly doesn't look */
        }
        while (!paused && b->chunk_row < b->next_row) {
            anp_window_row r = {.row = b->chunk_row, .space = b->run_space};
            memcpy(r.digest, b->chunk + (size_t)(b->chunk_row - b->chunk_base) * ANP_DIGEST_SIZE,
                   ANP_DIGEST_SIZE);
            b->chunk_row++;
            anp_batch_peer *p = anp_batch_known_peer(b, &r);
            p = p != NULL ? p : anp_batch_first_peer(b, &r);
            if (p != NULL && p->open != NULL) {
                place(b, p, &r);
            } else {
                p = add(b, &r, NULL);
            }
            /* what is full leaves at once: the node works while the next keys are digested */
            paused = p != NULL && p->queue.count != 0 && p->open == NULL;
        }
    }
    b->is_dirty |= paused && !is_crowded(b);
    b->ns_digests += anp_clock_now() - begin;
}

void anp_batch_plan_free(anp_batch *b)
{
    for (uint32_t i = 0; i < b->n_peers; i++) {
        anp_batch_peer *p = b->peers[i];
        if (p->open != NULL) {
            anp_window_give(b, p->open);
        }
        for (anp_window *w; (w = anp_window_pop(&p->queue)) != NULL;) {
            anp_window_give(b, w);
        }
        for (uint32_t k = 0; k < b->connections; k++) {
            anp_buffer_deinit(&p->channels[k].carry);
        }
        anp_cluster_node_release(p->node);
        anp_free(p);
    }
    anp_free(b->peers);
    if (b->waiting != NULL) {
        anp_window_give(b, b->waiting);
    }
    if (b->stranded != NULL) {
        anp_window_give(b, b->stranded);
    }
    for (uint32_t i = 0; i < b->n_spaces; i++) {
        anp_free(b->spaces[i].bytes);
    }
    anp_free(b->spaces);
    anp_free(b->space_table);
    for (int i = 0; i < ANP_MAP_NAMESPACES; i++) {
        anp_free(b->routes[i]);
    }
    if (b->map != NULL) {
        anp_map_release(b->map);
    }
}
