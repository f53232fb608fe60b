/* Nodes from the lists of other nodes: peers-clear-std, or -alt.
 *
 *     <generation>,<default port>,[[<node id>,<tls name>,[<address>,...]],...]
 *
 * On the tend thread only. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cluster/tend.h"

enum {
    ADDRESSES = 4,
    ENDPOINTS = 8,
    UNREACHABLE = 8 /* a round; the rest has to wait for the next one */
};

anp_cluster_node *anp_tend_find(const anp_cluster *cluster, const char *name)
{
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        if (strcmp(cluster->nodes[i]->name, name) == 0 && atomic_load(&cluster->nodes[i]->active)) {
            return cluster->nodes[i];
        }
    }
    return NULL;
}

static anp_bad_peer *bad_peer(anp_cluster *cluster, const char *name)
{
    for (uint32_t i = 0; i < ANP_CLUSTER_BAD_PEERS; i++) {
        if (strcmp(cluster->bad_peers[i].name, name) == 0) {
            return &cluster->bad_peers[i];
        }
    }
    return NULL;
}

static void peer_failed(anp_tend *t, const char *name, const anp_error *err)
{
    anp_bad_peer *bad = bad_peer(t->cluster, name);
    if (bad == NULL) {
        anp_log(ANP_LOG_WARN, "node %s, a peer, can't be taken in: %s", name, err->message);
        bad = bad_peer(t->cluster, "");
        if (bad == NULL) { /* too many: forget one */
            bad = &t->cluster->bad_peers[t->round % ANP_CLUSTER_BAD_PEERS];
        }
        *bad = (anp_bad_peer){0};
        (void)snprintf(bad->name, sizeof bad->name, "%s", name);
    }
    bad->failures++;
    bad->retry_at = anp_tend_retry_at(t, bad->failures);
    t->failed = true;
}

/* Tries the endpoints of a peer in order, without the address that is known to fail (NULL: all).
 */
static anp_status reach(anp_tend *t, const char *name, anp_slice endpoints, uint16_t default_port,
                        const anp_address *except, bool *was_tried, anp_cluster_node **out,
                        anp_error *err)
{
    anp_cursor c = anp_cursor_over(endpoints.data, endpoints.size);
    anp_slice host;
    uint16_t port;
    anp_status status = anp_error_set(err, ANP_ERR_CONNECTION, "no address was given for it");
    for (int i = 0; i < ENDPOINTS && anp_peer_endpoint(&c, default_port, &host, &port, NULL) == 1;
         i++) {
        char text[256];
        if (host.size >= sizeof text) {
            continue;
        }
        anp_tend_text(host, text, sizeof text);
        anp_address addresses[ADDRESSES];
        size_t n = anp_tend_resolve(t, text, port, addresses, ADDRESSES, err);
        if (n == 0) {
            status = err->code;
        }
        for (size_t k = 0; k < n; k++) {
            if (except != NULL && anp_address_equal(&addresses[k], except)) {
                continue;
            }
            *was_tried = true;
            status = anp_tend_probe(t, &addresses[k], name, out, err);
            if (status == ANP_OK || status == ANP_ERR_CLOSED) {
                return status;
            }
        }
    }
    return status;
}

/* Takes in one peer, or follows one that is known (NULL: it isn't) to another address; false: it
 * couldn't be reached, or wasn't tried. */
static bool take_in(anp_tend *t, const char *name, const anp_peer *peer, uint16_t default_port,
                    anp_cluster_node *known, uint32_t *unreachable)
{
    anp_bad_peer *bad = bad_peer(t->cluster, name);
    if ((bad != NULL && t->now < bad->retry_at) || *unreachable >= UNREACHABLE ||
        atomic_load(&t->cluster->closing)) {
        return false;
    }
    anp_cluster_node *node = NULL;
    anp_error err = {0};
    bool was_tried = known == NULL;
    anp_status status = reach(t, name, peer->endpoints, default_port,
                              known != NULL ? &known->address : NULL, &was_tried, &node, &err);
    if (status != ANP_OK || node == NULL) {
        if (status != ANP_ERR_CLOSED && was_tried) {
            peer_failed(t, name, &err);
            ++*unreachable;
        }
        return false;
    }
    if (bad != NULL) {
        *bad = (anp_bad_peer){0};
    }
    node->listed = 1;
    if (known == NULL) {
        return anp_tend_add_node(t, node);
    }
    anp_tend_replace(t, known, node);
    return true;
}

