/* The cluster object: opening, waiting, closing, and the thread that tends.
 *
 * Thread-safety: `lock` guards what cluster_state.h says; it is never held over a system call that
 * waits, or while calling anything that takes another lock. The map is read without it.
 *
 * Closing must be prompt. Each wait of the tend thread polls the stop descriptor too; only the
 * resolver doesn't. If the thread sits in there, it is left behind: it holds the memory, sees
 * `closing` when it comes out, and lets go. */
#include "cluster/cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/condition.h"
#include "cluster/cluster_state.h"
#include "cluster/tend.h"

enum { RESOLVER_GRACE_MS = 100 };

static void lock(anp_cluster *cluster)
{
    (void)pthread_mutex_lock(&cluster->lock);
}

static void unlock(anp_cluster *cluster)
{
    (void)pthread_mutex_unlock(&cluster->lock);
}

/* With the lock. */
static void tell_changed(anp_cluster *cluster)
{
    (void)pthread_cond_broadcast(&cluster->changed);
    anp_bells_ring(cluster->bells);
}

/* With the lock: sleeps until something changed, or the deadline. */
static void sleep_until(anp_cluster *cluster, uint64_t deadline)
{
    (void)anp_condition_wait(&cluster->changed, &cluster->lock, deadline);
}

bool anp_cluster_resolving(anp_cluster *cluster, bool on)
{
    lock(cluster);
    bool may = !on || !atomic_load(&cluster->closing);
    cluster->resolving = on && may;
    tell_changed(cluster);
    unlock(cluster);
    return may;
}

static void drop_hold(anp_cluster *cluster)
{
    if (atomic_fetch_sub_explicit(&cluster->holds, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        anp_cluster_node_release(cluster->nodes[i]);
    }
    for (uint32_t i = 0; i < cluster->n_loops; i++) {
        anp_loop_free(cluster->loops[i]);
    }
    for (anp_spare *spare = cluster->spares, *next; spare != NULL; spare = next) {
        next = spare->next;
        spare->drop(spare);
    }
    anp_map_slot_publish(&cluster->map, NULL);
    if (cluster->stop_fd >= 0) {
        (void)close(cluster->stop_fd);
    }
    (void)pthread_cond_destroy(&cluster->changed);
    (void)pthread_mutex_destroy(&cluster->lock);
    anp_free(cluster->seeds);
    anp_free(cluster);
}

/* ---- the tend thread ---- */

static void settle_round(anp_cluster *cluster, const anp_tend *t)
{
    anp_map *map = anp_map_slot_take(&cluster->map);
    bool is_ready = cluster->n_nodes != 0 && map != NULL;
    anp_map_release(map);
    anp_error why = {0};
    if (!is_ready) {
        anp_tend_explain(cluster, &why);
    }
    (void)atomic_fetch_add_explicit(&cluster->tends, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&cluster->tend_failures, t->failed, memory_order_relaxed);
    atomic_store_explicit(&cluster->last_tend_ns, anp_clock_now() - t->now, memory_order_relaxed);
    lock(cluster);
    cluster->is_ready = is_ready;
    cluster->failure = why;
    cluster->rounds += t->tried;
    tell_changed(cluster);
    unlock(cluster);
}

/* Until the next round is due, or was asked for. */
static void rest(anp_cluster *cluster, uint64_t started)
{
    /* A round that took longer than the interval is followed by a pause all the same. */
    uint64_t due = started + cluster->interval_ns;
    uint64_t soonest = anp_clock_now() + cluster->interval_ns / 10;
    due = due > soonest ? due : soonest;
    lock(cluster);
    while (!atomic_load(&cluster->closing)) {
        uint64_t asked = started + ANP_TEND_REFRESH_MS * ANP_NS_PER_MS;
        uint64_t until = cluster->refresh && asked < due ? asked : due;
        if (anp_clock_now() >= until) {
            break;
        }
        sleep_until(cluster, until);
    }
    cluster->refresh = false;
    unlock(cluster);
}

static void *thread_main(void *argument)
{
    anp_cluster *cluster = argument;
    anp_tend t = {.cluster = cluster};
    anp_buffer_init(&t.reply, ANP_TEND_REPLY_MAX);
    while (!atomic_load(&cluster->closing)) {
        t = (anp_tend){
            .cluster = cluster, .round = t.round + 1, .now = anp_clock_now(), .reply = t.reply};
        anp_tend_round(&t);
        if (atomic_load(&cluster->closing)) {
            break;
        }
        settle_round(cluster, &t);
        rest(cluster, t.now);
    }
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        anp_cluster_node_hang_up(cluster->nodes[i]);
        anp_cluster_node_deactivate(cluster->nodes[i]); /* one that joined while we were closing */
    }
    anp_buffer_deinit(&t.reply);
    lock(cluster);
    cluster->thread_done = true;
    tell_changed(cluster);
    unlock(cluster);
    drop_hold(cluster);
    return NULL;
}

