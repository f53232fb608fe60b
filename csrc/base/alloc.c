/* The allocation table: the C library's allocator behind a hook that tests may set. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int (*hook)(void *context);
static void *hook_context;

static int allowed(void)
{
    return hook == NULL || hook(hook_context);
}

void *anp_malloc(size_t size)
{
    return allowed() ? malloc(size != 0 ? size : 1) : NULL;
}

void *anp_calloc(size_t count, size_t size)
{
    return allowed() ? calloc(count != 0 ? count : 1, size != 0 ? size : 1) : NULL;
}

void *anp_realloc(void *block, size_t size)
{
    return allowed() ? realloc(block, size != 0 ? size : 1) : NULL;
}

void anp_free(void *block)
{
    free(block);
}

void *anp_memdup(const void *bytes, size_t size)
{
    void *copy = anp_malloc(size);
    if (copy != NULL && size != 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

void anp_alloc_hook(int (*allow)(void *context), void *context)
{
    hook = allow;
    hook_context = context;
}
