/* Condition variables whose waits end by the monotonic clock: setting the machine's time neither
 * shortens nor prolongs them. Signalled and destroyed as any other. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* On Linux this can't fail. */
void anp_condition_init(pthread_cond_t *c);

/* Waits with the lock held, until a signal or the deadline (of anp_clock_now). false: the deadline
 * has passed. As ever, true may mean nothing: look at what was waited for. */
bool anp_condition_wait(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t deadline);