static anp_status start(anp_cluster *cluster, anp_error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)atomic_fetch_add(&cluster->holds, 1);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread is born with them blocked */
    int error = pthread_create(&cluster->thread, NULL, thread_main, cluster);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        (void)atomic_fetch_sub(&cluster->holds, 1);
        return anp_error_set(err, ANP_ERR_CLIENT, "can't start the tend thread (errno %d)", error);
    }
    return ANP_OK;
}

/* ---- opening and closing ---- */

static anp_status check_config(const anp_cluster_config *config, anp_error *err)
{
    if (config->n_seeds == 0) {
        return anp_error_set(err, ANP_ERR_PARAM, "a client needs at least one host");
    }
    for (uint32_t i = 0; i < config->n_seeds; i++) {
        if (config->seeds[i].host[0] == 0 || config->seeds[i].port == 0) {
            return anp_error_set(
                err, ANP_ERR_PARAM,
                "host %u is '%.60s', port %u: a name and a port above 0 are needed", i,
                config->seeds[i].host, config->seeds[i].port);
        }
    }
    uint32_t max = config->max_conns_per_node != 0 ? config->max_conns_per_node : 100;
    if (config->min_conns_per_node > max) {
        return anp_error_set(err, ANP_ERR_PARAM,
                             "min_conns_per_node (%u) is above max_conns_per_node (%u)",
                             config->min_conns_per_node, max);
    }
    return ANP_OK;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

anp_status anp_cluster_open(const anp_cluster_config *config, anp_cluster **out, anp_error *err)
{
    anp_status status = check_config(config, err);
    if (status != ANP_OK) {
        return status;
    }
    anp_cluster *cluster = anp_calloc(1, sizeof *cluster);
    if (cluster == NULL) {
        return anp_error_memory(err, sizeof *cluster, "a cluster");
    }
    atomic_init(&cluster->references, 1);
    atomic_init(&cluster->holds, 1);
    (void)snprintf(cluster->cluster_name, sizeof cluster->cluster_name, "%s", config->cluster_name);
    (void)snprintf(cluster->user_agent, sizeof cluster->user_agent, "%s", config->user_agent);
    cluster->connect_timeout_ms = or_default(config->connect_timeout_ms, 1000);
    cluster->interval_ns = or_default(config->tend_interval_ms, 1000) * ANP_NS_PER_MS;
    cluster->max_idle_ns = or_default(config->max_socket_idle_ms, 55000) * ANP_NS_PER_MS;
    cluster->min_conns = config->min_conns_per_node;
    cluster->max_conns = or_default(config->max_conns_per_node, 100);
    cluster->max_error_rate = config->max_error_rate;
    cluster->error_rate_window = or_default(config->error_rate_window, 1);
    cluster->use_alternate = config->use_services_alternate;
    cluster->is_rack_aware = config->is_rack_aware;
    cluster->n_racks = config->n_racks < ANP_RACKS_MAX ? config->n_racks : ANP_RACKS_MAX;
    memcpy(cluster->racks, config->racks, sizeof cluster->racks);
    (void)pthread_mutex_init(&cluster->lock, NULL);
    anp_condition_init(&cluster->changed);
    cluster->n_seeds = config->n_seeds;
    cluster->seeds = anp_calloc(config->n_seeds, sizeof *cluster->seeds);
    cluster->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cluster->seeds == NULL) {
        status = anp_error_memory(err, config->n_seeds * sizeof *cluster->seeds, "hosts");
    } else if (cluster->stop_fd < 0) {
        status = anp_error_set(err, ANP_ERR_CLIENT, "can't make an eventfd (errno %d)", errno);
    } else {
        for (uint32_t i = 0; i < config->n_seeds; i++) {
            cluster->seeds[i].seed = config->seeds[i];
            cluster->seeds[i].seed.host[sizeof config->seeds[i].host - 1] = 0;
        }
        status = start(cluster, err);
    }
    if (status != ANP_OK) {
        drop_hold(cluster);
        return status;
    }
    *out = cluster;
    return ANP_OK;
}

