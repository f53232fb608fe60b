/* Who owns which partition: a table of namespaces, immutable once published, counted. */
#pragma once

#include "cluster/cluster_node.h"
#include "wire/info.h"

enum { ANP_MAP_REPLICAS = 3, ANP_MAP_NAMESPACES = 32, ANP_RANK_OTHER = 255 };

typedef struct anp_map_partition {
    anp_cluster_node *replica[ANP_MAP_REPLICAS]; /* retained by the map; NULL: nobody */
    uint32_t regime;
    uint8_t rank[ANP_MAP_REPLICAS]; /* of the replica's rack among the preferred ones: 0 the first,
                                       ANP_RANK_OTHER none of them. All 0 where racks don't count */
} anp_map_partition;

typedef struct anp_map_namespace {
    char name[32];
    uint8_t name_size;
    uint8_t n_replicas; /* most bitmaps any node reported, at most ANP_MAP_REPLICAS */
    bool is_sc;
    anp_map_partition *partitions; /* ANP_PARTITIONS */
} anp_map_namespace;

typedef struct anp_map {
    _Atomic uint32_t references;
    uint32_t n_namespaces;
    anp_map_namespace namespaces[ANP_MAP_NAMESPACES];
} anp_map;

/* A copy of `from` (NULL: empty) that can be changed until it is published. One reference. */
anp_status anp_map_copy(const anp_map *from, anp_map **out, anp_error *err);
anp_map *anp_map_retain(anp_map *map);
void anp_map_release(anp_map *map);

/* Takes over what `node` says it owns in one namespace: where its regime is at least the
 * partition's. Only before publishing, and only on the tend thread: a node that loses a partition
 * is marked to be asked again. */
anp_status anp_map_apply(anp_map *map, anp_cluster_node *node, const anp_replicas *r,
                         anp_error *err);

/* Puts another node in a node's place everywhere; NULL: forgets it. Only before publishing. */
void anp_map_replace(anp_map *map, const anp_cluster_node *node, anp_cluster_node *by);
static inline void anp_map_drop(anp_map *map, const anp_cluster_node *node)
{
    anp_map_replace(map, node, NULL);
}

/* NULL when the namespace isn't in the map. */
const anp_map_namespace *anp_map_find(const anp_map *map, const void *name, size_t size);

/* The error where it isn't: names those that there are, as far as there is room. */
anp_status anp_map_not_found(const anp_map *map, const void *name, size_t size, anp_error *err);

/* How many partitions no node is known to own, not as a replica either. */
uint32_t anp_map_unowned(const anp_map_namespace *ns);

/* Where the current map is published. Readers take it without a lock, from any thread; one thread
 * publishes. */
typedef struct anp_map_slot {
    _Atomic uint64_t word; /* address in the low 48 bits, readers on their way in above */
} anp_map_slot;

/* The current map, retained; NULL: nothing was published yet. */
anp_map *anp_map_slot_take(anp_map_slot *slot);

/* Takes over the caller's reference to `map` (NULL: empties the slot); lets go of the one before. A
 * map is published once at most. */
void anp_map_slot_publish(anp_map_slot *slot, anp_map *map);
