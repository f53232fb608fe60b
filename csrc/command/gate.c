/* See gate.h. */
#include "command/gate.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/condition.h"

struct anp_gate {
    uint32_t max;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t emptied;
    anp_bell *bells; /* rung with it */
    uint32_t n_in;
    anp_ticket *first, *last;
};

anp_status anp_gate_new(uint32_t max, anp_gate **out, anp_error *err)
{
    anp_gate *g = anp_calloc(1, sizeof *g);
    if (g == NULL) {
        return anp_error_memory(err, sizeof *g, "a gate");
    }
    g->max = max != 0 ? max : UINT32_MAX;
    (void)pthread_mutex_init(&g->lock, NULL);
    anp_condition_init(&g->emptied);
    *out = g;
    return ANP_OK;
}

void anp_gate_free(anp_gate *g)
{
    if (g != NULL) {
        (void)pthread_cond_destroy(&g->emptied);
        (void)pthread_mutex_destroy(&g->lock);
        anp_free(g);
    }
}

bool anp_gate_enter(anp_gate *g, anp_ticket *t)
{
    (void)pthread_mutex_lock(&g->lock);
    bool is_in = g->n_in < g->max;
    if (t != NULL) {
        t->is_queued = !is_in;
    }
    if (is_in) {
        g->n_in++;
    } else if (t != NULL) {
        t->next = NULL;
        t->prev = g->last;
        *(g->last != NULL ? &g->last->next : &g->first) = t;
        g->last = t;
    }
    (void)pthread_mutex_unlock(&g->lock);
    return is_in;
}

/* With the lock. */
static void unqueue(anp_gate *g, anp_ticket *t)
{
    *(t->prev != NULL ? &t->prev->next : &g->first) = t->next;
    *(t->next != NULL ? &t->next->prev : &g->last) = t->prev;
    t->is_queued = false;
}

static void tell_if_empty(anp_gate *g)
{
    if (g->n_in == 0 && g->first == NULL) {
        (void)pthread_cond_broadcast(&g->emptied);
        anp_bells_ring(g->bells);
    }
}

bool anp_gate_give_up(anp_gate *g, anp_ticket *t)
{
    (void)pthread_mutex_lock(&g->lock);
    bool was_queued = t->is_queued;
    if (was_queued) {
        unqueue(g, t);
        tell_if_empty(g);
    }
    (void)pthread_mutex_unlock(&g->lock);
    return was_queued;
}

void anp_gate_leave(anp_gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    anp_ticket *next = g->first;
    if (next != NULL) { /* it takes the place over */
        unqueue(g, next);
    } else {
        g->n_in--;
        tell_if_empty(g);
    }
    (void)pthread_mutex_unlock(&g->lock);
    if (next != NULL) {
        next->open(next);
    }
}

void anp_gate_listen(anp_gate *g, anp_bell *bell)
{
    (void)pthread_mutex_lock(&g->lock);
    anp_bell_hang(bell, &g->bells);
    (void)pthread_mutex_unlock(&g->lock);
}

void anp_gate_unlisten(anp_gate *g, anp_bell *bell)
{
    (void)pthread_mutex_lock(&g->lock);
    anp_bell_take_down(bell);
    (void)pthread_mutex_unlock(&g->lock);
}

bool anp_gate_wait_empty(anp_gate *g, uint32_t ms)
{
    uint64_t end = anp_clock_now() + ms * ANP_NS_PER_MS;
    (void)pthread_mutex_lock(&g->lock);
    while ((g->n_in != 0 || g->first != NULL) && anp_condition_wait(&g->emptied, &g->lock, end)) {
    }
    bool is_empty = g->n_in == 0 && g->first == NULL;
    (void)pthread_mutex_unlock(&g->lock);
    return is_empty;
}
