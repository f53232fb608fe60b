/* Opening and closing: a client is a cluster, opened and waited for. Thread-safe but for closing.
 */
#include "api/client.h"

#include <stdio.h>
#include <string.h>

#include "aerospike_np/aerospike_np.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

enum { SLICE_MS = 50, TEND_MIN_MS = 50 };

static anp_status copy_host(const anp_host *host, size_t i, anp_seed *out, anp_error *err)
{
    size_t size = host->name != NULL ? strlen(host->name) : 0;
    if (size == 0 || size >= sizeof out->host || host->port == 0) {
        return anp_error_set(err, ANP_ERR_PARAM,
                             "hosts[%zu] is '%.60s', port %u: a name of 1 to %zu bytes and a port "
                             "above 0 are needed",
                             i, host->name != NULL ? host->name : "", (unsigned)host->port,
                             sizeof out->host - 1);
    }
    memcpy(out->host, host->name, size + 1);
    out->port = host->port;
    return ANP_OK;
}

/* What the cluster itself can't see any more, or does not look at. */
static anp_status check_config(const anp_client_config *config, anp_error *err)
{
    const char *name = config->cluster_name;
    if (config->n_hosts == 0 || config->hosts == NULL) {
        return anp_error_set(err, ANP_ERR_PARAM, "a client needs at least one host");
    }
    if (config->n_hosts > UINT16_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "%zu hosts are too many; the nodes name the rest",
                             config->n_hosts);
    }
    if (name != NULL && strlen(name) >= sizeof((anp_cluster_config *)NULL)->cluster_name) {
        return anp_error_set(err, ANP_ERR_PARAM, "cluster_name '%.60s' has more than %zu bytes",
                             name, sizeof((anp_cluster_config *)NULL)->cluster_name - 1);
    }
    if (config->tend_interval_ms != 0 && config->tend_interval_ms < TEND_MIN_MS) {
        return anp_error_set(err, ANP_ERR_PARAM, "tend_interval_ms is %u; at least %d are needed",
                             (unsigned)config->tend_interval_ms, TEND_MIN_MS);
    }
    if (config->n_rack_ids > ANP_RACKS_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "n_rack_ids is %zu; at most %d can be preferred",
                             config->n_rack_ids, (int)ANP_RACKS_MAX);
    }
    if (config->n_rack_ids != 0 && config->rack_ids == NULL) {
        return anp_error_set(err, ANP_ERR_PARAM, "rack_ids is a null pointer");
    }
    return ANP_OK;
}

static void set_rate_and_racks(const anp_client_config *config, anp_cluster_config *c)
{
    c->max_error_rate = config->max_error_rate == 0            ? 100
                        : config->max_error_rate == UINT32_MAX ? 0
                                                               : config->max_error_rate;
    c->error_rate_window = config->error_rate_window;
    c->is_rack_aware = config->n_rack_ids != 0;
    c->n_racks = (uint32_t)config->n_rack_ids;
    for (size_t i = 0; i < config->n_rack_ids; i++) {
        c->racks[i] = config->rack_ids[i];
    }
}

static anp_status open_cluster(const anp_client_config *config, anp_cluster **out, anp_error *err)
{
    size_t size = config->n_hosts * sizeof(anp_seed);
    anp_seed *seeds = anp_calloc(config->n_hosts, sizeof *seeds);
    if (seeds == NULL) {
        return anp_error_memory(err, size, "hosts");
    }
    anp_status status = ANP_OK;
    for (size_t i = 0; i < config->n_hosts && status == ANP_OK; i++) {
        status = copy_host(&config->hosts[i], i, &seeds[i], err);
    }
    if (status == ANP_OK) {
        anp_cluster_config c = {
            .seeds = seeds,
            .n_seeds = (uint32_t)config->n_hosts,
            .user_agent = "1,aerospike_np-" ANP_VERSION ",c",
            .connect_timeout_ms = config->connect_timeout_ms,
            .tend_interval_ms = config->tend_interval_ms,
            .min_conns_per_node = config->min_conns_per_node,
            .max_conns_per_node = config->max_conns_per_node,
            .max_socket_idle_ms = config->max_socket_idle_ms,
            .use_services_alternate = config->use_services_alternate,
        };
        set_rate_and_racks(config, &c);
        (void)snprintf(c.cluster_name, sizeof c.cluster_name, "%s",
                       config->cluster_name != NULL ? config->cluster_name : "");
        status = anp_cluster_open(&c, out, err);
    }
    anp_free(seeds);
    return status;
}

/* Waits in slices, so that the interrupt is heard. */
static anp_status wait_connected(anp_cluster *cluster, const anp_client_config *config,
                                 anp_error *err)
{
    uint64_t deadline = anp_clock_deadline(anp_clock_now(), config->open_timeout_ms);
    for (;;) {
        int slice = anp_clock_ms_left(deadline, anp_clock_now(), SLICE_MS);
        anp_status status = anp_cluster_wait(cluster, (uint32_t)slice, err);
        if (status != ANP_ERR_CLIENT_TIMEOUT) {
            return status;
        }
        if (config->interrupt != NULL && config->interrupt(config->interrupt_context)) {
            return anp_error_set(err, ANP_ERR_ABORTED, "opening was interrupted");
        }
        if (anp_clock_now() >= deadline) {
            anp_error why = {.message = ""};
            (void)anp_cluster_wait(cluster, 0, &why);
            return anp_error_set(err, ANP_ERR_CLIENT_TIMEOUT,
                                 "open_timeout_ms of %u ms passed: %.180s",
                                 (unsigned)config->open_timeout_ms, why.message);
        }
    }
}

anp_status anp_client_open(const anp_client_config *config, anp_client **out, anp_error *err)
{
    *out = NULL;
    anp_status status = check_config(config, err);
    if (status != ANP_OK) {
        return status;
    }
    anp_client *client = anp_calloc(1, sizeof *client);
    if (client == NULL) {
        return anp_error_memory(err, sizeof *client, "a client");
    }
    status = open_cluster(config, &client->cluster, err);
    if (status == ANP_OK) {
        status = wait_connected(client->cluster, config, err);
    }
    if (status != ANP_OK) {
        anp_client_close(client);
        return status;
    }
    *out = client;
    return ANP_OK;
}

void anp_client_close(anp_client *client)
{
    if (client != NULL) {
        if (client->cluster != NULL) {
            anp_cluster_close(client->cluster);
            anp_cluster_release(client->cluster);
        }
        anp_free(client);
    }
}

bool anp_client_is_connected(const anp_client *client)
{
    return anp_cluster_is_connected(client->cluster);
}

size_t anp_client_node_count(const anp_client *client)
{
    return anp_cluster_nodes(client->cluster, NULL, 0);
}
