/* Which node a row goes to, on the newest map, and when it has to wait until more is known.
 *
 * A node that failed, or was silent for too long, is doubtful until a byte of it comes. Rows that
 * may be read elsewhere are. The others wait for the tend thread: for a newer map, or for a round
 * that leaves the map as it is, at most ANP_WAIT_MS; then they go where the map says. Rows whose
 * partition nobody owns wait the same way, and that counts as a retry. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "command/batch_engine.h"

/* ---- what is known ---- */

void anp_batch_new_map(anp_batch *b)
{
    anp_map *map = anp_cluster_map(b->command.cluster);
    if (map != b->map) {
        for (int i = 0; i < ANP_MAP_NAMESPACES; i++) {
            if (b->routes[i] != NULL) {
                memset(b->routes[i], 0xff, ANP_PARTITIONS * sizeof *b->routes[i]);
            }
        }
        for (uint32_t i = 0; i < b->n_spaces; i++) {
            b->spaces[i].namespace_index = -2;
        }
        b->n_maps++;
    }
    if (b->map != NULL) {
        anp_map_release(b->map);
    }
    b->map = map;
}

void anp_batch_look(anp_batch *b)
{
    b->now = anp_clock_now();
    if (anp_batch_is_planned(b) && b->parked.first == NULL) {
        return;
    }
    anp_batch_new_map(b);
    if (b->has_doubts) {
        b->rounds = anp_cluster_rounds(b->command.cluster);
    }
}

anp_batch_news anp_batch_news_now(anp_batch *b)
{
    b->rounds = anp_cluster_rounds(b->command.cluster);
    b->has_doubts = true;
    b->now = anp_clock_now();
    return (anp_batch_news){
        .map = b->n_maps, .rounds = b->rounds, .until = b->now + ANP_WAIT_MS * ANP_NS_PER_MS};
}

bool anp_batch_is_news(const anp_batch *b, const anp_batch_news *than)
{
    return b->n_maps != than->map || b->rounds != than->rounds || b->now >= than->until;
}

bool anp_batch_has_choice(const anp_batch *b)
{
    if (b->source.is_write || b->map == NULL || b->command.policy.replica == ANP_REPLICA_MASTER) {
        return false;
    }
    bool has_choice = false;
    for (uint32_t i = 0; i < b->map->n_namespaces; i++) {
        has_choice |= b->map->namespaces[i].n_replicas > 1;
    }
    return has_choice;
}

/* ---- peers ---- */

/* The peer of a node (which is retained by the caller); ANP_NO_PEER: no memory. */
static uint32_t peer_of(anp_batch *b, anp_cluster_node *node)
{
    for (uint32_t i = 0; i < b->n_peers; i++) {
        if (b->peers[i]->node == node) {
            return i;
        }
    }
    if (b->n_peers == b->room_peers) {
        uint32_t room = b->room_peers != 0 ? b->room_peers * 2 : 4;
        anp_batch_peer **peers = anp_realloc(b->peers, room * sizeof(anp_batch_peer *));
        if (peers == NULL) {
            return ANP_NO_PEER;
        }
        b->peers = peers;
        b->room_peers = room;
    }
    anp_batch_peer *p = anp_calloc(1, sizeof *p + b->connections * sizeof p->channels[0]);
    if (p == NULL || b->n_peers >= ANP_NO_PEER) {
        anp_free(p);
        return ANP_NO_PEER;
    }
    p->node = anp_cluster_node_retain(node);
    for (uint32_t k = 0; k < b->connections; k++) {
        anp_channel_init(&p->channels[k], b, p);
    }
    b->peers[b->n_peers] = p;
    return b->n_peers++;
}

/* The namespace's place in the map. */
static const anp_map_namespace *find_namespace(anp_batch *b, anp_batch_space *s)
{
    if (s->namespace_index == -2 && b->map != NULL) {
        const anp_map_namespace *ns = anp_map_find(b->map, s->bytes, s->namespace_size);
        s->namespace_index = ns != NULL ? (int32_t)(ns - b->map->namespaces) : -1;
    }
    return s->namespace_index >= 0 ? &b->map->namespaces[s->namespace_index] : NULL;
}

