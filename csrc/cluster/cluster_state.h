/* What a cluster is made of: for the files of this folder only. */
#pragma once

#include <pthread.h>

#include "cluster/cluster.h"

enum {
    ANP_CLUSTER_NODES = 256,    /* more are not taken in */
    ANP_CLUSTER_BAD_PEERS = 32, /* peers that can't be reached and whose back-off is remembered */
    ANP_CLUSTER_FORMER = 16,    /* addresses where nodes were, tried like seeds when none is left */
    ANP_CLUSTER_LOOPS = 8,      /* idle loops kept for sync drivers */
    ANP_CLUSTER_SPARES = 32,    /* windows kept for the next batch, some 0.4 MB each */
    ANP_TEND_REPLY_MAX = 1024 * 1024, /* of one info reply */
    ANP_TEND_BACKOFF_MAX = 8, /* intervals between two attempts at a node that answers nonsense */
    ANP_TEND_REFRESH_MS = 50, /* between two rounds that were asked for */
};

typedef struct anp_cluster_seed {
    anp_seed seed;
    char name[20];     /* of the node that it led to */
    uint32_t failures; /* attempts in a row whose answer made no sense */
    uint64_t retry_at;
    anp_status code; /* of the last attempt; ANP_OK: none failed */
    char why[128];
} anp_cluster_seed;

typedef struct anp_bad_peer {
    char name[20]; /* empty: a free place */
    uint32_t failures;
    uint64_t retry_at;
} anp_bad_peer;

struct anp_cluster {
    _Atomic uint32_t references; /* of users: the last one closes */
    _Atomic uint32_t holds;      /* on the memory: one for all users, one for the tend thread */

    /* Never changed once open. */
    uint32_t n_seeds;
    char cluster_name[64], user_agent[64];
    uint32_t connect_timeout_ms, min_conns, max_conns;
    uint32_t max_error_rate, error_rate_window;
    uint64_t interval_ns, max_idle_ns;
    bool use_alternate, is_rack_aware;
    uint32_t n_racks;
    int32_t racks[ANP_RACKS_MAX];
    int stop_fd; /* an eventfd: readable from closing on */

    anp_map_slot map;
    _Atomic bool closing;
    _Atomic uint64_t tends, tend_failures, last_tend_ns, nodes_added, nodes_removed;
    _Atomic uint64_t retries; /* any thread counts */

    pthread_mutex_t lock; /* guards what follows; held for moments only */
    pthread_cond_t changed;
    pthread_t thread;
    anp_bell *bells; /* rung with `changed` */
    bool thread_done, resolving, refresh, is_closed;
    uint64_t grace; /* once it is closing: so long the resolver is waited for */
    bool is_ready;  /* after the last round: a map and a node */
    uint64_t rounds,
        reported; /* rounds that tried something; the last one whose failure a waiter was told */
    anp_error failure; /* why the last round left us not ready */
    uint32_t n_nodes;  /* changed by the tend thread only, which may read them without the lock */
    anp_cluster_node *nodes[ANP_CLUSTER_NODES];
    uint32_t n_loops;
    anp_loop *loops[ANP_CLUSTER_LOOPS];
    uint32_t n_spares;
    anp_spare *spares;

    /* The tend thread's own. */
    anp_cluster_seed *seeds;
    anp_bad_peer bad_peers[ANP_CLUSTER_BAD_PEERS];
    uint32_t n_former;
    anp_address former[ANP_CLUSTER_FORMER];
    anp_error node_failure; /* the last of a node that had been taken in */
    bool knows_no_racks;    /* was told, and it was logged */
};

/* Marks what may block for long without hearing the stop (the resolver): closing doesn't wait for
 * that. false: it is closing. */
bool anp_cluster_resolving(anp_cluster *cluster, bool on);
