/* The pool: the cap, who is served first, races of cancelling, stale connections, closing. */
#include "cluster/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "listener.h"
#include "until.h"

typedef struct rig {
    anp_pool *pool;
    int listener;
} rig;

static uint64_t skew; /* what the test's clock is ahead */

static uint64_t skewed_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * ANP_NS_PER_S + (uint64_t)t.tv_nsec + skew;
}

static rig make_rig(uint32_t max)
{
    rig r;
    anp_address address;
    r.listener = listener_open(&address, 0);
    assert_true(r.listener >= 0);
    assert_int_equal(anp_pool_new(&address, max, 50 * ANP_NS_PER_S, &r.pool, NULL), ANP_OK);
    return r;
}

static void drop_rig(rig *r)
{
    anp_pool_close(r->pool);
    anp_pool_release(r->pool);
    (void)close(r->listener);
}

static anp_connection *take(rig *r)
{
    anp_connection *c = NULL;
    assert_int_equal(anp_pool_take(r->pool, NULL, &c), ANP_POOL_GOT);
    return c;
}

/* Opens where it is needed. Returns the peer's end of a new one, -1 when it was open. */
static int open_it(rig *r, anp_connection *c)
{
    if (c->stream.table != NULL) {
        return -1;
    }
    int result;
    while ((result = anp_connection_open(c, NULL)) == ANP_STREAM_AGAIN) {
        assert_int_equal(anp_stream_wait(&c->stream, 5000), 1);
    }
    assert_int_equal(result, 0);
    int peer = accept(r->listener, NULL, NULL);
    assert_true(peer >= 0);
    return peer;
}

static anp_pool_stats stats(rig *r)
{
    anp_pool_stats s;
    anp_pool_stats_get(r->pool, &s);
    return s;
}

typedef struct sleeper {
    anp_waiter waiter;
    _Atomic int grants;
} sleeper;

static void granted(anp_waiter *w)
{
    (void)atomic_fetch_add(&((sleeper *)w)->grants, 1);
}

static void test_no_more_connections_than_the_cap(void **state)
{
    (void)state;
    rig r = make_rig(2);
    anp_connection *a = take(&r);
    anp_connection *b = take(&r);
    anp_connection *c = NULL;
    assert_ptr_not_equal(a, b);
    assert_int_equal(anp_pool_take(r.pool, NULL, &c), ANP_POOL_NONE);
    assert_int_equal(stats(&r).in_use, 2);
    anp_pool_put(a, false);
    a = take(&r);
    anp_pool_put(a, false);
    anp_pool_put(b, false);
    assert_int_equal(stats(&r).in_use, 0);
    drop_rig(&r);
}

static void test_last_one_put_back_is_taken_first(void **state)
{
    (void)state;
    rig r = make_rig(3);
    anp_connection *c[3];
    int peers[3];
    for (int i = 0; i < 3; i++) {
        c[i] = take(&r);
        peers[i] = open_it(&r, c[i]);
        assert_false(c[i]->reused);
    }
    anp_pool_put(c[1], true);
    anp_pool_put(c[0], true);
    anp_pool_put(c[2], true);
    assert_int_equal(stats(&r).idle, 3);
    assert_ptr_equal(take(&r), c[2]);
    assert_ptr_equal(take(&r), c[0]);
    assert_ptr_equal(take(&r), c[1]);
    assert_true(c[1]->reused);
    assert_int_equal(stats(&r).opened, 3);
    for (int i = 0; i < 3; i++) {
        anp_pool_put(c[i], true);
        (void)close(peers[i]);
    }
    drop_rig(&r);
}

