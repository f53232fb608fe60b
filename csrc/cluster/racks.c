/* Which node is on which rack, a namespace at a time: for the replica policy prefer-rack.
 *
 *     rebalance-generation        a number, asked with the other generations
 *     rack-ids                    <namespace>:<rack>;...       when that number changed
 *
 * Racks are the tend thread's own. What others need of them is written into the map while it is
 * built: of each replica, at which place its rack stands among the preferred ones. So a change of
 * racks publishes a new map, and routing reads nothing but the map. */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cluster/tend.h"

/* The next of `namespace:rack;...`. 1: taken; 0: the end. */
static int next_rack(anp_slice *rest, anp_rack *out, anp_error *err)
{
    if (rest->size == 0) {
        return 0;
    }
    const uint8_t *end = memchr(rest->data, ';', rest->size);
    anp_slice one = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->size};
    *rest = end != NULL ? (anp_slice){end + 1, rest->size - one.size - 1} : (anp_slice){0};
    const uint8_t *colon = one.size != 0 ? memchr(one.data, ':', one.size) : NULL;
    size_t size = colon != NULL ? (size_t)(colon - one.data) : 0;
    int64_t rack = 0;
    if (size == 0 || size >= sizeof out->namespace_name ||
        !anp_info_int((anp_slice){colon + 1, one.size - size - 1}, &rack) || rack < INT32_MIN ||
        rack > INT32_MAX) {
        char text[40];
        anp_tend_text(one, text, sizeof text);
        return anp_error_set(err, ANP_ERR_PROTOCOL, "'rack-ids': '%s' is no namespace and rack",
                             text);
    }
    *out = (anp_rack){.rack = (int32_t)rack};
    memcpy(out->namespace_name, one.data, size);
    return 1;
}

/* Everything in the answer, or nothing. */
static anp_status take_racks(anp_tend *t, anp_cluster_node *node, anp_slice value, anp_error *err)
{
    anp_rack racks[ANP_MAP_NAMESPACES];
    uint32_t n = 0;
    anp_rack one;
    int result;
    while ((result = next_rack(&value, &one, err)) == 1) {
        if (n == ANP_MAP_NAMESPACES) {
            return anp_error_set(err, ANP_ERR_PROTOCOL, "'rack-ids' has more than %d namespaces",
                                 ANP_MAP_NAMESPACES);
        }
        racks[n++] = one;
    }
    if (result != 0) {
        return result;
    }
    if (n == node->n_racks && (n == 0 || memcmp(racks, node->racks, n * sizeof one) == 0)) {
        return ANP_OK;
    }
    anp_rack *kept = n != 0 ? anp_memdup(racks, n * sizeof one) : NULL;
    if (n != 0 && kept == NULL) {
        return anp_error_memory(err, n * sizeof one, "racks");
    }
    anp_free(node->racks);
    node->racks = kept;
    node->n_racks = n;
    t->racks_changed = true;
    return ANP_OK;
}

static void read_racks(anp_tend *t, anp_cluster_node *node)
{
    int64_t generation = -1;
    anp_slice value = {0};
    anp_error err = {0};
    anp_status status = anp_tend_ask(t, node, "rebalance-generation\nrack-ids\n", &err);
    if (status == ANP_OK) {
        status = anp_tend_int(t, "rebalance-generation", &generation, &err);
    }
    anp_slice said;
    if (status == ANP_OK &&
        anp_info_find((anp_slice){t->reply.data, t->reply.size}, "rack-ids", &value) &&
        anp_info_error(value, &said) == ANP_ENTERPRISE_ONLY) {
        if (!t->cluster->knows_no_racks) {
            anp_log(ANP_LOG_WARN,
                    "node %s knows no racks (they need the enterprise edition): prefer-rack is "
                    "the same as sequence",
                    node->name);
        }
        t->cluster->knows_no_racks = true;
        value = (anp_slice){0};
    } else if (status == ANP_OK) {
        status = anp_tend_value(t, "rack-ids", &value, &err);
    }
    if (status == ANP_OK) {
        status = take_racks(t, node, value, &err);
    }
    if (status != ANP_OK) {
        anp_tend_node_failed(t, node, &err);
        return;
    }
    node->rebalance_generation = generation;
    node->wants_racks = false;
}

/* The place of a node's rack among the preferred ones. */
static uint8_t rank_of(const anp_cluster *cluster, const anp_cluster_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->n_racks; i++) {
        for (uint32_t k = 0;
             strcmp(node->racks[i].namespace_name, name) == 0 && k < cluster->n_racks; k++) {
            if (node->racks[i].rack == cluster->racks[k]) {
                return (uint8_t)k;
            }
        }
    }
    return ANP_RANK_OTHER;
}

static void rank(const anp_cluster *cluster, anp_map_namespace *ns)
{
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        cluster->nodes[i]->rank = rank_of(cluster, cluster->nodes[i], ns->name);
    }
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        anp_map_partition *partition = &ns->partitions[p];
        for (unsigned k = 0; k < ANP_MAP_REPLICAS; k++) {
            const anp_cluster_node *node = partition->replica[k];
            partition->rank[k] = node != NULL ? node->rank : ANP_RANK_OTHER;
        }
    }
}

void anp_tend_racks(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    if (!cluster->is_rack_aware) {
        return;
    }
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        anp_cluster_node *node = cluster->nodes[i];
        if (node->wants_racks && !node->is_failing && atomic_load(&node->active) &&
            node->tend_connection != NULL && !atomic_load(&cluster->closing)) {
            read_racks(t, node);
        }
    }
    anp_map *map = t->racks_changed ? anp_tend_work(t) : t->work;
    for (uint32_t i = 0; map != NULL && i < map->n_namespaces; i++) {
        rank(cluster, &map->namespaces[i]);
    }
}
