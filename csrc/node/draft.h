/* The bins of a record while operations change them: names and values are views of the old record, of the
 * request, or of the arena. Order is the order of storage: a new bin comes last, and the last one takes
 * the place of one that is removed. Not thread-safe; ends with its arena. */
#pragma once

#include "node/arena.h"
#include "wire/message.h"

typedef struct anp_record anp_record;

typedef struct anp_bin {
    anp_particle value; /* in stored form */
    const uint8_t *name;
    uint8_t name_size;
} anp_bin;

typedef struct anp_draft {
    anp_arena *arena;
    anp_bin *bins;
    uint32_t n, capacity;
    uint32_t *slots; /* bin numbers + 1 by hash of the name, 0: free; NULL while there are few bins */
    uint32_t mask;
} anp_draft;

static inline void anp_draft_init(anp_draft *d, anp_arena *arena)
{
    *d = (anp_draft){.arena = arena};
}

/* Takes a record's bins in; false when out of memory. */
bool anp_draft_load(anp_draft *d, const anp_record *r);

anp_bin *anp_draft_find(const anp_draft *d, anp_slice name);

/* Sets a bin's value, adding the bin when it is new; false when out of memory. */
bool anp_draft_set(anp_draft *d, anp_slice name, anp_particle value);

void anp_draft_remove(anp_draft *d, anp_bin *bin);
void anp_draft_clear(anp_draft *d);
