/* The clock table: the system's clocks behind hooks that tests may set. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t (*hook_now)(void);
static uint64_t (*hook_wall)(void);

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * ANP_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t anp_clock_now(void)
{
    return hook_now != NULL ? hook_now() : read_clock(CLOCK_MONOTONIC);
}

uint64_t anp_clock_wall(void)
{
    return hook_wall != NULL ? hook_wall() : read_clock(CLOCK_REALTIME);
}

uint64_t anp_clock_deadline(uint64_t now, uint32_t ms)
{
    return ms == 0 ? ANP_NEVER : now + ms * ANP_NS_PER_MS;
}

int anp_clock_ms_left(uint64_t deadline, uint64_t now, int cap)
{
    if (deadline <= now) {
        return 0;
    }
    uint64_t ms = (deadline - now - 1) / ANP_NS_PER_MS + 1;
    return ms < (uint64_t)cap ? (int)ms : cap;
}

void anp_clock_hook(uint64_t (*now)(void), uint64_t (*wall)(void))
{
    hook_now = now;
    hook_wall = wall;
}
