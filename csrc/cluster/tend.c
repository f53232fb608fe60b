/* One round of tending. Nodes one after the other, a connection each that stays open:
 *
 *     node, peers-generation, partition-generation     every round
 *     (rebalance-generation too, where racks count)
 *     peers-clear-std | peers-clear-alt                from every node, when one's peers changed
 *     partition-generation, replicas                   from the nodes whose partitions changed
 *     rebalance-generation, rack-ids                   from the nodes whose racks may have changed
 *
 * A node that answers nonsense keeps what it owns in the map, which stays as it was, and is asked
 * less and less often. The new map is built aside, node by node (all of a node's answer or nothing
 * of it), and published once at the end. On the tend thread only; nodes[] is written under the
 * cluster's lock, because others read it. */
#include "cluster/tend.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/info_exchange.h"

enum { GONE_AFTER = 5 }; /* rounds in which nobody could be reached */

uint64_t anp_tend_retry_at(const anp_tend *t, uint32_t failures)
{
    uint64_t intervals = failures < 32 ? UINT64_C(1) << (failures - 1) : ANP_TEND_BACKOFF_MAX;
    intervals = intervals < ANP_TEND_BACKOFF_MAX ? intervals : ANP_TEND_BACKOFF_MAX;
    return t->now + intervals * t->cluster->interval_ns;
}

void anp_tend_text(anp_slice s, char *out, size_t size)
{
    size_t n = s.size < size - 1 ? s.size : size - 1;
    for (size_t i = 0; i < n; i++) {
        out[i] = s.data[i] >= 0x20 && s.data[i] < 0x7f ? (char)s.data[i] : '?';
    }
    out[n] = 0;
}

anp_status anp_tend_value(const anp_tend *t, const char *name, anp_slice *out, anp_error *err)
{
    if (!anp_info_find((anp_slice){t->reply.data, t->reply.size}, name, out)) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "no answer to '%s'", name);
    }
    anp_slice said = {0};
    int code = anp_info_error(*out, &said);
    if (code != 0) {
        char text[80];
        anp_tend_text(said, text, sizeof text);
        return anp_error_set(err, ANP_ERR_PROTOCOL, "'%s' is answered by error %d (%s)", name, code,
                             text);
    }
    return ANP_OK;
}

anp_status anp_tend_int(const anp_tend *t, const char *name, int64_t *out, anp_error *err)
{
    anp_slice value;
    anp_status status = anp_tend_value(t, name, &value, err);
    if (status == ANP_OK && !anp_info_int(value, out)) {
        char text[40];
        anp_tend_text(value, text, sizeof text);
        status = anp_error_set(err, ANP_ERR_PROTOCOL, "'%s' is '%s', no number", name, text);
    }
    return status;
}

void anp_tend_node_failed(anp_tend *t, anp_cluster_node *node, const anp_error *err)
{
    anp_cluster_node_hang_up(node);
    if (err->code == ANP_ERR_CLOSED) {
        return;
    }
    anp_cluster *cluster = t->cluster;
    bool answered = anp_tend_is_nonsense(err->code);
    char where[ANP_ADDRESS_TEXT];
    anp_address_print(&node->address, where);
    if (node->failures == 0 || answered != node->answered) {
        anp_log(ANP_LOG_WARN, "node %s at %s: %s", node->name, where, err->message);
    }
    node->failures++;
    node->is_failing = true;
    node->answered = answered;
    node->retry_at = anp_tend_retry_at(t, answered ? node->failures : 1);
    (void)anp_error_set(&cluster->node_failure, answered ? err->code : ANP_ERR_CONNECTION,
                        "node %s at %s: %s", node->name, where, err->message);
    t->failed = true;
}

/* ---- the generations of one node ---- */

typedef struct generations {
    int64_t peers, partitions, rebalance;
} generations;

/* Smoothed: the newest counts an eighth. */
static void measure(anp_cluster_node *node, uint64_t took)
{
    uint64_t before = atomic_load_explicit(&node->round_trip_ns, memory_order_relaxed);
    took = took != 0 ? took : 1;
    atomic_store_explicit(&node->round_trip_ns, before != 0 ? (before * 7 + took) / 8 : took,
                          memory_order_relaxed);
}