/* Is the whole list well-formed, endpoints too? How many are in it? Nothing is done before that is
 * known. */
static anp_status check(anp_peers peers, uint32_t *count, anp_error *err)
{
    anp_peer peer;
    int result;
    *count = 0;
    while ((result = anp_peers_next(&peers, &peer, err)) == 1) {
        if (peer.node.size == 0 || peer.node.size > 19) {
            return anp_error_set(err, ANP_ERR_PROTOCOL, "a peer's name has %zu bytes",
                                 peer.node.size);
        }
        anp_cursor c = anp_cursor_over(peer.endpoints.data, peer.endpoints.size);
        anp_slice host;
        uint16_t port;
        while ((result = anp_peer_endpoint(&c, peers.default_port, &host, &port, err)) == 1) {
        }
        if (result != 0) {
            return result;
        }
        ++*count;
    }
    return result;
}

anp_status anp_tend_read_peers(anp_tend *t, anp_cluster_node *node, bool add, anp_error *err)
{
    const char *command = t->cluster->use_alternate ? "peers-clear-alt" : "peers-clear-std";
    char text[32];
    (void)snprintf(text, sizeof text, "%s\n", command);
    anp_slice value;
    anp_peers peers;
    uint32_t count = 0;
    anp_status status = anp_tend_ask(t, node, text, err);
    if (status == ANP_OK) {
        status = anp_tend_value(t, command, &value, err);
    }
    if (status == ANP_OK) {
        status = anp_peers_open(value, &peers, err);
    }
    if (status == ANP_OK) {
        status = check(peers, &count, err);
    }
    if (status != ANP_OK) {
        return status;
    }
    node->n_peers = count;
    if (!add) {
        node->peers_generation = count == 0 ? peers.generation : -1;
        return ANP_OK;
    }
    /* Taking in a peer asks it, which overwrites the reply: walk over a list of our own. */
    anp_buffer list;
    anp_buffer_init(&list, ANP_TEND_REPLY_MAX);
    anp_buffer_put(&list, value.data, value.size);
    if (list.failed != ANP_OK) {
        return anp_buffer_error(&list, "a list of peers", err);
    }
    bool all = true;
    uint32_t unreachable = 0;
    anp_peer peer;
    (void)anp_peers_open((anp_slice){list.data, list.size}, &peers, NULL);
    while (anp_peers_next(&peers, &peer, NULL) == 1) {
        char name[20];
        anp_tend_text(peer.node, name, sizeof name);
        anp_cluster_node *known = anp_tend_find(t->cluster, name);
        if (known != NULL) {
            known->listed++;
        }
        if (known == NULL || (known->is_failing && !known->answered)) {
            bool is_in = take_in(t, name, &peer, peers.default_port, known, &unreachable);
            all = all && (is_in || known != NULL);
        }
    }
    anp_buffer_deinit(&list);
    node->peers_generation = all ? peers.generation : -1;
    return ANP_OK;
}

void anp_tend_peers(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        cluster->nodes[i]->listed = 0;
    }
    t->peers_read = true;
    for (uint32_t i = 0; i < cluster->n_nodes; i++) { /* it grows while we walk */
        anp_cluster_node *node = cluster->nodes[i];
        /* Closing hangs up without counting a failure: then there is nothing left to ask by. */
        if (node->is_failing || !atomic_load(&node->active) || node->peers_round == t->round ||
            node->tend_connection == NULL) {
            continue;
        }
        node->peers_round = t->round;
        anp_error err = {0};
        if (anp_tend_read_peers(t, node, true, &err) != ANP_OK) {
            anp_tend_node_failed(t, node, &err);
        }
    }
}
