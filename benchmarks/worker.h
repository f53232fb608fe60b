/* How a program is a cell of harness.py: it says {"ready": ...}, takes a number of rounds a line,
 * and answers each with the CPU and the wall time of those rounds, in seconds. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "wire/ripemd160.h"

static inline double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static inline double wall_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until the input ends. */
static inline void work(void (*one_round)(void))
{
    printf("{\"ready\": true, \"simd\": \"%s\"}\n", anp_ripemd160_best()->name);
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        long rounds = strtol(line, NULL, 10);
        double cpu = cpu_seconds(), wall = wall_seconds();
        for (long i = 0; i < rounds; i++) {
            one_round();
        }
        printf("{\"cpu\": %.9f, \"wall\": %.9f}\n", cpu_seconds() - cpu, wall_seconds() - wall);
        fflush(stdout);
    }
}