static anp_status read_generations(anp_tend *t, anp_cluster_node *node, generations *out,
                                   anp_error *err)
{
    anp_slice name;
    bool fresh = false;
    anp_status status = anp_tend_connect(t, node, &fresh, err);
    if (status != ANP_OK) {
        return status;
    }
    if (fresh) { /* it may have been restarted: numbers that are the same again mean nothing */
        node->peers_generation = -1;
        node->partition_generation = -1;
        node->rebalance_generation = -1;
    }
    bool is_rack_aware = t->cluster->is_rack_aware;
    uint64_t asked = anp_clock_now();
    status = anp_tend_ask(
        t, node,
        is_rack_aware ? "node\npeers-generation\npartition-generation\nrebalance-generation\n"
                      : "node\npeers-generation\npartition-generation\n",
        err);
    if (status == ANP_OK) {
        measure(node, anp_clock_now() - asked);
        status = anp_tend_value(t, "node", &name, err);
    }
    if (status == ANP_OK) {
        status = anp_tend_int(t, "peers-generation", &out->peers, err);
    }
    if (status == ANP_OK) {
        status = anp_tend_int(t, "partition-generation", &out->partitions, err);
    }
    if (status == ANP_OK && is_rack_aware) {
        status = anp_tend_int(t, "rebalance-generation", &out->rebalance, err);
    }
    if (status == ANP_OK && (name.size == 0 || name.size > 19)) {
        status = anp_error_set(err, ANP_ERR_PROTOCOL, "a node's name has %zu bytes", name.size);
    }
    if (status == ANP_OK && !anp_slice_is(name, node->name)) {
        char text[20];
        anp_tend_text(name, text, sizeof text);
        anp_log(ANP_LOG_WARN, "where node %s was, node %s answers now", node->name, text);
        atomic_store(&node->active, false);
    }
    return status;
}

static void refresh_node(anp_tend *t, anp_cluster_node *node)
{
    if (t->now < node->retry_at) {
        return;
    }
    generations now = {0};
    anp_error err = {0};
    t->tried = true;
    if (read_generations(t, node, &now, &err) != ANP_OK) {
        anp_tend_node_failed(t, node, &err);
        /* Others may know another address of it by now, or that it left. Asked less and less often.
         */
        t->peers_changed = t->peers_changed || (node->failures & (node->failures - 1)) == 0;
        return;
    }
    if (!atomic_load(&node->active)) {
        return;
    }
    if (node->is_failing) {
        node->is_failing = false;
        node->peers_generation = -1;
        node->partition_generation = -1;
        node->rebalance_generation = -1;
    }
    if (now.peers < node->peers_generation) { /* it was restarted, faster than anybody noticed */
        node->partition_generation = -1;
        node->rebalance_generation = -1;
    }
    t->refreshed++;
    t->peers_changed = t->peers_changed || now.peers != node->peers_generation;
    /* Below 0: it isn't ready (again); what it owned is still the best that is known. */
    node->wants_map = now.partitions >= 0 && now.partitions != node->partition_generation;
    node->wants_racks = now.rebalance != node->rebalance_generation;
}

/* ---- the partition map ---- */

anp_map *anp_tend_work(anp_tend *t)
{
    if (t->work == NULL) {
        anp_map *current = anp_map_slot_take(&t->cluster->map);
        if (current != NULL && anp_map_copy(current, &t->work, NULL) != ANP_OK) {
            t->work = NULL;
        }
        anp_map_release(current);
    }
    return t->work;
}

/* Everything in the answer, or nothing. */
static anp_status apply_replicas(anp_tend *t, anp_cluster_node *node, anp_slice value,
                                 anp_error *err)
{
    anp_cluster *cluster = t->cluster;
    anp_map *base = t->work != NULL ? t->work : anp_map_slot_take(&cluster->map);
    anp_map *next = NULL;
    anp_status status = anp_map_copy(base, &next, err);
    anp_cursor c = anp_cursor_over(value.data, value.size);
    uint32_t n = 0;
    while (status == ANP_OK) {
        anp_replicas r;
        int result = anp_replicas_next(&c, &r, err);
        if (result == 0) {
            break;
        }
        status = result == 1 ? anp_map_apply(next, node, &r, err) : result;
        n++;
    }
    if (status == ANP_OK && n == 0) {
        status = anp_error_set(err, ANP_ERR_PROTOCOL, "'replicas' names no namespace");
    }
    if (base != t->work) {
        anp_map_release(base);
    }
    if (status != ANP_OK) {
        anp_map_release(next);
        return status;
    }
    anp_map_release(t->work);
    t->work = next;
    return ANP_OK;
}

