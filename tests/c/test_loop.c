/* The event loop: descriptors, timers, posts from other threads, and removal in the middle of a
 * step. */
#include "net/loop.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "until.h"

typedef struct end {
    anp_watch watch; /* first: a watch is its end */
    anp_loop *loop;
    int calls;
    short seen;
    struct end *victim; /* unwatched, and its descriptor closed, when this one is called */
    struct end *heir;   /* watched in its place, on a new descriptor of the same number */
    int heir_peer;
} end;

static void ready(anp_watch *w, short events)
{
    end *e = (end *)w;
    e->calls++;
    e->seen = events;
    char byte;
    (void)!recv(w->fd, &byte, 1, MSG_DONTWAIT);
    if (e->victim != NULL && e->victim->watch.fd >= 0) {
        int fd = e->victim->watch.fd;
        anp_loop_unwatch(e->loop, &e->victim->watch);
        (void)close(fd);
        if (e->heir != NULL) {
            int pair[2];
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
            int same = dup2(pair[0], fd);
            assert_int_equal(same, fd);
            if (pair[0] != fd) {
                (void)close(pair[0]);
            }
            e->heir_peer = pair[1];
            assert_int_equal(anp_loop_watch(e->loop, &e->heir->watch, fd, POLLIN, NULL), ANP_OK);
        }
    }
}

static end make_end(anp_loop *loop)
{
    return (end){.watch = {.ready = ready, .fd = -1}, .loop = loop};
}

static anp_loop *new_loop(void)
{
    anp_loop *loop = NULL;
    assert_int_equal(anp_loop_new(&loop, NULL), ANP_OK);
    return loop;
}

static void test_readable_descriptor_is_reported_until_unwatched(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    end e = make_end(loop);
    assert_int_equal(anp_loop_watch(loop, &e.watch, pair[0], POLLIN, NULL), ANP_OK);
    anp_loop_step(loop, 0);
    assert_int_equal(e.calls, 0);
    assert_int_equal(write(pair[1], "ab", 2), 2);
    anp_loop_step(loop, 1000);
    assert_int_equal(e.calls, 1);
    assert_int_equal(e.seen, POLLIN);
    anp_loop_step(loop, 1000); /* level-triggered: a byte is left */
    assert_int_equal(e.calls, 2);
    anp_loop_step(loop, 0);
    assert_int_equal(e.calls, 2);
    assert_int_equal(anp_loop_watch(loop, &e.watch, pair[0], POLLIN | POLLOUT, NULL), ANP_OK);
    anp_loop_step(loop, 1000);
    assert_int_equal(e.seen, POLLOUT);
    anp_loop_unwatch(loop, &e.watch);
    anp_loop_unwatch(loop, &e.watch);
    anp_loop_step(loop, 0);
    assert_int_equal(e.calls, 3);
    (void)close(pair[0]);
    (void)close(pair[1]);
    anp_loop_free(loop);
}

/* Descriptors that nothing comes from: more than a loop hands to poll() itself, so that those which
 * are watched behind them are epoll's. */
enum { CROWD = 40 };

typedef struct crowd {
    end ends[CROWD];
    int pairs[CROWD][2];
} crowd;

static void watch_crowd(crowd *c, anp_loop *loop)
{
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, c->pairs[i]), 0);
        c->ends[i] = make_end(loop);
        assert_int_equal(anp_loop_watch(loop, &c->ends[i].watch, c->pairs[i][0], POLLIN, NULL),
                         ANP_OK);
    }
}

static void unwatch_crowd(crowd *c, anp_loop *loop)
{
    for (int i = 0; i < CROWD; i++) {
        anp_loop_unwatch(loop, &c->ends[i].watch);
        (void)close(c->pairs[i][0]);
        (void)close(c->pairs[i][1]);
    }
}

