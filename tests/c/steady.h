/* For tests of time limits: a clock that a machine which stalls does not make jump. What a limit of
 * 80 ms is given is then as much as the test needs, whatever else the machine does for a second. */
#pragma once

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static struct {
    _Atomic uint64_t now;
    _Atomic bool is_over;
    pthread_t thread;
} steady;

static inline uint64_t steady_now(void)
{
    return atomic_load(&steady.now);
}

/* Goes on by a millisecond or so at a time; by ten at most, however long it was kept from it. */
static inline void *steady_run(void *argument)
{
    (void)argument;
    struct timespec last, now;
    (void)clock_gettime(CLOCK_MONOTONIC, &last);
    while (!atomic_load(&steady.is_over)) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t passed =
            (uint64_t)((now.tv_sec - last.tv_sec) * 1000000000 + now.tv_nsec - last.tv_nsec);
        (void)atomic_fetch_add(&steady.now,
                               passed < 10 * ANP_NS_PER_MS ? passed : 10 * ANP_NS_PER_MS);
        last = now;
    }
    return NULL;
}

/* Before and after all tests of a program. */
static inline int steady_start(void **state)
{
    (void)state;
    atomic_store(&steady.now, anp_clock_now());
    anp_clock_hook(steady_now, NULL);
    return pthread_create(&steady.thread, NULL, steady_run, NULL);
}

static inline int steady_stop(void **state)
{
    (void)state;
    atomic_store(&steady.is_over, true);
    (void)pthread_join(steady.thread, NULL);
    anp_clock_hook(NULL, NULL);
    return 0;
}
