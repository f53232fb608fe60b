/* The pool of one node's connections.
 *
 * Thread-safety: one lock. No system call is made and nobody is called with it held: a stream is
 * looked at or closed, and a waiter is told, by whoever took it out under the lock.
 *
 * What makes the queue fair: somebody waits only while no connection is idle and `total` is at the
 * cap. Every way in which that could change (a clean one comes back, one is closed) hands the
 * connection, or its place below the cap, to the first waiter, under the same lock. So a newcomer
 * never finds anything while others wait, and no freed place is ever left unannounced. A place is
 * handed on as the same anp_connection, unopened: no memory is needed in that moment. */
#include "cluster/pool.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/clock.h"

struct anp_pool {
    _Atomic uint32_t references;
    anp_address address;
    uint32_t max;
    uint64_t max_idle_ns;
    _Atomic uint64_t opened, closed;
    pthread_mutex_t lock; /* guards what follows */
    bool is_closed;
    uint32_t total, n_idle, n_waiting;
    anp_connection *idle; /* the last that came back is the first */
    anp_waiter *first, *last;
};

anp_status anp_pool_new(const anp_address *address, uint32_t max, uint64_t max_idle_ns,
                        anp_pool **out, anp_error *err)
{
    anp_pool *pool = anp_calloc(1, sizeof *pool);
    if (pool == NULL) {
        return anp_error_memory(err, sizeof *pool, "a connection pool");
    }
    atomic_init(&pool->references, 1);
    pool->address = *address;
    pool->max = max;
    pool->max_idle_ns = max_idle_ns;
    (void)pthread_mutex_init(&pool->lock, NULL);
    *out = pool;
    return ANP_OK;
}

anp_pool *anp_pool_retain(anp_pool *pool)
{
    (void)atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    return pool;
}

