/* One info command under way: what the functions that answer them share. Private to the info files.
 */
#pragma once

#include "node/server.h"

#define ANP_ENTERPRISE_TEXT "ERROR:25:enterprise only"

typedef struct anp_query {
    anp_node *node;
    anp_node_connection *connection;
    anp_slice parameters; /* behind the name and its separator */
    anp_buffer *out;
} anp_query;

/* The value of `name=value` among the parameters. */
bool anp_query_parameter(anp_slice all, const char *name, anp_slice *out);
void anp_query_say(anp_query *q, const char *text);
anp_namespace *anp_query_namespace(anp_query *q, anp_slice name);
/* What the node is among the members at this moment. */
anp_membership anp_query_membership(anp_query *q);

/* ---- info_cluster.c: who is there, and who owns what ---- */
void anp_info_peers_generation(anp_query *q);
void anp_info_partition_generation(anp_query *q);
void anp_info_rebalance_generation(anp_query *q);
void anp_info_peers(anp_query *q);
void anp_info_alumni(anp_query *q);
void anp_info_no_peers(anp_query *q);
void anp_info_service(anp_query *q);
void anp_info_services(anp_query *q);
void anp_info_replicas(anp_query *q);
void anp_info_replicas_all(anp_query *q);
void anp_info_replicas_master(anp_query *q);
void anp_info_rack_ids(anp_query *q);
void anp_info_cluster_stable(anp_query *q);

/* ---- info_udf.c: modules of UDFs ---- */
void anp_info_udf_list(anp_query *q);
void anp_info_udf_get(anp_query *q);
void anp_info_udf_put(anp_query *q);
void anp_info_udf_remove(anp_query *q);

/* ---- info_cluster.c, for others ---- */

/* The cluster's key: changes with its members. */
uint64_t anp_info_cluster_key(anp_query *q);

/* A node's share of a namespace's records. */
typedef struct anp_share {
    int64_t master, replica;
    int64_t *by_set; /* of either kind, by the set's number; NULL: not wanted */
} anp_share;

/* Walks over the records where there are other nodes; else it takes the counters. */
void anp_info_share(anp_query *q, anp_namespace *ns, anp_share *out);
