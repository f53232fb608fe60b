/* The heap of timers. A timer knows its place, so that cancelling costs no search. */
#include "net/timers.h"

#include "base/alloc.h"
#include "base/clock.h"

void anp_timers_deinit(anp_timers *timers)
{
    anp_free(timers->heap);
    *timers = (anp_timers){0};
}

static void put(anp_timers *timers, uint32_t i, anp_timer *t)
{
    timers->heap[i] = t;
    t->place = i + 1;
}

static void rise(anp_timers *timers, uint32_t i, anp_timer *t)
{
    while (i > 0) {
        uint32_t up = (i - 1) / 2;
        if (timers->heap[up]->at <= t->at) {
            break;
        }
        put(timers, i, timers->heap[up]);
        i = up;
    }
    put(timers, i, t);
}

static void sink(anp_timers *timers, uint32_t i, anp_timer *t)
{
    for (;;) {
        uint32_t down = 2 * i + 1;
        if (down >= timers->count) {
            break;
        }
        if (down + 1 < timers->count && timers->heap[down + 1]->at < timers->heap[down]->at) {
            down++;
        }
        if (t->at <= timers->heap[down]->at) {
            break;
        }
        put(timers, i, timers->heap[down]);
        i = down;
    }
    put(timers, i, t);
}

static void settle(anp_timers *timers, uint32_t i, anp_timer *t)
{
    if (i > 0 && timers->heap[(i - 1) / 2]->at > t->at) {
        rise(timers, i, t);
    } else {
        sink(timers, i, t);
    }
}

anp_status anp_timers_set(anp_timers *timers, anp_timer *t, uint64_t at, anp_error *err)
{
    if (at == ANP_NEVER) {
        anp_timers_cancel(timers, t);
        return ANP_OK;
    }
    if (t->place != 0) {
        t->at = at;
        settle(timers, t->place - 1, t);
        return ANP_OK;
    }
    if (timers->count == timers->capacity) {
        uint32_t capacity = timers->capacity == 0 ? 16 : timers->capacity * 2;
        anp_timer **heap = anp_realloc(timers->heap, capacity * sizeof *heap);
        if (heap == NULL) {
            return anp_error_memory(err, capacity * sizeof *heap, "timers");
        }
        timers->heap = heap;
        timers->capacity = capacity;
    }
    t->at = at;
    rise(timers, timers->count++, t);
    return ANP_OK;
}

void anp_timers_cancel(anp_timers *timers, anp_timer *t)
{
    if (t->place == 0) {
        return;
    }
    uint32_t i = t->place - 1;
    anp_timer *last = timers->heap[--timers->count];
    t->place = 0;
    if (last != t) {
        settle(timers, i, last);
    }
}

uint64_t anp_timers_next(const anp_timers *timers)
{
    return timers->count != 0 ? timers->heap[0]->at : ANP_NEVER;
}

void anp_timers_fire(anp_timers *timers, uint64_t now)
{
    for (uint32_t n = timers->count; n > 0 && timers->count > 0 && timers->heap[0]->at <= now;
         n--) {
        anp_timer *t = timers->heap[0];
        anp_timers_cancel(timers, t);
        t->fire(t);
    }
}
