/* Pieces are cut from blocks; a piece that is larger than a block gets one of its own. */
#include "data/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK = 4096, ALIGN = alignof(max_align_t) };

struct anp_arena_block {
    struct anp_arena_block *next;
    size_t size;
    max_align_t data[];
};

void anp_arena_init(anp_arena *a, size_t max)
{
    *a = (anp_arena){.max = max};
}

void anp_arena_deinit(anp_arena *a)
{
    while (a->blocks != NULL) {
        struct anp_arena_block *next = a->blocks->next;
        anp_free(a->blocks);
        a->blocks = next;
    }
    anp_arena_init(a, a->max);
}

void *anp_arena_take(anp_arena *a, size_t size)
{
    if (size > a->max || a->used > a->max - size) {
        a->failed = true;
        return NULL;
    }
    size_t whole = (size + ALIGN) / ALIGN * ALIGN; /* never 0 */
    if (whole > a->left) {
        size_t room = whole > BLOCK ? whole : BLOCK;
        struct anp_arena_block *block = anp_malloc(sizeof *block + room);
        if (block == NULL) {
            a->failed = true;
            return NULL;
        }
        block->next = a->blocks;
        block->size = a->left = room;
        a->blocks = block;
    }
    uint8_t *piece = (uint8_t *)a->blocks->data + (a->blocks->size - a->left);
    a->left -= whole;
    a->used += whole;
    return piece;
}

uint8_t *anp_arena_copy(anp_arena *a, const void *bytes, size_t size)
{
    uint8_t *copy = anp_arena_take(a, size);
    if (copy != NULL && size != 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}
