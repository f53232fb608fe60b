/* For tests: several scripted nodes that tell of each other, and who owns which partition, so that
 * nodes can stall, die, leave and lose partitions while a command runs. */
#pragma once

#include "scripted_world.h"
#include "wire/digest.h"

enum { RING_NODES = 4, RING_NOBODY = 0xff, RING_TEND_MS = 20 };

typedef struct ring {
    uint32_t n;
    unsigned replicas;
    scripted_node nodes[RING_NODES];
    pthread_mutex_t lock;             /* guards what follows */
    uint8_t owner[2][ANP_PARTITIONS]; /* of a replica: a node's index, RING_NOBODY */
    bool is_gone[RING_NODES];         /* nobody tells of it any more */
    bool is_dead[RING_NODES];         /* only the test's thread looks */
    int generation, peers_generation;
    uint32_t max_error_rate, error_rate_window; /* as in the configuration; for `arrange` */
    world world;                                /* its node is not used */
} ring;

typedef struct ring_node { /* what a node's context points to */
    ring *ring;
    uint32_t index;
    bool (*serve)(scripted_call *c);
} ring_node;

static inline uint32_t ring_index(const scripted_node *n)
{
    return ((const ring_node *)n->context)->index;
}

static inline ring *ring_of(const scripted_node *n)
{
    return ((const ring_node *)n->context)->ring;
}

static inline void ring_peers(ring *r, const scripted_node *self, anp_buffer *out)
{
    const char *comma = "";
    anp_buffer_print(out, "%d,3000,[", r->peers_generation);
    for (uint32_t i = 0; i < r->n; i++) {
        if (&r->nodes[i] != self && !r->is_gone[i]) {
            unsigned port = r->nodes[i].port;
            anp_buffer_print(out, "%s[FAKE%05u,,[127.0.0.1:%u]]", comma, port, port);
            comma = ",";
        }
    }
    anp_buffer_print(out, "]");
}

static inline void ring_replicas(const ring *r, uint32_t index, anp_buffer *out)
{
    anp_buffer_print(out, "test:0,%u", r->replicas);
    for (unsigned k = 0; k < r->replicas; k++) {
        uint8_t bits[ANP_BITMAP_SIZE] = {0};
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            bits[p / 8] |= (uint8_t)(r->owner[k][p] == index ? 0x80u >> p % 8 : 0);
        }
        anp_buffer_u8(out, ',');
        anp_base64_encode(out, bits, sizeof bits);
    }
}

static inline bool ring_tell(scripted_node *n, const char *name, size_t size, anp_buffer *out)
{
    ring *r = ring_of(n);
    bool told = true;
    pthread_mutex_lock(&r->lock);
    if (size == 15 && memcmp(name, "peers-clear-std", 15) == 0) {
        ring_peers(r, n, out);
    } else if (size == 8 && memcmp(name, "replicas", 8) == 0) {
        ring_replicas(r, ring_index(n), out);
    } else if (size == 20 && memcmp(name, "partition-generation", 20) == 0) {
        anp_buffer_print(out, "%d", r->generation);
    } else if (size == 16 && memcmp(name, "peers-generation", 16) == 0) {
        anp_buffer_print(out, "%d", r->peers_generation);
    } else {
        told = false;
    }
    pthread_mutex_unlock(&r->lock);
    return told;
}

static inline bool ring_serve(scripted_call *c)
{
    const ring_node *self = c->node->context;
    return self->serve(c);
}

/* n nodes, whose partitions are p % n, and the next one's as replica 1; `arrange` (NULL: nothing)
 * may change that before anybody is told. `serve` finds the ring with ring_of. */
