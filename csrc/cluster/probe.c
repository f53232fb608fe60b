/* Getting to know a node: the first connection, and the questions that decide whether it is taken
 * in.
 *
 *     node, partition-generation, build (, cluster-name)      first, on a new node
 *     user-agent-set:value=<base64>                           on each tend connection, from
 * server 8.1 on
 *
 * On the tend thread only. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/info_exchange.h"
#include "cluster/tend.h"
#include "wire/base64.h"

static bool build_is_at_least(const uint32_t build[4], uint32_t a, uint32_t b, uint32_t c,
                              uint32_t d)
{
    const uint32_t want[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        if (build[i] != want[i]) {
            return build[i] > want[i];
        }
    }
    return true;
}

static uint64_t deadline_of(const anp_cluster *cluster)
{
    return anp_clock_deadline(anp_clock_now(), cluster->connect_timeout_ms);
}

size_t anp_tend_resolve(anp_tend *t, const char *host, uint16_t port, anp_address *out, size_t room,
                        anp_error *err)
{
    if (!anp_cluster_resolving(t->cluster, true)) {
        (void)anp_error_closed(err);
        return 0;
    }
    size_t n = anp_address_resolve(host, port, out, room, err);
    (void)anp_cluster_resolving(t->cluster, false);
    return n;
}

bool anp_tend_add_node(anp_tend *t, anp_cluster_node *node)
{
    anp_cluster *cluster = t->cluster;
    if (cluster->n_nodes == ANP_CLUSTER_NODES) {
        anp_cluster_node_release(node);
        return false;
    }
    (void)pthread_mutex_lock(&cluster->lock);
    cluster->nodes[cluster->n_nodes++] = node;
    (void)pthread_mutex_unlock(&cluster->lock);
    (void)atomic_fetch_add_explicit(&cluster->nodes_added, 1, memory_order_relaxed);
    t->refreshed++;
    char where[ANP_ADDRESS_TEXT];
    anp_address_print(&node->address, where);
    anp_log(ANP_LOG_INFO, "node %s at %s joins", node->name, where);
    return true;
}

/* A server that doesn't know the command, or was told already, is no failure. */
static anp_status send_user_agent(anp_tend *t, anp_cluster_node *node, anp_error *err)
{
    const char *agent = t->cluster->user_agent;
    if (agent[0] == 0 || !build_is_at_least(node->build, 8, 1, 0, 0)) {
        return ANP_OK;
    }
    anp_buffer text;
    anp_buffer_init(&text, 256);
    anp_buffer_print(&text, "user-agent-set:value=");
    anp_base64_encode(&text, agent, strlen(agent));
    anp_buffer_put(&text, "\n", 2); /* with the terminator */
    anp_status status = text.failed != ANP_OK ? anp_buffer_error(&text, "the user agent", err)
                                              : anp_tend_ask(t, node, (const char *)text.data, err);
    anp_buffer_deinit(&text);
    return status;
}

static anp_status connect_plain(anp_tend *t, anp_cluster_node *node, anp_error *err)
{
    anp_connection *c = anp_calloc(1, sizeof *c);
    if (c == NULL) {
        return anp_error_memory(err, sizeof *c, "a connection");
    }
    anp_status status = anp_exchange_connect(&c->stream, &node->address, t->cluster->stop_fd,
                                             deadline_of(t->cluster), err);
    if (status != ANP_OK) {
        anp_free(c);
        return status;
    }
    node->tend_connection = c;
    return ANP_OK;
}

anp_status anp_tend_connect(anp_tend *t, anp_cluster_node *node, bool *fresh, anp_error *err)
{
    anp_connection *c = node->tend_connection;
    *fresh = c == NULL || !c->stream.table->is_idle(&c->stream);
    if (!*fresh) {
        return ANP_OK;
    }
    anp_cluster_node_hang_up(node);
    anp_status status = connect_plain(t, node, err);
    return status == ANP_OK ? send_user_agent(t, node, err) : status;
}

