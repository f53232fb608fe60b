/* The event loop: a heap of timers, an eventfd that other threads wake it by, and descriptors: some
 * are handed to poll() with each wait, which is cheaper than to tell epoll of them and to take
 * them back when they are watched for one reply only; all others are epoll's (level-triggered).
 *
 * Thread-safety: `lock` guards the queue of tasks and `woken`; all else belongs to the driving
 * thread.
 *
 * An event may be taken from the kernel while its watch is removed, closed, or replaced by another
 * one on the same descriptor, by a callback that ran before it in the same step. So an event names
 * its descriptor and the generation of the watch, and is dropped when that watch isn't the one that
 * is there any more. */
#include "net/loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/timers.h"

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
                   POLLHUP == EPOLLHUP,
               "events are passed on as they are");

enum { EVENTS = 64, POLLED = 32, LONGEST_MS = 60 * 60 * 1000 };
enum { AT_WAKE, AT_EPOLL, AT_FIRST }; /* places in `polled` */

typedef struct slot {
    anp_watch *watch; /* NULL: none */
    uint32_t generation;
    uint32_t polled; /* its place in `polled`; 0: epoll has it */
} slot;

struct anp_loop {
    int epoll, wake;
    slot *slots; /* by descriptor */
    uint32_t n_slots;
    struct pollfd polled[AT_FIRST + POLLED]; /* epoll's is -1 while nothing is epoll's */
    uint32_t n_polled;
    uint32_t n_epoll; /* descriptors that epoll has */
    anp_timers timers;
    pthread_mutex_t lock;
    anp_task *first, **last;
    bool woken;              /* the eventfd is, or is about to be, readable */
    _Atomic uint32_t wakers; /* threads that are about to write to it */
    pthread_t thread;
    bool has_thread;
    _Atomic bool stopping;
};

anp_status anp_loop_new(anp_loop **out, anp_error *err)
{
    anp_loop *loop = anp_calloc(1, sizeof *loop);
    if (loop == NULL) {
        return anp_error_memory(err, sizeof *loop, "an event loop");
    }
    loop->last = &loop->first;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = loop->epoll >= 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (loop->wake < 0) {
        int error = errno;
        if (loop->epoll >= 0) {
            (void)close(loop->epoll);
        }
        anp_free(loop);
        return anp_error_set(err, ANP_ERR_CLIENT, "can't make an event loop (errno %d)", error);
    }
    loop->polled[AT_WAKE] = (struct pollfd){.fd = loop->wake, .events = POLLIN};
    loop->polled[AT_EPOLL] = (struct pollfd){.fd = -1, .events = POLLIN};
    loop->n_polled = AT_FIRST;
    (void)pthread_mutex_init(&loop->lock, NULL);
    *out = loop;
    return ANP_OK;
}

void anp_loop_free(anp_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    anp_loop_thread_stop(loop);
    while (atomic_load_explicit(&loop->wakers, memory_order_acquire) != 0) {
        (void)sched_yield();
    }
    (void)close(loop->wake);
    (void)close(loop->epoll);
    (void)pthread_mutex_destroy(&loop->lock);
    anp_timers_deinit(&loop->timers);
    anp_free(loop->slots);
    anp_free(loop);
}

static bool make_slot(anp_loop *loop, int fd)
{
    if ((uint32_t)fd < loop->n_slots) {
        return true;
    }
    uint32_t n = loop->n_slots == 0 ? 32 : loop->n_slots;
    while (n <= (uint32_t)fd) {
        n *= 2;
    }
    slot *slots = anp_realloc(loop->slots, n * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots + loop->n_slots, 0, (n - loop->n_slots) * sizeof *slots);
    loop->slots = slots;
    loop->n_slots = n;
    return true;
}

static uint64_t key_of(uint32_t generation, int fd)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* Tells poll's list or epoll of it. false: errno says why not. */
static bool set_events(anp_loop *loop, int fd, short events, bool is_new)
{
    slot *s = &loop->slots[fd];
    if (is_new && s->polled == 0 && loop->n_polled < AT_FIRST + POLLED) {
        s->polled = loop->n_polled++;
        loop->polled[s->polled].fd = fd;
    }
    if (s->polled != 0) {
        loop->polled[s->polled].events = events;
        return true;
    }
    struct epoll_event e = {.events = (uint16_t)events, .data.u64 = key_of(s->generation, fd)};
    if (epoll_ctl(loop->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e) != 0) {
        return false;
    }
    loop->n_epoll += is_new;
    loop->polled[AT_EPOLL].fd = loop->epoll;
    return true;
}

static void clear_events(anp_loop *loop, int fd)
{
    slot *s = &loop->slots[fd];
    if (s->polled == 0) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
        if (--loop->n_epoll == 0) {
            loop->polled[AT_EPOLL].fd = -1;
        }
        return;
    }
    struct pollfd last = loop->polled[--loop->n_polled];
    loop->polled[s->polled] = last;
    loop->slots[last.fd].polled = s->polled;
    s->polled = 0;
}

anp_status anp_loop_watch(anp_loop *loop, anp_watch *w, int fd, short events, anp_error *err)
{
    bool is_new = w->fd != fd;
    if (!is_new && w->events == events) {
        return ANP_OK;
    }
    if (is_new) {
        anp_loop_unwatch(loop, w);
        if (!make_slot(loop, fd)) {
            return anp_error_memory(err, (uint64_t)(fd + 1) * sizeof(slot), "watched descriptors");
        }
        loop->slots[fd].generation++;
    }
    if (!set_events(loop, fd, events, is_new)) {
        return anp_error_set(err, ANP_ERR_CLIENT, "can't watch descriptor %d (errno %d)", fd,
                             errno);
    }
    loop->slots[fd].watch = w;
    w->fd = fd;
    w->events = events;
    return ANP_OK;
}

