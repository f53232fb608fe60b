/* Hash tables of records: linear probing, no tombstones. */
#include "node/index.h"

#include "base/alloc.h"

/* Digests are hashes already; their first bytes name the partition, so take others. */
static uint64_t hash_of(const uint8_t digest[ANP_DIGEST_SIZE])
{
    return anp_load64(digest + 8);
}

anp_index_slot *anp_index_find(const anp_index *ix, const uint8_t digest[ANP_DIGEST_SIZE])
{
    if (ix->n == 0) {
        return NULL;
    }
    uint64_t hash = hash_of(digest);
    for (uint32_t at = (uint32_t)hash & ix->mask; ix->slots[at].record != NULL; at = (at + 1) & ix->mask) {
        anp_index_slot *slot = &ix->slots[at];
        if (slot->hash == hash && memcmp(slot->record->digest, digest, ANP_DIGEST_SIZE) == 0) {
            return slot;
        }
    }
    return NULL;
}

static void put(anp_index_slot *slots, uint32_t mask, anp_index_slot entry)
{
    uint32_t at = (uint32_t)entry.hash & mask;
    while (slots[at].record != NULL) {
        at = (at + 1) & mask;
    }
    slots[at] = entry;
}

static bool grow(anp_index *ix)
{
    uint32_t size = ix->slots != NULL ? (ix->mask + 1) * 2 : 8;
    anp_index_slot *slots = anp_calloc(size, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; ix->slots != NULL && i <= ix->mask; i++) {
        if (ix->slots[i].record != NULL) {
            put(slots, size - 1, ix->slots[i]);
        }
    }
    anp_free(ix->slots);
    ix->slots = slots;
    ix->mask = size - 1;
    return true;
}

bool anp_index_insert(anp_index *ix, anp_record *r)
{
    if ((ix->slots == NULL || ix->n + 1 > (ix->mask + 1) / 4 * 3) && !grow(ix)) {
        return false;
    }
    put(ix->slots, ix->mask, (anp_index_slot){hash_of(r->digest), r});
    ix->n++;
    return true;
}

void anp_index_remove(anp_index *ix, anp_index_slot *slot)
{
    uint32_t hole = (uint32_t)(slot - ix->slots);
    for (uint32_t at = (hole + 1) & ix->mask; ix->slots[at].record != NULL; at = (at + 1) & ix->mask) {
        uint32_t home = (uint32_t)ix->slots[at].hash & ix->mask;
        if (((at - home) & ix->mask) >= ((at - hole) & ix->mask)) {
            ix->slots[hole] = ix->slots[at];
            hole = at;
        }
    }
    ix->slots[hole] = (anp_index_slot){0};
    ix->n--;
}

void anp_index_deinit(anp_index *ix)
{
    for (uint32_t i = 0; ix->slots != NULL && i <= ix->mask; i++) {
        anp_free(ix->slots[i].record);
    }
    anp_free(ix->slots);
    *ix = (anp_index){0};
}
