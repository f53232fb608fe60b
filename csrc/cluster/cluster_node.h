/* A node of the cluster, as the client sees it. Counted; made and filled by the tend thread, read by all. */
#pragma once

#include <stdatomic.h>

#include "cluster/pool.h"

typedef struct anp_cluster_node {
    _Atomic uint32_t references;
    char name[20];
    anp_address address;
    uint32_t build[4];
    anp_pool *pool;
    _Atomic bool active;        /* false: left the cluster */
    _Atomic uint32_t batch_rows; /* largest window this node takes (halved on code 151) */
    _Atomic uint32_t errors;    /* since the last window of the error rate */

    /* The tend thread's own. */
    anp_connection *tend_connection;
    int64_t peers_generation, partition_generation;
    uint32_t failures;          /* rounds in a row */
    uint64_t retry_at;          /* back-off: not asked before this */
} anp_cluster_node;

anp_cluster_node *anp_cluster_node_retain(anp_cluster_node *node);
void anp_cluster_node_release(anp_cluster_node *node);