anp_status anp_cluster_wait(anp_cluster *cluster, uint32_t ms, anp_error *err)
{
    uint64_t deadline = anp_clock_now() + ms * ANP_NS_PER_MS;
    anp_status status = ANP_OK;
    lock(cluster);
    for (;;) {
        if (atomic_load(&cluster->closing)) {
            status = anp_error_closed(err);
            break;
        }
        if (cluster->is_ready) {
            break;
        }
        if (cluster->rounds > cluster->reported) {
            cluster->reported = cluster->rounds;
            status = cluster->failure.code;
            if (err != NULL) {
                *err = cluster->failure;
            }
            break;
        }
        if (anp_clock_now() >= deadline) {
            status = anp_error_set(
                err, ANP_ERR_CLIENT_TIMEOUT, "%.*s", (int)sizeof err->message - 1,
                cluster->rounds != 0 ? cluster->failure.message : "no answer from the cluster yet");
            break;
        }
        sleep_until(cluster, deadline);
    }
    unlock(cluster);
    return status;
}

/* With the lock. */
static void stop(anp_cluster *cluster)
{
    if (atomic_exchange(&cluster->closing, true)) {
        return;
    }
    cluster->grace = anp_clock_now() + RESOLVER_GRACE_MS * ANP_NS_PER_MS;
    tell_changed(cluster);
    uint64_t one = 1;
    (void)!write(cluster->stop_fd, &one, sizeof one); /* it has room: nobody else writes */
}

/* With the lock: closing has nothing to wait for. */
static bool is_stopped(const anp_cluster *cluster)
{
    return cluster->thread_done || (cluster->resolving && anp_clock_now() >= cluster->grace);
}

bool anp_cluster_stop(anp_cluster *cluster)
{
    lock(cluster);
    stop(cluster);
    bool yes = is_stopped(cluster);
    unlock(cluster);
    return yes;
}

void anp_cluster_listen(anp_cluster *cluster, anp_bell *bell)
{
    lock(cluster);
    anp_bell_hang(bell, &cluster->bells);
    unlock(cluster);
}

void anp_cluster_unlisten(anp_cluster *cluster, anp_bell *bell)
{
    lock(cluster);
    anp_bell_take_down(bell);
    unlock(cluster);
}

void anp_cluster_close(anp_cluster *cluster)
{
    anp_cluster_node *nodes[ANP_CLUSTER_NODES];
    lock(cluster);
    if (cluster->is_closed) {
        unlock(cluster);
        return;
    }
    cluster->is_closed = true;
    stop(cluster);
    while (!is_stopped(cluster)) {
        if (cluster->resolving) {
            sleep_until(cluster, cluster->grace);
        } else {
            (void)pthread_cond_wait(&cluster->changed, &cluster->lock);
        }
    }
    bool is_done = cluster->thread_done;
    uint32_t n = cluster->n_nodes;
    for (uint32_t i = 0; i < n; i++) {
        nodes[i] = anp_cluster_node_retain(cluster->nodes[i]);
    }
    unlock(cluster);
    if (is_done) {
        (void)pthread_join(cluster->thread, NULL);
    } else {
        (void)pthread_detach(cluster->thread);
    }
    for (uint32_t i = 0; i < n; i++) {
        anp_cluster_node_deactivate(nodes[i]);
        anp_cluster_node_release(nodes[i]);
    }
}

anp_cluster *anp_cluster_retain(anp_cluster *cluster)
{
    (void)atomic_fetch_add_explicit(&cluster->references, 1, memory_order_relaxed);
    return cluster;
}

