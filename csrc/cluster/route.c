/* Which node is asked: the replica policies. No state; thread-safe (a map doesn't change). */
#include "base/random.h"
#include "cluster/cluster.h"

static bool is_usable(anp_cluster_node *node)
{
    return node != NULL && atomic_load_explicit(&node->active, memory_order_relaxed);
}

anp_status anp_cluster_route(const anp_map *map, const anp_map_namespace *ns, unsigned partition,
                             anp_replica replica, bool is_write, uint32_t attempt,
                             anp_cluster_node **out, anp_error *err)
{
    (void)map; /* it is what keeps ns alive */
    if (ns == NULL) {
        return anp_error_set(err, ANP_NAMESPACE, "the cluster has no such namespace");
    }
    const anp_map_partition *p = &ns->partitions[partition % ANP_PARTITIONS];
    unsigned n = ns->n_replicas;
    unsigned first = 0;
    /* Strong consistency: session reads are the master's. */
    if (replica == ANP_REPLICA_MASTER || (ns->is_sc && !is_write)) {
        n = n != 0;
    } else if ((replica == ANP_REPLICA_ANY || replica == ANP_REPLICA_RANDOM) && !is_write &&
               n > 1) {
        first = (unsigned)(anp_random() % n);
    } else if (n > 1) { /* sequence; prefer-rack too while no rack is known */
        first = attempt % n;
    }
    for (unsigned i = 0; i < n; i++) {
        anp_cluster_node *node = p->replica[(first + i) % n];
        if (is_usable(node)) {
            *out = anp_cluster_node_retain(node);
            return ANP_OK;
        }
    }
    return anp_error_set(err, ANP_ERR_INVALID_NODE, "no node owns partition %u of namespace %s",
                         partition, ns->name);
}
