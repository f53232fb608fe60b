/* How many operations of a client may be under way: the others wait their turn, first come, first
 * served, whether a thread waits or a loop. Thread-safe: one lock, held for a few instructions;
 * open() is called without it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bell.h"
#include "base/error.h"

typedef struct anp_gate anp_gate;

typedef struct anp_ticket anp_ticket;
struct anp_ticket {
    void (*open)(anp_ticket *t); /* the turn has come; from whichever thread has just left */
    anp_ticket *next, *prev;     /* the gate's */
    bool is_queued;
};

/* max 0: no limit, and they are only counted. */
anp_status anp_gate_new(uint32_t max, anp_gate **out, anp_error *err);
void anp_gate_free(anp_gate *g); /* nobody is in, nobody waits */

/* true: it is in. false: it waits, and open() will be called once, unless it gives up. t NULL: it
 * does not wait. */
bool anp_gate_enter(anp_gate *g, anp_ticket *t);

/* true: it waited, and open() will not be called. false: it is in, or just being let in. */
bool anp_gate_give_up(anp_gate *g, anp_ticket *t);

/* One that was in is done; the next one's open() is called. */
void anp_gate_leave(anp_gate *g);

/* Waits until nobody is in or waits, at most so long; true: so it is. */
bool anp_gate_wait_empty(anp_gate *g, uint32_t ms);

/* For those who must not wait: rings when so it is. */
void anp_gate_listen(anp_gate *g, anp_bell *bell);
void anp_gate_unlisten(anp_gate *g, anp_bell *bell);
