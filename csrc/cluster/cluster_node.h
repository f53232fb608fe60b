/* A node of the cluster, as the client sees it. Counted; made and filled by the tend thread, read
 * by all. */
#pragma once

#include <stdatomic.h>

#include "cluster/pool.h"

typedef struct anp_rack {
    char namespace_name[32];
    int32_t rack;
} anp_rack;

typedef struct anp_cluster_node {
    _Atomic uint32_t references;
    char name[20];
    anp_address address;
    uint32_t build[4];
    anp_pool *pool;
    _Atomic bool active;         /* false: left the cluster */
    _Atomic uint32_t batch_rows; /* largest window this node takes (halved on code 151) */
    _Atomic uint32_t errors;     /* in this window of the error rate */
    _Atomic uint32_t max_errors; /* of this window; 0: any number */

    _Atomic uint32_t failures;      /* rounds in a row that went wrong */
    _Atomic uint64_t round_trip_ns; /* of the tend thread's questions, smoothed; 0: not known */

    /* The tend thread's own. */
    uint64_t errors_at; /* when the error rate's window began; 0: none did yet */
    anp_connection *tend_connection;
    int64_t peers_generation, partition_generation;
    uint64_t retry_at;    /* back-off: not asked before this */
    uint64_t peers_round; /* the round that last read its peers */
    uint32_t n_peers;     /* how many it told of */
    uint32_t listed;      /* how many nodes told of it, in the last reading of peers */
    bool is_failing;      /* its last question failed */
    bool answered;  /* the last failure was an answer that made no sense: it is there, at least */
    bool wants_map; /* what it owns has to be read */
    bool wants_racks;
    int64_t rebalance_generation; /* when its racks were read */
    anp_rack *racks;              /* one a namespace, where it told of them; owned */
    uint32_t n_racks;
    uint8_t rank; /* in the namespace that is being looked at; see racks.c */
} anp_cluster_node;

anp_cluster_node *anp_cluster_node_retain(anp_cluster_node *node);
void anp_cluster_node_release(anp_cluster_node *node);

/* A node with a pool, active; nothing is connected. One reference. The name is copied (at most 19
 * bytes). */
anp_status anp_cluster_node_new(const char *name, const anp_address *address, uint32_t max_conns,
                                uint64_t max_idle_ns, anp_cluster_node **out, anp_error *err);

/* The circuit breaker: failed connections, time-outs and answers that tell of overload are counted;
 * more than the limit in a window, and the node is left alone until the next. Any thread, without a
 * lock. */
void anp_cluster_node_count_error(anp_cluster_node *node);
static inline bool anp_cluster_node_allows(const anp_cluster_node *node)
{
    uint32_t max = atomic_load_explicit(&node->max_errors, memory_order_relaxed);
    return max == 0 || atomic_load_explicit(&node->errors, memory_order_relaxed) <= max;
}

/* Begins the next window where this one is over. `max` errors (0: any number) are allowed; half as
 * many as before after a window with more, at least one; then twice as many, up to max. On the tend
 * thread. */
void anp_cluster_node_next_window(anp_cluster_node *node, uint32_t max, uint64_t window_ns,
                                  uint64_t now);

/* It left the cluster, or the cluster is closed: nobody gets a connection any more. Any thread. */
void anp_cluster_node_deactivate(anp_cluster_node *node);

/* The tend thread's connection: closed and freed. */
void anp_cluster_node_hang_up(anp_cluster_node *node);
