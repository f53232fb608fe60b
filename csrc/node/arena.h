/* Scratch memory of one request: taken piece by piece, given back all at once. What was taken stays where
 * it is until the reset. Not thread-safe: each serving thread has its own. */
#pragma once

#include <stddef.h>

typedef struct anp_arena_block anp_arena_block;

typedef struct anp_arena {
    anp_arena_block *blocks; /* owned, the newest first */
} anp_arena;

/* `size` bytes, aligned to 16; NULL when out of memory. Valid until the reset. */
void *anp_arena_take(anp_arena *a, size_t size);

/* Forgets what was taken; keeps one block of ordinary size for the next request. */
void anp_arena_reset(anp_arena *a);

void anp_arena_deinit(anp_arena *a);