anp_status anp_tend_ask(anp_tend *t, anp_cluster_node *node, const char *text, anp_error *err)
{
    t->tried = true;
    return anp_exchange_info(&node->tend_connection->stream, t->cluster->stop_fd, text,
                             deadline_of(t->cluster), &t->reply, err);
}

static anp_status check_name(const anp_tend *t, const char *expected, char name[20], anp_error *err)
{
    anp_slice value;
    anp_status status = anp_tend_value(t, "node", &value, err);
    if (status != ANP_OK) {
        return status;
    }
    if (value.size == 0 || value.size > 19) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "a node's name has %zu bytes", value.size);
    }
    anp_tend_text(value, name, 20);
    if (expected != NULL && strcmp(expected, name) != 0) {
        return anp_error_set(err, ANP_ERR_CLIENT, "node %s answers where %s should be", name,
                             expected);
    }
    return ANP_OK;
}

static anp_status check_cluster_name(const anp_tend *t, anp_error *err)
{
    const char *wanted = t->cluster->cluster_name;
    if (wanted[0] == 0) {
        return ANP_OK;
    }
    anp_slice value;
    anp_status status = anp_tend_value(t, "cluster-name", &value, err);
    if (status == ANP_OK && !anp_slice_is(value, wanted)) {
        char name[64];
        anp_tend_text(value, name, sizeof name);
        status =
            anp_error_set(err, ANP_ERR_CLIENT, "its cluster is named '%s', not '%s'", name, wanted);
    }
    return status;
}

static anp_status check_build(const anp_tend *t, uint32_t build[4], anp_error *err)
{
    anp_slice value;
    anp_status status = anp_tend_value(t, "build", &value, err);
    if (status != ANP_OK) {
        return status;
    }
    char text[32];
    anp_tend_text(value, text, sizeof text);
    if (!anp_info_build(value, build)) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "build '%s' is no version", text);
    }
    if (!build_is_at_least(build, 4, 9, 0, 3)) {
        return anp_error_set(err, ANP_ERR_CLIENT, "server %s is too old (4.9.0.3 is the least)",
                             text);
    }
    return ANP_OK;
}

anp_status anp_tend_probe(anp_tend *t, const anp_address *address, const char *expected,
                          anp_cluster_node **out, anp_error *err)
{
    anp_cluster *cluster = t->cluster;
    t->tried = true;
    anp_cluster_node *node = NULL;
    anp_status status =
        anp_cluster_node_new("", address, cluster->max_conns, cluster->max_idle_ns, &node, err);
    if (status != ANP_OK) {
        return status;
    }
    status = connect_plain(t, node, err);
    if (status == ANP_OK) {
        status = anp_tend_ask(t, node,
                              cluster->cluster_name[0] != 0
                                  ? "node\npartition-generation\nbuild\ncluster-name\n"
                                  : "node\npartition-generation\nbuild\n",
                              err);
    }
    int64_t generation = 0;
    if (status == ANP_OK) {
        status = check_name(t, expected, node->name, err);
    }
    if (status == ANP_OK) {
        status = check_cluster_name(t, err);
    }
    if (status == ANP_OK) {
        status = check_build(t, node->build, err);
    }
    if (status == ANP_OK) {
        status = anp_tend_int(t, "partition-generation", &generation, err);
    }
    if (status == ANP_OK && generation < 0) {
        /* It has just started: nothing is wrong with it, and the next interval may find it ready.
         */
        status = anp_error_set(err, ANP_ERR_INVALID_NODE,
                               "node %s isn't ready yet (its partition-generation is %lld)",
                               node->name, (long long)generation);
    }
    if (status == ANP_OK) {
        status = send_user_agent(t, node, err);
    }
    if (status != ANP_OK) {
        anp_cluster_node_release(node);
        return status;
    }
    *out = node;
    return ANP_OK;
}
