/* Namespaces. */
#include "node/namespace.h"

#include <string.h>

#include "base/alloc.h"
#include "node/store.h"

anp_status anp_namespace_new(const anp_namespace_config *config, anp_store *store, anp_namespace **out, anp_error *err)
{
    anp_namespace *ns = anp_calloc(1, sizeof *ns);
    if (ns == NULL) {
        return anp_error_memory(err, sizeof *ns, "a namespace");
    }
    anp_status status = anp_set_table_init(&ns->sets, err);
    if (status != ANP_OK) {
        anp_free(ns);
        return status;
    }
    ns->config = *config;
    if (ns->config.max_record_size == 0) {
        ns->config.max_record_size = 1024 * 1024;
    }
    ns->store = store;
    for (int i = 0; i < ANP_SHARDS; i++) {
        pthread_mutex_init(&ns->shards[i].lock, NULL);
    }
    *out = ns;
    return ANP_OK;
}

void anp_namespace_free(anp_namespace *ns)
{
    if (ns == NULL) {
        return;
    }
    for (int i = 0; i < ANP_PARTITIONS; i++) {
        anp_index_deinit(&ns->partitions[i]);
    }
    for (int i = 0; i < ANP_SHARDS; i++) {
        pthread_mutex_destroy(&ns->shards[i].lock);
    }
    anp_set_table_deinit(&ns->sets);
    anp_free(ns);
}

static bool is_expired(const anp_record *r, uint64_t now)
{
    return r->void_time != 0 && anp_namespace_seconds(now) > r->void_time;
}

static bool is_truncated(const anp_namespace *ns, const anp_record *r)
{
    if (r->last_update <= atomic_load_explicit(&ns->truncate_lut, memory_order_acquire)) {
        return true;
    }
    return r->set != 0 &&
           r->last_update <= atomic_load_explicit(&anp_set_table_get(&ns->sets, r->set)->truncate_lut, memory_order_acquire);
}

bool anp_namespace_is_live(const anp_namespace *ns, const anp_record *r, uint64_t now)
{
    return !is_expired(r, now) && !is_truncated(ns, r);
}

static void count(anp_namespace *ns, const anp_record *r, bool add)
{
    uint64_t one = add ? 1 : UINT64_MAX, size = anp_record_memory(r), data = add ? size : 0 - size;
    atomic_fetch_add_explicit(&ns->objects, one, memory_order_relaxed);
    atomic_fetch_add_explicit(&ns->data, data, memory_order_relaxed);
    atomic_fetch_add_explicit(&ns->store->memory, data, memory_order_relaxed);
    if (r->set != 0) {
        anp_set *set = anp_set_table_get(&ns->sets, r->set);
        atomic_fetch_add_explicit(&set->objects, one, memory_order_relaxed);
        atomic_fetch_add_explicit(&set->data, data, memory_order_relaxed);
    }
}

bool anp_namespace_put(anp_namespace *ns, anp_index *ix, anp_index_slot *slot, anp_record *r, anp_record **old)
{
    *old = NULL;
    if (slot == NULL) {
        if (!anp_index_insert(ix, r)) {
            return false;
        }
    } else {
        *old = slot->record;
        slot->record = r;
        count(ns, *old, false);
    }
    count(ns, r, true);
    return true;
}

anp_record *anp_namespace_take(anp_namespace *ns, anp_index *ix, anp_index_slot *slot)
{
    anp_record *r = slot->record;
    anp_index_remove(ix, slot);
    count(ns, r, false);
    return r;
}

static void sweep_partition(anp_namespace *ns, unsigned partition, uint64_t now)
{
    anp_index *ix = &ns->partitions[partition];
    pthread_mutex_t *lock = anp_namespace_lock(ns, partition);
    pthread_mutex_lock(lock);
    for (uint32_t i = 0; ix->n != 0 && i <= ix->mask;) {
        anp_record *r = ix->slots[i].record;
        if (r == NULL || anp_namespace_is_live(ns, r, now)) {
            i++;
            continue;
        }
        if (is_expired(r, now)) {
            atomic_fetch_add_explicit(&ns->expired, 1, memory_order_relaxed);
        }
        anp_free(anp_namespace_take(ns, ix, &ix->slots[i]));
    }
    pthread_mutex_unlock(lock);
}

void anp_namespace_sweep(anp_namespace *ns, uint64_t now, const atomic_bool *stop)
{
    for (unsigned p = 0; p < ANP_PARTITIONS && !atomic_load_explicit(stop, memory_order_relaxed); p++) {
        sweep_partition(ns, p, now);
    }
}

anp_slice anp_namespace_set_of(const anp_namespace *ns, const anp_record *r)
{
    if (r->set == 0) {
        return (anp_slice){NULL, 0};
    }
    const anp_set *set = anp_set_table_get(&ns->sets, r->set);
    return (anp_slice){(const uint8_t *)set->name, set->name_size};
}
