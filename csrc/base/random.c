/* SplitMix64 (Steele, Lea, Flood, 2014), one state a thread, seeded by the kernel on first use. */
#include "base/random.h"

#include <sys/random.h>

#include "base/clock.h"

static _Thread_local uint64_t state;

void anp_random_seed(uint64_t seed)
{
    state = seed;
}

uint64_t anp_random(void)
{
    if (state == 0 && getrandom(&state, sizeof state, GRND_NONBLOCK) != (ssize_t)sizeof state) {
        state = anp_clock_now() | 1;
    }
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