static void test_waiters_are_served_in_order_and_newcomers_wait(void **state)
{
    (void)state;
    rig r = make_rig(1);
    anp_connection *c = take(&r);
    anp_connection *other = NULL;
    int peer = open_it(&r, c);
    sleeper s[3] = {
        {.waiter.granted = granted}, {.waiter.granted = granted}, {.waiter.granted = granted}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(anp_pool_take(r.pool, &s[i].waiter, &other), ANP_POOL_WAIT);
    }
    assert_int_equal(stats(&r).waiting, 3);
    anp_pool_put(c, true); /* clean: handed on as it is */
    assert_int_equal(s[0].grants, 1);
    assert_int_equal(s[1].grants, 0);
    assert_ptr_equal(s[0].waiter.connection, c);
    assert_non_null(c->stream.table);
    assert_int_equal(anp_pool_take(r.pool, NULL, &other), ANP_POOL_NONE);
    anp_pool_put(c, false); /* closed: its place is handed on */
    assert_int_equal(s[1].grants, 1);
    assert_int_equal(s[2].grants, 0);
    assert_null(s[1].waiter.connection->stream.table);
    assert_false(s[1].waiter.connection->reused);
    assert_true(anp_pool_cancel(r.pool, &s[2].waiter));
    assert_false(anp_pool_cancel(r.pool, &s[1].waiter));
    anp_pool_put(s[1].waiter.connection, false);
    assert_int_equal(s[2].grants, 0);
    anp_pool_stats now = stats(&r);
    assert_int_equal(now.in_use + now.idle + now.waiting, 0);
    assert_int_equal(now.opened, 1);
    assert_int_equal(now.closed, 1);
    (void)close(peer);
    drop_rig(&r);
}

static void test_connection_closed_by_the_peer_is_not_handed_out(void **state)
{
    (void)state;
    rig r = make_rig(2);
    anp_connection *a = take(&r);
    anp_connection *b = take(&r);
    int peer_a = open_it(&r, a);
    int peer_b = open_it(&r, b);
    anp_pool_put(b, true);
    anp_pool_put(a, true);
    (void)close(peer_a);
    assert_true(UNTIL(!a->stream.table->is_idle(&a->stream)));
    anp_connection *c = take(&r); /* the one below the stale one */
    assert_ptr_equal(c, b);
    assert_int_equal(stats(&r).closed, 1);
    assert_int_equal(stats(&r).in_use, 1);
    anp_pool_put(c, true);
    (void)close(peer_b);
    assert_true(UNTIL(!b->stream.table->is_idle(&b->stream)));
    c = take(&r);
    assert_null(c->stream.table);
    assert_false(c->reused);
    assert_int_equal(stats(&r).in_use, 1);
    anp_pool_put(c, false);
    drop_rig(&r);
}

static void test_connection_with_late_bytes_is_not_handed_out(void **state)
{
    (void)state;
    rig r = make_rig(1);
    anp_connection *c = take(&r);
    int peer = open_it(&r, c);
    anp_pool_put(c, true);
    assert_int_equal(write(peer, "late", 4), 4);
    assert_true(UNTIL(!c->stream.table->is_idle(&c->stream)));
    c = take(&r);
    assert_null(c->stream.table);
    anp_pool_put(c, false);
    (void)close(peer);
    drop_rig(&r);
}

static void test_connection_idle_too_long_is_not_handed_out_and_is_trimmed(void **state)
{
    (void)state;
    skew = 0;
    anp_clock_hook(skewed_now, NULL);
    rig r = make_rig(4);
    anp_connection *c[4];
    int peers[4];
    for (int i = 0; i < 4; i++) {
        c[i] = take(&r);
        peers[i] = open_it(&r, c[i]);
    }
    for (int i = 0; i < 3; i++) {
        anp_pool_put(c[i], true);
    }
    skew += 49 * ANP_NS_PER_S;
    anp_pool_put(c[3], true);
    anp_pool_trim(r.pool, 0);
    assert_int_equal(stats(&r).idle, 4);
    skew += 2 * ANP_NS_PER_S; /* all but the last are too old now */
    anp_pool_trim(r.pool, 3);
    assert_int_equal(stats(&r).idle, 3);
    anp_pool_trim(r.pool, 0);
    assert_int_equal(stats(&r).idle, 1);
    assert_int_equal(stats(&r).closed, 3);
    skew += 60 * ANP_NS_PER_S;
    anp_connection *fresh = take(&r);
    assert_null(fresh->stream.table);
    assert_int_equal(stats(&r).closed, 4);
    anp_pool_put(fresh, false);
    for (int i = 0; i < 4; i++) {
        (void)close(peers[i]);
    }
    drop_rig(&r);
    anp_clock_hook(NULL, NULL);
}

