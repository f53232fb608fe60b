/* The expiry thread. It sleeps on a condition with the next namespace's time as its limit. */
#include "node/expiry.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "node/store.h"
#include "node/thread.h"

static uint64_t monotonic(void) /* the condition's own clock, which a test's hook must not bend */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * ANP_NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t period_of(const anp_namespace *ns)
{
    return (uint64_t)ns->config.nsup_period * ANP_NS_PER_S;
}

/* The first time after `now` at which a namespace is due, counted from the start in whole periods. */
static uint64_t next_due(const anp_store *store, uint64_t start, uint64_t now)
{
    uint64_t next = ANP_NEVER;
    for (uint32_t i = 0; i < store->n_namespaces; i++) {
        uint64_t period = period_of(store->namespaces[i]);
        if (period != 0) {
            uint64_t due = start + ((now - start) / period + 1) * period;
            next = due < next ? due : next;
        }
    }
    return next;
}

static void pass(anp_expiry *e, bool all, uint64_t start, uint64_t before, uint64_t now)
{
    for (uint32_t i = 0; i < e->store->n_namespaces; i++) {
        anp_namespace *ns = e->store->namespaces[i];
        uint64_t period = period_of(ns);
        if (all || (period != 0 && (now - start) / period != (before - start) / period)) {
            anp_namespace_sweep(ns, anp_clock_wall(), &e->stop);
        }
    }
}

static void *run(void *argument)
{
    anp_expiry *e = argument;
    uint64_t start = monotonic(), before = start;
    pthread_mutex_lock(&e->lock);
    while (!atomic_load(&e->stop)) {
        uint64_t due = next_due(e->store, start, before);
        int timed_out = 0;
        while (!e->asked && !atomic_load(&e->stop) && timed_out == 0) {
            if (due == ANP_NEVER) {
                pthread_cond_wait(&e->wake, &e->lock);
            } else {
                struct timespec until = {(time_t)(due / ANP_NS_PER_S), (long)(due % ANP_NS_PER_S)};
                timed_out = pthread_cond_timedwait(&e->wake, &e->lock, &until);
            }
        }
        bool all = e->asked;
        e->asked = false;
        pthread_mutex_unlock(&e->lock);
        uint64_t now = monotonic();
        pass(e, all, start, before, now);
        before = now;
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

anp_status anp_expiry_start(anp_expiry *e, struct anp_store *store, anp_error *err)
{
    *e = (anp_expiry){.store = store};
    atomic_init(&e->stop, false);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, &clock);
    pthread_condattr_destroy(&clock);
    int failed = anp_thread_start(&e->thread, run, e);
    if (failed != 0) {
        pthread_cond_destroy(&e->wake);
        pthread_mutex_destroy(&e->lock);
        return anp_error_set(err, ANP_ERR_CLIENT, "no thread for expiry: %s", strerror(failed));
    }
    e->running = true;
    return ANP_OK;
}

void anp_expiry_stop(anp_expiry *e)
{
    if (!e->running) {
        return;
    }
    pthread_mutex_lock(&e->lock);
    atomic_store(&e->stop, true);
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    e->running = false;
}

void anp_expiry_wake(anp_expiry *e)
{
    pthread_mutex_lock(&e->lock);
    e->asked = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
}