static inline ring *ring_open(uint32_t n, unsigned replicas, bool (*serve)(scripted_call *c),
                              void (*arrange)(ring *r))
{
    static ring_node selves[RING_NODES];
    tricks_hook();
    ring *r = calloc(1, sizeof *r);
    r->n = n;
    r->replicas = replicas;
    r->generation = r->peers_generation = 1;
    pthread_mutex_init(&r->lock, NULL);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        r->owner[0][p] = (uint8_t)(p % n);
        r->owner[1][p] = (uint8_t)((p + 1) % n);
    }
    if (arrange != NULL) {
        arrange(r);
    }
    pthread_mutex_lock(&r->lock); /* nobody is told anything before all have a port */
    for (uint32_t i = 0; i < n; i++) {
        selves[i] = (ring_node){.ring = r, .index = i, .serve = serve};
        scripted_node_start_with(&r->nodes[i], ring_serve, &selves[i], ring_tell);
    }
    pthread_mutex_unlock(&r->lock);
    anp_seed seeds[RING_NODES] = {0};
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(seeds[i].host, sizeof seeds[i].host, "127.0.0.1");
        seeds[i].port = r->nodes[i].port;
    }
    anp_cluster_config config = {.seeds = seeds,
                                 .n_seeds = n,
                                 .connect_timeout_ms = 5000,
                                 .tend_interval_ms = RING_TEND_MS,
                                 .max_error_rate = r->max_error_rate,
                                 .error_rate_window = r->error_rate_window};
    anp_error err = {0};
    if (anp_cluster_open(&config, &r->world.cluster, &err) != ANP_OK ||
        anp_cluster_wait(r->world.cluster, 10000, &err) != ANP_OK) {
        fail_msg("no cluster: %s", err.message);
    }
    assert_true(UNTIL(anp_cluster_nodes(r->world.cluster, NULL, 0) == n));
    return r;
}

static inline void ring_close(ring *r)
{
    anp_cluster_close(r->world.cluster);
    anp_cluster_release(r->world.cluster);
    for (uint32_t i = 0; i < r->n; i++) {
        if (!r->is_dead[i]) {
            scripted_node_stop(&r->nodes[i]);
        }
    }
    anp_stream_hook(NULL);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Its connections are reset, and nobody listens where it was. What it owns it owns still. */
static inline void ring_kill(ring *r, uint32_t index)
{
    r->is_dead[index] = true;
    scripted_node_stop(&r->nodes[index]);
}

/* Gives what a node (or nobody) is master of to another one. */
static inline void ring_give(ring *r, uint8_t from, uint32_t to)
{
    pthread_mutex_lock(&r->lock);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        for (unsigned k = 0; k < 2; k++) {
            if (r->owner[k][p] == from) {
                r->owner[k][p] = k == 0 ? (uint8_t)to : RING_NOBODY;
            }
        }
    }
    r->generation++;
    pthread_mutex_unlock(&r->lock);
}

/* Nobody tells of the node any more, once the client's map has nothing of it. Wants three nodes:
 * one that sees no other is not believed. */
static inline void ring_leave(ring *r, uint32_t index, uint32_t heir)
{
    ring_give(r, (uint8_t)index, heir);
    uint16_t port = r->nodes[index].port;
    bool is_out = false;
    while (!is_out) {
        anp_map *map = anp_cluster_map(r->world.cluster);
        const anp_map_namespace *ns = anp_map_find(map, "test", 4);
        is_out = true;
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            is_out &= ntohs(ns->partitions[p].replica[0]->address.v4.sin_port) != port;
        }
        anp_map_release(map);
    }
    pthread_mutex_lock(&r->lock);
    r->is_gone[index] = true;
    r->peers_generation++;
    pthread_mutex_unlock(&r->lock);
}

/* The owner of an integer key's partition in set demo. */
static inline uint32_t ring_owner(ring *r, unsigned replica, int64_t key)
{
    uint8_t digest[ANP_DIGEST_SIZE];
    anp_digest("demo", 4, &(anp_key){.type = ANP_PARTICLE_INTEGER, .integer = key}, digest);
    return r->owner[replica][anp_partition_of(digest)];
}