void anp_loop_unwatch(anp_loop *loop, anp_watch *w)
{
    if (w->fd < 0) {
        return;
    }
    slot *s = &loop->slots[w->fd];
    if (s->watch == w) {
        s->watch = NULL;
        s->generation++;
        clear_events(loop, w->fd);
    }
    w->fd = -1;
    w->events = 0;
}

anp_status anp_loop_timer_set(anp_loop *loop, anp_timer *t, uint64_t at, anp_error *err)
{
    return anp_timers_set(&loop->timers, t, at, err);
}

void anp_loop_timer_cancel(anp_loop *loop, anp_timer *t)
{
    anp_timers_cancel(&loop->timers, t);
}

/* One write for any number of posts until the loop has looked. It comes after the lock, for which
 * the loop's thread would only wait as soon as it is awake; whoever frees the loop once the task
 * has run waits for those who still write. */
static void wake_unlock(anp_loop *loop)
{
    bool is_first = !loop->woken;
    loop->woken = true;
    if (is_first) {
        atomic_fetch_add_explicit(&loop->wakers, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&loop->lock);
    if (is_first) {
        uint64_t one = 1;
        while (write(loop->wake, &one, sizeof one) < 0 && errno == EINTR) {
        }
        atomic_fetch_sub_explicit(&loop->wakers, 1, memory_order_release);
    }
}

void anp_loop_post(anp_loop *loop, anp_task *task)
{
    task->next = NULL;
    (void)pthread_mutex_lock(&loop->lock);
    *loop->last = task;
    loop->last = &task->next;
    wake_unlock(loop);
}

void anp_loop_wake(anp_loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    wake_unlock(loop);
}

static void run_tasks(anp_loop *loop)
{
    uint64_t count;
    while (read(loop->wake, &count, sizeof count) < 0 && errno == EINTR) {
    }
    /* What is posted between the two writes no eventfd, but its task is in the list that is taken
     * now. */
    (void)pthread_mutex_lock(&loop->lock);
    anp_task *task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->woken = false;
    (void)pthread_mutex_unlock(&loop->lock);
    while (task != NULL) {
        anp_task *next = task->next; /* the task may be gone, or posted again, once it has run */
        task->run(task);
        task = next;
    }
}

static void dispatch(anp_loop *loop, const struct epoll_event *e)
{
    uint32_t fd = (uint32_t)e->data.u64;
    const slot *s = &loop->slots[fd];
    if (s->watch == NULL || s->generation != (uint32_t)(e->data.u64 >> 32)) {
        return;
    }
    /* An earlier callback may have changed what this one waits for. */
    short events = (short)(e->events & (uint32_t)((uint16_t)s->watch->events | POLLERR | POLLHUP));
    if (events != 0) {
        s->watch->ready(s->watch, events);
    }
}

/* Waits; what came to descriptors, as epoll tells it, and whether somebody has posted. */
static int wait_events(anp_loop *loop, struct epoll_event *events, int ms, bool *posted)
{
    int n = 0, got = poll(loop->polled, loop->n_polled, ms);
    *posted = got > 0 && loop->polled[AT_WAKE].revents != 0;
    for (uint32_t i = AT_FIRST; got > 0 && i < loop->n_polled; i++) {
        const struct pollfd *p = &loop->polled[i];
        if (p->revents != 0) {
            uint32_t what = (uint16_t)p->revents;
            events[n].events = (what & POLLNVAL) != 0 ? EPOLLERR : what;
            events[n++].data.u64 = key_of(loop->slots[p->fd].generation, p->fd);
        }
    }
    if (got > 0 && loop->polled[AT_EPOLL].revents != 0) {
        int more = epoll_wait(loop->epoll, events + n, EVENTS - n, 0);
        n += more > 0 ? more : 0;
    }
    return n;
}

void anp_loop_step(anp_loop *loop, int max_ms)
{
    int cap = max_ms < 0 || max_ms > LONGEST_MS ? LONGEST_MS : max_ms;
    uint64_t next = anp_timers_next(&loop->timers);
    int ms = cap == 0 ? 0 : next == ANP_NEVER ? cap : anp_clock_ms_left(next, anp_clock_now(), cap);
    struct epoll_event events[EVENTS];
    bool posted;
    int n = wait_events(loop, events, ms, &posted);
    for (int i = 0; i < n; i++) {
        dispatch(loop, &events[i]);
    }
    if (anp_timers_next(&loop->timers) != ANP_NEVER) {
        anp_timers_fire(&loop->timers, anp_clock_now());
    }
    if (posted) {
        run_tasks(loop);
    }
}

static void *thread_main(void *argument)
{
    anp_loop *loop = argument;
    while (!atomic_load(&loop->stopping)) {
        anp_loop_step(loop, -1);
    }
    anp_loop_step(loop, 0); /* what was posted before the stop */
    return NULL;
}

anp_status anp_loop_thread_start(anp_loop *loop, anp_error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    atomic_store(&loop->stopping, false);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread is born with them blocked */
    int error = pthread_create(&loop->thread, NULL, thread_main, loop);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return anp_error_set(err, ANP_ERR_CLIENT, "can't start an I/O thread (errno %d)", error);
    }
    loop->has_thread = true;
    return ANP_OK;
}

void anp_loop_thread_stop(anp_loop *loop)
{
    if (loop->has_thread) {
        atomic_store(&loop->stopping, true);
        anp_loop_wake(loop);
        (void)pthread_join(loop->thread, NULL);
        loop->has_thread = false;
    }
}
