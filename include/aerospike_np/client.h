/* A client: the connections to a cluster, and a thread that keeps its map up to date. */
#pragma once

#include <stddef.h>

#include "aerospike_np/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anp_client anp_client;

typedef struct anp_host {
    const char *name; /* a name, or an address: "10.0.0.1", "::1" */
    uint16_t port;
} anp_host;

/* Asked now and then by a call that waits, on the thread that made it: true stops the call soon,
 * with ANP_ERR_ABORTED. It must not call the client. */
typedef bool (*anp_interrupt)(void *context);

/* Zero is the default of every member but hosts; so begin with `anp_client_config config = {0};`. A
 * client keeps nothing of it. */
typedef struct anp_client_config {
    const anp_host *hosts; /* nodes to ask for the others; one that answers is enough */
    size_t n_hosts;
    const char *cluster_name;    /* nodes of another name are refused; NULL or "": any */
    uint32_t open_timeout_ms;    /* of anp_client_open; 0: until every host was tried */
    uint32_t connect_timeout_ms; /* of one connection; 0: 1000 */
    uint32_t tend_interval_ms;   /* between looks at the cluster; at least 50; 0: 1000 */
    uint32_t min_conns_per_node; /* kept open */
    uint32_t max_conns_per_node; /* beyond it calls wait their turn; 0: 100 */
    uint32_t max_socket_idle_ms; /* an idle connection is closed after it; 0: 55000 */
    uint32_t max_error_rate;     /* errors of a node in a window, after which it is left alone until
                                    the next one; 0: 100; UINT32_MAX: any number */
    uint32_t error_rate_window;  /* in tend intervals; 0: 1 */
    const int32_t
        *rack_ids;     /* racks in order of preference, for ANP_READ_PREFER_RACK; at most 32 */
    size_t n_rack_ids; /* 0: racks don't matter */
    bool use_services_alternate; /* nodes are reached at their alternate addresses */
    anp_interrupt interrupt;     /* of anp_client_open, about every 50 ms; NULL: none */
    void *interrupt_context;
} anp_client_config;

/* Connects, and waits until the cluster's map is there. *out is the caller's, who closes it with
 * anp_client_close; on failure it is NULL, and nothing is left behind.
 *
 * ANP_ERR_PARAM: the configuration can't be right. ANP_ERR_CLIENT_TIMEOUT: open_timeout_ms passed.
 * ANP_ERR_ABORTED: the interrupt said so. Else why no host would do, with the reason of each in the
 * message: ANP_ERR_CONNECTION, ANP_ERR_INVALID_HOST, ANP_ERR_CLIENT (another cluster's name), ...
 */
ANP_API anp_status anp_client_open(const anp_client_config *config, anp_client **out,
                                   anp_error *err);

/* Closes the connections, ends the thread, frees the client. Nobody may be in a call with it (an
 * interrupt ends such calls). NULL is ignored. In the child of a fork() the parent's clients must
 * not be used, nor closed. */
ANP_API void anp_client_close(anp_client *client);

/* Is at least one node known and active? No input or output; thread-safe. */
ANP_API bool anp_client_is_connected(const anp_client *client);

/* How many nodes of the cluster are known and active. Thread-safe. */
ANP_API size_t anp_client_node_count(const anp_client *client);

#ifdef __cplusplus
}
#endif
