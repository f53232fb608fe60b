/* Finding a cluster from its seeds: done whenever no node is left. On the tend thread only. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cluster/tend.h"

enum { ADDRESSES = 8, SERVICES = 4, FORMER = 4, DEFAULT_PORT = 3000 };

static void seed_failed(anp_tend *t, anp_cluster_seed *s, const anp_error *err)
{
    /* A time-out here is the node's, not the caller's. */
    anp_status code = err->code == ANP_ERR_CLIENT_TIMEOUT ? ANP_ERR_CONNECTION : err->code;
    if (code != s->code) {
        anp_log(ANP_LOG_WARN, "seed %s:%u: %s", s->seed.host, s->seed.port, err->message);
    }
    s->code = code;
    (void)snprintf(s->why, sizeof s->why, "%.*s", (int)sizeof s->why - 1, err->message);
    s->failures = anp_tend_is_nonsense(code) ? s->failures + 1 : 0;
    s->retry_at = anp_tend_retry_at(t, s->failures != 0 ? s->failures : 1);
    t->failed = true;
}

/* The first of a seed's addresses that is a node of ours. */
static anp_status probe_seed(anp_tend *t, const anp_cluster_seed *s, anp_cluster_node **out,
                             anp_error *err)
{
    anp_address addresses[ADDRESSES];
    t->tried = true;
    size_t n = anp_tend_resolve(t, s->seed.host, s->seed.port, addresses, ADDRESSES, err);
    if (n == 0) {
        return err->code;
    }
    anp_status status = ANP_ERR_CONNECTION;
    for (size_t i = 0; i < n; i++) {
        anp_error e = {0};
        anp_status again = anp_tend_probe(t, &addresses[i], NULL, out, &e);
        if (again == ANP_OK || again == ANP_ERR_CLOSED) {
            return again;
        }
        /* localhost is ::1 too: what a server said weighs more than that nobody listens there. */
        bool has_spoken = status != ANP_ERR_CONNECTION && status != ANP_ERR_CLIENT_TIMEOUT;
        if (!has_spoken || anp_tend_is_nonsense(again)) {
            status = again;
            *err = e;
        }
    }
    return status;
}

/* The addresses at which a node wants to be reached, as it says itself. */
static uint32_t services_of(anp_tend *t, anp_cluster_node *node, anp_address out[SERVICES])
{
    bool is_alternate = t->cluster->use_alternate;
    const char *name = is_alternate ? "service-clear-alt" : "service-clear-std";
    char text[256];
    anp_error err = {0};
    anp_slice value, host;
    uint16_t port;
    uint32_t n = 0;
    (void)snprintf(text, sizeof text, "%s\n", name);
    if (anp_tend_ask(t, node, text, &err) != ANP_OK ||
        anp_tend_value(t, name, &value, &err) != ANP_OK) {
        return 0;
    }
    anp_cursor c = anp_cursor_over(value.data, value.size);
    while (n < SERVICES && anp_peer_endpoint(&c, DEFAULT_PORT, &host, &port, NULL) == 1) {
        if (host.size < sizeof text) {
            anp_tend_text(host, text, sizeof text);
            n += (uint32_t)anp_tend_resolve(t, text, port, out + n, SERVICES - n, &err);
        }
    }
    return n;
}

/* A node that was found by a name of the outside may want to be reached elsewhere. Where none of
 * its own addresses answers, and on this machine, it is reached as it was found. */