static void read_map(anp_tend *t, anp_cluster_node *node)
{
    int64_t generation = -1;
    anp_slice value;
    anp_error err = {0};
    anp_status status = anp_tend_ask(t, node, "partition-generation\nreplicas\n", &err);
    if (status == ANP_OK) {
        status = anp_tend_int(t, "partition-generation", &generation, &err);
    }
    if (status == ANP_OK && generation >= 0) {
        status = anp_tend_value(t, "replicas", &value, &err);
        if (status == ANP_OK) {
            status = apply_replicas(t, node, value, &err);
        }
    }
    if (status != ANP_OK) {
        anp_tend_node_failed(t, node, &err);
        t->refreshed--;
        return;
    }
    node->partition_generation = generation;
    node->wants_map = false;
}

static void read_maps(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        anp_cluster_node *node = cluster->nodes[i];
        /* A node that sees no other while others answer may have been cut off: its view is not
         * taken. */
        bool is_believed = node->n_peers > 0 || t->refreshed <= 1;
        if (node->wants_map && !node->is_failing && is_believed && atomic_load(&node->active) &&
            node->tend_connection != NULL && !atomic_load(&cluster->closing)) {
            read_map(t, node);
        }
    }
}

/* ---- nodes that leave ---- */

static bool owns_something(anp_tend *t, const anp_cluster_node *node)
{
    bool found = false;
    anp_map *map = t->work != NULL ? anp_map_retain(t->work) : anp_map_slot_take(&t->cluster->map);
    for (uint32_t i = 0; map != NULL && i < map->n_namespaces; i++) {
        for (unsigned p = 0; p < ANP_PARTITIONS && !found; p++) {
            for (unsigned k = 0; k < ANP_MAP_REPLICAS && !found; k++) {
                found = map->namespaces[i].partitions[p].replica[k] == node;
            }
        }
    }
    anp_map_release(map);
    return found;
}

static bool has_left(anp_tend *t, anp_cluster_node *node)
{
    if (!atomic_load(&node->active)) {
        return true;
    }
    if (t->refreshed == 0) {
        return node->failures >= GONE_AFTER && !node->answered;
    }
    return t->cluster->n_nodes > 1 && t->peers_read && node->listed == 0 &&
           (node->is_failing || !owns_something(t, node));
}

/* Nobody can be reached: where this node was, one may be again. */
static void remember(anp_cluster *cluster, const anp_address *address)
{
    bool is_known = cluster->n_former == ANP_CLUSTER_FORMER;
    for (uint32_t i = 0; i < cluster->n_former; i++) {
        is_known = is_known || anp_address_equal(&cluster->former[i], address);
    }
    if (!is_known) {
        cluster->former[cluster->n_former++] = *address;
    }
}

static void forget(anp_tend *t, anp_cluster_node *node)
{
    anp_cluster *cluster = t->cluster;
    anp_log(ANP_LOG_INFO, "node %s left", node->name);
    (void)atomic_fetch_add_explicit(&cluster->nodes_removed, 1, memory_order_relaxed);
    if (t->refreshed == 0 && atomic_load(&node->active)) {
        remember(cluster, &node->address);
    }
    (void)pthread_mutex_lock(&cluster->lock);
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        if (cluster->nodes[i] == node) {
            cluster->nodes[i] = cluster->nodes[--cluster->n_nodes];
            break;
        }
    }
    (void)pthread_mutex_unlock(&cluster->lock);
    anp_cluster_node_deactivate(node);
    anp_cluster_node_hang_up(node);
    anp_map *map = anp_tend_work(t);
    if (map != NULL) { /* no memory: the map keeps an inactive node, which is never routed to */
        anp_map_drop(map, node);
    }
    anp_cluster_node_release(node);
}

