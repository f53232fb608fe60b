/* The embedded node: an in-memory Aerospike server on a thread of its own, for development and
 * tests.
 *
 * A store holds namespaces and records and can be shared by several nodes (a cluster in one
 * process: group.h); a node is a listener, its connections, and its answers. Both are thread-safe.
 */
#pragma once

#include <stdbool.h>

#include "node/members.h"

typedef struct anp_store anp_store;
typedef struct anp_node anp_node;

typedef struct anp_namespace_config {
    char name[32];
    uint32_t default_ttl; /* seconds; 0: never expires */
    uint32_t nsup_period; /* seconds; 0: nothing is expired actively, and finite times to live are
                             refused (22) */
    bool allow_ttl_without_nsup;
    uint32_t max_record_size; /* bytes; 0: 1 MiB */
} anp_namespace_config;

typedef struct anp_store_config {
    const anp_namespace_config *namespaces; /* copied; at least one */
    uint32_t n_namespaces;
    uint64_t max_memory; /* bytes of records; 0: no cap. Beyond it writes get 8, reads and deletes
                            go on */
} anp_store_config;

/* New store; the caller releases it. ANP_ERR_PARAM names what is wrong (no namespace, a bad or
 * double name). */
anp_status anp_store_new(const anp_store_config *config, anp_store **out, anp_error *err);
anp_store *anp_store_retain(anp_store *store);
void anp_store_release(anp_store *store);

typedef struct anp_node_config {
    char host[64];               /* address to listen on; "" is 127.0.0.1 */
    uint16_t port;               /* 0: a free one */
    bool allow_remote;           /* an address that is not loopback is refused without it */
    char name[20];               /* node id; "" : made from the port */
    char cluster_name[64];       /* "" : none; answered as "null" */
    uint32_t batch_max_requests; /* rows a batch may have; 0: no limit */
    uint32_t max_connections;    /* 0: 1024 */
    uint64_t max_output; /* bytes waiting to be sent on one connection before it is not read any
                            more; 0: 4 MiB */
    uint32_t threads;    /* that serve connections; 0: 2 */

    anp_members *members; /* of the cluster that it joins, retained; NULL: one of its own */
    int32_t rack;         /* among them; below 0: none */
    bool is_back;         /* it was `member` before, and returns; else it joins */
    uint32_t member;
} anp_node_config;

/* Listens and serves. Up when this returns. Retains the store. */
anp_status anp_node_start(const anp_node_config *config, anp_store *store, anp_node **out,
                          anp_error *err);

/* Closes listener and connections, joins the threads, frees. Ends within a second, or when a
 * function of a record that runs has ended. NULL is ignored. */
void anp_node_stop(anp_node *node);

/* The same, as a crash looks from outside: connections are reset. */
void anp_node_kill(anp_node *node);

/* A socket that keeps a running node's port when the node is gone: nobody else is given it, who
 * connects is refused, and a node can be started on it. The caller closes it. -1: there is none. */
int anp_node_hold_port(anp_node *node);

/* Answers nothing from when this returns until it is thawed, as a stopped process: the kernel takes
 * connections and bytes for it. Not from one of the node's own threads. */
void anp_node_freeze(anp_node *node);
void anp_node_thaw(anp_node *node);

const char *anp_node_host(const anp_node *node);
uint16_t anp_node_port(const anp_node *node);
const char *anp_node_name(const anp_node *node);
uint32_t anp_node_member(const anp_node *node); /* its number among the members */

typedef struct anp_node_stats {
    uint64_t objects;
    uint64_t memory;
    uint64_t connections; /* open now */
    uint64_t connections_opened;
    uint64_t connections_refused;
    uint64_t requests;
    uint64_t batch_rows;
    uint64_t proxied; /* records that were asked of this node and are another's */
} anp_node_stats;

void anp_node_stats_get(const anp_node *node, anp_node_stats *out);
