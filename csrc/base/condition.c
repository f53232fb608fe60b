/* See condition.h. */
#include "base/condition.h"

#include <time.h>

#include "base/clock.h"

void anp_condition_init(pthread_cond_t *c)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

bool anp_condition_wait(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t deadline)
{
    struct timespec at = {.tv_sec = (time_t)(deadline / ANP_NS_PER_S),
                          .tv_nsec = (long)(deadline % ANP_NS_PER_S)};
    return pthread_cond_timedwait(c, lock, &at) == 0;
}
