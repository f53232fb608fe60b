/* A cluster: seeds, nodes, the partition map, and the tend thread that keeps them. Thread-safe. */
#pragma once

#include "base/bell.h"
#include "cluster/partition_map.h"
#include "net/loop.h"

typedef struct anp_cluster anp_cluster;

typedef struct anp_seed {
    char host[256];
    uint16_t port;
} anp_seed;

enum { ANP_RACKS_MAX = 32 }; /* that can be preferred */

typedef struct anp_cluster_config {
    const anp_seed *seeds; /* copied */
    uint32_t n_seeds;
    char cluster_name[64];       /* "": any */
    char user_agent[64];         /* "1,python-0.1.0,app id"; sent base64 with user-agent-set */
    uint32_t connect_timeout_ms; /* of one connection; 0: 1000 */
    uint32_t tend_interval_ms;   /* 0: 1000 */
    uint32_t min_conns_per_node, max_conns_per_node; /* max 0: 100 */
    uint32_t max_socket_idle_ms;                     /* 0: 55000 */
    uint32_t max_error_rate;    /* errors of a node in a window; 0: any number */
    uint32_t error_rate_window; /* in tend intervals; 0: 1 */
    bool use_services_alternate;
    bool is_rack_aware;
    uint32_t n_racks;
    int32_t racks[ANP_RACKS_MAX]; /* in order of preference; for ANP_REPLICA_PREFER_RACK */
} anp_cluster_config;

/* Starts the tend thread and returns at once. One reference. */
anp_status anp_cluster_open(const anp_cluster_config *config, anp_cluster **out, anp_error *err);

/* Waits up to ms for the first whole round. ANP_OK: there is a map. ANP_ERR_CLIENT_TIMEOUT: still
 * trying; any other: why it can't be, one reason a seed (wrong cluster name, unknown host,
 * refused): the caller may wait again or give up. */
anp_status anp_cluster_wait(anp_cluster *cluster, uint32_t ms, anp_error *err);

/* For those who must not wait: the bell rings when anp_cluster_wait, with 0 ms, or anp_cluster_stop
 * may have something else to say. */
void anp_cluster_listen(anp_cluster *cluster, anp_bell *bell);
void anp_cluster_unlisten(anp_cluster *cluster, anp_bell *bell);

/* Begins to close. true: anp_cluster_close has nothing to wait for; where no bell rings, that is so
 * after 100 ms. */
bool anp_cluster_stop(anp_cluster *cluster);

/* Stops the tend thread, closes the pools; commands under way fail with ANP_ERR_CLOSED. Idempotent.
 */
void anp_cluster_close(anp_cluster *cluster);
anp_cluster *anp_cluster_retain(anp_cluster *cluster);
void anp_cluster_release(anp_cluster *cluster);

bool anp_cluster_is_connected(anp_cluster *cluster); /* open, and at least one active node */

/* The current map, retained, without a lock; never NULL once connected. Release it. */
anp_map *anp_cluster_map(anp_cluster *cluster);

/* Asks the tend thread for a round now (something looked stale). */
void anp_cluster_refresh(anp_cluster *cluster);

/* Up to `room` active nodes, retained each; returns how many there are. */
size_t anp_cluster_nodes(anp_cluster *cluster, anp_cluster_node **out, size_t room);

typedef enum {
    ANP_REPLICA_MASTER,
    ANP_REPLICA_ANY,
    ANP_REPLICA_SEQUENCE,
    ANP_REPLICA_PREFER_RACK,
    ANP_REPLICA_RANDOM
} anp_replica;

/* The node for a partition, retained. `attempt` counts from 0 and walks through the replicas where
 * the policy says so: of prefer-rack in the order of the preferred racks, then those on others.
 * ANP_NAMESPACE: not in the map; ANP_ERR_INVALID_NODE: nobody owns it. */
anp_status anp_cluster_route(const anp_map *map, const anp_map_namespace *ns, unsigned partition,
                             anp_replica replica, bool is_write, uint32_t attempt,
                             anp_cluster_node **out, anp_error *err);

/* An idle loop for a sync driver, which gives it back with nothing watched or set; a few are kept.
 * NULL: a new one was needed and couldn't be made. */
anp_loop *anp_cluster_loop_take(anp_cluster *cluster);
void anp_cluster_loop_put(anp_cluster *cluster, anp_loop *loop);

/* Memory that one command leaves to the next, so that it needn't be mapped anew; all of one kind.
 */
typedef struct anp_spare {
    struct anp_spare *next;
    void (*drop)(struct anp_spare *spare); /* frees it, when the cluster goes */
} anp_spare;

anp_spare *anp_cluster_spare_take(anp_cluster *cluster); /* NULL: there is none */
/* false: there are enough, the caller frees it. */
bool anp_cluster_spare_put(anp_cluster *cluster, anp_spare *spare);

uint32_t anp_cluster_connect_timeout(const anp_cluster *cluster);

typedef struct anp_cluster_stats {
    uint64_t tends, tend_failures, last_tend_ns; /* rounds; those in which a node or seed failed;
                                                    how long the last one took */
    uint64_t nodes_added, nodes_removed;
    uint64_t retries; /* of all commands that ended */
    uint32_t nodes;
} anp_cluster_stats;
void anp_cluster_stats_get(anp_cluster *cluster, anp_cluster_stats *out);

/* Rounds of the tend thread so far: where it is another number than before, more is known. Any
 * thread, without a lock. */
uint64_t anp_cluster_rounds(const anp_cluster *cluster);

/* A command has ended that was tried n times more. */
void anp_cluster_count_retries(anp_cluster *cluster, uint32_t n);
