/* The record store. Thread-safe: a lock a shard; sets are only ever added. */
#include "node/store.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "wire/digest.h"
#include "wire/info.h"

static uint32_t hash_of(const uint8_t *digest)
{
    return anp_load_le32(digest + 8); /* digests are even: any bytes will do */
}

uint32_t anp_store_now(void)
{
    return (uint32_t)(anp_clock_wall() / ANP_NS_PER_S - ANP_EPOCH);
}

/* ---- namespaces and sets ---- */

static anp_status add_namespace(anp_store *store, const anp_namespace_config *config,
                                anp_error *err)
{
    size_t size = strnlen(config->name, sizeof config->name);
    if (size == 0 || size > ANP_NAMESPACE_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "a namespace's name has 1 to %d bytes",
                             (int)ANP_NAMESPACE_MAX);
    }
    if (anp_store_find(store, (anp_slice){(const uint8_t *)config->name, size}) != NULL) {
        return anp_error_set(err, ANP_ERR_PARAM, "there are two namespaces %s", config->name);
    }
    anp_namespace *ns = anp_calloc(1, sizeof *ns);
    if (ns == NULL) {
        return anp_error_memory(err, sizeof *ns, "a namespace");
    }
    ns->config = *config;
    ns->config.max_record_size =
        config->max_record_size != 0 ? config->max_record_size : 1024 * 1024;
    ns->name_size = (uint8_t)size;
    ns->store = store;
    atomic_init(&ns->nsup_at, anp_clock_now() + (uint64_t)config->nsup_period * ANP_NS_PER_S);
    (void)pthread_mutex_init(&ns->sets_lock, NULL);
    for (int i = 0; i < ANP_SHARDS; i++) {
        (void)pthread_mutex_init(&ns->shards[i].lock, NULL);
    }
    store->namespaces[store->n_namespaces++] = ns;
    return ANP_OK;
}

anp_status anp_store_new(const anp_store_config *config, anp_store **out, anp_error *err)
{
    if (config->n_namespaces == 0 || config->n_namespaces > ANP_STORE_NAMESPACES) {
        return anp_error_set(err, ANP_ERR_PARAM, "a store has 1 to %d namespaces, not %u",
                             (int)ANP_STORE_NAMESPACES, config->n_namespaces);
    }
    anp_store *store = anp_calloc(1, sizeof *store);
    if (store == NULL) {
        return anp_error_memory(err, sizeof *store, "a store");
    }
    atomic_init(&store->references, 1);
    store->max_memory = config->max_memory;
    anp_modules_init(&store->modules);
    for (uint32_t i = 0; i < config->n_namespaces; i++) {
        anp_status status = add_namespace(store, &config->namespaces[i], err);
        if (status != ANP_OK) {
            anp_store_release(store);
            return status;
        }
    }
    *out = store;
    return ANP_OK;
}

anp_store *anp_store_retain(anp_store *store)
{
    atomic_fetch_add(&store->references, 1);
    return store;
}

static void free_record(anp_record *r)
{
    anp_free(r->key);
    anp_free(r->bins);
    anp_free(r);
}

static void free_namespace(anp_namespace *ns)
{
    for (int i = 0; i < ANP_SHARDS; i++) {
        anp_shard *shard = &ns->shards[i];
        for (uint32_t b = 0; b < shard->n_buckets; b++) {
            for (anp_record *r = shard->buckets[b], *next; r != NULL; r = next) {
                next = r->next;
                free_record(r);
            }
        }
        anp_free(shard->buckets);
        (void)pthread_mutex_destroy(&shard->lock);
    }
    for (uint32_t i = 0; i < ns->n_sets; i++) {
        anp_free(ns->sets[i]);
    }
    (void)pthread_mutex_destroy(&ns->sets_lock);
    anp_free(ns);
}

