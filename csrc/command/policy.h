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
} anp_policy;
