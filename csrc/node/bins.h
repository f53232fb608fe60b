/* A record's bins while a command changes them: an array of views over the old block, the request,
 * and values that were made on the way. */
#pragma once

#include "node/store.h"
#include "wire/message.h"

typedef struct anp_bin {
    anp_slice name;
    anp_particle value;
    uint32_t made; /* number + 1 of the block that only this value is in; 0: none */
} anp_bin;

typedef struct anp_bins {
    anp_bin *bins; /* owned */
    uint32_t n, room;
    uint32_t *slots; /* owned; numbers + 1 by hash of the name, 0: free. NULL while bins are few */
    uint32_t mask;
    void **made; /* owned blocks that values point into */
    uint32_t n_made, room_made;
    bool failed; /* out of memory */
} anp_bins;

void anp_bins_open(anp_bins *b, const anp_record *record); /* NULL: no bins */
void anp_bins_close(anp_bins *b);

anp_bin *anp_bins_find(anp_bins *b, anp_slice name); /* NULL: none */
void anp_bins_set(anp_bins *b, anp_slice name, anp_particle value);
void anp_bins_remove(anp_bins *b, anp_bin *bin); /* the last one takes its place */

void anp_bins_clear(anp_bins *b);

/* A block that lives as long as b; NULL (and failed) without memory. */
uint8_t *anp_bins_make(anp_bins *b, size_t size);

/* Gives the bin a value in a block that was just made, and frees the block that it had before. */
void anp_bins_replace(anp_bins *b, anp_bin *bin, anp_particle value);

/* The block of READ operations that records keep; *size. NULL without memory (or for no bins, size
 * 0). */
uint8_t *anp_bins_block(const anp_bins *b, uint32_t *size);