static void test_add_fills_up_to_a_number_and_no_further(void **state)
{
    (void)state;
    rig r = make_rig(3);
    anp_connection *a = anp_pool_add(r.pool, 2);
    assert_non_null(a);
    int peer = open_it(&r, a);
    anp_pool_put(a, true);
    anp_connection *b = anp_pool_add(r.pool, 2); /* though one is idle */
    assert_non_null(b);
    assert_null(b->stream.table);
    assert_null(anp_pool_add(r.pool, 2));
    anp_pool_put(b, false);
    (void)close(peer);
    drop_rig(&r);
}

static void test_close_tells_waiters_and_closes_what_comes_back(void **state)
{
    (void)state;
    rig r = make_rig(2);
    anp_connection *a = take(&r);
    anp_connection *b = take(&r);
    int peer_a = open_it(&r, a);
    int peer_b = open_it(&r, b);
    sleeper s = {.waiter.granted = granted};
    anp_connection *other = NULL;
    assert_int_equal(anp_pool_take(r.pool, &s.waiter, &other), ANP_POOL_WAIT);
    anp_pool_retain(r.pool);
    drop_rig(&r);
    assert_int_equal(s.grants, 1);
    assert_null(s.waiter.connection);
    assert_int_equal(anp_pool_take(r.pool, &s.waiter, &other), ANP_POOL_NONE);
    assert_null(anp_pool_add(r.pool, 2));
    anp_pool_put(a, true);
    assert_int_equal(stats(&r).idle, 0);
    assert_int_equal(stats(&r).closed, 1);
    char byte;
    assert_int_equal(recv(peer_a, &byte, 1, 0), 0);
    anp_pool_release(r.pool);
    anp_pool_put(b, true); /* the last one takes the pool's memory with it */
    (void)close(peer_a);
    (void)close(peer_b);
}

static void test_refused_connection_can_be_put_back_and_tried_again(void **state)
{
    (void)state;
    anp_address address;
    int holder = listener_refusing(&address);
    anp_pool *pool = NULL;
    assert_int_equal(anp_pool_new(&address, 1, ANP_NS_PER_S, &pool, NULL), ANP_OK);
    for (int i = 0; i < 2; i++) {
        anp_connection *c = NULL;
        assert_int_equal(anp_pool_take(pool, NULL, &c), ANP_POOL_GOT);
        anp_error err = {0};
        int result;
        while ((result = anp_connection_open(c, &err)) == ANP_STREAM_AGAIN) {
            assert_int_equal(anp_stream_wait(&c->stream, 5000), 1);
        }
        assert_int_equal(result, ANP_STREAM_FAILED);
        assert_int_equal(err.code, ANP_ERR_CONNECTION);
        assert_null(c->stream.table);
        anp_pool_put(c, false);
    }
    anp_pool_close(pool);
    anp_pool_release(pool);
    (void)close(holder);
}

/* ---- many threads ---- */

enum { THREADS = 6, ROUNDS = 3000, CAP = 2 };

typedef struct crowd {
    anp_pool *pool;
    _Atomic int held, most, served, cancelled;
} crowd;

typedef struct thread_waiter {
    anp_waiter waiter;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_granted;
} thread_waiter;

static void tell(anp_waiter *w)
{
    thread_waiter *t = (thread_waiter *)w;
    (void)pthread_mutex_lock(&t->lock);
    t->is_granted = true;
    (void)pthread_cond_signal(&t->told);
    (void)pthread_mutex_unlock(&t->lock);
}

static anp_connection *wait_told(thread_waiter *t)
{
    (void)pthread_mutex_lock(&t->lock);
    while (!t->is_granted) {
        (void)pthread_cond_wait(&t->told, &t->lock);
    }
    t->is_granted = false;
    (void)pthread_mutex_unlock(&t->lock);
    return t->waiter.connection;
}

