/* For tests of commands: a scripted node, a cluster that found it, and streams that can be made to
 * stutter or to break. */
#pragma once

#include "cluster/cluster.h"
#include "scripted_node.h"
#include "net/stream.h"
#include "until.h"

/* What the hooked streams do to message traffic (info is left alone). Set while no command runs. */
typedef struct stream_tricks {
    _Atomic size_t read_at_most;      /* bytes a read; 0: all */
    _Atomic size_t write_in_all;      /* bytes of messages that the kernel takes until it breaks;
                                         SIZE_MAX: no limit */
    _Atomic size_t write_breaks_once; /* the next message breaks after so many bytes; 0: doesn't */
} stream_tricks;

static stream_tricks tricks = {.write_in_all = SIZE_MAX};

static int broken; /* extra of a stream that takes nothing any more */

static inline ptrdiff_t trick_read(anp_stream *s, void *into, size_t size)
{
    size_t most = tricks.read_at_most;
    return anp_stream_tcp()->read(s, into, most != 0 && most < size ? most : size);
}

static inline ptrdiff_t trick_write(anp_stream *s, const void *from, size_t size)
{
    const uint8_t *head = from;
    if (s->extra == NULL && !(size >= 2 && head[0] == 2 && head[1] == 3)) {
        return anp_stream_tcp()->write(s, from, size);
    }
    s->extra =
        s->extra == &broken ? (void *)&broken : (void *)&tricks; /* from its first message on */
    size_t once = atomic_exchange(&tricks.write_breaks_once, 0);
    if (once != 0 && once < size) {
        ptrdiff_t n = anp_stream_tcp()->write(s, from, once);
        s->extra = &broken;
        return n;
    }
    if (s->extra == &broken) {
        s->error = 104;
        return ANP_STREAM_FAILED;
    }
    size_t left = tricks.write_in_all;
    if (left == 0) {
        s->error = 104; /* ECONNRESET */
        return ANP_STREAM_FAILED;
    }
    ptrdiff_t n = anp_stream_tcp()->write(s, from, size < left ? size : left);
    if (n > 0 && left != SIZE_MAX) {
        tricks.write_in_all = left - (size_t)n;
    }
    return n;
}

typedef struct world {
    scripted_node node;
    anp_cluster *cluster;
} world;

static inline void tricks_reset(void)
{
    tricks.read_at_most = 0;
    tricks.write_in_all = SIZE_MAX;
}

static inline void tricks_hook(void)
{
    static anp_stream_table table;
    table = *anp_stream_tcp();
    table.read = trick_read;
    table.write = trick_write;
    tricks_reset();
    anp_stream_hook(&table);
}

static inline void world_open(world *w, bool (*serve)(scripted_call *call), void *context,
                              uint32_t max_conns)
{
    tricks_hook();
    scripted_node_start(&w->node, serve, context);
    anp_seed seed = {.host = "127.0.0.1", .port = w->node.port};
    anp_cluster_config config = {
        .seeds = &seed, .n_seeds = 1, .max_conns_per_node = max_conns, .connect_timeout_ms = 5000};
    anp_error err = {0};
    if (anp_cluster_open(&config, &w->cluster, &err) != ANP_OK ||
        anp_cluster_wait(w->cluster, 10000, &err) != ANP_OK) {
        fail_msg("no cluster: %s", err.message);
    }
}

static inline void world_close(world *w)
{
    anp_cluster_close(w->cluster);
    anp_cluster_release(w->cluster);
    scripted_node_stop(&w->node);
    anp_stream_hook(NULL);
}
