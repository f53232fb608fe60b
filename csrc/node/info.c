/* Info commands: a table of names and the functions that answer them. Texts and errors are
 * the server's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "node/info_query.h"
#include "wire/frame.h"
#include "wire/info.h"

#define BUILD "8.1.2.0"
#define EDITION "Aerospike Community Edition"
#define FEATURES                                                                                   \
    "batch-any;batch-index;blob-bits;cdt-index;cdt-list;cdt-map;cluster-stable;float;geo;"         \
    "sindex-exists;peers;pipelining;pquery;pscans;query-show;relaxed-sc;replicas;replicas-all;"    \
    "replicas-master;replicas-max;truncate-namespace;udf"
#define UNSUPPORTED "ERROR:16:not built into the embedded node"

enum { REPLY_MAX = 16 * 1024 * 1024 };

/* ---- parameters ---- */

bool anp_query_parameter(anp_slice all, const char *name, anp_slice *out)
{
    size_t n = strlen(name), at = 0;
    while (at < all.size) {
        const uint8_t *p = all.data + at, *end = memchr(p, ';', all.size - at);
        size_t size = end != NULL ? (size_t)(end - p) : all.size - at;
        if (size > n && memcmp(p, name, n) == 0 && p[n] == '=') {
            *out = (anp_slice){p + n + 1, size - n - 1};
            return true;
        }
        at += size + 1;
    }
    return false;
}

void anp_query_say(anp_query *q, const char *text)
{
    anp_buffer_put(q->out, text, strlen(text));
}

anp_membership anp_query_membership(anp_query *q)
{
    anp_membership m;
    anp_members_look(q->node->members, q->node->member, &m);
    return m;
}

anp_namespace *anp_query_namespace(anp_query *q, anp_slice name)
{
    return anp_store_find(q->node->store, name);
}

/* ---- identity ---- */

static void info_node(anp_query *q)
{
    anp_query_say(q, q->node->name);
}

static const char *cluster_name(const anp_query *q)
{
    return q->node->config.cluster_name[0] != 0 ? q->node->config.cluster_name : "null";
}

static void info_cluster_name(anp_query *q)
{
    anp_query_say(q, cluster_name(q));
}

static void info_partitions(anp_query *q)
{
    anp_buffer_print(q->out, "%d", (int)ANP_PARTITIONS);
}

static void info_user_agent(anp_query *q)
{
    anp_slice value;
    if (!anp_query_parameter(q->parameters, "value", &value)) {
        anp_query_say(q, "ERROR:4:missing 'value'");
    } else if (value.size > 88) {
        anp_query_say(q, "ERROR:4:'value' value too long");
    } else if (q->connection != NULL && q->connection->has_user_agent) {
        anp_query_say(q, "ERROR:4:already set");
    } else {
        if (q->connection != NULL) {
            q->connection->has_user_agent = true;
        }
        anp_query_say(q, "ok");
    }
}

/* ---- namespaces and sets ---- */

static void info_namespaces(anp_query *q)
{
    for (uint32_t i = 0; i < q->node->store->n_namespaces; i++) {
        anp_buffer_print(q->out, "%s%s", i != 0 ? ";" : "",
                         q->node->store->namespaces[i]->config.name);
    }
}

static void namespace_config(anp_query *q, const anp_namespace *ns)
{
    anp_buffer_print(q->out,
                     "replication-factor=%u;default-ttl=%u;max-record-size=%u;nsup-period=%u;allow-"
                     "ttl-without-nsup=%s;"
                     "default-read-touch-ttl-pct=0;single-query-threads=1;transaction-pending-"
                     "limit=20;storage-engine=memory",
                     anp_query_membership(q).replication_factor, ns->config.default_ttl,
                     ns->config.max_record_size, ns->config.nsup_period,
                     ns->config.allow_ttl_without_nsup ? "true" : "false");
}

static void info_namespace(anp_query *q)
{
    anp_namespace *ns = anp_query_namespace(q, q->parameters);
    if (ns == NULL) {
        anp_query_say(q, "type=unknown");
        return;
    }
    anp_store *store = q->node->store;
    anp_membership m = anp_query_membership(q);
    anp_share share = {.by_set = NULL};
    anp_info_share(q, ns, &share);
    long long bytes = 0;
    for (uint32_t i = 0; i < atomic_load(&ns->n_sets); i++) {
        bytes += (long long)atomic_load(&ns->sets[i]->memory);
    }
    bool full = store->max_memory != 0 && atomic_load(&store->memory) >= (int64_t)store->max_memory;
    anp_buffer_print(q->out,
                     "ns_cluster_size=%u;effective_replication_factor=%u;objects=%lld;tombstones=0;"
                     "master_objects=%lld;prole_objects=%lld;"
                     "non_replica_objects=0;dead_partitions=0;unavailable_partitions=0;stop_writes="
                     "%s;hwm_breached=false;current_time=%u;"
                     "expired_objects=%llu;evicted_objects=0;truncating=false;data_used_bytes=%lld;"
                     "data_used_pct=0;"
                     "migrate_tx_partitions_remaining=0;migrate_rx_partitions_remaining=0;",
                     m.n_present, m.replication_factor, (long long)(share.master + share.replica),
                     (long long)share.master, (long long)share.replica, full ? "true" : "false",
                     anp_store_now(), (unsigned long long)atomic_load(&ns->expired), bytes);
    namespace_config(q, ns);
}

