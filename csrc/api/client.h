/* What a client of the C API is made of: for the files of this folder only. */
#pragma once

#include "aerospike_np/client.h"
#include "cluster/cluster.h"

struct anp_client {
    anp_cluster *cluster; /* one reference */
};
