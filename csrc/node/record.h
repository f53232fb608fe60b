/* A stored record: one block of memory that is never changed in its bins (a write makes a new one), so that
 * reading is copying. The bins lie in it as the operations of a reply:
 *
 *   key bytes (particle type u8, value), then for each bin
 *   u32 4 + name + value, op u8 = READ, particle u8, flags u8 = 0, name length u8, name, value
 *
 * A record belongs to the index that holds it; whoever reads or replaces it holds the lock of its
 * partition. */
#pragma once

#include "node/draft.h"

struct anp_record {
    uint8_t digest[ANP_DIGEST_SIZE];
    uint32_t void_time;   /* seconds since 2010; 0: never expires */
    uint64_t last_update; /* ns since 1970 */
    uint32_t key_size;    /* 0: no key is stored */
    uint32_t bins_size;
    uint16_t generation;
    uint16_t n_bins;
    uint16_t set; /* its number in the set table; 0: none */
    uint8_t bytes[];
};

/* What a record weighs in memory, with its place in the index. */
size_t anp_record_memory(const anp_record *r);

static inline anp_slice anp_record_key(const anp_record *r)
{
    return (anp_slice){r->bytes, r->key_size};
}

/* All bins, as operations. */
static inline anp_slice anp_record_bins(const anp_record *r)
{
    return (anp_slice){r->bytes + r->key_size, r->bins_size};
}

/* A record of a draft's bins and a key (copied); NULL when out of memory. The rest of its head is zero. */
anp_record *anp_record_new(const uint8_t digest[ANP_DIGEST_SIZE], anp_slice key, const anp_draft *draft);

/* Bytes that a server would need to store it, which is what its size limit is about. */
uint64_t anp_record_stored_size(anp_slice set, anp_slice key, const anp_draft *draft);

/* Looks bins up by name. Bins are asked for in the order in which they lie, mostly: the walk goes on from
 * the one it found last. */
typedef struct anp_bin_walk {
    anp_cursor all, rest;
} anp_bin_walk;

static inline anp_bin_walk anp_bin_walk_over(const anp_record *r)
{
    anp_slice bins = anp_record_bins(r);
    anp_cursor all = anp_cursor_over(bins.data, bins.size);
    return (anp_bin_walk){all, all};
}

/* The bin's whole operation; size 0 when there is none of this name. */
anp_slice anp_bin_walk_find(anp_bin_walk *w, anp_slice name);