void anp_store_release(anp_store *store)
{
    if (store == NULL || atomic_fetch_sub(&store->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < store->n_namespaces; i++) {
        free_namespace(store->namespaces[i]);
    }
    anp_modules_deinit(&store->modules);
    anp_free(store);
}

anp_namespace *anp_store_find(anp_store *store, anp_slice name)
{
    for (uint32_t i = 0; i < store->n_namespaces; i++) {
        anp_namespace *ns = store->namespaces[i];
        if (ns->name_size == name.size && memcmp(ns->config.name, name.data, name.size) == 0) {
            return ns;
        }
    }
    return NULL;
}

static anp_set *find_set(anp_namespace *ns, anp_slice name)
{
    uint32_t n = atomic_load_explicit(&ns->n_sets, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++) {
        if (ns->sets[i]->name_size == name.size &&
            memcmp(ns->sets[i]->name, name.data, name.size) == 0) {
            return ns->sets[i];
        }
    }
    return NULL;
}

anp_set *anp_namespace_set(anp_namespace *ns, anp_slice name, bool create)
{
    anp_set *set = find_set(ns, name);
    if (set != NULL || !create || name.size == 0 || name.size > ANP_SET_MAX) {
        return set;
    }
    (void)pthread_mutex_lock(&ns->sets_lock);
    set = find_set(ns, name);
    uint32_t n = atomic_load(&ns->n_sets);
    if (set == NULL && n < ANP_SETS_MAX && (set = anp_calloc(1, sizeof *set)) != NULL) {
        memcpy(set->name, name.data, name.size);
        set->name_size = (uint8_t)name.size;
        set->number = n;
        ns->sets[n] = set;
        atomic_store_explicit(&ns->n_sets, n + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&ns->sets_lock);
    return set;
}

/* ---- records ---- */

anp_shard *anp_shard_lock(anp_namespace *ns, const uint8_t *digest)
{
    anp_shard *shard = &ns->shards[digest[19]];
    (void)pthread_mutex_lock(&shard->lock);
    return shard;
}

/* It lives through the second of its void time. */
static bool is_expired(const anp_record *r, const void *context)
{
    return r->void_time != 0 && r->void_time < *(const uint32_t *)context;
}

anp_record *anp_shard_find(anp_namespace *ns, anp_shard *shard, const uint8_t *digest)
{
    if (shard->n_buckets == 0) {
        return NULL;
    }
    anp_record *r = shard->buckets[hash_of(digest) & (shard->n_buckets - 1)];
    while (r != NULL && memcmp(r->digest, digest, ANP_DIGEST_SIZE) != 0) {
        r = r->next;
    }
    uint32_t now = anp_store_now();
    if (r != NULL && is_expired(r, &now)) {
        anp_shard_remove(ns, shard, r);
        atomic_fetch_add(&ns->expired, 1);
        return NULL;
    }
    return r;
}

static bool grow(anp_shard *shard)
{
    uint32_t n = shard->n_buckets == 0 ? 16 : shard->n_buckets * 2;
    anp_record **buckets = anp_calloc(n, sizeof(anp_record *));
    if (buckets == NULL) {
        return shard->n_buckets != 0; /* a fuller table still works */
    }
    for (uint32_t b = 0; b < shard->n_buckets; b++) {
        for (anp_record *r = shard->buckets[b], *next; r != NULL; r = next) {
            anp_record **bucket = &buckets[hash_of(r->digest) & (n - 1)];
            next = r->next;
            r->next = *bucket;
            *bucket = r;
        }
    }
    anp_free(shard->buckets);
    shard->buckets = buckets;
    shard->n_buckets = n;
    return true;
}

anp_record *anp_shard_add(anp_namespace *ns, anp_shard *shard, const uint8_t *digest)
{
    if (shard->n_records >= shard->n_buckets && !grow(shard)) {
        return NULL;
    }
    anp_record *r = anp_calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    anp_record **bucket = &shard->buckets[hash_of(digest) & (shard->n_buckets - 1)];
    memcpy(r->digest, digest, ANP_DIGEST_SIZE);
    r->next = *bucket;
    *bucket = r;
    shard->n_records++;
    atomic_fetch_add_explicit(&ns->objects, 1, memory_order_relaxed);
    return r;
}

void anp_record_count(anp_namespace *ns, const anp_record *r, int sign)
{
    int64_t bytes = (int64_t)(sizeof *r + r->key_size + r->bins_size) * sign;
    atomic_fetch_add_explicit(&ns->store->memory, bytes, memory_order_relaxed);
    if (r->set != NULL) {
        atomic_fetch_add_explicit(&r->set->memory, bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&r->set->objects, sign, memory_order_relaxed);
    }
}

void anp_shard_remove(anp_namespace *ns, anp_shard *shard, anp_record *record)
{
    anp_record **at = &shard->buckets[hash_of(record->digest) & (shard->n_buckets - 1)];
    while (*at != record) {
        at = &(*at)->next;
    }
    *at = record->next;
    shard->n_records--;
    atomic_fetch_sub_explicit(&ns->objects, 1, memory_order_relaxed);
    if (record->bins != NULL) { /* a record that was only just added is not counted yet */
        anp_record_count(ns, record, -1);
    }
    free_record(record);
}

/* ---- passes over all records ---- */

typedef bool (*doomed)(const anp_record *r, const void *context);

static uint64_t sweep(anp_namespace *ns, doomed is_doomed, const void *context)
{
    uint64_t removed = 0;
    for (int i = 0; i < ANP_SHARDS; i++) {
        anp_shard *shard = &ns->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        for (uint32_t b = 0; b < shard->n_buckets; b++) {
            for (anp_record *r = shard->buckets[b], *next; r != NULL; r = next) {
                next = r->next;
                if (is_doomed(r, context)) {
                    anp_shard_remove(ns, shard, r);
                    removed++;
                }
            }
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
    return removed;
}

void anp_namespace_walk(anp_namespace *ns, void (*visit)(const anp_record *record, void *context),
                        void *context)
{
    for (int i = 0; i < ANP_SHARDS; i++) {
        anp_shard *shard = &ns->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        for (uint32_t b = 0; b < shard->n_buckets; b++) {
            for (const anp_record *r = shard->buckets[b]; r != NULL; r = r->next) {
                visit(r, context);
            }
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
}

static bool is_dropped(const anp_record *r, const void *context)
{
    return anp_bitmap_has(context, anp_partition_of(r->digest));
}

void anp_namespace_drop(anp_namespace *ns, const uint8_t partitions[ANP_PARTITIONS / 8])
{
    (void)sweep(ns, is_dropped, partitions);
}

typedef struct cut {
    const anp_set *set;
    uint64_t lut;
} cut;

static bool is_cut(const anp_record *r, const void *context)
{
    const cut *c = context;
    return (c->set == NULL || r->set == c->set) && r->last_update <= c->lut;
}

void anp_namespace_truncate(anp_namespace *ns, const anp_set *set, uint64_t lut)
{
    cut c = {set, lut};
    (void)sweep(ns, is_cut, &c);
}

void anp_store_expire(anp_store *store, uint64_t now)
{
    uint32_t seconds = anp_store_now();
    for (uint32_t i = 0; i < store->n_namespaces; i++) {
        anp_namespace *ns = store->namespaces[i];
        uint64_t at = atomic_load(&ns->nsup_at);
        uint64_t next = now + (uint64_t)ns->config.nsup_period * ANP_NS_PER_S;
        if (ns->config.nsup_period != 0 && now >= at &&
            atomic_compare_exchange_strong(&ns->nsup_at, &at, next)) {
            atomic_fetch_add(&ns->expired, sweep(ns, is_expired, &seconds));
        }
    }
}