static void forget_those_who_left(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    bool has_lost = false;
    for (uint32_t i = cluster->n_nodes; i-- > 0;) {
        if (has_left(t, cluster->nodes[i])) {
            has_lost = has_lost || owns_something(t, cluster->nodes[i]);
            forget(t, cluster->nodes[i]);
        }
    }
    /* What they had others have by now, who may have been asked before they had it. */
    for (uint32_t i = 0; has_lost && i < cluster->n_nodes; i++) {
        cluster->nodes[i]->wants_map = true;
    }
}

void anp_tend_replace(anp_tend *t, anp_cluster_node *node, anp_cluster_node *by)
{
    anp_cluster *cluster = t->cluster;
    char where[ANP_ADDRESS_TEXT];
    anp_address_print(&by->address, where);
    anp_log(ANP_LOG_INFO, "node %s moved to %s", node->name, where);
    anp_map *map = anp_tend_work(t);
    if (map != NULL) {
        anp_map_replace(map, node, by);
    }
    (void)pthread_mutex_lock(&cluster->lock);
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        if (cluster->nodes[i] == node) {
            cluster->nodes[i] = by;
        }
    }
    (void)pthread_mutex_unlock(&cluster->lock);
    t->refreshed++;
    anp_cluster_node_deactivate(node);
    anp_cluster_node_hang_up(node);
    anp_cluster_node_release(node);
}

/* ---- pools ---- */

static void keep_pool(anp_tend *t, anp_cluster_node *node)
{
    anp_cluster *cluster = t->cluster;
    /* Rounds that were asked for come more often: the window goes by the clock. */
    anp_cluster_node_next_window(node, cluster->max_error_rate,
                                 cluster->error_rate_window * cluster->interval_ns, t->now);
    /* All that were idle too long go, the last few too: nobody would be given one. They are opened
     * anew. */
    anp_pool_trim(node->pool, 0);
    uint64_t deadline = anp_clock_deadline(anp_clock_now(), cluster->connect_timeout_ms);
    anp_connection *c;
    while (!node->is_failing && (c = anp_pool_add(node->pool, cluster->min_conns)) != NULL) {
        int result = anp_connection_open(c, NULL);
        bool is_open = result == 0 || (result == ANP_STREAM_AGAIN &&
                                       anp_exchange_finish_connect(&c->stream, cluster->stop_fd,
                                                                   deadline, NULL) == ANP_OK);
        anp_pool_put(c, is_open);
        if (!is_open) {
            break;
        }
    }
}

/* A round without a failure ends a row of them. */
static void settle(anp_cluster_node *node)
{
    uint32_t failed = node->is_failing ? 0 : atomic_exchange(&node->failures, 0);
    if (failed != 0) {
        anp_log(ANP_LOG_INFO, "node %s is back after %u failed rounds", node->name, failed);
    }
}

static bool has_map(anp_tend *t)
{
    anp_map *map = t->work != NULL ? anp_map_retain(t->work) : anp_map_slot_take(&t->cluster->map);
    anp_map_release(map);
    return map != NULL;
}

/* Looks for nodes from the seeds on. */
static void seek(anp_tend *t)
{
    anp_tend_seeds(t);
    if (t->peers_changed) {
        anp_tend_peers(t);
    }
}

void anp_tend_round(anp_tend *t)
{
    anp_cluster *cluster = t->cluster;
    bool has_seeded = cluster->n_nodes == 0;
    if (has_seeded) {
        anp_tend_seeds(t);
    } else {
        for (uint32_t i = 0; i < cluster->n_nodes && !atomic_load(&cluster->closing); i++) {
            refresh_node(t, cluster->nodes[i]);
        }
    }
    if (t->peers_changed) {
        anp_tend_peers(t);
    }
    forget_those_who_left(t);
    if (cluster->n_nodes == 0 && !has_seeded) { /* renamed, or all gone: look for them at once */
        seek(t);
    }
    read_maps(t);
    if (cluster->n_nodes != 0 && !has_map(t)) { /* it tells nonsense: other seeds may know better */
        seek(t);
        read_maps(t);
    }
    anp_tend_racks(t);
    if (t->work != NULL) {
        anp_map_slot_publish(&cluster->map, t->work);
        t->work = NULL;
    }
    for (uint32_t i = 0; i < cluster->n_nodes && !atomic_load(&cluster->closing); i++) {
        settle(cluster->nodes[i]);
        keep_pool(t, cluster->nodes[i]);
    }
}
