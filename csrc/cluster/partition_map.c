/* The partition map, and the slot where the current one is published.
 *
 * Thread-safety: a map is built by the tend thread alone, and not changed once it is published; its
 * count is atomic.
 *
 * Taking a reference without a lock: the danger is that the map is replaced and freed between
 * loading its address and counting up. So the slot is one 64-bit word: the address (48 bits are all
 * a user's address has) and, above it, the number of readers that are on their way in. A reader
 *     1. adds one to that number, which gives it the address in the same instant: the map can't go
 * from now on,
 *     2. counts the map's own `references` up,
 *     3. takes its one off the word again, if the word still has this map. If not, the publisher
 * has meanwhile turned it into one of `references` (see there), and that one is given up instead.
 * The publisher exchanges the word, and gives up the slot's own reference less the number of
 * readers it finds there, in one step. The slot's own counts as SLOT references, more than there
 * can be such readers: a reader may come to step 3, see another map and even be done with its own
 * before the publisher has passed on what it owes; the count must not reach 0 meanwhile. 16 bits
 * are enough for readers: they are counted between steps 1 and 3 only. The address can't come back
 * as another map's (ABA) while a reader is between the steps, because it holds the map. */
#include "cluster/partition_map.h"

#include <stdio.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

_Static_assert(sizeof(void *) == 8, "the slot packs a 64-bit address");

#define ONE_READER (UINT64_C(1) << 48)
#define SLOT (UINT32_C(1) << 20)
#define ADDRESS(word) ((anp_map *)(uintptr_t)((word) & (ONE_READER - 1)))

anp_map *anp_map_retain(anp_map *map)
{
    if (map != NULL) {
        (void)atomic_fetch_add_explicit(&map->references, 1, memory_order_relaxed);
    }
    return map;
}

static void release(anp_map *map, uint32_t n)
{
    if (atomic_fetch_sub_explicit(&map->references, n, memory_order_acq_rel) != n) {
        return;
    }
    for (uint32_t i = 0; i < map->n_namespaces; i++) {
        anp_map_partition *partitions = map->namespaces[i].partitions;
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            for (unsigned k = 0; k < ANP_MAP_REPLICAS; k++) {
                anp_cluster_node_release(partitions[p].replica[k]);
            }
        }
        anp_free(partitions);
    }
    anp_free(map);
}

void anp_map_release(anp_map *map)
{
    if (map != NULL) {
        release(map, 1);
    }
}

anp_status anp_map_copy(const anp_map *from, anp_map **out, anp_error *err)
{
    anp_map *map = anp_calloc(1, sizeof *map);
    if (map == NULL) {
        return anp_error_memory(err, sizeof *map, "a partition map");
    }
    atomic_init(&map->references, 1);
    for (uint32_t i = 0; from != NULL && i < from->n_namespaces; i++) {
        const size_t size = ANP_PARTITIONS * sizeof(anp_map_partition);
        anp_map_partition *partitions = anp_memdup(from->namespaces[i].partitions, size);
        if (partitions == NULL) {
            anp_map_release(map);
            return anp_error_memory(err, size, "a partition map");
        }
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            for (unsigned k = 0; k < ANP_MAP_REPLICAS; k++) {
                (void)anp_cluster_node_retain(partitions[p].replica[k]);
            }
        }
        map->namespaces[i] = from->namespaces[i];
        map->namespaces[i].partitions = partitions;
        map->n_namespaces = i + 1;
    }
    *out = map;
    return ANP_OK;
}

const anp_map_namespace *anp_map_find(const anp_map *map, const void *name, size_t size)
{
    for (uint32_t i = 0; i < map->n_namespaces; i++) {
        const anp_map_namespace *ns = &map->namespaces[i];
        if (ns->name_size == size && memcmp(ns->name, name, size) == 0) {
            return ns;
        }
    }
    return NULL;
}

anp_status anp_map_not_found(const anp_map *map, const void *name, size_t size, anp_error *err)
{
    char names[120];
    size_t used = 0;
    for (uint32_t i = 0; i < map->n_namespaces; i++) {
        const anp_map_namespace *ns = &map->namespaces[i];
        if (used + 2 + ns->name_size + sizeof ", ..." > sizeof names) {
            used += (size_t)snprintf(names + used, sizeof names - used, ", ...");
            break;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s", i != 0 ? ", " : "",
                                 (int)ns->name_size, ns->name);
    }
    return anp_error_set(err, ANP_NAMESPACE,
                         "namespace \"%.*s\" is not in the cluster, which has %.*s",
                         (int)(size < 32 ? size : 32), (const char *)name,
                         used != 0 ? (int)used : 4, used != 0 ? names : "none");
}