static void test_each_of_many_is_heard_whoever_else_comes_and_goes(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    crowd c;
    watch_crowd(&c, loop);
    for (int round = 0; round < CROWD; round++) {
        for (int i = 0; i < CROWD; i++) {
            assert_int_equal(write(c.pairs[i][1], "x", 1), 1);
        }
        anp_loop_step(loop, 1000);
        for (int i = 0; i < CROWD; i++) {
            assert_int_equal(c.ends[i].calls, round + 1);
        }
        end *moved = &c.ends[round * 5 % CROWD]; /* to the end of the line */
        anp_loop_unwatch(loop, &moved->watch);
        assert_int_equal(
            anp_loop_watch(loop, &moved->watch, c.pairs[moved - c.ends][0], POLLIN | POLLOUT, NULL),
            ANP_OK);
        anp_loop_step(loop, 1000);
        assert_int_equal(moved->seen, POLLOUT);
        moved->calls--;
        assert_int_equal(
            anp_loop_watch(loop, &moved->watch, c.pairs[moved - c.ends][0], POLLIN, NULL), ANP_OK);
    }
    unwatch_crowd(&c, loop);
    anp_loop_free(loop);
}

/* Two ends are ready in the same step; whichever is called first removes the other. */
static void remove_other_in_same_step(bool with_heir, crowd *c)
{
    anp_loop *loop = new_loop();
    if (c != NULL) {
        watch_crowd(c, loop);
    }
    int a[2];
    int b[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
    end one = make_end(loop);
    end two = make_end(loop);
    end heir = make_end(loop);
    one.victim = &two;
    two.victim = &one;
    if (with_heir) {
        one.heir = two.heir = &heir;
    }
    assert_int_equal(anp_loop_watch(loop, &one.watch, a[0], POLLIN, NULL), ANP_OK);
    assert_int_equal(anp_loop_watch(loop, &two.watch, b[0], POLLIN, NULL), ANP_OK);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    anp_loop_step(loop, 1000);
    assert_int_equal(one.calls + two.calls, 1);
    assert_int_equal(heir.calls, 0); /* the event was the removed one's */
    end *left = one.calls != 0 ? &one : &two;
    if (with_heir) {
        assert_int_equal(write(left->heir_peer, "y", 1), 1);
        anp_loop_step(loop, 1000);
        assert_int_equal(heir.calls, 1);
        int fd = heir.watch.fd;
        anp_loop_unwatch(loop, &heir.watch);
        (void)close(fd);
        (void)close(left->heir_peer);
    }
    int fd = left->watch.fd;
    anp_loop_unwatch(loop, &left->watch);
    (void)close(fd);
    (void)close(a[1]);
    (void)close(b[1]);
    if (c != NULL) {
        unwatch_crowd(c, loop);
    }
    anp_loop_free(loop);
}

static void test_removed_watch_gets_no_stale_event(void **state)
{
    (void)state;
    crowd c;
    remove_other_in_same_step(false, NULL);
    remove_other_in_same_step(false, &c);
}

static void test_new_watch_on_same_number_gets_no_stale_event(void **state)
{
    (void)state;
    crowd c;
    remove_other_in_same_step(true, NULL);
    remove_other_in_same_step(true, &c);
}

typedef struct alarm_clock {
    anp_timer timer;
    anp_loop *loop;
    int id;
    int *log, *n;
    struct alarm_clock *cancels;
    bool again;
} alarm_clock;

static void fire(anp_timer *t)
{
    alarm_clock *a = (alarm_clock *)t;
    assert_int_equal(t->place, 0);
    a->log[(*a->n)++] = a->id;
    if (a->cancels != NULL) {
        anp_loop_timer_cancel(a->loop, &a->cancels->timer);
    }
    if (a->again) {
        assert_int_equal(anp_loop_timer_set(a->loop, t, 1, NULL), ANP_OK);
    }
}

static void test_timers_fire_in_order_of_time(void **state)
{
    (void)state;
    enum { N = 200 };
    anp_loop *loop = new_loop();
    static alarm_clock alarms[N];
    static int log[2 * N];
    int n = 0;
    uint64_t base = anp_clock_now() - ANP_NS_PER_S;
    for (int i = 0; i < N; i++) {
        alarms[i] =
            (alarm_clock){.timer.fire = fire, .loop = loop, .id = i * 37 % N, .log = log, .n = &n};
        /* set twice: the second time counts */
        assert_int_equal(
            anp_loop_timer_set(loop, &alarms[i].timer, base + (uint64_t)(i % 13), NULL), ANP_OK);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(
            anp_loop_timer_set(loop, &alarms[i].timer, base + (uint64_t)alarms[i].id, NULL),
            ANP_OK);
    }
    for (int i = 0; i < N; i += 3) {
        anp_loop_timer_cancel(loop, &alarms[i].timer);
        anp_loop_timer_cancel(loop, &alarms[i].timer);
    }
    anp_loop_step(loop, 1000);
    assert_int_equal(n, N - (N + 2) / 3);
    for (int i = 1; i < n; i++) {
        assert_true(log[i - 1] < log[i]);
    }
    anp_loop_free(loop);
}

static void test_timer_waits_for_its_time_and_bounds_the_step(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    int log[4];
    int n = 0;
    alarm_clock a = {.timer.fire = fire, .loop = loop, .id = 7, .log = log, .n = &n};
    uint64_t at = anp_clock_now() + 30 * ANP_NS_PER_MS;
    assert_int_equal(anp_loop_timer_set(loop, &a.timer, at, NULL), ANP_OK);
    while (n == 0) {
        anp_loop_step(loop, 60000);
    }
    assert_true(anp_clock_now() >= at);
    assert_true(anp_clock_now() < at + 20 * ANP_NS_PER_S);
    assert_int_equal(anp_loop_timer_set(loop, &a.timer, ANP_NEVER, NULL), ANP_OK);
    anp_loop_step(loop, 0);
    assert_int_equal(n, 1);
    anp_loop_free(loop);
}

static void test_timer_cancelled_by_another_does_not_fire(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    int log[4];
    int n = 0;
    alarm_clock b = {.timer.fire = fire, .loop = loop, .id = 2, .log = log, .n = &n};
    alarm_clock a = {.timer.fire = fire, .loop = loop, .id = 1, .log = log, .n = &n, .cancels = &b};
    assert_int_equal(anp_loop_timer_set(loop, &b.timer, 2, NULL), ANP_OK);
    assert_int_equal(anp_loop_timer_set(loop, &a.timer, 1, NULL), ANP_OK);
    anp_loop_step(loop, 0);
    assert_int_equal(n, 1);
    assert_int_equal(log[0], 1);
    anp_loop_free(loop);
}

static void test_timer_that_sets_itself_again_does_not_hold_the_loop(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    int log[8];
    int n = 0;
    alarm_clock a = {.timer.fire = fire, .loop = loop, .id = 1, .log = log, .n = &n, .again = true};
    assert_int_equal(anp_loop_timer_set(loop, &a.timer, 1, NULL), ANP_OK);
    anp_loop_step(loop, 0);
    assert_int_equal(n, 1);
    anp_loop_step(loop, 1000);
    assert_int_equal(n, 2);
    anp_loop_timer_cancel(loop, &a.timer);
    anp_loop_free(loop);
}

typedef struct numbered {
    anp_task task;
    int poster, number;
    struct counts *counts;
} numbered;

typedef struct counts {
    int next[4]; /* by poster: the number that must come */
    _Atomic int total;
    bool in_order;
} counts;

static void count(anp_task *task)
{
    numbered *t = (numbered *)task;
    t->counts->in_order = t->counts->in_order && t->counts->next[t->poster]++ == t->number;
    atomic_fetch_add(&t->counts->total, 1);
    anp_free(t);
}

typedef struct poster {
    anp_loop *loop;
    counts *counts;
    int id;
} poster;

enum { POSTS = 2000 };

static void *post_many(void *argument)
{
    poster *p = argument;
    for (int i = 0; i < POSTS; i++) {
        numbered *t = anp_calloc(1, sizeof *t);
        *t = (numbered){.task.run = count, .poster = p->id, .number = i, .counts = p->counts};
        anp_loop_post(p->loop, &t->task);
    }
    return NULL;
}

static void post_from_threads(anp_loop *loop, counts *c, bool step)
{
    pthread_t threads[4];
    poster posters[4];
    for (int i = 0; i < 4; i++) {
        posters[i] = (poster){loop, c, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    uint64_t end_at = anp_clock_now() + 20 * ANP_NS_PER_S;
    while (step && atomic_load(&c->total) < 4 * POSTS && anp_clock_now() < end_at) {
        anp_loop_step(loop, 1000);
    }
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void test_posts_from_threads_run_once_and_in_order(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    counts c = {.in_order = true};
    post_from_threads(loop, &c, true);
    assert_int_equal(atomic_load(&c.total), 4 * POSTS);
    assert_true(c.in_order);
    anp_loop_free(loop);
}

static void test_loop_thread_runs_posts_and_stops(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    counts c = {.in_order = true};
    for (int round = 0; round < 3; round++) {
        atomic_store(&c.total, 0);
        memset(c.next, 0, sizeof c.next);
        assert_int_equal(anp_loop_thread_start(loop, NULL), ANP_OK);
        post_from_threads(loop, &c, false);
        anp_loop_thread_stop(loop); /* what was posted before is run */
        assert_int_equal(atomic_load(&c.total), 4 * POSTS);
        assert_true(c.in_order);
    }
    anp_loop_free(loop);
}

static void look_at_signals(anp_task *task);

typedef struct signal_look {
    anp_task task;
    _Atomic int blocked; /* -1: not looked yet */
} signal_look;

static void look_at_signals(anp_task *task)
{
    sigset_t set;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &set);
    atomic_store(&((signal_look *)task)->blocked,
                 sigismember(&set, SIGINT) == 1 && sigismember(&set, SIGUSR1) == 1);
}

static void test_loop_thread_blocks_signals_and_the_starter_does_not(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    signal_look look = {.task.run = look_at_signals, .blocked = -1};
    assert_int_equal(anp_loop_thread_start(loop, NULL), ANP_OK);
    anp_loop_post(loop, &look.task);
    assert_true(UNTIL(atomic_load(&look.blocked) != -1));
    assert_int_equal(atomic_load(&look.blocked), 1);
    sigset_t set;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &set);
    assert_int_equal(sigismember(&set, SIGINT), 0);
    anp_loop_free(loop);
}

static void *wake_it(void *argument)
{
    anp_loop_wake(argument);
    return NULL;
}

static void test_wake_ends_a_step(void **state)
{
    (void)state;
    anp_loop *loop = new_loop();
    pthread_t thread;
    uint64_t start = anp_clock_now();
    assert_int_equal(pthread_create(&thread, NULL, wake_it, loop), 0);
    anp_loop_step(loop, 60000);
    assert_true(anp_clock_now() - start < 20 * ANP_NS_PER_S);
    (void)pthread_join(thread, NULL);
    anp_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readable_descriptor_is_reported_until_unwatched),
        cmocka_unit_test(test_each_of_many_is_heard_whoever_else_comes_and_goes),
        cmocka_unit_test(test_removed_watch_gets_no_stale_event),
        cmocka_unit_test(test_new_watch_on_same_number_gets_no_stale_event),
        cmocka_unit_test(test_timers_fire_in_order_of_time),
        cmocka_unit_test(test_timer_waits_for_its_time_and_bounds_the_step),
        cmocka_unit_test(test_timer_cancelled_by_another_does_not_fire),
        cmocka_unit_test(test_timer_that_sets_itself_again_does_not_hold_the_loop),
        cmocka_unit_test(test_posts_from_threads_run_once_and_in_order),
        cmocka_unit_test(test_loop_thread_runs_posts_and_stops),
        cmocka_unit_test(test_loop_thread_blocks_signals_and_the_starter_does_not),
        cmocka_unit_test(test_wake_ends_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
