/* One round of tending, and its parts. On the tend thread only. */
#pragma once

#include "base/buffer.h"
#include "cluster/cluster_state.h"

typedef struct anp_tend {
    anp_cluster *cluster;
    uint64_t round; /* counts from 1 */
    uint64_t now;   /* when the round began */
    anp_buffer reply;
    anp_map *work;      /* the next map, NULL while nothing changed */
    uint32_t refreshed; /* nodes that answered */
    bool tried;         /* something was asked at all */
    bool failed;
    bool peers_changed, peers_read, racks_changed;
} anp_tend;

void anp_tend_round(anp_tend *t);

/* When to try again, after `failures` (from 1) in a row. */
uint64_t anp_tend_retry_at(const anp_tend *t, uint32_t failures);

/* Is the code one of a peer that is there, but makes no sense? (INVALID_NODE: it isn't ready yet;
 * INVALID_HOST: it may be the name server's mood. They are asked again at the next interval.) */
static inline bool anp_tend_is_nonsense(anp_status code)
{
    return code != ANP_ERR_CONNECTION && code != ANP_ERR_CLIENT_TIMEOUT &&
           code != ANP_ERR_INVALID_NODE && code != ANP_ERR_INVALID_HOST;
}

/* Finds the value of a command in the reply. ANP_ERR_PROTOCOL: it isn't there, or is an error. */
anp_status anp_tend_value(const anp_tend *t, const char *name, anp_slice *out, anp_error *err);
anp_status anp_tend_int(const anp_tend *t, const char *name, int64_t *out, anp_error *err);

/* Foreign text for a message or a log line: cut, and anything but printable ASCII replaced. */
void anp_tend_text(anp_slice s, char *out, size_t size);

/* One exchange with a node on its tend connection. */
anp_status anp_tend_ask(anp_tend *t, anp_cluster_node *node, const char *text, anp_error *err);

/* Counts a failure: hangs up, backs off, and logs once. */
void anp_tend_node_failed(anp_tend *t, anp_cluster_node *node, const anp_error *err);

/* The map that is being built; a copy of the current one where nothing changed yet. NULL: nothing
 * was published, or there is no memory. */
anp_map *anp_tend_work(anp_tend *t);

/* The same node at another address: takes the place of the old one, in the map too. Takes over the
 * reference to `by`. */
void anp_tend_replace(anp_tend *t, anp_cluster_node *node, anp_cluster_node *by);

/* ---- racks.c ---- */

/* Reads the racks of the nodes whose partitions were dealt anew, and ranks the replicas of the map
 * that is being built by them. */
void anp_tend_racks(anp_tend *t);

/* ---- probe.c ---- */

/* Connects to a node and checks that it can be ours: its name (`expected`, where not NULL), build,
 * cluster, state. A new node with its tend connection. */
anp_status anp_tend_probe(anp_tend *t, const anp_address *address, const char *expected,
                          anp_cluster_node **out, anp_error *err);

/* (Re)opens the tend connection of a node where needed; says who we are. *fresh: it was opened now.
 */
anp_status anp_tend_connect(anp_tend *t, anp_cluster_node *node, bool *fresh, anp_error *err);

/* anp_address_resolve, off any lock and known to close. */
size_t anp_tend_resolve(anp_tend *t, const char *host, uint16_t port, anp_address *out, size_t room,
                        anp_error *err);

/* Takes over the reference. false: there is no room for it, it is released. */
bool anp_tend_add_node(anp_tend *t, anp_cluster_node *node);

/* ---- seeds.c ---- */

void anp_tend_seeds(anp_tend *t);

/* Why there is no connection, one reason a seed, cut to fit. */
void anp_tend_explain(anp_cluster *cluster, anp_error *out);

/* ---- peers.c ---- */

/* Reads the peers of one node; *count: how many it has. Those we don't have are added where `add`.
 */
anp_status anp_tend_read_peers(anp_tend *t, anp_cluster_node *node, bool add, anp_error *err);

/* The node of that name that is active; NULL: there is none. */
anp_cluster_node *anp_tend_find(const anp_cluster *cluster, const char *name);

/* Reads the peers of all nodes that answer, and of those they tell of. */
void anp_tend_peers(anp_tend *t);
