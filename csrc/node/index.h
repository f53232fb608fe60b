/* The records of one partition, by digest: an open hash table that grows with them. The caller holds the
 * partition's lock. */
#pragma once

#include "node/record.h"

typedef struct anp_index_slot {
    uint64_t hash;
    anp_record *record; /* owned; NULL: free */
} anp_index_slot;

typedef struct anp_index {
    anp_index_slot *slots; /* owned; NULL while nothing was ever put in */
    uint32_t n, mask;
} anp_index;

/* NULL when it isn't there. A slot is valid until the next insert or remove. */
anp_index_slot *anp_index_find(const anp_index *ix, const uint8_t digest[ANP_DIGEST_SIZE]);

/* Takes the record, whose digest must not be there yet; false when out of memory. */
bool anp_index_insert(anp_index *ix, anp_record *r);

/* Empties a slot; the record is the caller's again. What lay behind the slot moves up: a loop over all slots
 * looks at the same one again. */
void anp_index_remove(anp_index *ix, anp_index_slot *slot);

/* Frees the table and its records. */
void anp_index_deinit(anp_index *ix);
