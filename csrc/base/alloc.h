/* Every allocation of the engine and the node goes through here, so that a test can fail the n-th
 * one. Thread-safe, except anp_alloc_hook. */
#pragma once

#include <stddef.h>

/* Like malloc, calloc, realloc and free. A size of 0 gives a pointer that can be freed. */
void *anp_malloc(size_t size);
void *anp_calloc(size_t count, size_t size);
void *anp_realloc(void *block, size_t size);
void anp_free(void *block);

/* Copies size bytes to a new block; NULL when out of memory. The caller frees it. */
void *anp_memdup(const void *bytes, size_t size);

/* For tests: `allow(context)` is asked before each allocation and says whether it may go on. NULL
 * takes the hook away. Set it while no other thread runs. */
void anp_alloc_hook(int (*allow)(void *context), void *context);
