/* The threads that drive async requests: each steps a loop of its own, and never takes the GIL. */
#pragma once

#include <stdatomic.h>

#include "net/loop.h"

typedef struct anp_runtime anp_runtime;

/* Starts so many threads (1 to 32). No GIL needed. */
anp_status anp_runtime_start(uint32_t workers, anp_runtime **out, anp_error *err);

/* Stops and joins them. Nothing may be under way on their loops any more. */
void anp_runtime_stop(anp_runtime *r);

/* A place on a loop: the one with the fewest requests, of those the first. A caller who awaits one
 * request after the other stays with one thread, whose memory is near. Any thread. */
typedef struct anp_seat {
    anp_loop *loop;
    _Atomic uint32_t n_taken;
} anp_seat;

anp_seat *anp_runtime_sit(anp_runtime *r);
void anp_seat_leave(anp_seat *seat);
