/* Random numbers for back-off, replica rotation and ids: not for secrets. Thread-safe. */
#pragma once

#include <stdint.h>

uint64_t anp_random(void);

/* For tests: a fixed seed makes the sequence of this thread repeatable. */
void anp_random_seed(uint64_t seed);
