/* Memory that is taken piece by piece and given back all at once, up to a maximum that it is born
 * with. One command's own; not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct anp_arena {
    struct anp_arena_block *blocks; /* owned, the newest first */
    size_t left;                    /* at the end of the newest */
    size_t used, max;
    bool failed; /* a piece was refused: no memory, or beyond the maximum */
} anp_arena;

void anp_arena_init(anp_arena *a, size_t max);
void anp_arena_deinit(anp_arena *a); /* frees all pieces; the arena may be used again */

/* A piece for any type, not cleared, good until the arena is freed; NULL (and `failed`) when it
 * can't be had. */
void *anp_arena_take(anp_arena *a, size_t size);
uint8_t *anp_arena_copy(anp_arena *a, const void *bytes, size_t size);
