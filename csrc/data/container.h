/* A list or map in stored form (collection.h), taken apart into slices of its elements, and put
 * together again. Slices point into the bytes that were opened, or wherever their maker has them.
 */
#pragma once

#include "base/buffer.h"
#include "data/arena.h"
#include "data/collection.h"
#include "wire/protocol.h"

enum { /* order, as the mark has it */
       ANP_UNORDERED = 0,
       ANP_ORDERED = 1, /* a list's values, a map's keys */
       ANP_KEY_VALUE_ORDERED = 3,
};

typedef struct anp_container {
    uint8_t particle; /* ANP_PARTICLE_LIST or ANP_PARTICLE_MAP */
    uint8_t order;
    uint32_t n, room;
    anp_slice *keys; /* of a map */
    anp_slice *values;
    uint32_t *by_rank; /* numbers of elements in the order of their values; see below */
} anp_container;

/* Opens what begins at the slice. false: no memory, or no list or map. */
bool anp_container_open(anp_container *c, anp_arena *arena, anp_slice bytes);
void anp_container_make(anp_container *c, uint8_t particle, uint8_t order); /* an empty one */

/* Appends it in stored form. */
void anp_container_write(anp_buffer *b, const anp_container *c);

/* Puts an element in at a place, takes n out. false: no memory. by_rank is forgotten. */
bool anp_container_insert(anp_container *c, anp_arena *arena, uint32_t at, anp_slice key,
                          anp_slice value);
bool anp_container_splice(anp_container *c, anp_arena *arena, uint32_t at, const anp_slice *values,
                          uint32_t n); /* into a list */
void anp_container_remove(anp_container *c, uint32_t at, uint32_t n);

int anp_slice_compare(anp_slice a, anp_slice b); /* of elements */

/* Sorts numbers of elements by their values; equal ones stay as they are. false: no memory. */
bool anp_container_sort(const anp_container *c, anp_arena *arena, uint32_t *numbers, uint32_t n);

/* Sorts a list's values themselves. false: no memory. */
bool anp_container_reorder(anp_container *c, anp_arena *arena);

/* Fills by_rank, if it isn't. */
bool anp_container_rank(anp_container *c, anp_arena *arena);

/* How many values, or keys, are below (or with `or_equal` at) this one. Values need by_rank. */
uint32_t anp_container_values_below(const anp_container *c, anp_slice value, bool or_equal);
uint32_t anp_container_keys_below(const anp_container *c, anp_slice key, bool or_equal);

/* A map's key; false: it isn't there, and *at is where it would go. */
bool anp_container_find_key(const anp_container *c, anp_slice key, uint32_t *at);
