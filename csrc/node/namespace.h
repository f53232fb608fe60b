/* A namespace: 4096 partitions of records behind sharded locks, its sets, its counters.
 *
 * Order of locks: a partition's, then the set table's. No thread holds two partitions' locks. */
#pragma once

#include <pthread.h>

#include "node/index.h"
#include "node/node.h"
#include "node/set_table.h"

enum { ANP_SHARDS = 256 };

typedef struct anp_shard {
    pthread_mutex_t lock;
    uint8_t apart[24]; /* from the next lock's cache line */
} anp_shard;

typedef enum { ANP_KIND_READ, ANP_KIND_WRITE, ANP_KIND_DELETE, ANP_KIND_UDF, ANP_KINDS } anp_kind;
typedef enum { ANP_OUTCOME_SUCCESS, ANP_OUTCOME_ERROR, ANP_OUTCOME_NOT_FOUND, ANP_OUTCOME_FILTERED, ANP_OUTCOMES } anp_outcome;

typedef struct anp_namespace {
    anp_namespace_config config; /* with defaults filled in */
    anp_store *store;            /* whose memory the records count against; not retained */
    anp_set_table sets;
    _Atomic uint64_t objects;
    _Atomic uint64_t data;         /* bytes of records */
    _Atomic uint64_t expired;
    _Atomic uint64_t truncate_lut; /* as in a set */
    _Atomic uint64_t counts[2][ANP_KINDS][ANP_OUTCOMES]; /* single, batch */
    anp_index partitions[ANP_PARTITIONS];
    anp_shard shards[ANP_SHARDS];
} anp_namespace;

anp_status anp_namespace_new(const anp_namespace_config *config, anp_store *store, anp_namespace **out, anp_error *err);
void anp_namespace_free(anp_namespace *ns);

static inline pthread_mutex_t *anp_namespace_lock(anp_namespace *ns, unsigned partition)
{
    return &ns->shards[partition % ANP_SHARDS].lock;
}

/* Is a record there for a reader at `now` (ns since 1970): not expired, not truncated? With the lock of its
 * partition. */
bool anp_namespace_is_live(const anp_namespace *ns, const anp_record *r, uint64_t now);

/* Puts a record in the place of `slot`'s, or in a new place where slot is NULL, and counts. The old record is
 * handed out in *old (or NULL). false: out of memory, nothing changed. With the lock held. */
bool anp_namespace_put(anp_namespace *ns, anp_index *ix, anp_index_slot *slot, anp_record *r, anp_record **old);

/* Takes a slot's record out, and counts. With the lock held; the caller frees it. */
anp_record *anp_namespace_take(anp_namespace *ns, anp_index *ix, anp_index_slot *slot);

/* Frees what is expired or truncated at `now`. Looks at `*stop` now and then, and ends early when it is set. */
void anp_namespace_sweep(anp_namespace *ns, uint64_t now, const atomic_bool *stop);

/* The name of a record's set; empty where it has none. */
anp_slice anp_namespace_set_of(const anp_namespace *ns, const anp_record *r);

/* Seconds since 2010 of a time in ns since 1970. */
static inline uint32_t anp_namespace_seconds(uint64_t now)
{
    uint64_t s = now / UINT64_C(1000000000);
    return s > ANP_EPOCH ? (uint32_t)(s - ANP_EPOCH) : 0;
}
