/* For tests: waiting for a condition, generously, instead of sleeping. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "base/clock.h"

/* Waits up to 20 s for the expression to become true; false if it never did. */
#define UNTIL(condition)                                                                           \
    ({                                                                                             \
        uint64_t until_end = anp_clock_now() + 20 * ANP_NS_PER_S;                                  \
        bool until_met;                                                                            \
        while (!(until_met = (condition)) && anp_clock_now() < until_end) {                        \
            (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);                          \
        }                                                                                          \
        until_met;                                                                                 \
    })
