/* Channels: a connection of one node while a batch uses it, with the windows that are in flight on
 * it, in order.
 *
 * The first channel of a node waits its turn at the pool; further ones are taken only when there is
 * one to be had at once. The next window is written while the reply of the one before still comes
 * in. */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "command/batch_engine.h"

enum {
    READS_A_TURN = 4,        /* then the other channels, and the driver, have their turn */
    MOST_COPIED = 32 * 1024, /* of the beginning of a message, when another channel reads */
};

static bool write_windows(anp_channel *c);
static void read_windows(anp_channel *c);

static anp_loop *loop_of(const anp_channel *c)
{
    return c->batch->command.loop;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

anp_status anp_channel_describe(const anp_channel *c, anp_error *err, anp_status code,
                                const char *what, const char *why)
{
    char address[ANP_ADDRESS_TEXT];
    anp_address_print(&c->peer->node->address, address);
    (void)anp_error_set(err, code, "%s %s: %s", what, address, why);
    anp_error_node(err, c->peer->node->name);
    return code;
}

/* ---- ends ---- */

/* Lets go of the connection, or of the place in the pool's queue. */
static void detach(anp_channel *c, bool clean)
{
    anp_batch *b = c->batch;
    if (c->watch.fd >= 0) {
        anp_loop_unwatch(loop_of(c), &c->watch);
        c->watch.fd = -1;
    }
    bool is_leaving =
        c->state == ANP_CHANNEL_WAITING && !anp_pool_cancel(c->peer->node->pool, &c->waiter);
    if (c->connection != NULL) {
        anp_pool_put(c->connection, clean && c->connection->stream.table != NULL);
        c->connection = NULL;
    }
    if (b->owner == c) {
        b->owner = NULL;
        b->in.size = 0;
    }
    anp_buffer_clear(&c->carry);
    c->frame_left = 0;
    c->state = is_leaving ? ANP_CHANNEL_LEAVING : ANP_CHANNEL_FREE;
}

void anp_channel_release(anp_channel *c, bool clean)
{
    if (c->state == ANP_CHANNEL_FREE || c->state == ANP_CHANNEL_LEAVING) {
        return;
    }
    bool is_exact = c->state == ANP_CHANNEL_OPEN && c->frame_left == 0 && c->carry.size == 0 &&
                    (c->batch->owner != c || c->batch->in.size == 0);
    detach(c, clean && is_exact);
}

static bool has_other(const anp_channel *c)
{
    for (uint32_t i = 0; i < c->batch->connections; i++) {
        const anp_channel *other = &c->peer->channels[i];
        if (other != c && other->state == ANP_CHANNEL_OPEN) {
            return true;
        }
    }
    return false;
}

/* May this window be sent again on another connection, and nobody be told? */
static bool may_renew(const anp_channel *c, const anp_window *w, bool is_stale, bool is_spare)
{
    return is_spare || (is_stale && !w->was_renewed && !(c->batch->source.is_write && w->is_sent));
}

static void requeue(anp_channel *c, anp_window *w, bool is_stale)
{
    w->was_renewed |= is_stale;
    w->is_encoded = w->is_sent = false;
    w->deadline = ANP_NEVER;
    for (uint32_t i = 0; i < w->n_rows;
         i++) { /* what was refused stays out; nothing was answered */
        w->rows[i].flags &= (uint8_t)~ANP_WROW_SENT;
    }
    anp_window_push_front(&c->peer->queue, w);
    c->batch->is_dirty = true;
}

void anp_channel_blame(const anp_channel *c, anp_status code)
{
    if (c->connection != NULL && (code == ANP_ERR_CONNECTION || code == ANP_ERR_CLIENT_TIMEOUT ||
                                  code == ANP_ERR_PROTOCOL)) {
        anp_cluster_node_count_error(c->peer->node);
    }
}

/* It failed or was silent: until a byte of it comes, what may be read elsewhere is. */
static void doubt(anp_batch_peer *p, anp_batch *b)
{
    p->is_doubtful = true;
    p->news = anp_batch_news_now(b);
}

void anp_channel_fail(anp_channel *c, anp_status code, bool may_retry, const anp_error *err)
{
    if (c->state == ANP_CHANNEL_FREE || c->state == ANP_CHANNEL_LEAVING) {
        return;
    }
    anp_batch *b = c->batch;
    bool is_broken = code == ANP_ERR_CONNECTION && !b->is_stopping;
    bool is_stale =
        is_broken && c->state == ANP_CHANNEL_OPEN && c->connection->reused && !c->was_heard;
    bool is_spare =
        is_broken && c->state == ANP_CHANNEL_CONNECTING && has_other(c); /* the others do it */
    anp_batch_peer *p = c->peer;
    p->no_more |= is_spare;
    bool is_new = c->state != ANP_CHANNEL_OPEN;
    bool is_waiting = c->state == ANP_CHANNEL_WAITING;
    bool is_gone = is_new && is_broken && !atomic_load(&p->node->active);
    anp_window_list windows = c->windows;
    c->windows = (anp_window_list){0};
    if (!b->is_stopping) {
        if (!is_gone && !is_stale) {
            anp_channel_blame(c, code);
        }
        anp_cluster_refresh(b->command.cluster);
    }
    detach(c, false);
    anp_window_list back = {0}; /* reversed, so that the queue keeps the order */
    /* a time-out of the channel comes after that of its window */
    bool is_down = code == ANP_ERR_CLIENT_TIMEOUT && !is_new;
    for (anp_window *w; (w = anp_window_pop(&windows)) != NULL;) {
        if (may_renew(c, w, is_stale, is_spare)) {
            anp_window_push_front(&back, w);
        } else {
            is_down = !is_waiting;
            anp_window_end(b, w, code, may_retry, !is_gone, err);
        }
    }
    is_down &= !b->is_stopping && (code == ANP_ERR_CONNECTION || code == ANP_ERR_CLIENT_TIMEOUT);
    if (is_down) {
        doubt(p, b);
    }
    if (is_down && is_new && !is_gone) { /* nobody is there: it is the same for those behind */
        anp_batch_recall(b, p, code, true, true, err);
    } else if (is_gone || (is_down && anp_batch_has_choice(b))) {
        anp_batch_recall(b, p, code, true, false, err);
    }
    for (anp_window *w; (w = anp_window_pop(&back)) != NULL;) {
        requeue(c, w, is_stale);
    }
}

void anp_channel_break(anp_channel *c, const char *what, const char *why)
{
    anp_error err;
    (void)anp_channel_describe(c, &err, ANP_ERR_CONNECTION, what, why);
    anp_channel_fail(c, ANP_ERR_CONNECTION, true, &err);
}

static void fail_stream(anp_channel *c, const char *what)
{
    char why[96];
    anp_stream_reason(c->connection->stream.error, why, sizeof why);
    anp_channel_break(c, what, why);
}

/* ---- on the way to an open connection ---- */

static void heard(anp_channel *c)
{
    c->silent_at = anp_clock_deadline(anp_clock_now(), c->batch->command.policy.socket_timeout_ms);
}

/* Watches for what the channel needs. */
static void watch(anp_channel *c)
{
    if (c->state != ANP_CHANNEL_CONNECTING && c->state != ANP_CHANNEL_OPEN) {
        return;
    }
    short events = c->connection->stream.wants;
    if (c->state == ANP_CHANNEL_OPEN) {
        bool is_writing = false;
        for (const anp_window *w = c->windows.first; w != NULL; w = w->next) {
            is_writing |= !w->is_sent;
        }
        events = (short)(POLLIN | (is_writing ? POLLOUT : 0));
    }
    int fd = c->connection->stream.fd;
    if (c->watch.fd != fd || c->watch.events != events) {
        anp_error err;
        if (anp_loop_watch(loop_of(c), &c->watch, fd, events, &err) != ANP_OK) {
            anp_channel_fail(c, err.code, false, &err);
        }
    }
}

static void go_on_connecting(anp_channel *c)
{
    anp_error err = {.code = ANP_OK};
    int got = anp_connection_open(c->connection, &err);
    if (got == ANP_STREAM_FAILED) {
        anp_error_node(&err, c->peer->node->name);
        anp_channel_fail(c, ANP_ERR_CONNECTION, true, &err);
        return;
    }
    if (got == 0) {
        c->state = ANP_CHANNEL_OPEN;
        heard(c);
        if (!write_windows(c)) {
            return;
        }
    }
    watch(c);
}

static void start_connecting(anp_channel *c)
{
    const anp_batch *b = c->batch;
    uint64_t now = anp_clock_now();
    c->state = ANP_CHANNEL_CONNECTING;
    c->was_heard = false;
    c->frame_left = 0;
    c->wait_by = earlier(anp_clock_deadline(now, anp_cluster_connect_timeout(b->command.cluster)),
                         b->command.deadline);
    go_on_connecting(c);
}

static void grant_arrived(anp_task *t)
{
    anp_channel *c = (anp_channel *)(void *)((char *)t - offsetof(anp_channel, task));
    anp_batch *b = c->batch;
    anp_connection *connection = c->waiter.connection;
    if (c->state == ANP_CHANNEL_LEAVING) {
        if (connection != NULL) {
            anp_pool_put(connection, connection->stream.table != NULL);
        }
        c->state = ANP_CHANNEL_FREE;
    } else if (connection == NULL) {
        c->state = ANP_CHANNEL_CONNECTING; /* it waits for nothing any more */
        anp_channel_break(c, "no connection to", "its pool was closed");
    } else {
        c->connection = connection;
        start_connecting(c);
    }
    anp_batch_pump(b);
}

static void on_grant(anp_waiter *w) /* any thread */
{
    anp_channel *c = (anp_channel *)(void *)((char *)w - offsetof(anp_channel, waiter));
    anp_loop_post(loop_of(c), &c->task);
}

/* Takes a connection and gives it the window. False: there is none to be had, the window stays
 * where it was. */
static bool open_channel(anp_channel *c, bool is_first)
{
    anp_batch *b = c->batch;
    anp_connection *connection = NULL;
    c->waiter.connection = NULL;
    anp_pool_answer answer =
        anp_pool_take(c->peer->node->pool, is_first ? &c->waiter : NULL, &connection);
    if (answer == ANP_POOL_NONE && !is_first) {
        return false;
    }
    anp_window *w = anp_window_pop(&c->peer->queue);
    w->peer = c->peer;
    anp_window_push(&c->windows, w);
    if (answer == ANP_POOL_GOT) {
        c->connection = connection;
        start_connecting(c);
    } else if (answer == ANP_POOL_WAIT) {
        c->state = ANP_CHANNEL_WAITING;
        c->wait_by = b->command.policy.each_window
                         ? anp_clock_deadline(anp_clock_now(), b->command.policy.total_timeout_ms)
                         : b->command.deadline;
    } else {
        c->state = ANP_CHANNEL_CONNECTING;
        anp_channel_break(c, "no connection to",
                          "the node has left the cluster, or memory is short");
    }
    return true;
}

/* ---- windows in ---- */

void anp_channel_feed(anp_batch *b, anp_batch_peer *p)
{
    while (p->queue.first != NULL && !b->is_stopping) {
        anp_channel *best = NULL, *unused = NULL;
        bool is_first = true;
        for (uint32_t i = 0; i < b->connections; i++) {
            anp_channel *c = &p->channels[i];
            if (c->state == ANP_CHANNEL_FREE) {
                unused = unused == NULL ? c : unused;
                continue;
            }
            is_first &= c->state == ANP_CHANNEL_LEAVING;
            if (c->state == ANP_CHANNEL_OPEN &&
                (best == NULL || c->windows.count < best->windows.count)) {
                best = c;
            }
        }
        bool is_idle = best != NULL && best->windows.count == 0;
        if (!is_idle && unused != NULL && (is_first || !p->no_more)) {
            if (open_channel(unused, is_first)) {
                continue;
            }
        }
        if (best == NULL || best->windows.count >= ANP_WINDOWS_FLYING) {
            return;
        }
        if (is_idle) {
            heard(best);
        }
        anp_window *w = anp_window_pop(&p->queue);
        w->peer = p;
        anp_window_push(&best->windows, w);
        if (write_windows(best)) {
            watch(best);
        }
    }
}

static void window_sent(anp_channel *c, anp_window *w)
{
    w->is_sent = true;
    for (uint32_t i = 0; i < w->n_rows; i++) {
        anp_window_row *r = &w->rows[i];
        r->sends = (uint16_t)(r->sends +
                              ((r->flags & ANP_WROW_SENT) != 0 && r->sends < UINT16_MAX ? 1 : 0));
    }
    heard(c);
}

/* Makes the request, and starts the window's own clock. False: no row of it can be sent, it is
 * gone. */
static bool prepare(anp_channel *c, anp_window *w)
{
    anp_batch *b = c->batch;
    if (w->is_encoded) {
        return true;
    }
    anp_window_encode(b, c->peer, w);
    if (w->n_rows == 0) {
        anp_window_remove(&c->windows, w);
        anp_window_give(b, w);
        b->is_dirty = true;
        return false;
    }
    if (b->command.policy.each_window) {
        w->deadline = anp_clock_deadline(anp_clock_now(), b->command.policy.total_timeout_ms);
    }
    return true;
}

/* Writes what there is to write. False: the channel failed. */
static bool write_windows(anp_channel *c)
{
    anp_batch *b = c->batch;
    anp_stream *s = &c->connection->stream;
    for (anp_window *w = c->windows.first, *next; w != NULL; w = next) {
        next = w->next;
        if (w->is_sent || !prepare(c, w)) {
            continue;
        }
        uint64_t begin = anp_clock_now();
        while (w->written < w->request.size) {
            ptrdiff_t n =
                s->table->write(s, w->request.data + w->written, w->request.size - w->written);
            if (n == ANP_STREAM_AGAIN) {
                b->ns_sending += anp_clock_now() - begin;
                return true;
            }
            if (n < 0) {
                fail_stream(c, "writing to");
                return false;
            }
            w->written += (size_t)n;
            heard(c);
        }
        window_sent(c, w);
        b->ns_sending += anp_clock_now() - begin;
    }
    return true;
}

/* ---- bytes in ---- */

/* Moves the bytes of one buffer to another, which is empty. The beginning of a message is copied;
 * much of a long one changes hands with its memory, so that it costs the same however often others
 * read in between. */
static bool move_bytes(anp_buffer *from, anp_buffer *to)
{
    if (from->size > MOST_COPIED) {
        anp_buffer other = *to;
        *to = *from;
        *from = other;
        return true;
    }
    anp_buffer_put(to, from->data, from->size);
    anp_buffer_clear(from);
    return to->failed == ANP_OK;
}

/* Gives the receive buffer to this channel: another one's unread bytes are put aside, its own are
 * taken up. */
static bool claim_buffer(anp_channel *c)
{
    anp_batch *b = c->batch;
    if (b->owner == c) {
        return true;
    }
    if (b->owner != NULL && !move_bytes(&b->in, &b->owner->carry)) {
        return false;
    }
    anp_buffer_clear(&b->in);
    b->owner = c;
    return move_bytes(&c->carry, &b->in);
}

static bool make_room(anp_batch *b)
{
    if (b->in.capacity < b->in_room && !anp_buffer_reserve(&b->in, b->in_room - b->in.size)) {
        return false; /* it was a carry before */
    }
    return b->in.size < b->in.capacity ||
           anp_buffer_reserve(&b->in, b->in.size); /* doubles: only as bytes came */
}

static void fail_memory(anp_channel *c)
{
    anp_error err;
    (void)anp_error_memory(&err, c->batch->in.capacity, "received bytes");
    anp_buffer *in = &c->batch->in;
    in->failed = ANP_OK;
    anp_channel_fail(c, ANP_ERR_MEMORY, false, &err);
}

static void read_windows(anp_channel *c)
{
    anp_batch *b = c->batch;
    anp_stream *s = &c->connection->stream;
    for (int turn = 0; turn < READS_A_TURN && c->state == ANP_CHANNEL_OPEN; turn++) {
        if (!claim_buffer(c) || !make_room(b)) {
            fail_memory(c);
            return;
        }
        size_t room = b->in.capacity - b->in.size;
        ptrdiff_t n = s->table->read(s, b->in.data + b->in.size, room);
        if (n == ANP_STREAM_AGAIN) {
            return;
        }
        if (n <= 0) {
            if (n == 0) {
                anp_channel_break(c, "reading from",
                                  "closed by the server before its reply was whole");
            } else {
                fail_stream(c, "reading from");
            }
            return;
        }
        b->in.size += (size_t)n;
        c->was_heard = true;
        heard(c);
        uint64_t begin = anp_clock_now();
        c->peer->is_doubtful = false;
        c->peer->heard_at = begin;
        c->peer->n_silent = 0;
        anp_error err;
        anp_status status = anp_batch_parse(c, &err);
        b->ns_decoding += anp_clock_now() - begin;
        if (status != ANP_OK) {
            char why[sizeof err.message];
            memcpy(why, err.message, sizeof why);
            anp_channel_fail(c, anp_channel_describe(c, &err, status, "reply of", why),
                             !b->source.is_write, &err);
            return;
        }
        if (c->windows.count == 0) {
            if (b->in.size != 0 || c->frame_left != 0) {
                anp_channel_release(
                    c, false); /* bytes behind the end: nobody must read them as his reply */
            }
            return;
        }
        if ((size_t)n < room) {
            return;
        }
    }
}

void anp_channel_window_done(anp_channel *c)
{
    const anp_batch *b = c->batch;
    anp_window *w = c->windows.first;
    if (w != NULL && b->command.policy.each_window) {
        /* the server starts on it only now */
        w->deadline = anp_clock_deadline(anp_clock_now(), b->command.policy.total_timeout_ms);
    }
}

static void on_ready(anp_watch *w, short events)
{
    anp_channel *c = (anp_channel *)(void *)((char *)w - offsetof(anp_channel, watch));
    anp_batch *b = c->batch;
    if (c->state == ANP_CHANNEL_CONNECTING) {
        go_on_connecting(c);
    } else if (c->state == ANP_CHANNEL_OPEN) {
        bool is_open = true;
        if ((events & POLLOUT) != 0) {
            is_open = write_windows(c);
        }
        if (is_open && (events & ~POLLOUT) != 0) {
            read_windows(c);
        }
        watch(c);
    }
    anp_batch_pump(b);
}

/* ---- life ---- */

void anp_channel_init(anp_channel *c, anp_batch *b, anp_batch_peer *p)
{
    *c = (anp_channel){.batch = b, .peer = p};
    c->waiter.granted = on_grant;
    c->task.run = grant_arrived;
    c->watch = (anp_watch){.ready = on_ready, .fd = -1};
    anp_buffer_init(&c->carry, (size_t)2 * ANP_PROTO_MAX);
}
