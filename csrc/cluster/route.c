/* Which node is asked: the replica policies. Thread-safe: a map doesn't change, and what rotates is
 * each thread's own. */
#include "base/random.h"
#include "cluster/cluster.h"

static bool is_usable(anp_cluster_node *node)
{
    return node != NULL && atomic_load_explicit(&node->active, memory_order_relaxed);
}

/* Where a command begins that may be served by any replica; its retries go on from there. */
static unsigned rotate(anp_replica replica, uint32_t attempt)
{
    static _Thread_local uint32_t turn;
    if (attempt == 0) {
        turn = replica == ANP_REPLICA_RANDOM ? (uint32_t)anp_random() : turn + 1;
    }
    return turn + attempt;
}

/* The replicas by their racks, those of equal rank in order. */
static void by_rank(const anp_map_partition *p, unsigned n, uint8_t order[ANP_MAP_REPLICAS])
{
    for (unsigned i = 0; i < n; i++) {
        unsigned k = i;
        for (; k > 0 && p->rank[order[k - 1]] > p->rank[i]; k--) {
            order[k] = order[k - 1];
        }
        order[k] = (uint8_t)i;
    }
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
    uint8_t order[ANP_MAP_REPLICAS] = {0, 1, 2};
    unsigned n = ns->n_replicas;
    unsigned first = attempt;
    /* Strong consistency: session reads are the master's. Writes are the master's too; the next
     * replica may have become it. */
    if (replica == ANP_REPLICA_MASTER || (ns->is_sc && !is_write)) {
        n = n != 0;
    } else if (!is_write && n > 1) {
        if (replica == ANP_REPLICA_ANY || replica == ANP_REPLICA_RANDOM) {
            first = rotate(replica, attempt);
        } else if (replica == ANP_REPLICA_PREFER_RACK) {
            by_rank(p, n, order);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        anp_cluster_node *node = p->replica[order[(first + i) % n]];
        if (is_usable(node)) {
            *out = anp_cluster_node_retain(node);
            return ANP_OK;
        }
    }
    return anp_error_set(err, ANP_ERR_INVALID_NODE, "no node owns partition %u of namespace %s",
                         partition, ns->name);
}
