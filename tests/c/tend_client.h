/* For tests of tending: clients of fake nodes, and what they know. */
#pragma once

#include "cluster/cluster.h"

#include "fake_node.h"
#include "until.h"

enum { INTERVAL_MS = 20 };

static inline anp_seed seed_of(const fake_node *f)
{
    return (anp_seed){.host = "127.0.0.1", .port = f->port};
}

static inline anp_cluster_config config_of(const anp_seed *seeds, uint32_t n)
{
    return (anp_cluster_config){
        .seeds = seeds, .n_seeds = n, .tend_interval_ms = INTERVAL_MS, .connect_timeout_ms = 10000};
}

static inline anp_cluster *open_with(const anp_cluster_config *config)
{
    anp_cluster *cluster = NULL;
    anp_error err = {0};
    anp_status status = anp_cluster_open(config, &cluster, &err);
    if (status != ANP_OK) {
        fail_msg("%s", err.message);
    }
    return cluster;
}

static inline anp_cluster *connect_to(const fake_node *f)
{
    anp_seed seed = seed_of(f);
    anp_cluster_config config = config_of(&seed, 1);
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    if (anp_cluster_wait(cluster, 20000, &err) != ANP_OK) {
        fail_msg("%s", err.message);
    }
    return cluster;
}

/* A node that is active, retained; NULL: there is none. */
static inline anp_cluster_node *any_node(anp_cluster *cluster)
{
    anp_cluster_node *node = NULL;
    (void)anp_cluster_nodes(cluster, &node, 1);
    return node;
}

/* The name of the master of a partition of namespace test, or "". */
static inline const char *master(anp_cluster *cluster, unsigned p)
{
    static char name[20];
    name[0] = 0;
    anp_map *map = anp_cluster_map(cluster);
    if (map != NULL) {
        const anp_map_namespace *ns = anp_map_find(map, "test", 4);
        if (ns != NULL && ns->partitions[p].replica[0] != NULL) {
            (void)snprintf(name, sizeof name, "%s", ns->partitions[p].replica[0]->name);
        }
    }
    anp_map_release(map);
    return name;
}

static inline bool master_is(anp_cluster *cluster, unsigned p, const char *name)
{
    return strcmp(master(cluster, p), name) == 0;
}

static inline uint64_t failures(anp_cluster *cluster)
{
    anp_cluster_stats s;
    anp_cluster_stats_get(cluster, &s);
    return s.tend_failures;
}

static inline uint64_t tends(anp_cluster *cluster)
{
    anp_cluster_stats s;
    anp_cluster_stats_get(cluster, &s);
    return s.tends;
}