void anp_pool_release(anp_pool *pool)
{
    if (pool == NULL ||
        atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    /* Connections hold a reference each while they are in use: only idle ones can be left. */
    while (pool->idle != NULL) {
        anp_connection *c = pool->idle;
        pool->idle = c->next;
        anp_stream_close(&c->stream);
        anp_free(c);
    }
    (void)pthread_mutex_destroy(&pool->lock);
    anp_free(pool);
}

static void lock(anp_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
}

static void unlock(anp_pool *pool)
{
    (void)pthread_mutex_unlock(&pool->lock);
}

/* With the lock: takes a waiter out of the queue. */
static void unlink_waiter(anp_pool *pool, anp_waiter *w)
{
    *(w->prev != NULL ? &w->prev->next : &pool->first) = w->next;
    *(w->next != NULL ? &w->next->prev : &pool->last) = w->prev;
    w->next = NULL;
    w->prev = NULL;
    w->queued = false;
    pool->n_waiting--;
}

static anp_waiter *pop_waiter(anp_pool *pool)
{
    anp_waiter *w = pool->first;
    if (w != NULL) {
        unlink_waiter(pool, w);
    }
    return w;
}

static void grant(anp_waiter *w, anp_connection *c)
{
    w->connection = c;
    w->granted(w); /* w may be gone from here on */
}

/* Without the lock: closes the stream, so that the connection is an unopened one again. */
static void shut(anp_connection *c)
{
    anp_stream_close(&c->stream);
    if (c->counted) {
        (void)atomic_fetch_add_explicit(&c->pool->closed, 1, memory_order_relaxed);
        c->counted = false;
    }
    c->reused = c->is_open = false;
}

/* A connection that is in use by us, and shut: its place goes to the first waiter, or is given up.
 */
static void give_place(anp_connection *c)
{
    anp_pool *pool = c->pool;
    lock(pool);
    anp_waiter *w = pop_waiter(pool);
    if (w == NULL) {
        pool->total--;
    }
    unlock(pool);
    if (w != NULL) {
        grant(w, c);
        return;
    }
    anp_free(c);
    anp_pool_release(pool);
}

/* With the lock: an unopened connection in use. NULL: no memory. */
static anp_connection *make(anp_pool *pool)
{
    anp_connection *c = anp_calloc(1, sizeof *c);
    if (c != NULL) {
        c->stream.fd = -1;
        c->pool = anp_pool_retain(pool);
        pool->total++;
    }
    return c;
}

anp_pool_answer anp_pool_take(anp_pool *pool, anp_waiter *waiter, anp_connection **out)
{
    anp_connection *place = NULL; /* a stale one that was shut: its place below the cap is ours */
    if (waiter != NULL) {
        waiter->queued = false;
        waiter->connection = NULL;
    }
    for (;;) {
        anp_connection *c = NULL;
        anp_pool_answer answer = ANP_POOL_NONE;
        lock(pool);
        if (!pool->is_closed) {
            c = pool->idle;
            if (c != NULL) {
                pool->idle = c->next;
                pool->n_idle--;
                c->next = NULL;
                (void)anp_pool_retain(pool);
            } else if (place == NULL && pool->total < pool->max) {
                c = make(pool);
            } else if (place == NULL && waiter != NULL) {
                *waiter =
                    (anp_waiter){.granted = waiter->granted, .prev = pool->last, .queued = true};
                *(pool->last != NULL ? &pool->last->next : &pool->first) = waiter;
                pool->last = waiter;
                pool->n_waiting++;
                answer = ANP_POOL_WAIT;
            }
        }
        bool is_closed = pool->is_closed;
        unlock(pool);
        if (c == NULL) {
            if (place != NULL && !is_closed) {
                *out = place;
                return ANP_POOL_GOT;
            }
            if (place != NULL) {
                give_place(place);
            }
            return answer;
        }
        if (c->stream.table == NULL) {
            *out = c; /* only where `place` is NULL: see above */
            return ANP_POOL_GOT;
        }
        bool is_fresh = anp_clock_now() - c->idle_since < pool->max_idle_ns;
        if (is_fresh && c->stream.table->is_idle(&c->stream)) {
            if (place != NULL) {
                give_place(place);
            }
            *out = c;
            return ANP_POOL_GOT;
        }
        shut(c);
        if (place != NULL) {
            give_place(place);
        }
        place = c;
    }
}

anp_connection *anp_pool_add(anp_pool *pool, uint32_t below)
{
    anp_connection *c = NULL;
    lock(pool);
    if (!pool->is_closed && pool->total < below && pool->total < pool->max) {
        c = make(pool);
    }
    unlock(pool);
    return c;
}

void anp_pool_put(anp_connection *c, bool clean)
{
    anp_pool *pool = c->pool;
    if (!clean || c->stream.table == NULL) {
        shut(c);
        give_place(c);
        return;
    }
    c->idle_since = anp_clock_now();
    c->reused = true;
    lock(pool);
    anp_waiter *w = pop_waiter(pool);
    bool keep = w == NULL && !pool->is_closed;
    if (keep) {
        c->next = pool->idle;
        pool->idle = c;
        pool->n_idle++;
    }
    unlock(pool);
    if (w != NULL) {
        if (!c->stream.table->is_idle(&c->stream)) {
            shut(c);
        }
        grant(w, c);
    } else if (keep) {
        anp_pool_release(pool); /* an idle one is the pool's, and holds no reference */
    } else {
        shut(c);
        give_place(c);
    }
}

bool anp_pool_cancel(anp_pool *pool, anp_waiter *waiter)
{
    lock(pool);
    bool was_queued = waiter->queued;
    if (was_queued) {
        unlink_waiter(pool, waiter);
    }
    unlock(pool);
    return was_queued;
}

static void shut_list(anp_connection *list)
{
    while (list != NULL) {
        anp_connection *c = list;
        list = c->next;
        shut(c);
        anp_free(c);
    }
}

void anp_pool_close(anp_pool *pool)
{
    lock(pool);
    pool->is_closed = true;
    anp_connection *list = pool->idle;
    pool->idle = NULL;
    pool->total -= pool->n_idle;
    pool->n_idle = 0;
    unlock(pool);
    shut_list(list);
    for (;;) {
        lock(pool);
        anp_waiter *w = pop_waiter(pool);
        unlock(pool);
        if (w == NULL) {
            return;
        }
        grant(w, NULL);
    }
}

void anp_pool_trim(anp_pool *pool, uint32_t min)
{
    anp_connection *old = NULL;
    uint64_t now = anp_clock_now();
    lock(pool);
    /* The list is in order of idle_since (but for threads that came to the lock in another order),
     * newest first: the old ones are its end. */
    anp_connection **at = &pool->idle;
    while (*at != NULL &&
           (now < (*at)->idle_since || now - (*at)->idle_since < pool->max_idle_ns)) {
        at = &(*at)->next;
    }
    while (*at != NULL && pool->total > min) {
        anp_connection *c = *at;
        *at = c->next;
        c->next = old;
        old = c;
        pool->total--;
        pool->n_idle--;
    }
    unlock(pool);
    shut_list(old);
}

int anp_connection_open(anp_connection *c, anp_error *err)
{
    if (c->is_open) {
        return 0;
    }
    if (c->stream.table == NULL) {
        if (anp_stream_open_tcp(&c->stream, &c->pool->address, err) != ANP_OK) {
            return ANP_STREAM_FAILED;
        }
        c->counted = true;
        (void)atomic_fetch_add_explicit(&c->pool->opened, 1, memory_order_relaxed);
    }
    int result = c->stream.table->connect(&c->stream);
    if (result == ANP_STREAM_FAILED) {
        char where[ANP_ADDRESS_TEXT];
        char why[96];
        anp_address_print(&c->pool->address, where);
        anp_stream_reason(c->stream.error, why, sizeof why);
        (void)anp_error_set(err, ANP_ERR_CONNECTION, "can't connect to %s: %s", where, why);
        shut(c);
    }
    c->is_open = result == 0;
    return result;
}

void anp_pool_stats_get(anp_pool *pool, anp_pool_stats *out)
{
    lock(pool);
    *out = (anp_pool_stats){
        .in_use = pool->total - pool->n_idle,
        .idle = pool->n_idle,
        .waiting = pool->n_waiting,
    };
    unlock(pool);
    out->opened = atomic_load_explicit(&pool->opened, memory_order_relaxed);
    out->closed = atomic_load_explicit(&pool->closed, memory_order_relaxed);
}
