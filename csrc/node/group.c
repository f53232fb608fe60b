/* Nodes that are added, killed, frozen and brought back. See group.h. */
#include "node/group.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "node/store.h"

typedef struct place {
    anp_node *node; /* NULL: killed */
    anp_node_config config;
    anp_group_node seen;
    anp_node_stats last; /* of a killed node, as it left */
    int held;            /* keeps its port for it; -1: nothing does */
} place;

struct anp_group {
    pthread_mutex_t lock; /* guards the places */
    anp_store *store;     /* NULL: closed */
    anp_members *members;
    uint32_t n_places;
    place places[ANP_MEMBERS_MAX]; /* by member number */
};

const char *anp_node_state_name(anp_node_state state)
{
    static const char *const names[] = {
        [ANP_NODE_RUNNING] = "running", [ANP_NODE_FROZEN] = "frozen", [ANP_NODE_KILLED] = "killed"};
    return names[state];
}

static void lock(anp_group *g)
{
    (void)pthread_mutex_lock(&g->lock);
}

static void unlock(anp_group *g)
{
    (void)pthread_mutex_unlock(&g->lock);
}

anp_status anp_group_new(anp_store *store, uint32_t replication_factor, anp_group **out,
                         anp_error *err)
{
    anp_members *members = NULL;
    anp_status status = anp_members_new(replication_factor, &members, err);
    anp_group *g = status == ANP_OK ? anp_calloc(1, sizeof *g) : NULL;
    if (g == NULL) {
        anp_members_release(members);
        return status != ANP_OK ? status : anp_error_memory(err, sizeof *g, "a cluster");
    }
    (void)pthread_mutex_init(&g->lock, NULL);
    g->store = anp_store_retain(store);
    g->members = members;
    *out = g;
    return ANP_OK;
}

static void let_port_go(place *at)
{
    if (at->held >= 0) {
        (void)close(at->held);
    }
    at->held = -1;
}

void anp_group_close(anp_group *g)
{
    lock(g);
    for (uint32_t i = 0; i < g->n_places; i++) {
        anp_node_stop(g->places[i].node);
        let_port_go(&g->places[i]);
    }
    g->n_places = 0;
    anp_store_release(g->store);
    g->store = NULL;
    unlock(g);
}

void anp_group_free(anp_group *g)
{
    if (g == NULL) {
        return;
    }
    anp_group_close(g);
    anp_members_release(g->members);
    (void)pthread_mutex_destroy(&g->lock);
    anp_free(g);
}

static anp_status closed(anp_error *err)
{
    return anp_error_set(err, ANP_ERR_CLOSED, "the node is stopped");
}

static anp_status no_such(const anp_group *g, uint32_t index, anp_error *err)
{
    if (g->store == NULL) {
        return closed(err);
    }
    return anp_error_set(err, ANP_ERR_PARAM, "there is no node %u: the cluster has %u", index,
                         g->n_places);
}

static void note_address(place *at)
{
    (void)snprintf(at->seen.name, sizeof at->seen.name, "%s", anp_node_name(at->node));
    (void)snprintf(at->seen.host, sizeof at->seen.host, "%s", anp_node_host(at->node));
    at->seen.port = anp_node_port(at->node);
    at->seen.state = ANP_NODE_RUNNING;
}

anp_status anp_group_add(anp_group *g, const anp_node_config *config, uint32_t *index,
                         anp_error *err)
{
    lock(g);
    place at = {.config = *config, .held = -1};
    at.config.members = g->members;
    at.config.is_back = false;
    at.seen.rack = config->rack;
    anp_status status =
        g->store != NULL ? anp_node_start(&at.config, g->store, &at.node, err) : closed(err);
    if (status == ANP_OK) {
        note_address(&at);
        *index = anp_node_member(at.node);
        g->places[*index] = at;
        g->n_places = *index + 1;
    }
    unlock(g);
    return status;
}

/* The place of a node whose state is one of two. */
static anp_status find(anp_group *g, uint32_t index, anp_node_state a, anp_node_state b,
                       place **out, anp_error *err)
{
    if (index >= g->n_places) {
        return no_such(g, index, err);
    }
    place *at = &g->places[index];
    if (at->seen.state != a && at->seen.state != b) {
        return anp_error_set(err, ANP_ERR_PARAM, "node %u (%s) is %s", index, at->seen.name,
                             anp_node_state_name(at->seen.state));
    }
    *out = at;
    return ANP_OK;
}