static void one_set(anp_query *q, const anp_set *set, int64_t objects, const char *ns)
{
    if (ns != NULL) {
        anp_buffer_print(q->out, "ns=%s:set=%s:", ns, set->name);
    }
    anp_buffer_print(q->out,
                     "objects=%lld:tombstones=0:data_used_bytes=%lld:truncate_lut=%llu:sindexes=0:"
                     "index_populating=false:truncating=false:"
                     "default-read-touch-ttl-pct=0:default-ttl=0:disable-eviction=false:enable-"
                     "index=false:stop-writes-count=0:"
                     "stop-writes-size=0;",
                     (long long)objects, (long long)atomic_load(&set->memory),
                     (unsigned long long)atomic_load(&set->truncate_lut));
}

/* One set of a namespace, or (NULL) all of them with their names. */
static void sets_of(anp_query *q, anp_namespace *ns, const anp_set *only)
{
    int64_t *objects = anp_calloc(ANP_SETS_MAX, sizeof *objects);
    if (objects == NULL) {
        q->out->failed = ANP_ERR_MEMORY; /* the connection ends */
        return;
    }
    anp_share share = {.by_set = objects};
    uint32_t n = atomic_load(&ns->n_sets);
    anp_info_share(q, ns, &share);
    for (uint32_t i = 0; i < n && only == NULL; i++) {
        one_set(q, ns->sets[i], objects[i], ns->config.name);
    }
    if (only != NULL) {
        one_set(q, only, objects[only->number], NULL);
    }
    anp_free(objects);
}

static void info_sets(anp_query *q)
{
    anp_slice name = q->parameters, set = {NULL, 0};
    if (name.size == 0) {
        for (uint32_t i = 0; i < q->node->store->n_namespaces; i++) {
            sets_of(q, q->node->store->namespaces[i], NULL);
        }
        return;
    }
    const uint8_t *slash = memchr(name.data, '/', name.size);
    if (slash != NULL) {
        set = (anp_slice){slash + 1, name.size - (size_t)(slash + 1 - name.data)};
        name.size = (size_t)(slash - name.data);
    }
    anp_namespace *ns = anp_query_namespace(q, name);
    if (ns == NULL) {
        anp_query_say(q, "ns_type=unknown");
    } else if (slash == NULL) {
        sets_of(q, ns, NULL);
    } else {
        const anp_set *found = anp_namespace_set(ns, set, false);
        if (found != NULL) {
            sets_of(q, ns, found);
        }
    }
}

static void info_statistics(anp_query *q)
{
    anp_node *node = q->node;
    anp_node_stats stats;
    anp_node_stats_get(node, &stats);
    anp_membership m = anp_query_membership(q);
    anp_buffer_print(q->out,
                     "failed_best_practices=false;cluster_size=%u;cluster_key=%012llX;cluster_"
                     "generation=%u;cluster_principal=%s;"
                     "cluster_integrity=true;cluster_is_member=true;uptime=%llu;objects=%llu;"
                     "tombstones=0;client_connections=%llu;"
                     "client_connections_opened=%llu;client_connections_closed=%llu;batch_index_"
                     "initiate=0;batch_index_queue=0:0;"
                     "batch_index_complete=0;batch_index_error=0;batch_index_timeout=0;demarshal_"
                     "error=0;early_tsvc_client_error=0;"
                     "long_queries_active=0;migrate_allowed=true;migrate_partitions_remaining=0;"
                     "time_since_rebalance=%llu",
                     m.n_present, (unsigned long long)anp_info_cluster_key(q), m.cluster_generation,
                     node->name,
                     (unsigned long long)((anp_clock_now() - node->started_at) / ANP_NS_PER_S),
                     (unsigned long long)stats.objects, (unsigned long long)stats.connections,
                     (unsigned long long)stats.connections_opened,
                     (unsigned long long)(stats.connections_opened - stats.connections),
                     (unsigned long long)((anp_clock_now() - node->started_at) / ANP_NS_PER_S));
}

