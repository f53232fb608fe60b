/* The table of policy and configuration keys, their defaults, and what the docs are told of them.
 * No state. */
#include "python/engine/policy_table.h"

#include <stddef.h>

#include "python/engine/patience.h"

#define READS (ANP_GROUP_READ | ANP_GROUP_BATCH_READ)
#define STORES (ANP_GROUP_WRITE | ANP_GROUP_OPERATE | ANP_GROUP_BATCH_WRITE)
#define WRITES (STORES | ANP_GROUP_REMOVE | ANP_GROUP_BATCH_REMOVE)
#define APPLIES (ANP_GROUP_APPLY | ANP_GROUP_BATCH_APPLY)
#define BATCHES                                                                                    \
    (ANP_GROUP_BATCH_READ | ANP_GROUP_BATCH_WRITE | ANP_GROUP_BATCH_REMOVE | ANP_GROUP_BATCH_APPLY)
#define CHANGES (WRITES | APPLIES)
#define DATA (READS | CHANGES)
#define CONFIG ANP_GROUP_CONFIG
#define P(member) offsetof(anp_py_policy, member)
#define C(member) offsetof(anp_py_config, member)
#define MS_MAX 2147483647
#define USED(name, kind, low, high, groups, place, note)                                           \
    {name, ANP_POLICY_##kind, low, high, groups, ANP_POLICY_USED, place, note}
#define IDLE(name, kind, low, high, groups, note)                                                  \
    {name, ANP_POLICY_##kind, low, high, groups, ANP_POLICY_IDLE, 0, note}
#define REFUSED(name, kind, low, high, groups, note)                                               \
    {name, ANP_POLICY_##kind, low, high, groups, ANP_POLICY_REFUSED, 0, note}

static const anp_policy_key table[] = {
    USED("total_timeout", INT, 0, MS_MAX, DATA | ANP_GROUP_INFO, P(engine.total_timeout_ms),
         "ms for the whole call; 0: no end"),
    USED("timeout", INT, 0, MS_MAX, ANP_GROUP_INFO, P(engine.total_timeout_ms),
         "ms for the whole call"),
    USED("socket_timeout", INT, 0, MS_MAX, DATA, P(engine.socket_timeout_ms),
         "longest silence of a connection, ms; 0: no limit"),
    USED("max_retries", INT, 0, 1000, DATA, P(engine.max_retries), "attempts after the first"),
    USED("sleep_between_retries", INT, 0, MS_MAX, DATA, P(engine.sleep_ms), "ms"),
    USED("replica", INT, 0, 4, DATA, P(engine.replica), "POLICY_REPLICA_*"),
    USED("read_mode_ap", INT, 0, 1, DATA, P(read_mode_ap), "POLICY_READ_MODE_AP_*"),
    USED("read_mode_sc", INT, 0, 3, READS | ANP_GROUP_OPERATE, P(read_mode_sc),
         "POLICY_READ_MODE_SC_*"),
    USED("read_touch_ttl_percent", TOUCH, -1, 100, DATA, P(read_touch),
         "0 the server's default, -1 never, 1 to 100"),
    USED("key", INT, 0, 1, DATA, P(key), "POLICY_KEY_*"),
    USED("exists", INT, 0, 4, STORES, P(exists), "POLICY_EXISTS_*"),
    USED("gen", INT, 0, 2, WRITES, P(gen), "POLICY_GEN_*"),
    USED("commit_level", INT, 0, 1, CHANGES, P(commit_level), "POLICY_COMMIT_LEVEL_*"),
    USED("durable_delete", BOOL, 0, 1, CHANGES, P(durable_delete),
         "leave a tombstone (Enterprise)"),
    USED("ttl", TTL, 0, 0, STORES | APPLIES, P(ttl),
         "seconds; -1 never, -2 keep, 0 the namespace's default"),
    USED("allow_inline", BOOL, 0, 1, BATCHES, P(engine.allow_inline),
         "serve in-memory namespaces in the receiving thread"),
    USED("allow_inline_ssd", BOOL, 0, 1, BATCHES, P(engine.allow_inline_ssd), "the same on SSD"),
    USED("respond_all_keys", BOOL, 0, 1, BATCHES, P(engine.respond_all),
         "go on after a row's error"),
    USED("threads", INT, 1, 64, ANP_GROUP_BATCH_READ, P(engine.threads),
         "threads of a read into arrays, each of at least 5,000 rows; 1 by default"),
    USED("expressions", FILTER, 0, 0, DATA, P(filter),
         "the command runs only on records for which this is true"),
    USED("filter_expression", FILTER, 0, 0, DATA, P(filter), "another name of expressions"),
    REFUSED("txn", ANY, 0, 0, DATA, "transactions are not built yet; only None is taken"),
    IDLE("compress", BOOL, 0, 1, DATA, "requests and replies go uncompressed"),
    IDLE("compression_threshold", INT, 0, MS_MAX, DATA | CONFIG, "requests go uncompressed"),
    IDLE("connect_timeout", INT, 0, MS_MAX, DATA, "the client's own counts"),
    IDLE("timeout_delay", INT, 0, MS_MAX, DATA, "a connection that timed out is closed"),
    IDLE("deserialize", BOOL, 0, 1, READS | ANP_GROUP_OPERATE, "lists and maps are always decoded"),
    IDLE("concurrent", BOOL, 0, 1, BATCHES, "nodes are always asked at once"),
    IDLE("concurrency", INT, 0, 1, BATCHES, "nodes are always asked at once"),
    IDLE("serializer", ANY, 0, 0, CHANGES | CONFIG, "nothing is pickled"),

    USED("cluster_name", TEXT, 0, 63, CONFIG, C(cluster_name), "checked against each node"),
    USED("app_id", TEXT, 0, 32, CONFIG, C(app_id), "told to the server"),
    USED("connect_timeout", INT, 1, MS_MAX, CONFIG, C(connect_timeout), "ms for one connection"),
    USED("timeout", INT, 1, MS_MAX, CONFIG, C(connect_timeout), "another name of connect_timeout"),
    USED("tend_interval", INT, 50, MS_MAX, CONFIG, C(tend_interval), "ms between rounds"),
    USED("max_conns_per_node", INT, 1, 65535, CONFIG, C(max_conns),
         "cap; beyond it calls wait their turn"),
    USED("min_conns_per_node", INT, 0, 65535, CONFIG, C(min_conns), "kept open"),
    USED("idle_timeout", INT, 0, MS_MAX, CONFIG, C(idle_ms),
         "ms until an idle connection is closed; 0: 55000"),
    USED("max_concurrent_operations", INT, 0, MS_MAX, CONFIG, C(max_operations),
         "under way at once, sync and async; further ones wait their turn. 0: no limit"),
    USED("operation_queue_timeout_ms", INT, 0, MS_MAX, CONFIG, C(queue_timeout),
         "longest wait for a turn, then BackpressureError; 0: without end"),
    USED("use_services_alternate", BOOL, 0, 1, CONFIG, C(use_services_alternate),
         "use the nodes' alternate addresses"),
    USED("fail_if_not_connected", BOOL, 0, 1, CONFIG, C(fail_if_not_connected),
         "connect() raises when no node answers"),
    USED("max_error_rate", INT, 0, MS_MAX, CONFIG, C(max_error_rate),
         "errors of a node in a window, beyond which it is left alone; 0: any number"),
    USED("error_rate_window", INT, 1, 65535, CONFIG, C(error_rate_window),
         "length of that window, in tend_intervals"),
    USED("rack_aware", BOOL, 0, 1, CONFIG, C(is_rack_aware),
         "learn the nodes' racks, for POLICY_REPLICA_PREFER_RACK"),
    USED("rack_id", INT, 0, MS_MAX, CONFIG, C(rack_id), "the preferred rack"),
    USED("rack_ids", RACKS, 1, ANP_RACKS_MAX, CONFIG, C(n_rack_ids),
         "preferred racks, best first; they win over rack_id"),
    IDLE("max_socket_idle", INT, 0, 86400, CONFIG, "idle_timeout counts (in ms)"),
    IDLE("conn_pools_per_node", INT, 1, 1024, CONFIG, "one pool serves all threads"),
    IDLE("thread_pool_size", INT, 0, 65535, CONFIG, "there is no thread pool"),
    IDLE("shm", ANY, 0, 0, CONFIG, "each process tends for itself"),
    IDLE("lua", ANY, 0, 0, CONFIG, "aggregation is not built yet"),
    IDLE("serialization", ANY, 0, 0, CONFIG, "nothing is pickled"),
    IDLE("send_bool_as", INT, 0, 10, CONFIG, "bool is always the server's bool"),
    IDLE("use_shared_connection", BOOL, 0, 1, CONFIG, "each client has connections of its own"),
    IDLE("force_single_node", BOOL, 0, 1, CONFIG, "a development setting of another client"),
    IDLE("validate_keys", BOOL, 0, 1, CONFIG, "keys are always validated"),
    IDLE("login_timeout_ms", INT, 0, MS_MAX, CONFIG, "there is no login yet"),
    REFUSED("tls", ANY, 0, 0, CONFIG, "TLS is not built yet; leave it out"),
    REFUSED("user", ANY, 0, 0, CONFIG, "authentication is not built yet; leave it out"),
    REFUSED("password", ANY, 0, 0, CONFIG, "authentication is not built yet; leave it out"),
    REFUSED("auth_mode", INT, 0, 0, CONFIG, "authentication is not built yet; leave it out"),
    REFUSED("config_provider", ANY, 0, 0, CONFIG,
            "a configuration file is not built yet; only None is taken"),
};

const anp_policy_key *anp_policy_key_at(size_t i)
{
    return i < sizeof table / sizeof table[0] ? &table[i] : NULL;
}

void anp_policy_default(anp_py_policy *out, anp_policy_group group)
{
    bool reads = (group & (READS | ANP_GROUP_INFO)) != 0;
    *out = (anp_py_policy){
        .engine = {.total_timeout_ms = (uint32_t)anp_patient_ms(1000),
                   .socket_timeout_ms = 30000,
                   .max_retries = reads ? 2 : 0,
                   .replica = ANP_REPLICA_SEQUENCE,
                   .each_window = (group & BATCHES) != 0,
                   .allow_inline = true,
                   .respond_all = true},
    };
}

PyObject *anp_policy_table(PyObject *module, PyObject *unused)
{
    static const char *const kinds[] = {"int", "bool", "ttl",        "percent",
                                        "str", "list", "expression", "any"};
    static const char *const effects[] = {"effective", "no effect", "refused"};
    static const struct {
        unsigned group;
        const char *name;
    } groups[] = {{ANP_GROUP_READ, "read"},
                  {ANP_GROUP_WRITE, "write"},
                  {ANP_GROUP_OPERATE, "operate"},
                  {ANP_GROUP_REMOVE, "remove"},
                  {ANP_GROUP_BATCH_READ, "batch"},
                  {ANP_GROUP_BATCH_WRITE, "batch_write"},
                  {ANP_GROUP_BATCH_REMOVE, "batch_remove"},
                  {ANP_GROUP_APPLY, "apply"},
                  {ANP_GROUP_BATCH_APPLY, "batch_apply"},
                  {ANP_GROUP_INFO, "info"},
                  {ANP_GROUP_CONFIG, "config"}};
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    const anp_policy_key *e;
    for (size_t i = 0; list != NULL && (e = anp_policy_key_at(i)) != NULL; i++) {
        PyObject *names = PyList_New(0);
        for (size_t g = 0; names != NULL && g < sizeof groups / sizeof groups[0]; g++) {
            if (e->groups & groups[g].group) {
                PyObject *name = PyUnicode_FromString(groups[g].name);
                if (name == NULL || PyList_Append(names, name) < 0) {
                    Py_CLEAR(names);
                }
                Py_XDECREF(name);
            }
        }
        PyObject *row = names == NULL
                            ? NULL
                            : Py_BuildValue("(ssLLNss)", e->name, kinds[e->kind], (long long)e->low,
                                            (long long)e->high, names, effects[e->effect], e->note);
        if (row == NULL || PyList_Append(list, row) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}