anp_status anp_group_kill(anp_group *g, uint32_t index, anp_error *err)
{
    uint8_t lost[ANP_BITMAP_SIZE];
    place *at = NULL;
    lock(g);
    anp_status status = find(g, index, ANP_NODE_RUNNING, ANP_NODE_FROZEN, &at, err);
    if (status == ANP_OK) {
        anp_node_stats_get(at->node, &at->last);
        at->last.connections = 0;
        anp_members_leave(g->members, index, lost);
        at->held = anp_node_hold_port(at->node); /* from before it is free for a moment */
        anp_node_kill(at->node);
        at->node = NULL;
        at->seen.state = ANP_NODE_KILLED;
        for (uint32_t i = 0; i < g->store->n_namespaces; i++) {
            anp_namespace_drop(g->store->namespaces[i], lost);
        }
    }
    unlock(g);
    return status;
}

anp_status anp_group_freeze(anp_group *g, uint32_t index, anp_error *err)
{
    place *at = NULL;
    lock(g);
    anp_status status = find(g, index, ANP_NODE_RUNNING, ANP_NODE_RUNNING, &at, err);
    if (status == ANP_OK) {
        anp_members_freeze(g->members, index, true);
        anp_node_freeze(at->node);
        at->seen.state = ANP_NODE_FROZEN;
    }
    unlock(g);
    return status;
}

anp_status anp_group_thaw(anp_group *g, uint32_t index, anp_error *err)
{
    place *at = NULL;
    lock(g);
    anp_status status = find(g, index, ANP_NODE_FROZEN, ANP_NODE_FROZEN, &at, err);
    if (status == ANP_OK) {
        anp_node_thaw(at->node);
        anp_members_freeze(g->members, index, false);
        at->seen.state = ANP_NODE_RUNNING;
    }
    unlock(g);
    return status;
}

anp_status anp_group_restart(anp_group *g, uint32_t index, uint16_t port, anp_error *err)
{
    place *at = NULL;
    lock(g);
    anp_status status = find(g, index, ANP_NODE_KILLED, ANP_NODE_KILLED, &at, err);
    if (status == ANP_OK) {
        at->config.is_back = true;
        at->config.member = index;
        at->config.port = port;
        (void)snprintf(at->config.name, sizeof at->config.name, "%s", at->seen.name);
        status = anp_node_start(&at->config, g->store, &at->node, err);
    }
    if (status == ANP_OK) {
        note_address(at);
        let_port_go(at); /* two may have a port while one of them listens */
    }
    unlock(g);
    return status;
}

anp_status anp_group_move(anp_group *g, const uint16_t *partitions, uint32_t n, int32_t to,
                          uint32_t *moved, anp_error *err)
{
    place *at = NULL;
    lock(g);
    anp_status status = g->store != NULL ? ANP_OK : closed(err);
    if (status == ANP_OK && to >= 0) {
        status = find(g, (uint32_t)to, ANP_NODE_RUNNING, ANP_NODE_FROZEN, &at, err);
    }
    if (status == ANP_OK) {
        *moved = anp_members_move(g->members, partitions, n, to);
    }
    unlock(g);
    return status;
}

anp_status anp_group_look(anp_group *g, uint32_t index, anp_group_node *out, anp_error *err)
{
    anp_status status = ANP_OK;
    lock(g);
    if (index < g->n_places) {
        *out = g->places[index].seen;
    } else {
        status = no_such(g, index, err);
    }
    unlock(g);
    return status;
}

anp_status anp_group_stats(anp_group *g, uint32_t index, anp_node_stats *out, anp_error *err)
{
    anp_status status = ANP_OK;
    lock(g);
    if (index >= g->n_places) {
        status = no_such(g, index, err);
    } else if (g->places[index].node != NULL) {
        anp_node_stats_get(g->places[index].node, out);
    } else {
        *out = g->places[index].last;
    }
    unlock(g);
    return status;
}

uint32_t anp_group_owners(anp_group *g, unsigned partition, uint8_t out[ANP_OWNERS_MAX])
{
    return anp_members_owners(g->members, partition, out);
}