static bool is_active(const anp_batch_peer *p)
{
    return atomic_load_explicit(&p->node->active, memory_order_relaxed);
}

/* ---- routes ---- */

/* Peers by partition, for rows that no replica has failed yet. NULL: no memory. */
static uint16_t *routes_of(anp_batch *b, const anp_batch_space *s)
{
    uint16_t *routes = b->routes[s->namespace_index];
    if (routes == NULL) {
        routes = anp_malloc(ANP_PARTITIONS * sizeof *routes);
        if (routes != NULL) {
            memset(routes, 0xff, ANP_PARTITIONS * sizeof *routes);
            b->routes[s->namespace_index] = routes;
        }
    }
    return routes;
}

/* Tries the replicas, the row's own first; reads may go on to the next. A status: there is none. */
static anp_batch_way choose(anp_batch *b, const anp_window_row *r, const anp_map_namespace *ns,
                            uint32_t *peer, anp_status *code, anp_error *err)
{
    unsigned partition = anp_partition_of(r->digest);
    const anp_policy *policy = &b->command.policy;
    uint32_t n = anp_policy_tries(policy, ns->n_replicas, b->source.is_write);
    bool may_wait = false;
    *peer = ANP_NO_PEER;
    for (uint32_t i = 0; i < n; i++) {
        anp_cluster_node *node = NULL;
        *code = anp_cluster_route(b->map, ns, partition, anp_policy_replica(policy, i),
                                  b->source.is_write, r->hops + i, &node, err);
        if (*code != ANP_OK) {
            /* an owner that just left: the map without it is about to be published */
            return ns->partitions[partition].replica[0] != NULL ? ANP_WAY_LEFT : ANP_WAY_NOWHERE;
        }
        uint32_t at = peer_of(b, node);
        anp_cluster_node_release(node);
        if (at == ANP_NO_PEER) {
            *code = anp_error_memory(err, sizeof(anp_batch_peer), "a node's windows");
            return ANP_WAY_REFUSED;
        }
        const anp_batch_peer *p = b->peers[at];
        if (!anp_cluster_node_allows(p->node)) {
            *code = anp_attempt_left_alone(p->node, err);
        } else if (!p->is_doubtful) {
            *peer = at;
            return ANP_WAY_PEER;
        } else if (*peer == ANP_NO_PEER && anp_batch_is_news(b, &p->news)) {
            *peer = at;
        } else {
            may_wait = true;
        }
    }
    return *peer != ANP_NO_PEER ? ANP_WAY_PEER : may_wait ? ANP_WAY_WAIT : ANP_WAY_SHUT;
}

anp_batch_way anp_batch_route(anp_batch *b, const anp_window_row *r, uint32_t *peer,
                              anp_status *code, anp_error *err)
{
    anp_batch_space *s = &b->spaces[r->space];
    const anp_map_namespace *ns = find_namespace(b, s);
    if (ns == NULL) {
        *code = b->map == NULL
                    ? anp_error_set(err, ANP_ERR_INVALID_NODE, "the cluster is not connected")
                    : anp_map_not_found(b->map, s->bytes, s->namespace_size, err);
        return ANP_WAY_NOWHERE;
    }
    uint16_t *routes = routes_of(b, s);
    if (routes == NULL) {
        *code = anp_error_memory(err, ANP_PARTITIONS * sizeof *routes, "routes");
        return ANP_WAY_REFUSED;
    }
    uint16_t *known = &routes[anp_partition_of(r->digest)];
    if (r->hops == 0 && anp_batch_known_peer(b, r) != NULL) {
        *peer = *known;
        return ANP_WAY_PEER;
    }
    anp_batch_way way = choose(b, r, ns, peer, code, err);
    if (way == ANP_WAY_PEER && r->hops == 0 && !b->peers[*peer]->is_doubtful) {
        *known = (uint16_t)*peer;
    }
    return way;
}

