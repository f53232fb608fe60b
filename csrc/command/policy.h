/* What a command may do and how long it may take. Plain values; the binding fills them from dicts.
 */
#pragma once

#include "cluster/cluster.h"

typedef struct anp_policy {
    uint32_t total_timeout_ms;  /* 0: none */
    uint32_t socket_timeout_ms; /* longest silence of one connection; 0: none */
    uint32_t max_retries;
    uint32_t sleep_ms; /* between retries */
    anp_replica replica;
    bool each_window; /* batches: the total timeout counts for each window from when it is sent */
    bool allow_inline, allow_inline_ssd, respond_all;
    uint32_t window;      /* batches: rows of a sub-batch; 0: 5000 */
    uint32_t connections; /* batches: connections a node; 0: 2 */
    uint32_t threads;     /* batch reads into arrays: that work on it at once; 0: 1 */
} anp_policy;

/* Does it draw lots for each read? Then a node that can't be asked might be drawn again and again.
 */
static inline bool anp_policy_is_random(const anp_policy *p)
{
    return p->replica == ANP_REPLICA_ANY || p->replica == ANP_REPLICA_RANDOM;
}

/* How a read goes through the replicas when the i-th that was tried (from 0) must not be asked:
 * each comes up once. */
static inline anp_replica anp_policy_replica(const anp_policy *p, uint32_t i)
{
    return i != 0 && anp_policy_is_random(p) ? ANP_REPLICA_SEQUENCE : p->replica;
}

static inline uint32_t anp_policy_tries(const anp_policy *p, uint32_t n_replicas, bool is_write)
{
    return is_write || n_replicas == 0 ? 1 : n_replicas + (anp_policy_is_random(p) ? 1 : 0);
}
