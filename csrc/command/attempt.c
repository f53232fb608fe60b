/* One request, one reply; see attempt.h. Used by one thread at a time; only granted() comes from
 * others.
 *
 *   GRANT -> CONNECTING -> WRITING -> READING -> DONE
 *
 * A connection that served before may have been closed by the server meanwhile: when it fails
 * before a byte of the reply came (for writes: before the request's last byte was taken, too)
 * another one is taken, once, and nobody is told. */
#include "command/attempt.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/condition.h"
#include "wire/frame.h"

enum { READ_AHEAD = 64 * 1024, LOOK_MS = 250 };

bool anp_attempt_is_closed(anp_cluster *cluster)
{
    return !anp_cluster_is_connected(cluster) &&
           anp_cluster_wait(cluster, 0, NULL) == ANP_ERR_CLOSED;
}

anp_status anp_attempt_left_alone(const anp_cluster_node *node, anp_error *err)
{
    anp_status status = anp_error_set(err, ANP_ERR_MAX_ERROR_RATE,
                                      "too many errors of the node: it is left alone for a while "
                                      "(see max_error_rate)");
    anp_error_node(err, node->name);
    return status;
}

/* ---- the pool's grant ---- */

static void grant_arrived(anp_task *t)
{
    anp_attempt *x = (anp_attempt *)(void *)((char *)t - offsetof(anp_attempt, task));
    x->granted = true;
    x->resume(x);
}

static void on_grant(anp_waiter *w) /* any thread */
{
    anp_attempt *x = (anp_attempt *)(void *)((char *)w - offsetof(anp_attempt, waiter));
    if (x->command->loop != NULL) {
        anp_loop_post(x->command->loop, &x->task);
        return;
    }
    (void)pthread_mutex_lock(&x->lock);
    x->granted = true;
    (void)pthread_cond_signal(&x->ready);
    (void)pthread_mutex_unlock(&x->lock);
}

static bool is_granted(anp_attempt *x)
{
    if (x->command->loop != NULL) {
        return x->granted;
    }
    (void)pthread_mutex_lock(&x->lock);
    bool granted = x->granted;
    (void)pthread_mutex_unlock(&x->lock);
    return granted;
}

/* ---- life ---- */

static void on_ready(anp_watch *w, short events)
{
    (void)events;
    anp_attempt *x = (anp_attempt *)(void *)((char *)w - offsetof(anp_attempt, watch));
    x->resume(x);
}

static void on_timer(anp_timer *t)
{
    anp_attempt *x = (anp_attempt *)(void *)((char *)t - offsetof(anp_attempt, timer));
    x->resume(x);
}

anp_status anp_attempt_init(anp_attempt *x, anp_command *command, void (*resume)(anp_attempt *x),
                            anp_error *err)
{
    memset(x, 0, offsetof(anp_attempt, first));
    x->command = command;
    x->resume = resume;
    x->waiter.granted = on_grant;
    x->task = (anp_task){.run = grant_arrived};
    x->watch = (anp_watch){.ready = on_ready, .fd = -1};
    x->timer = (anp_timer){.fire = on_timer};
    x->granted = false;
    anp_condition_init(&x->ready);
    x->has_lock = pthread_mutex_init(&x->lock, NULL) == 0;
    if (!x->has_lock) {
        (void)pthread_cond_destroy(&x->ready);
        return anp_error_memory(err, sizeof x->lock, "a lock");
    }
    return ANP_OK;
}

static void set_node(anp_attempt *x, anp_cluster_node *node)
{
    if (x->node != NULL) {
        anp_cluster_node_release(x->node);
    }
    x->node = node != NULL ? anp_cluster_node_retain(node) : NULL;
}

void anp_attempt_deinit(anp_attempt *x)
{
    set_node(x, NULL);
    if (x->has_lock) {
        (void)pthread_cond_destroy(&x->ready);
        (void)pthread_mutex_destroy(&x->lock);
        x->has_lock = false;
    }
}

/* ---- the machine ---- */

static void unwatch(anp_attempt *x)
{
    if (x->watch.fd >= 0) {
        anp_loop_unwatch(x->command->loop, &x->watch);
        x->watch.fd = -1;
    }
}

static void put_back(anp_attempt *x, bool clean)
{
    unwatch(x);
    if (x->connection != NULL) {
        anp_pool_put(x->connection, clean);
        x->connection = NULL;
    }
}

