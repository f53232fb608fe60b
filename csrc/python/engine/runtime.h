/* The threads that drive async requests: each steps a loop of its own, and never takes the GIL. */
#pragma once

#include "net/loop.h"

typedef struct anp_runtime anp_runtime;

/* Starts so many threads (1 to 32). No GIL needed. */
anp_status anp_runtime_start(uint32_t workers, anp_runtime **out, anp_error *err);

/* Stops and joins them. Nothing may be under way on their loops any more. */
void anp_runtime_stop(anp_runtime *r);

/* The loops take turns. Any thread. */
anp_loop *anp_runtime_loop(anp_runtime *r);
