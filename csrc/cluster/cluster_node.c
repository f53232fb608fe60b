/* Nodes: counted, so that a map, a command and the tend thread may each hold one for as long as
 * they need. */
#include "cluster/cluster_node.h"

#include <stdio.h>

#include "base/alloc.h"

enum { BATCH_ROWS = 5000 };

anp_status anp_cluster_node_new(const char *name, const anp_address *address, uint32_t max_conns,
                                uint64_t max_idle_ns, anp_cluster_node **out, anp_error *err)
{
    anp_cluster_node *node = anp_calloc(1, sizeof *node);
    if (node == NULL) {
        return anp_error_memory(err, sizeof *node, "a node");
    }
    anp_status status = anp_pool_new(address, max_conns, max_idle_ns, &node->pool, err);
    if (status != ANP_OK) {
        anp_free(node);
        return status;
    }
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    node->address = *address;
    node->peers_generation = -1;
    node->partition_generation = -1;
    node->rebalance_generation = -1;
    node->wants_map = true;
    node->wants_racks = true;
    atomic_init(&node->references, 1);
    atomic_init(&node->active, true);
    atomic_init(&node->batch_rows, BATCH_ROWS);
    *out = node;
    return ANP_OK;
}

anp_cluster_node *anp_cluster_node_retain(anp_cluster_node *node)
{
    if (node != NULL) {
        (void)atomic_fetch_add_explicit(&node->references, 1, memory_order_relaxed);
    }
    return node;
}

void anp_cluster_node_release(anp_cluster_node *node)
{
    if (node != NULL &&
        atomic_fetch_sub_explicit(&node->references, 1, memory_order_acq_rel) == 1) {
        anp_cluster_node_hang_up(node);
        anp_pool_close(node->pool);
        anp_pool_release(node->pool);
        anp_free(node->racks);
        anp_free(node);
    }
}

void anp_cluster_node_count_error(anp_cluster_node *node)
{
    (void)atomic_fetch_add_explicit(&node->errors, 1, memory_order_relaxed);
}

void anp_cluster_node_next_window(anp_cluster_node *node, uint32_t max, uint64_t window_ns,
                                  uint64_t now)
{
    if (node->errors_at != 0 && now < node->errors_at + window_ns) {
        return;
    }
    node->errors_at = now;
    uint32_t limit = atomic_load_explicit(&node->max_errors, memory_order_relaxed);
    bool was_exceeded = !anp_cluster_node_allows(node);
    if (limit == 0 || max == 0) {
        limit = max;
    } else if (was_exceeded) {
        limit = limit > 1 ? limit / 2 : 1;
    } else {
        limit = limit < max / 2 ? limit * 2 : max;
    }
    atomic_store_explicit(&node->max_errors, limit, memory_order_relaxed);
    atomic_store_explicit(&node->errors, 0, memory_order_relaxed);
}

void anp_cluster_node_deactivate(anp_cluster_node *node)
{
    atomic_store(&node->active, false);
    anp_pool_close(node->pool);
}

void anp_cluster_node_hang_up(anp_cluster_node *node)
{
    if (node->tend_connection != NULL) {
        anp_stream_close(&node->tend_connection->stream);
        anp_free(node->tend_connection);
        node->tend_connection = NULL;
    }
}
