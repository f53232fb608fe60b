/* Time, behind a table, so that a simulator can run client and node on a clock of its own.
 * Deadlines use the monotonic clock only; the wall clock is for times to live. Thread-safe, except
 * anp_clock_hook. */
#pragma once

#include <stdint.h>

#define ANP_NS_PER_MS UINT64_C(1000000)
#define ANP_NS_PER_S UINT64_C(1000000000)
#define ANP_NEVER UINT64_MAX /* a deadline that does not come */

/* Nanoseconds of the monotonic clock. */
uint64_t anp_clock_now(void);

/* Nanoseconds since 1970-01-01 UTC. */
uint64_t anp_clock_wall(void);

/* The deadline `ms` from `now`; 0 ms means ANP_NEVER. */
uint64_t anp_clock_deadline(uint64_t now, uint32_t ms);

/* Whole milliseconds (rounded up) from now to deadline, at most `cap`; 0 when it has passed. For
 * poll(). */
int anp_clock_ms_left(uint64_t deadline, uint64_t now, int cap);

/* For tests: both clocks answer with these from now on; NULL gives the system's back. Set it while
 * no other thread runs. */
void anp_clock_hook(uint64_t (*now)(void), uint64_t (*wall)(void));