static void prefer_own_address(anp_tend *t, anp_cluster_node **node)
{
    anp_address services[SERVICES];
    if (anp_address_is_loopback(&(*node)->address)) {
        return;
    }
    uint32_t n = services_of(t, *node, services);
    for (uint32_t i = 0; i < n; i++) {
        if (anp_address_equal(&services[i], &(*node)->address)) {
            return;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        anp_cluster_node *other = NULL;
        anp_error err = {0};
        if (anp_tend_probe(t, &services[i], (*node)->name, &other, &err) == ANP_OK) {
            anp_cluster_node_release(*node);
            *node = other;
            return;
        }
    }
}

/* A node where one was before all were lost: the seeds may be gone for good. */
static anp_cluster_node *try_former(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    uint32_t n = cluster->n_former < FORMER ? cluster->n_former : FORMER;
    for (uint32_t i = 0; i < n && !atomic_load(&cluster->closing); i++) {
        anp_cluster_node *node = NULL;
        anp_error err = {0};
        /* a few in a round, in turn */
        uint64_t at = (t->round * FORMER + i) % cluster->n_former;
        if (anp_tend_probe(t, &cluster->former[at], NULL, &node, &err) != ANP_OK) {
            continue;
        }
        if (anp_tend_read_peers(t, node, false, &err) == ANP_OK) {
            cluster->n_former = 0;
            return node;
        }
        anp_cluster_node_release(node);
    }
    return NULL;
}

void anp_tend_seeds(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    anp_cluster_node *lone = NULL;
    for (uint32_t i = 0; i < cluster->n_seeds && !atomic_load(&cluster->closing); i++) {
        anp_cluster_seed *s = &cluster->seeds[i];
        if (t->now < s->retry_at || anp_tend_find(cluster, s->name) != NULL) {
            continue;
        }
        anp_error err = {0};
        anp_cluster_node *node = NULL;
        anp_status status = probe_seed(t, s, &node, &err);
        if (status == ANP_OK && anp_tend_find(cluster, node->name) != NULL) {
            memcpy(s->name, node->name, sizeof s->name);
            anp_cluster_node_release(node); /* it is known already, from another seed or a peer */
            continue;
        }
        if (status == ANP_OK) {
            prefer_own_address(t, &node);
            /* Another seed may be a node that stands outside its cluster: one that has peers is
             * believed first. */
            status = anp_tend_read_peers(t, node, false, &err);
        }
        if (status != ANP_OK) {
            anp_cluster_node_release(node);
            if (status != ANP_ERR_CLOSED) {
                seed_failed(t, s, &err);
            }
            continue;
        }
        s->failures = 0;
        s->code = ANP_OK;
        memcpy(s->name, node->name, sizeof s->name);
        if (node->n_peers > 0) {
            anp_cluster_node_release(lone);
            lone = node;
            break;
        }
        if (lone == NULL) {
            lone = node;
        } else {
            anp_cluster_node_release(node);
        }
    }
    if (lone == NULL && cluster->n_nodes == 0) {
        lone = try_former(t);
    }
    if (lone != NULL && anp_tend_add_node(t, lone)) {
        t->peers_changed = lone->n_peers > 0;
        if (!t->peers_changed) {
            lone->peers_round = t->round;
        }
    }
}

/* Appends to a message of fixed size. */
static size_t append(char *text, size_t size, size_t used, const char *more, size_t most)
{
    size_t n = strlen(more);
    size_t room = size - 1 - used;
    most = most < room ? most : room;
    if (n > most) {
        if (most < 8) {
            return used;
        }
        memcpy(text + used, more, most - 2);
        memcpy(text + used + most - 2, "..", 2);
        n = most;
    } else {
        memcpy(text + used, more, n);
    }
    text[used + n] = 0;
    return used + n;
}

void anp_tend_explain(anp_cluster *cluster, anp_error *out)
{
    static const char hint[] = ". Is the port right (default 3000), and is the server running?";
    *out = (anp_error){.code = ANP_ERR_CONNECTION};
    if (cluster->n_nodes != 0 && cluster->node_failure.code != ANP_OK) {
        (void)anp_error_set(out, cluster->node_failure.code, "can't read the partition map: %s",
                            cluster->node_failure.message);
        return;
    }
    uint32_t bad = 0;
    bool has_hint = false;
    for (uint32_t i = 0; i < cluster->n_seeds; i++) {
        anp_status code = cluster->seeds[i].code;
        if (code != ANP_OK) {
            out->code = bad++ == 0 || out->code == code ? code : ANP_ERR_CONNECTION;
            has_hint = has_hint || code == ANP_ERR_CONNECTION;
        }
    }
    if (bad == 0) {
        (void)anp_error_set(out, ANP_ERR_CONNECTION, "no node has told its partitions yet");
        return;
    }
    size_t size = sizeof out->message;
    char entry[sizeof(anp_cluster_seed)];
    (void)snprintf(entry, sizeof entry,
                   cluster->n_seeds == 1 ? "can't connect to "
                                         : "can't connect to any of %u seeds: ",
                   cluster->n_seeds);
    size_t used = append(out->message, size, 0, entry, size);
    size_t end = size - (has_hint ? sizeof hint : 1);
    for (uint32_t i = 0; i < cluster->n_seeds; i++) {
        const anp_cluster_seed *s = &cluster->seeds[i];
        if (s->code == ANP_OK) {
            continue;
        }
        (void)snprintf(entry, sizeof entry, "%s:%u: %s", s->seed.host, s->seed.port, s->why);
        size_t share = end > used ? (end - used) / bad : 0;
        used = append(out->message, size, used, entry, share > 2 ? share - 2 : 0);
        if (--bad != 0) {
            used = append(out->message, size, used, "; ", 2);
        }
    }
    if (has_hint) {
        (void)append(out->message, size, used, hint, sizeof hint);
    }
}