static void *customer(void *argument)
{
    crowd *all = argument;
    thread_waiter t = {.waiter.granted = tell};
    (void)pthread_mutex_init(&t.lock, NULL);
    (void)pthread_cond_init(&t.told, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        anp_connection *c = NULL;
        anp_pool_answer answer = anp_pool_take(all->pool, &t.waiter, &c);
        if (answer == ANP_POOL_WAIT) {
            if (anp_random() % 3 == 0 && anp_pool_cancel(all->pool, &t.waiter)) {
                (void)atomic_fetch_add(&all->cancelled, 1);
                continue;
            }
            c = wait_told(&t); /* a lost race of cancelling too: the grant comes */
        }
        if (c == NULL) {
            break; /* closed */
        }
        int held = atomic_fetch_add(&all->held, 1) + 1;
        int most = atomic_load(&all->most);
        while (held > most && !atomic_compare_exchange_weak(&all->most, &most, held)) {
        }
        (void)atomic_fetch_add(&all->served, 1);
        bool clean = false;
        if (c->stream.table != NULL || anp_random() % 4 == 0) {
            int result = 0;
            if (c->stream.table == NULL) {
                while ((result = anp_connection_open(c, NULL)) == ANP_STREAM_AGAIN) {
                    (void)anp_stream_wait(&c->stream, 5000);
                }
            }
            clean = result == 0 && anp_random() % 8 != 0;
        }
        (void)atomic_fetch_sub(&all->held, 1);
        anp_pool_put(c, clean);
    }
    (void)pthread_mutex_destroy(&t.lock);
    (void)pthread_cond_destroy(&t.told);
    return NULL;
}

static void *accept_all(void *argument)
{
    int listener = *(int *)argument;
    int kept[16] = {0};
    unsigned n = 0;
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (n >= 16) {
            (void)close(kept[n % 16]);
        }
        kept[n++ % 16] = fd;
    }
    for (unsigned i = 0; i < (n < 16 ? n : 16); i++) {
        (void)close(kept[i]);
    }
    return NULL;
}

static void run_crowd(bool close_midway)
{
    rig r = make_rig(CAP);
    crowd all = {.pool = r.pool};
    pthread_t threads[THREADS];
    pthread_t acceptor;
    assert_int_equal(pthread_create(&acceptor, NULL, accept_all, &r.listener), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, customer, &all), 0);
    }
    if (close_midway) {
        assert_true(UNTIL(atomic_load(&all.served) > THREADS * 20));
        anp_pool_close(r.pool);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL); /* a lost grant would hang here */
    }
    assert_true(atomic_load(&all.most) <= CAP);
    if (!close_midway) {
        assert_int_equal(atomic_load(&all.served) + atomic_load(&all.cancelled), THREADS * ROUNDS);
    }
    anp_pool_stats s = stats(&r);
    assert_int_equal(s.in_use, 0);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.opened - s.closed, s.idle);
    (void)shutdown(r.listener, SHUT_RDWR);
    (void)pthread_join(acceptor, NULL);
    drop_rig(&r);
}

static void test_threads_share_a_small_pool_and_nobody_is_lost(void **state)
{
    (void)state;
    run_crowd(false);
}

static void test_closing_under_load_frees_everybody(void **state)
{
    (void)state;
    run_crowd(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_more_connections_than_the_cap),
        cmocka_unit_test(test_last_one_put_back_is_taken_first),
        cmocka_unit_test(test_waiters_are_served_in_order_and_newcomers_wait),
        cmocka_unit_test(test_connection_closed_by_the_peer_is_not_handed_out),
        cmocka_unit_test(test_connection_with_late_bytes_is_not_handed_out),
        cmocka_unit_test(test_connection_idle_too_long_is_not_handed_out_and_is_trimmed),
        cmocka_unit_test(test_add_fills_up_to_a_number_and_no_further),
        cmocka_unit_test(test_close_tells_waiters_and_closes_what_comes_back),
        cmocka_unit_test(test_refused_connection_can_be_put_back_and_tried_again),
        cmocka_unit_test(test_threads_share_a_small_pool_and_nobody_is_lost),
        cmocka_unit_test(test_closing_under_load_frees_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