anp_batch_peer *anp_batch_first_peer(anp_batch *b, const anp_window_row *r)
{
    int32_t at = b->spaces[r->space].namespace_index;
    uint16_t *routes = at >= 0 ? b->routes[at] : NULL;
    anp_replica replica = anp_policy_replica(&b->command.policy, 0);
    bool is_first_asked =
        b->source.is_write || replica == ANP_REPLICA_MASTER || replica == ANP_REPLICA_SEQUENCE;
    if (routes == NULL || !is_first_asked) {
        return NULL;
    }
    unsigned partition = anp_partition_of(r->digest);
    const anp_cluster_node *node = b->map->namespaces[at].partitions[partition].replica[0];
    for (uint32_t i = 0; i < b->n_peers; i++) {
        if (b->peers[i]->node == node) {
            routes[partition] = (uint16_t)i;
            anp_batch_peer *p = anp_batch_known_peer(b, r);
            routes[partition] = p != NULL ? (uint16_t)i : ANP_NO_PEER;
            return p;
        }
    }
    return NULL;
}

/* ---- waiting ---- */

bool anp_batch_wait(anp_batch *b, const anp_window_row *r, bool is_stranded)
{
    anp_window **at = is_stranded ? &b->stranded : &b->waiting;
    if (*at == NULL) {
        *at = anp_window_take(b);
        if (*at == NULL) {
            return false;
        }
        anp_buffer_deinit(&(*at)->request); /* without the memory of an earlier use */
        (*at)->is_waiting = true;
        (*at)->is_counted = is_stranded;
        (*at)->news = anp_batch_news_now(b);
        anp_cluster_refresh(b->command.cluster);
        uint64_t pause = is_stranded ? b->command.policy.sleep_ms * ANP_NS_PER_MS : 0;
        (*at)->resume_at = b->now + pause;
    }
    anp_window *w = *at;
    w->rows[w->n_rows] = *r;
    w->rows[w->n_rows++].flags &= ANP_WROW_DOUBT | ANP_WROW_AGAIN;
    if (w->n_rows == b->window_rows) {
        anp_window_push(&b->parked, w);
        *at = NULL;
    }
    return true;
}

void anp_batch_seal(anp_batch *b)
{
    anp_window **both[] = {&b->waiting, &b->stranded};
    for (int i = 0; i < 2; i++) {
        if (*both[i] != NULL) {
            anp_window_push(&b->parked, *both[i]);
            *both[i] = NULL;
        }
    }
}

/* ---- windows that come back ---- */

void anp_batch_recall(anp_batch *b, anp_batch_peer *p, anp_status code, bool may_retry,
                      bool is_counted, const anp_error *err)
{
    if (p->open != NULL) {
        anp_window_push(&p->queue, p->open);
        p->open = NULL;
    }
    for (anp_window *w; (w = anp_window_pop(&p->queue)) != NULL;) {
        w->peer = p;
        anp_window_end(b, w, code, may_retry, is_counted, err);
    }
}

void anp_batch_recall_all(anp_batch *b)
{
    for (uint32_t i = 0; i < b->n_peers; i++) {
        anp_batch_peer *p = b->peers[i];
        bool is_gone = !is_active(p);
        anp_error err;
        if (is_gone) {
            (void)anp_error_set(&err, ANP_ERR_CONNECTION, "the node has left the cluster");
            anp_error_node(&err, p->node->name);
            for (uint32_t k = 0; k < b->connections; k++) {
                if (p->channels[k].state == ANP_CHANNEL_CONNECTING) {
                    anp_channel_fail(&p->channels[k], ANP_ERR_CONNECTION, true, &err);
                }
            }
        }
        if ((p->open != NULL || p->queue.first != NULL) &&
            (is_gone || !anp_cluster_node_allows(p->node))) {
            anp_batch_recall(b, p, ANP_ERR_CONNECTION, true, false, NULL);
        }
    }
}