static void fail(anp_attempt *x, anp_status code, const char *what, const char *why)
{
    char address[ANP_ADDRESS_TEXT];
    anp_address_print(&x->node->address, address);
    put_back(x, false);
    (void)anp_error_set(&x->error, code, "%s %s: %s", what, address, why);
    anp_error_node(&x->error, x->node->name);
    x->state = ANP_ATTEMPT_FAILED;
}

static void fail_timeout(anp_attempt *x, const char *what)
{
    char text[96];
    bool total = x->command->deadline <= anp_clock_now();
    (void)snprintf(text, sizeof text, "%s of %u ms passed",
                   total ? "total_timeout" : "socket_timeout",
                   (unsigned)(total ? x->command->policy.total_timeout_ms
                                    : x->command->policy.socket_timeout_ms));
    fail(x, ANP_ERR_CLIENT_TIMEOUT, what, text);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void heard(anp_attempt *x, uint64_t now)
{
    x->silent_at = anp_clock_deadline(now, x->command->policy.socket_timeout_ms);
    x->wake_at = earlier(x->silent_at, x->command->deadline);
}

static void take(anp_attempt *x);

static void start_connecting(anp_attempt *x)
{
    uint64_t now = anp_clock_now();
    x->state = ANP_ATTEMPT_CONNECTING;
    x->was_given = true;
    x->connect_by = anp_clock_deadline(now, anp_cluster_connect_timeout(x->command->cluster));
    x->wake_at = earlier(x->connect_by, x->command->deadline);
}

static void take(anp_attempt *x)
{
    x->written = 0;
    x->n_first = 0;
    x->has_head = x->was_given = x->was_sent = x->was_heard = false;
    x->granted = false; /* nobody else knows of the waiter yet */
    anp_buffer_clear(x->reply);
    x->waiter.connection = NULL;
    switch (anp_pool_take(x->node->pool, &x->waiter, &x->connection)) {
    case ANP_POOL_GOT:
        start_connecting(x);
        break;
    case ANP_POOL_WAIT:
        x->state = ANP_ATTEMPT_GRANT;
        x->wake_at = x->command->deadline;
        break;
    case ANP_POOL_NONE:
    default:
        x->connection = NULL;
        fail(x, ANP_ERR_CONNECTION, "no connection to",
             "the node has left the cluster, or memory is short");
    }
}

void anp_attempt_begin(anp_attempt *x, anp_cluster_node *node, anp_slice request,
                       anp_proto_type type, anp_buffer *reply)
{
    set_node(x, node);
    x->request = request;
    x->type = type;
    x->reply = reply;
    x->was_renewed = false;
    x->is_clean = false;
    x->error = (anp_error){.code = ANP_OK};
    take(x);
}

void anp_attempt_abort(anp_attempt *x, anp_status code, const char *why)
{
    if (x->state == ANP_ATTEMPT_GRANT) {
        bool left = anp_pool_cancel(x->node->pool, &x->waiter);
        fail(x, code, "waiting for a connection to", why);
        if (!left) {
            x->state = ANP_ATTEMPT_LEAVING;
            x->wake_at = ANP_NEVER;
        }
    } else if (x->state > ANP_ATTEMPT_GRANT && x->state < ANP_ATTEMPT_LEAVING) {
        fail(x, code, "talking to", why);
    }
}

void anp_attempt_look_for_close(anp_attempt *x)
{
    if (anp_attempt_is_closed(x->command->cluster)) {
        anp_error closed;
        anp_attempt_abort(x, anp_error_closed(&closed), closed.message);
    }
}

/* A connection broke. True: it was stale, and another is being taken. */
static bool renew(anp_attempt *x)
{
    if (!x->connection->reused || x->was_heard || x->was_renewed || (x->is_write && x->was_sent)) {
        return false;
    }
    x->was_renewed = true;
    put_back(x, false);
    take(x);
    return true;
}

static void broke(anp_attempt *x, const char *what, const char *why)
{
    if (!renew(x)) {
        fail(x, ANP_ERR_CONNECTION, what, why);
    }
}

/* Each of these returns true when the machine can go on at once. */

static bool step_grant(anp_attempt *x)
{
    if (is_granted(x)) {
        x->connection = x->waiter.connection;
        if (x->connection == NULL) {
            fail(x, ANP_ERR_CONNECTION, "no connection to", "its pool was closed");
        } else {
            start_connecting(x);
        }
        return true;
    }
    if (anp_clock_now() >= x->command->deadline) {
        anp_attempt_abort(x, ANP_ERR_CLIENT_TIMEOUT,
                          "all of the node's connections were in use until total_timeout");
        return true;
    }
    return false;
}

static bool step_leaving(anp_attempt *x)
{
    if (!is_granted(x)) {
        return false;
    }
    x->connection = x->waiter.connection;
    put_back(x, x->connection != NULL && x->connection->stream.table != NULL);
    x->state = ANP_ATTEMPT_FAILED;
    return true;
}

static bool step_connecting(anp_attempt *x)
{
    int got = anp_connection_open(x->connection, &x->error);
    if (got == 0) {
        x->state = ANP_ATTEMPT_WRITING;
        heard(x, anp_clock_now());
        return true;
    }
    if (got == ANP_STREAM_FAILED) {
        put_back(x, false);
        x->error.code = ANP_ERR_CONNECTION;
        anp_error_node(&x->error, x->node->name);
        x->state = ANP_ATTEMPT_FAILED;
        return true;
    }
    uint64_t now = anp_clock_now();
    if (now >= x->command->deadline) {
        fail_timeout(x, "connecting to");
        return true;
    }
    if (now >= x->connect_by) {
        fail(x, ANP_ERR_CONNECTION, "connecting to", "no answer within connect_timeout");
        return true;
    }
    return false;
}

/* May the next read wait? Where a thread drives it, which has nothing else to do, and there is time
 * for as long as it may take. */
static bool may_wait(const anp_attempt *x)
{
    return x->patient_until != 0 && x->connection->stream.table->read_waiting != NULL &&
           anp_clock_now() + ANP_STREAM_PATIENCE_MS * ANP_NS_PER_MS <
               earlier(x->patient_until, x->wake_at);
}

static bool step_writing(anp_attempt *x)
{
    anp_stream *s = &x->connection->stream;
    while (x->written < x->request.size) {
        ptrdiff_t n =
            s->table->write(s, x->request.data + x->written, x->request.size - x->written);
        if (n == ANP_STREAM_AGAIN) {
            if (anp_clock_now() < x->wake_at) {
                return false;
            }
            fail_timeout(x, "writing to");
            return true;
        }
        if (n < 0) {
            char why[96];
            anp_stream_reason(s->error, why, sizeof why);
            broke(x, "writing to", why);
            return true;
        }
        x->written += (size_t)n;
        heard(x, anp_clock_now());
    }
    x->was_sent = true;
    x->state = ANP_ATTEMPT_READING;
    s->wants = POLLIN;
    return may_wait(x); /* else it is no use to try before something came */
}

/* Looks at the bytes of `first`. False: failed. */
static bool read_head(anp_attempt *x)
{
    if (x->n_first < ANP_PROTO_HEAD) {
        return true;
    }
    anp_frame frame;
    anp_error err = {.code = ANP_OK};
    if (anp_frame_read(x->first, ANP_PROTO_MAX, &frame, &err) != ANP_OK || frame.type != x->type) {
        fail(x, ANP_ERR_PROTOCOL, "reply of",
             frame.type != x->type && err.code == ANP_OK ? "a frame of another type" : err.message);
        return false;
    }
    x->has_head = true;
    x->body_size = frame.size;
    size_t here = x->n_first - ANP_PROTO_HEAD;
    x->is_clean = here <= frame.size;
    anp_buffer_put(x->reply, x->first + ANP_PROTO_HEAD, x->is_clean ? here : (size_t)frame.size);
    return true;
}

/* Reads once. > 0 so many bytes, else as the stream says. Memory grows only as bytes arrive. */
static ptrdiff_t read_some(anp_attempt *x)
{
    anp_stream *s = &x->connection->stream;
    ptrdiff_t (*read)(anp_stream *, void *, size_t) =
        may_wait(x) ? s->table->read_waiting : s->table->read;
    if (!x->has_head) {
        ptrdiff_t n = read(s, x->first + x->n_first, sizeof x->first - x->n_first);
        x->n_first += n > 0 ? (uint32_t)n : 0;
        return n;
    }
    uint64_t left = x->body_size - x->reply->size;
    size_t want = left < READ_AHEAD ? (size_t)left : READ_AHEAD;
    if (!anp_buffer_reserve(x->reply, want)) {
        fail(x, ANP_ERR_MEMORY, "reply of", "out of memory");
        return ANP_STREAM_AGAIN;
    }
    size_t room = x->reply->capacity - x->reply->size;
    ptrdiff_t n = read(s, x->reply->data + x->reply->size, left < room ? (size_t)left : room);
    x->reply->size += n > 0 ? (size_t)n : 0;
    return n;
}

static bool step_reading(anp_attempt *x)
{
    for (;;) {
        ptrdiff_t n = read_some(x);
        if (x->state == ANP_ATTEMPT_FAILED) {
            return true;
        }
        if (n == ANP_STREAM_AGAIN) {
            if (anp_clock_now() < x->wake_at) {
                return false;
            }
            fail_timeout(x, "reading from");
            return true;
        }
        if (n <= 0) {
            char why[96] = "closed by the server before its reply was whole";
            if (n < 0) {
                anp_stream_reason(x->connection->stream.error, why, sizeof why);
            }
            broke(x, "reading from", why);
            return true;
        }
        x->was_heard = true;
        heard(x, anp_clock_now());
        if (!x->has_head && !read_head(x)) {
            return true;
        }
        if (x->reply->failed != ANP_OK) {
            fail(x, ANP_ERR_MEMORY, "reply of", "out of memory");
            return true;
        }
        if (x->has_head && x->reply->size == x->body_size) {
            put_back(x, x->is_clean);
            x->state = ANP_ATTEMPT_DONE;
            return true;
        }
    }
}

anp_attempt_state anp_attempt_step(anp_attempt *x)
{
    bool more = true;
    while (more) {
        switch (x->state) {
        case ANP_ATTEMPT_GRANT:
            more = step_grant(x);
            break;
        case ANP_ATTEMPT_LEAVING:
            more = step_leaving(x);
            break;
        case ANP_ATTEMPT_CONNECTING:
            more = step_connecting(x);
            break;
        case ANP_ATTEMPT_WRITING:
            more = step_writing(x);
            break;
        case ANP_ATTEMPT_READING:
            more = step_reading(x);
            break;
        case ANP_ATTEMPT_IDLE:
        case ANP_ATTEMPT_DONE:
        case ANP_ATTEMPT_FAILED:
        default:
            more = false;
        }
    }
    return x->state;
}

/* ---- waiting ---- */

static void wait_for_grant(anp_attempt *x, int ms)
{
    uint64_t end = anp_clock_now() + (uint64_t)ms * ANP_NS_PER_MS;
    (void)pthread_mutex_lock(&x->lock);
    while (!x->granted && anp_condition_wait(&x->ready, &x->lock, end)) {
    }
    (void)pthread_mutex_unlock(&x->lock);
}

void anp_attempt_wait(anp_attempt *x, uint64_t until)
{
    int ms = anp_clock_ms_left(earlier(until, x->wake_at), anp_clock_now(), 3600 * 1000);
    switch (x->state) {
    case ANP_ATTEMPT_GRANT:
    case ANP_ATTEMPT_LEAVING:
        wait_for_grant(x, ms);
        break;
    case ANP_ATTEMPT_CONNECTING:
    case ANP_ATTEMPT_WRITING:
    case ANP_ATTEMPT_READING:
        (void)anp_stream_wait(&x->connection->stream, ms);
        break;
    case ANP_ATTEMPT_IDLE:
    case ANP_ATTEMPT_DONE:
    case ANP_ATTEMPT_FAILED:
    default:
        (void)poll(NULL, 0, ms);
    }
}

anp_status anp_attempt_arm(anp_attempt *x, anp_error *err)
{
    anp_status status = ANP_OK;
    if (x->connection != NULL && x->connection->stream.fd >= 0) {
        anp_stream *s = &x->connection->stream;
        if (x->watch.fd != s->fd || x->watch.events != s->wants) {
            status = anp_loop_watch(x->command->loop, &x->watch, s->fd, s->wants, err);
        }
    } else {
        unwatch(x);
    }
    if (status == ANP_OK) {
        uint64_t look = anp_clock_now() + LOOK_MS * ANP_NS_PER_MS; /* is the cluster closed? */
        status = anp_loop_timer_set(x->command->loop, &x->timer, earlier(look, x->wake_at), err);
    }
    return status;
}

void anp_attempt_disarm(anp_attempt *x)
{
    unwatch(x);
    anp_loop_timer_cancel(x->command->loop, &x->timer);
}