static void info_get_config(anp_query *q)
{
    anp_slice context, name;
    if (!anp_query_parameter(q->parameters, "context", &context)) {
        anp_query_say(q, "ERROR:4:missing 'context'");
    } else if (anp_slice_is(context, "namespace")) {
        anp_namespace *ns = anp_query_parameter(q->parameters, "namespace", &name) ||
                                    anp_query_parameter(q->parameters, "id", &name)
                                ? anp_query_namespace(q, name)
                                : NULL;
        if (ns == NULL) {
            anp_query_say(q, "ERROR:20:namespace not found on node");
        } else {
            namespace_config(q, ns);
        }
    } else if (anp_slice_is(context, "service")) {
        anp_buffer_print(
            q->out,
            "cluster-name=%s;proto-fd-max=%u;batch-max-requests=%u;service-threads=%u;transaction-"
            "max-ms=1000",
            cluster_name(q),
            q->node->config.max_connections != 0 ? q->node->config.max_connections : 1024,
            q->node->config.batch_max_requests, q->node->n_threads);
    } else if (anp_slice_is(context, "network")) {
        anp_buffer_print(q->out, "service.address=%s;service.port=%u", q->node->host,
                         (unsigned)q->node->port);
    } else {
        anp_query_say(q, "ERROR:4:bad 'context'");
    }
}

/* ---- truncate ---- */

static bool truncate_time(anp_query *q, uint64_t *lut)
{
    anp_slice text;
    uint64_t now = anp_clock_wall();
    *lut = now;
    if (!anp_query_parameter(q->parameters, "lut", &text)) {
        return true;
    }
    if (!anp_info_uint(text, lut)) {
        anp_query_say(q, "ERROR:4:bad 'lut'");
        return false;
    }
    if (*lut > now) {
        anp_query_say(q, "ERROR:4:would truncate in the future");
        return false;
    }
    return true;
}

static void truncate_what(anp_query *q, bool whole)
{
    anp_slice name, set = {NULL, 0};
    uint64_t lut;
    if (!anp_query_parameter(q->parameters, "namespace", &name)) {
        anp_query_say(q, "ERROR:4:missing 'namespace'");
        return;
    }
    if (!whole && (!anp_query_parameter(q->parameters, "set", &set) || set.size == 0)) {
        anp_query_say(q, "ERROR:4:missing 'set'");
        return;
    }
    if (!truncate_time(q, &lut)) {
        return;
    }
    anp_namespace *ns =
        anp_query_namespace(q, name); /* an unknown one is accepted, as by the server */
    anp_set *found = ns != NULL && !whole ? anp_namespace_set(ns, set, false) : NULL;
    if (ns != NULL && (whole || found != NULL)) {
        anp_namespace_truncate(ns, found, lut);
        atomic_store(whole ? &ns->truncate_lut : &found->truncate_lut, lut);
    }
    anp_query_say(q, "ok");
}

static void info_truncate(anp_query *q)
{
    truncate_what(q, false);
}

static void info_truncate_namespace(anp_query *q)
{
    truncate_what(q, true);
}

/* There are no queries. */
static void info_job(anp_query *q)
{
    anp_slice id;
    if (anp_query_parameter(q->parameters, "id", &id) ||
        anp_query_parameter(q->parameters, "trid", &id)) {
        anp_query_say(q, "ERROR:2:job not found");
    }
}

/* ---- the table ---- */

