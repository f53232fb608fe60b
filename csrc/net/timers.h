/* Timers in a binary heap, soonest first. Owned by one loop, used on its driving thread only. */
#pragma once

#include <stdint.h>

#include "net/loop.h"

typedef struct anp_timers {
    anp_timer **heap; /* the timers are their owners' */
    uint32_t count, capacity;
} anp_timers;

void anp_timers_deinit(anp_timers *timers);

/* Sets t to its new time, or moves it there. Fails only for lack of memory, on a timer that wasn't
 * set. */
anp_status anp_timers_set(anp_timers *timers, anp_timer *t, uint64_t at, anp_error *err);
void anp_timers_cancel(anp_timers *timers, anp_timer *t);

/* When the soonest is due; ANP_NEVER: none. */
uint64_t anp_timers_next(const anp_timers *timers);

/* Fires those due at `now`, soonest first. One that sets itself again to a time that is due waits
 * for the next call, so that it can't hold the loop. */
void anp_timers_fire(anp_timers *timers, uint64_t now);