/* The namespace of r, made on first sight. */
static anp_status find_or_add(anp_map *map, const anp_replicas *r, anp_map_namespace **out,
                              anp_error *err)
{
    const anp_slice *name = &r->namespace_name;
    if (name->size == 0 || name->size > ANP_NAMESPACE_MAX) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "a namespace's name has %zu bytes", name->size);
    }
    for (uint32_t i = 0; i < map->n_namespaces; i++) {
        anp_map_namespace *ns = &map->namespaces[i];
        if (ns->name_size == name->size && memcmp(ns->name, name->data, name->size) == 0) {
            *out = ns;
            return ANP_OK;
        }
    }
    if (map->n_namespaces == ANP_MAP_NAMESPACES) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "more than %d namespaces", ANP_MAP_NAMESPACES);
    }
    anp_map_namespace *ns = &map->namespaces[map->n_namespaces];
    ns->partitions = anp_calloc(ANP_PARTITIONS, sizeof *ns->partitions);
    if (ns->partitions == NULL) {
        return anp_error_memory(err, ANP_PARTITIONS * sizeof *ns->partitions, "a partition map");
    }
    memcpy(ns->name, name->data, name->size);
    ns->name_size = (uint8_t)name->size;
    ns->is_sc = r->regime != 0;
    map->n_namespaces++;
    *out = ns;
    return ANP_OK;
}

anp_status anp_map_apply(anp_map *map, anp_cluster_node *node, const anp_replicas *r,
                         anp_error *err)
{
    anp_map_namespace *ns = NULL;
    anp_status status = find_or_add(map, r, &ns, err);
    if (status != ANP_OK) {
        return status;
    }
    unsigned n = r->n_kept < ANP_MAP_REPLICAS ? r->n_kept : ANP_MAP_REPLICAS;
    if (n > ns->n_replicas) {
        ns->n_replicas = (uint8_t)n;
    }
    for (unsigned k = 0; k < n; k++) {
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            anp_map_partition *partition = &ns->partitions[p];
            if (!anp_bitmap_has(r->bitmap[k], p) || r->regime < partition->regime) {
                continue;
            }
            partition->regime = r->regime;
            anp_cluster_node *before = partition->replica[k];
            if (before == node) {
                continue;
            }
            partition->replica[k] = anp_cluster_node_retain(node);
            if (before != NULL) {
                before->partition_generation = -1;
                anp_cluster_node_release(before);
            }
        }
    }
    return ANP_OK;
}

void anp_map_replace(anp_map *map, const anp_cluster_node *node, anp_cluster_node *by)
{
    for (uint32_t i = 0; i < map->n_namespaces; i++) {
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            for (unsigned k = 0; k < ANP_MAP_REPLICAS; k++) {
                anp_cluster_node **replica = &map->namespaces[i].partitions[p].replica[k];
                if (*replica == node) {
                    anp_cluster_node_release(*replica);
                    *replica = anp_cluster_node_retain(by);
                }
            }
        }
    }
}

uint32_t anp_map_unowned(const anp_map_namespace *ns)
{
    uint32_t n = 0;
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        bool is_owned = false;
        for (unsigned k = 0; k < ANP_MAP_REPLICAS; k++) {
            is_owned |= ns->partitions[p].replica[k] != NULL;
        }
        n += !is_owned;
    }
    return n;
}

anp_map *anp_map_slot_take(anp_map_slot *slot)
{
    uint64_t word =
        atomic_fetch_add_explicit(&slot->word, ONE_READER, memory_order_acquire) + ONE_READER;
    anp_map *map = ADDRESS(word);
    (void)anp_map_retain(map);
    do {
        if (ADDRESS(word) != map) {
            if (map != NULL) {
                release(map, 1);
            }
            return map;
        }
    } while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, word - ONE_READER,
                                                    memory_order_release, memory_order_relaxed));
    return map;
}

void anp_map_slot_publish(anp_map_slot *slot, anp_map *map)
{
    if (map != NULL) {
        (void)atomic_fetch_add_explicit(&map->references, SLOT - 1, memory_order_relaxed);
    }
    uint64_t word =
        atomic_exchange_explicit(&slot->word, (uint64_t)(uintptr_t)map, memory_order_acq_rel);
    anp_map *old = ADDRESS(word);
    if (old != NULL) {
        uint32_t readers = (uint32_t)(word >> 48);
        release(old, SLOT - readers);
    }
}
