/* A cluster in one process: nodes that share a store and its partitions, and that can be made to
 * fail. Thread-safe: one lock, held while a node is started or stopped. */
#pragma once

#include "node/node.h"

typedef struct anp_group anp_group;

typedef enum { ANP_NODE_RUNNING, ANP_NODE_FROZEN, ANP_NODE_KILLED } anp_node_state;

/* "running", "frozen", "killed". */
const char *anp_node_state_name(anp_node_state state);

typedef struct anp_group_node {
    char name[20];
    char host[64];
    uint16_t port; /* of a killed node: that it had */
    int32_t rack;  /* below 0: none */
    anp_node_state state;
} anp_group_node;

/* A cluster without nodes. Retains the store; the caller frees it. ANP_ERR_PARAM: a replication
 * factor that can't be. */
anp_status anp_group_new(anp_store *store, uint32_t replication_factor, anp_group **out,
                         anp_error *err);

/* Stops all nodes and lets go of the data; whatever is asked of it then is ANP_ERR_CLOSED. Harmless
 * twice. */
void anp_group_close(anp_group *g);

/* Closed, and nobody uses it any more. NULL is ignored. */
void anp_group_free(anp_group *g);

/* Starts one more node; config's members, is_back and member are not looked at. *index counts from
 * 0. */
anp_status anp_group_add(anp_group *g, const anp_node_config *config, uint32_t *index,
                         anp_error *err);

/* Each is ANP_ERR_PARAM where there is no such node, or its state forbids it. A killed
 * node's connections are reset, its replicas are promoted before that; partitions that had no other
 * owner lose it and their records. A frozen one answers nothing from when this returns. A restarted
 * one listens on this port; 0 takes a free one. */
anp_status anp_group_kill(anp_group *g, uint32_t index, anp_error *err);
anp_status anp_group_freeze(anp_group *g, uint32_t index, anp_error *err);
anp_status anp_group_thaw(anp_group *g, uint32_t index, anp_error *err);
anp_status anp_group_restart(anp_group *g, uint32_t index, uint16_t port, anp_error *err);

/* Gives partitions another master: node `to`, which must be there, or (below 0) the next one after
 * each one's master. */
anp_status anp_group_move(anp_group *g, const uint16_t *partitions, uint32_t n, int32_t to,
                          uint32_t *moved, anp_error *err);

anp_status anp_group_look(anp_group *g, uint32_t index, anp_group_node *out, anp_error *err);
anp_status anp_group_stats(anp_group *g, uint32_t index, anp_node_stats *out, anp_error *err);

/* The owners of a partition, master first; returns how many. */
uint32_t anp_group_owners(anp_group *g, unsigned partition, uint8_t out[ANP_OWNERS_MAX]);
