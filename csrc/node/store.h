/* Records in memory: namespaces, sets, and a hash table of records in locked shards. A record's
 * bins lie in one block, as the READ operations that a reply carries, so that reading is copying.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/cursor.h"
#include "node/node.h"
#include "node/udf_modules.h"
#include "wire/protocol.h"

enum { ANP_SHARDS = 256, ANP_STORE_NAMESPACES = 32, ANP_SETS_MAX = 4095 };

typedef struct anp_set {
    char name[ANP_SET_MAX + 1];
    uint8_t name_size;
    uint32_t number; /* its place in the namespace's sets */
    _Atomic int64_t objects;
    _Atomic int64_t memory;
    _Atomic uint64_t truncate_lut; /* ns since 1970 */
} anp_set;

typedef struct anp_record anp_record;
struct anp_record {
    anp_record *next; /* in its bucket */
    uint8_t digest[ANP_DIGEST_SIZE];
    uint16_t generation;
    uint16_t n_bins;
    uint32_t void_time;   /* seconds since ANP_EPOCH; 0: never */
    uint64_t last_update; /* ns since 1970 */
    anp_set *set;         /* NULL: none */
    uint8_t *key;         /* type u8 and value, as field 2; NULL: not stored */
    uint32_t key_size;
    uint32_t bins_size;
    uint8_t *bins; /* n_bins READ operations */
};

typedef struct anp_shard {
    pthread_mutex_t lock;
    anp_record **buckets;
    uint32_t n_buckets; /* a power of two, 0 at first */
    uint32_t n_records;
} anp_shard;

typedef struct anp_namespace {
    anp_namespace_config config;
    uint8_t name_size;
    anp_store *store;
    anp_shard shards[ANP_SHARDS];
    pthread_mutex_t sets_lock; /* for adding; sets are never removed */
    anp_set *sets[ANP_SETS_MAX];
    _Atomic uint32_t n_sets;
    _Atomic int64_t objects;
    _Atomic uint64_t expired;
    _Atomic uint64_t truncate_lut;
    _Atomic uint64_t nsup_at; /* monotonic ns of the next pass, for which one node is enough */
} anp_namespace;

struct anp_store {
    _Atomic uint32_t references;
    uint64_t max_memory;
    _Atomic int64_t memory;
    uint32_t n_namespaces;
    anp_namespace *namespaces[ANP_STORE_NAMESPACES];
    anp_module_store modules;
};

anp_namespace *anp_store_find(anp_store *store, anp_slice name);

/* The set of that name, made where it is new and `create`. NULL: unknown, or no room. */
anp_set *anp_namespace_set(anp_namespace *ns, anp_slice name, bool create);

/* A record's shard, locked; unlock it with pthread_mutex_unlock(&shard->lock). */
anp_shard *anp_shard_lock(anp_namespace *ns, const uint8_t *digest);

/* All of these with the shard locked. Expired records are removed, and not found. */
anp_record *anp_shard_find(anp_namespace *ns, anp_shard *shard, const uint8_t *digest);
anp_record *anp_shard_add(anp_namespace *ns, anp_shard *shard,
                          const uint8_t *digest); /* empty; NULL: no memory */
void anp_shard_remove(anp_namespace *ns, anp_shard *shard, anp_record *record);

/* Counts a record's bytes in (sign 1) or out (-1). */
void anp_record_count(anp_namespace *ns, const anp_record *record, int sign);

/* Calls `visit` with each record, its shard locked. */
void anp_namespace_walk(anp_namespace *ns, void (*visit)(const anp_record *record, void *context),
                        void *context);

/* Removes the records of these partitions. */
void anp_namespace_drop(anp_namespace *ns, const uint8_t partitions[ANP_PARTITIONS / 8]);

/* Removes what was last updated at or before `lut`, of one set or (NULL) of all. */
void anp_namespace_truncate(anp_namespace *ns, const anp_set *set, uint64_t lut);

/* Removes expired records where a namespace's period has passed. */
void anp_store_expire(anp_store *store, uint64_t now);

uint32_t anp_store_now(void); /* seconds since ANP_EPOCH */