void anp_cluster_release(anp_cluster *cluster)
{
    if (cluster != NULL &&
        atomic_fetch_sub_explicit(&cluster->references, 1, memory_order_acq_rel) == 1) {
        anp_cluster_close(cluster);
        drop_hold(cluster);
    }
}

/* ---- looking ---- */

bool anp_cluster_is_connected(anp_cluster *cluster)
{
    /* A node joins before its map is published: who is told of a connection may use the map. */
    anp_map *map = anp_map_slot_take(&cluster->map);
    bool has_map = map != NULL;
    anp_map_release(map);
    return has_map && !atomic_load(&cluster->closing) && anp_cluster_nodes(cluster, NULL, 0) != 0;
}

anp_map *anp_cluster_map(anp_cluster *cluster)
{
    return anp_map_slot_take(&cluster->map);
}

void anp_cluster_refresh(anp_cluster *cluster)
{
    lock(cluster);
    if (!cluster->refresh) {
        cluster->refresh = true;
        (void)pthread_cond_broadcast(&cluster->changed);
    }
    unlock(cluster);
}

size_t anp_cluster_nodes(anp_cluster *cluster, anp_cluster_node **out, size_t room)
{
    size_t n = 0;
    lock(cluster);
    for (uint32_t i = 0; i < cluster->n_nodes; i++) {
        if (atomic_load(&cluster->nodes[i]->active)) {
            if (n < room) {
                out[n] = anp_cluster_node_retain(cluster->nodes[i]);
            }
            n++;
        }
    }
    unlock(cluster);
    return n;
}

anp_loop *anp_cluster_loop_take(anp_cluster *cluster)
{
    anp_loop *loop = NULL;
    lock(cluster);
    if (cluster->n_loops != 0) {
        loop = cluster->loops[--cluster->n_loops];
    }
    unlock(cluster);
    if (loop == NULL) {
        (void)anp_loop_new(&loop, NULL);
    }
    return loop;
}

void anp_cluster_loop_put(anp_cluster *cluster, anp_loop *loop)
{
    lock(cluster);
    bool keep =
        loop != NULL && cluster->n_loops < ANP_CLUSTER_LOOPS && !atomic_load(&cluster->closing);
    if (keep) {
        cluster->loops[cluster->n_loops++] = loop;
    }
    unlock(cluster);
    if (!keep) {
        anp_loop_free(loop);
    }
}

anp_spare *anp_cluster_spare_take(anp_cluster *cluster)
{
    lock(cluster);
    anp_spare *spare = cluster->spares;
    if (spare != NULL) {
        cluster->spares = spare->next;
        cluster->n_spares--;
    }
    unlock(cluster);
    return spare;
}

bool anp_cluster_spare_put(anp_cluster *cluster, anp_spare *spare)
{
    lock(cluster);
    bool keep = cluster->n_spares < ANP_CLUSTER_SPARES && !atomic_load(&cluster->closing);
    if (keep) {
        spare->next = cluster->spares;
        cluster->spares = spare;
        cluster->n_spares++;
    }
    unlock(cluster);
    return keep;
}

uint32_t anp_cluster_connect_timeout(const anp_cluster *cluster)
{
    return cluster->connect_timeout_ms;
}

uint64_t anp_cluster_rounds(const anp_cluster *cluster)
{
    return atomic_load_explicit(&cluster->tends, memory_order_relaxed);
}

void anp_cluster_stats_get(anp_cluster *cluster, anp_cluster_stats *out)
{
    out->tends = anp_cluster_rounds(cluster);
    out->tend_failures = atomic_load_explicit(&cluster->tend_failures, memory_order_relaxed);
    out->last_tend_ns = atomic_load_explicit(&cluster->last_tend_ns, memory_order_relaxed);
    out->nodes_added = atomic_load_explicit(&cluster->nodes_added, memory_order_relaxed);
    out->nodes_removed = atomic_load_explicit(&cluster->nodes_removed, memory_order_relaxed);
    out->retries = atomic_load_explicit(&cluster->retries, memory_order_relaxed);
    out->nodes = (uint32_t)anp_cluster_nodes(cluster, NULL, 0);
}

void anp_cluster_count_retries(anp_cluster *cluster, uint32_t n)
{
    (void)atomic_fetch_add_explicit(&cluster->retries, n, memory_order_relaxed);
}