static const struct {
    const char *name;
    void (*answer)(anp_query *q); /* NULL: always `text` */
    const char *text;
} commands[] = {
    {"node", info_node, NULL},
    {"name", info_node, NULL},
    {"build", NULL, BUILD},
    {"version", NULL, EDITION " build " BUILD},
    {"edition", NULL, EDITION},
    {"release", NULL, "edition=" EDITION ";version=" BUILD ";os=embedded;arch=any;sha=0"},
    {"features", NULL, FEATURES},
    {"cluster-name", info_cluster_name, NULL},
    {"status", NULL, "ok"},
    {"compatibility-id", NULL, "17"},
    {"partitions", info_partitions, NULL},
    {"connection", NULL, "admin=false"},
    {"best-practices", NULL, "failed_best_practices=none"},
    {"feature-key", NULL, ANP_ENTERPRISE_TEXT},
    {"user-agent-set", info_user_agent, NULL},
    {"user-agents", NULL, ""},
    {"peers-generation", anp_info_peers_generation, NULL},
    {"partition-generation", anp_info_partition_generation, NULL},
    {"rebalance-generation", anp_info_rebalance_generation, NULL},
    {"peers-clear-std", anp_info_peers, NULL},
    {"peers-clear-alt", anp_info_no_peers, NULL},
    {"peers-tls-std", NULL, ANP_ENTERPRISE_TEXT},
    {"peers-tls-alt", NULL, ANP_ENTERPRISE_TEXT},
    {"alumni-clear-std", anp_info_alumni, NULL},
    {"service-clear-std", anp_info_service, NULL},
    {"service-clear-alt", NULL, ""},
    {"service-tls-std", NULL, ANP_ENTERPRISE_TEXT},
    {"service-tls-alt", NULL, ANP_ENTERPRISE_TEXT},
    {"service", anp_info_service, NULL},
    {"services", anp_info_services, NULL},
    {"services-alternate", NULL, ""},
    {"services-alumni", NULL, ""},
    {"replicas", anp_info_replicas, NULL},
    {"replicas-all", anp_info_replicas_all, NULL},
    {"replicas-master", anp_info_replicas_master, NULL},
    {"cluster-stable", anp_info_cluster_stable, NULL},
    {"recluster", NULL, "ok"},
    {"rack-ids", anp_info_rack_ids, NULL},
    {"racks", NULL, ANP_ENTERPRISE_TEXT},
    {"roster", NULL, ANP_ENTERPRISE_TEXT},
    {"quiesce", NULL, ANP_ENTERPRISE_TEXT},
    {"namespaces", info_namespaces, NULL},
    {"namespace", info_namespace, NULL},
    {"sets", info_sets, NULL},
    {"statistics", info_statistics, NULL},
    {"get-config", info_get_config, NULL},
    {"config-get", info_get_config, NULL},
    {"truncate", info_truncate, NULL},
    {"truncate-namespace", info_truncate_namespace, NULL},
    {"truncate-undo", NULL, "ok"},
    {"truncate-namespace-undo", NULL, "ok"},
    {"sindex-list", NULL, ""},
    {"sindex", NULL, ""},
    {"sindex-exists", NULL, "false"},
    {"sindex-stat", NULL, "ERROR:201:no index"},
    {"sindex-create", NULL, UNSUPPORTED},
    {"sindex-delete", NULL, "ok"},
    {"query-show", info_job, NULL},
    {"query-abort", info_job, NULL},
    {"udf-list", anp_info_udf_list, NULL},
    {"udf-get", anp_info_udf_get, NULL},
    {"udf-put", anp_info_udf_put, NULL},
    {"udf-remove", anp_info_udf_remove, NULL},
    {"udf-clear-cache", NULL, "ok"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void answer_one(anp_node *node, anp_node_connection *c, anp_slice line, anp_buffer *out)
{
    size_t n = 0;
    while (n < line.size && memchr("/:;", line.data[n], 3) == NULL) {
        n++;
    }
    anp_slice name = {line.data, n};
    anp_query q = {node, c, {line.data + n, 0}, out};
    if (n < line.size) {
        q.parameters = (anp_slice){line.data + n + 1, line.size - n - 1};
    }
    anp_buffer_put(out, line.data, line.size);
    anp_buffer_u8(out, '\t');
    size_t i = 0;
    while (i < N_COMMANDS && !anp_slice_is(name, commands[i].name)) {
        i++;
    }
    if (i == N_COMMANDS) {
        anp_query_say(&q, "ERROR:4:unrecognized command");
    } else if (commands[i].answer != NULL) {
        commands[i].answer(&q);
    } else {
        anp_query_say(&q, commands[i].text);
    }
    anp_buffer_u8(out, '\n');
}

void anp_node_info(anp_node *node, anp_node_connection *c, anp_slice body, anp_buffer *out)
{
    static const char summary[] =
        "features\nnode\ncompatibility-"
        "id\nedition\nbuild\nversion\nstatistics\nservices\npartition-generation\n";
    size_t begin = anp_frame_begin(out);
    anp_cursor at = body.size != 0 ? anp_cursor_over(body.data, body.size)
                                   : anp_cursor_over(summary, sizeof summary - 1);
    const uint8_t *end;
    while (anp_cursor_left(&at) != 0 && (end = memchr(at.at, '\n', anp_cursor_left(&at))) != NULL) {
        size_t size = (size_t)(end - at.at);
        anp_slice line = {anp_cursor_take(&at, size), size};
        (void)anp_cursor_take(&at, 1);
        if (size != 0) {
            answer_one(node, c, line, out);
        }
        if (out->size - begin > REPLY_MAX) { /* nobody asks that much: the connection ends */
            out->failed = ANP_ERR_PARAM;
            return;
        }
    }
    anp_frame_end(out, begin, ANP_PROTO_INFO);
}
