/* Arenas: a chain of blocks that are filled from the front. */
#include "node/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/alloc.h"

enum { BLOCK = 64 * 1024, ALIGN = 16 };

struct anp_arena_block {
    anp_arena_block *next;
    size_t size, used; /* of `bytes` */
    alignas(ALIGN) uint8_t bytes[];
};

void *anp_arena_take(anp_arena *a, size_t size)
{
    anp_arena_block *block = a->blocks;
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (block == NULL || block->size - block->used < size) {
        size_t room = size < BLOCK ? BLOCK : size;
        block = anp_malloc(sizeof *block + room);
        if (block == NULL) {
            return NULL;
        }
        *block = (anp_arena_block){.next = a->blocks, .size = room};
        a->blocks = block;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

void anp_arena_reset(anp_arena *a)
{
    anp_arena_block *kept = NULL;
    while (a->blocks != NULL) {
        anp_arena_block *block = a->blocks;
        a->blocks = block->next;
        if (kept == NULL && block->size == BLOCK) {
            kept = block;
            kept->used = 0;
            kept->next = NULL;
        } else {
            anp_free(block);
        }
    }
    a->blocks = kept;
}

void anp_arena_deinit(anp_arena *a)
{
    while (a->blocks != NULL) {
        anp_arena_block *block = a->blocks;
        a->blocks = block->next;
        anp_free(block);
    }
}
