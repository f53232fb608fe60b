/* The table of policy and configuration keys, and its parser. Needs the GIL; no state beyond the
 * module's. */
#include "python/engine/policy.h"

#include <stddef.h>

#include "python/engine/patience.h"

typedef enum {
    KIND_INT,
    KIND_BOOL,
    KIND_TTL,
    KIND_TOUCH,
    KIND_TEXT,
    KIND_RACKS,
    KIND_FILTER,
    KIND_ANY
} kind;

typedef enum {
    EFFECTIVE,
    NO_EFFECT, /* accepted: changes nothing here */
    REFUSED,   /* not built yet, and would change what happens: only its "off" value is taken */
} effect;

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

static const struct entry {
    const char *name;
    kind kind;
    int64_t low, high;
    unsigned groups;
    effect effect;
    size_t place;
    const char *note;
} table[] = {
    {"total_timeout", KIND_INT, 0, MS_MAX, DATA | ANP_GROUP_INFO, EFFECTIVE,
     P(engine.total_timeout_ms), "ms for the whole call; 0: no end"},
    {"timeout", KIND_INT, 0, MS_MAX, ANP_GROUP_INFO, EFFECTIVE, P(engine.total_timeout_ms),
     "ms for the whole call"},
    {"socket_timeout", KIND_INT, 0, MS_MAX, DATA, EFFECTIVE, P(engine.socket_timeout_ms),
     "longest silence of a connection, ms; 0: no limit"},
    {"max_retries", KIND_INT, 0, 1000, DATA, EFFECTIVE, P(engine.max_retries),
     "attempts after the first"},
    {"sleep_between_retries", KIND_INT, 0, MS_MAX, DATA, EFFECTIVE, P(engine.sleep_ms), "ms"},
    {"replica", KIND_INT, 0, 4, DATA, EFFECTIVE, P(engine.replica), "POLICY_REPLICA_*"},
    {"read_mode_ap", KIND_INT, 0, 1, DATA, EFFECTIVE, P(read_mode_ap), "POLICY_READ_MODE_AP_*"},
    {"read_mode_sc", KIND_INT, 0, 3, READS | ANP_GROUP_OPERATE, EFFECTIVE, P(read_mode_sc),
     "POLICY_READ_MODE_SC_*"},
    {"read_touch_ttl_percent", KIND_TOUCH, -1, 100, DATA, EFFECTIVE, P(read_touch),
     "0 the server's default, -1 never, 1 to 100"},
    {"key", KIND_INT, 0, 1, DATA, EFFECTIVE, P(key), "POLICY_KEY_*"},
    {"exists", KIND_INT, 0, 4, STORES, EFFECTIVE, P(exists), "POLICY_EXISTS_*"},
    {"gen", KIND_INT, 0, 2, WRITES, EFFECTIVE, P(gen), "POLICY_GEN_*"},
    {"commit_level", KIND_INT, 0, 1, CHANGES, EFFECTIVE, P(commit_level), "POLICY_COMMIT_LEVEL_*"},
    {"durable_delete", KIND_BOOL, 0, 1, CHANGES, EFFECTIVE, P(durable_delete),
     "leave a tombstone (Enterprise)"},
    {"ttl", KIND_TTL, 0, 0, STORES | APPLIES, EFFECTIVE, P(ttl),
     "seconds; -1 never, -2 keep, 0 the namespace's default"},
    {"allow_inline", KIND_BOOL, 0, 1, BATCHES, EFFECTIVE, P(engine.allow_inline),
     "serve in-memory namespaces in the receiving thread"},
    {"allow_inline_ssd", KIND_BOOL, 0, 1, BATCHES, EFFECTIVE, P(engine.allow_inline_ssd),
     "the same on SSD"},
    {"respond_all_keys", KIND_BOOL, 0, 1, BATCHES, EFFECTIVE, P(engine.respond_all),
     "go on after a row's error"},
    {"threads", KIND_INT, 1, 64, ANP_GROUP_BATCH_READ, EFFECTIVE, P(engine.threads),
     "threads of a read into arrays, each of at least 5,000 rows; 1 by default"},
    {"expressions", KIND_FILTER, 0, 0, DATA, EFFECTIVE, P(filter),
     "the command runs only on records for which this is true"},
    {"filter_expression", KIND_FILTER, 0, 0, DATA, EFFECTIVE, P(filter),
     "another name of expressions"},
    {"txn", KIND_ANY, 0, 0, DATA, REFUSED, 0, "transactions are not built yet; only None is taken"},
    {"compress", KIND_BOOL, 0, 1, DATA, NO_EFFECT, 0, "requests and replies go uncompressed"},
    {"compression_threshold", KIND_INT, 0, MS_MAX, DATA | CONFIG, NO_EFFECT, 0,
     "requests go uncompressed"},
    {"connect_timeout", KIND_INT, 0, MS_MAX, DATA, NO_EFFECT, 0, "the client's own counts"},
    {"timeout_delay", KIND_INT, 0, MS_MAX, DATA, NO_EFFECT, 0,
     "a connection that timed out is closed"},
    {"deserialize", KIND_BOOL, 0, 1, READS | ANP_GROUP_OPERATE, NO_EFFECT, 0,
     "lists and maps are always decoded"},
    {"concurrent", KIND_BOOL, 0, 1, BATCHES, NO_EFFECT, 0, "nodes are always asked at once"},
    {"concurrency", KIND_INT, 0, 1, BATCHES, NO_EFFECT, 0, "nodes are always asked at once"},
    {"serializer", KIND_ANY, 0, 0, CHANGES | CONFIG, NO_EFFECT, 0, "nothing is pickled"},

    {"cluster_name", KIND_TEXT, 0, 63, CONFIG, EFFECTIVE, C(cluster_name),
     "checked against each node"},
    {"app_id", KIND_TEXT, 0, 32, CONFIG, EFFECTIVE, C(app_id), "told to the server"},
    {"connect_timeout", KIND_INT, 1, MS_MAX, CONFIG, EFFECTIVE, C(connect_timeout),
     "ms for one connection"},
    {"timeout", KIND_INT, 1, MS_MAX, CONFIG, EFFECTIVE, C(connect_timeout),
     "another name of connect_timeout"},
    {"tend_interval", KIND_INT, 50, MS_MAX, CONFIG, EFFECTIVE, C(tend_interval),
     "ms between rounds"},
    {"max_conns_per_node", KIND_INT, 1, 65535, CONFIG, EFFECTIVE, C(max_conns),
     "cap; beyond it calls wait their turn"},
    {"min_conns_per_node", KIND_INT, 0, 65535, CONFIG, EFFECTIVE, C(min_conns), "kept open"},
    {"idle_timeout", KIND_INT, 0, MS_MAX, CONFIG, EFFECTIVE, C(idle_ms),
     "ms until an idle connection is closed; 0: 55000"},
    {"max_concurrent_operations", KIND_INT, 0, MS_MAX, CONFIG, EFFECTIVE, C(max_operations),
     "under way at once, sync and async; further ones wait their turn. 0: no limit"},
    {"operation_queue_timeout_ms", KIND_INT, 0, MS_MAX, CONFIG, EFFECTIVE, C(queue_timeout),
     "longest wait for a turn, then BackpressureError; 0: without end"},
    {"use_services_alternate", KIND_BOOL, 0, 1, CONFIG, EFFECTIVE, C(use_services_alternate),
     "use the nodes' alternate addresses"},
    {"fail_if_not_connected", KIND_BOOL, 0, 1, CONFIG, EFFECTIVE, C(fail_if_not_connected),
     "connect() raises when no node answers"},
    {"max_error_rate", KIND_INT, 0, MS_MAX, CONFIG, EFFECTIVE, C(max_error_rate),
     "errors of a node in a window, beyond which it is left alone; 0: any number"},
    {"error_rate_window", KIND_INT, 1, 65535, CONFIG, EFFECTIVE, C(error_rate_window),
     "length of that window, in tend_intervals"},
    {"rack_aware", KIND_BOOL, 0, 1, CONFIG, EFFECTIVE, C(is_rack_aware),
     "learn the nodes' racks, for POLICY_REPLICA_PREFER_RACK"},
    {"rack_id", KIND_INT, 0, MS_MAX, CONFIG, EFFECTIVE, C(rack_id), "the preferred rack"},
    {"rack_ids", KIND_RACKS, 1, ANP_RACKS_MAX, CONFIG, EFFECTIVE, C(n_rack_ids),
     "preferred racks, best first; they win over rack_id"},
    {"max_socket_idle", KIND_INT, 0, 86400, CONFIG, NO_EFFECT, 0, "idle_timeout counts (in ms)"},
    {"conn_pools_per_node", KIND_INT, 1, 1024, CONFIG, NO_EFFECT, 0, "one pool serves all threads"},
    {"thread_pool_size", KIND_INT, 0, 65535, CONFIG, NO_EFFECT, 0, "there is no thread pool"},
    {"shm", KIND_ANY, 0, 0, CONFIG, NO_EFFECT, 0, "each process tends for itself"},
    {"lua", KIND_ANY, 0, 0, CONFIG, NO_EFFECT, 0, "aggregation is not built yet"},
    {"serialization", KIND_ANY, 0, 0, CONFIG, NO_EFFECT, 0, "nothing is pickled"},
    {"send_bool_as", KIND_INT, 0, 10, CONFIG, NO_EFFECT, 0, "bool is always the server's bool"},
    {"use_shared_connection", KIND_BOOL, 0, 1, CONFIG, NO_EFFECT, 0,
     "each client has connections of its own"},
    {"force_single_node", KIND_BOOL, 0, 1, CONFIG, NO_EFFECT, 0,
     "a development setting of another client"},
    {"validate_keys", KIND_BOOL, 0, 1, CONFIG, NO_EFFECT, 0, "keys are always validated"},
    {"login_timeout_ms", KIND_INT, 0, MS_MAX, CONFIG, NO_EFFECT, 0, "there is no login yet"},
    {"tls", KIND_ANY, 0, 0, CONFIG, REFUSED, 0, "TLS is not built yet; leave it out"},
    {"user", KIND_ANY, 0, 0, CONFIG, REFUSED, 0, "authentication is not built yet; leave it out"},
    {"password", KIND_ANY, 0, 0, CONFIG, REFUSED, 0,
     "authentication is not built yet; leave it out"},
    {"auth_mode", KIND_INT, 0, 0, CONFIG, REFUSED, 0,
     "authentication is not built yet; leave it out"},
    {"config_provider", KIND_ANY, 0, 0, CONFIG, REFUSED, 0,
     "a configuration file is not built yet; only None is taken"},
};
#undef P
#undef C

enum { N_TABLE = sizeof table / sizeof table[0] };

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

static bool refuse(anp_state *state, PyObject *key, anp_policy_group group, const char *where)
{
    PyObject *names = PyList_New(0);
    PyObject *module = NULL, *nearest = NULL;
    if (names == NULL) {
        return false;
    }
    for (size_t i = 0; i < N_TABLE; i++) {
        if (table[i].groups & group) {
            PyObject *name = PyUnicode_FromString(table[i].name);
            if (name == NULL || PyList_Append(names, name) < 0) {
                Py_XDECREF(name);
                goto done;
            }
            Py_DECREF(name);
        }
    }
    static const char *const apart[] = {"hosts", "policies", NULL};
    static const char *const commands[] = {"read",        "write",
                                           "operate",     "remove",
                                           "apply",       "batch",
                                           "batch_write", "batch_remove",
                                           "batch_apply", "batch_parent_write",
                                           "info",        "query",
                                           NULL};
    const char *const *more = group == ANP_GROUP_CONFIG                ? apart
                              : strcmp(where, "config: policies") == 0 ? commands
                                                                       : apart + 2;
    for (; *more != NULL; more++) { /* what the table has no row for */
        PyObject *name = PyUnicode_FromString(*more);
        if (name == NULL || PyList_Append(names, name) < 0) {
            Py_XDECREF(name);
            goto done;
        }
        Py_DECREF(name);
    }
    module = PyImport_ImportModule("aerospike_np._suggest");
    if (module != NULL) {
        nearest = PyObject_CallMethod(module, "unknown_key", "OOs", key, names, where);
    }
    if (nearest != NULL) {
        PyErr_SetObject(state->invalid_arg_error, nearest);
    }
done:
    Py_XDECREF(nearest);
    Py_XDECREF(module);
    Py_DECREF(names);
    return false;
}

static bool log_no_effect(const struct entry *e)
{
    PyObject *module = PyImport_ImportModule("aerospike_np._suggest");
    if (module == NULL) {
        return false;
    }
    PyObject *r = PyObject_CallMethod(module, "no_effect", "ss", e->name, e->note);
    Py_DECREF(module);
    Py_XDECREF(r);
    return r != NULL;
}

bool anp_ttl_parse(anp_state *state, PyObject *value, const char *where, int64_t *out)
{
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        PyErr_Clear();
        (void)anp_raise_arg(state, "%s: ttl must be an integer (seconds), not %s", where,
                            Py_TYPE(value)->tp_name);
        return false;
    }
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (v == -1 && PyErr_Occurred()) {
        return false;
    }
    if (overflow == 0 && v >= -3 && v < 0) {
        v += INT64_C(4294967296);
    }
    if (overflow != 0 || v < 0 || (v > ANP_TTL_MAX && v < INT64_C(4294967293)) ||
        v > INT64_C(4294967295)) {
        (void)anp_raise_arg(state,
                            "%s: ttl must be 0 (the namespace's default), -1 (never expires), -2 "
                            "(keep), -3 (the client's "
                            "default) or 1 to %d seconds; got %R",
                            where, (int)ANP_TTL_MAX, value);
        return false;
    }
    *out = v;
    return true;
}

static bool take_int(anp_state *state, const struct entry *e, PyObject *value, const char *where,
                     int64_t *out)
{
    if (PyFloat_Check(value) || PyUnicode_Check(value) || !PyIndex_Check(value)) {
        (void)anp_raise_arg(state, "%s: %s must be an integer, not %R", where, e->name, value);
        return false;
    }
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        return false;
    }
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (v == -1 && PyErr_Occurred()) {
        return false;
    }
    if (overflow != 0 || v < e->low || v > e->high) {
        (void)anp_raise_arg(state, "%s: %s must be from %lld to %lld (%s); got %R", where, e->name,
                            (long long)e->low, (long long)e->high, e->note, value);
        return false;
    }
    *out = v;
    return true;
}

static bool take_text(anp_state *state, const struct entry *e, PyObject *value, char *into)
{
    Py_ssize_t size;
    const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &size) : NULL;
    if (text == NULL || size > e->high || strlen(text) != (size_t)size) {
        PyErr_Clear();
        (void)anp_raise_arg(state, "config: %s must be a str of at most %lld bytes; got %R",
                            e->name, (long long)e->high, value);
        return false;
    }
    memcpy(into, text, (size_t)size + 1);
    return true;
}

static bool take_racks(anp_state *state, const struct entry *e, PyObject *value, anp_py_config *out)
{
    static const struct entry one = {"a rack of rack_ids", KIND_INT, 0, MS_MAX, 0, EFFECTIVE, 0,
                                     "a rack's number"};
    PyObject *list =
        PyUnicode_Check(value) || PyBytes_Check(value) ? NULL : PySequence_Tuple(value);
    Py_ssize_t n = list != NULL ? PyTuple_GET_SIZE(list) : 0;
    if (n < e->low || n > e->high) {
        PyErr_Clear();
        Py_XDECREF(list);
        (void)anp_raise_arg(state, "config: rack_ids must be a list of %lld to %lld racks; got %R",
                            (long long)e->low, (long long)e->high, value);
        return false;
    }
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        int64_t v = 0;
        ok = take_int(state, &one, PyTuple_GET_ITEM(list, i), "config", &v);
        out->rack_ids[i] = (int32_t)v;
    }
    out->n_rack_ids = ok ? (uint32_t)n : 0;
    Py_DECREF(list);
    return ok;
}

static bool store(anp_state *state, const struct entry *e, PyObject *value, const char *where,
                  void *out)
{
    char *place = (char *)out + e->place;
    int64_t v = 0;
    switch (e->kind) {
    case KIND_TEXT:
        return take_text(state, e, value, place);
    case KIND_RACKS:
        return take_racks(state, e, value, out);
    case KIND_FILTER:
        return anp_filter_take(state, e->name, value, where, (PyObject **)(void *)place);
    case KIND_TTL:
        return anp_ttl_parse(state, value, where, (int64_t *)(void *)place);
    case KIND_TOUCH:
        if (!take_int(state, e, value, where, &v)) {
            return false;
        }
        *(int64_t *)(void *)place = v < 0 ? INT64_C(4294967295) : v;
        return true;
    case KIND_BOOL: {
        int truth = PyObject_IsTrue(value);
        if (truth < 0) {
            return false;
        }
        *(bool *)(void *)place = truth != 0;
        return true;
    }
    default:
        if (!take_int(state, e, value, where, &v)) {
            return false;
        }
        int32_t narrow = (int32_t)v;
        memcpy(place, &narrow, sizeof narrow);
        return true;
    }
}

static bool is_off(const struct entry *e, PyObject *value)
{
    if (value == Py_None) {
        return true;
    }
    if (PyDict_Check(value)) { /* tls={"enable": False} */
        PyObject *enable = PyDict_GetItemString(value, "enable");
        return PyDict_GET_SIZE(value) == 0 || (enable != NULL && PyObject_IsTrue(enable) == 0);
    }
    return (e->kind == KIND_INT || e->kind == KIND_BOOL) && PyObject_IsTrue(value) == 0;
}

static bool take_one(anp_state *state, PyObject *key, PyObject *value, anp_policy_group group,
                     const char *where, void *out, const struct entry **found)
{
    const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    if (name == NULL) {
        PyErr_Clear();
        (void)anp_raise_arg(state, "%s: keys of a policy are strings, not %R", where, key);
        return false;
    }
    const struct entry *e = NULL;
    for (size_t i = 0; i < N_TABLE; i++) {
        if ((table[i].groups & group) && strcmp(table[i].name, name) == 0) {
            e = &table[i];
            break;
        }
    }
    *found = e;
    if (e == NULL) {
        return refuse(state, key, group, where);
    }
    if (e->effect == REFUSED) {
        if (is_off(e, value)) {
            return true;
        }
        if (!PyErr_Occurred()) {
            (void)anp_raise_arg(state, "%s: %s=%R: %s", where, name, value, e->note);
        }
        return false;
    }
    if (value == Py_None) { /* as if it weren't there */
        return true;
    }
    if (e->effect == NO_EFFECT) {
        return log_no_effect(e);
    }
    return store(state, e, value, where, out);
}

static bool is_mapping(PyObject *dict, const char *where)
{
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "%s: a policy or meta is a dict, not %s", where,
                     Py_TYPE(dict)->tp_name);
        return false;
    }
    return true;
}

/* Walks a copy: values may run Python code (__index__), and other threads may change the dict. */
static bool
each(anp_state *state, PyObject *dict, anp_policy_group group, const char *where, void *out,
     bool (*noted)(const struct entry *e, anp_state *state, PyObject *value, void *out, void *more),
     void *more)
{
    PyObject *items = PyDict_Items(dict);
    if (items == NULL) {
        return false;
    }
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        const struct entry *e = NULL;
        PyObject *value = PyTuple_GET_ITEM(pair, 1);
        ok = take_one(state, PyTuple_GET_ITEM(pair, 0), value, group, where, out, &e);
        if (ok && noted != NULL && e != NULL && value != Py_None) {
            ok = noted(e, state, value, out, more);
        }
    }
    Py_DECREF(items);
    return ok;
}

static bool note_policy(const struct entry *e, anp_state *state, PyObject *value, void *out,
                        void *more)
{
    anp_py_policy *p = out;
    (void)state;
    (void)value;
    (void)more;
    if (e->effect == EFFECTIVE && e->place < offsetof(anp_py_policy, total_given)) {
        p->of_call = e->name;
    }
    if (e->effect == EFFECTIVE && e->place == offsetof(anp_py_policy, engine.total_timeout_ms)) {
        p->total_given = true;
        p->engine.each_window = false;
    } else if (e->effect == EFFECTIVE && e->place == offsetof(anp_py_policy, gen)) {
        p->gen_given = true;
    }
    return true;
}

bool anp_policy_parse(anp_state *state, PyObject *dict, anp_policy_group group, const char *where,
                      anp_py_policy *out)
{
    if (dict == NULL || dict == Py_None) {
        return true;
    }
    return is_mapping(dict, where) && anp_filter_is_one(state, dict, where) &&
           each(state, dict, group, where, out, note_policy, NULL);
}

bool anp_config_parse(anp_state *state, PyObject *dict, anp_py_config *out)
{
    *out = (anp_py_config){.connect_timeout = anp_patient_ms(1000),
                           .tend_interval = 1000,
                           .max_conns = 100,
                           .idle_ms = 55000,
                           .max_error_rate = 100,
                           .error_rate_window = 1,
                           .fail_if_not_connected = true};
    if (!PyDict_Check(dict)) {
        PyErr_Format(
            PyExc_TypeError,
            "the configuration is a dict like {\"hosts\": [(\"127.0.0.1\", 3000)]}, not %s",
            Py_TYPE(dict)->tp_name);
        return false;
    }
    PyObject *rest = PyDict_Copy(dict);
    bool ok = rest != NULL;
    const char *apart[] = {"hosts", "policies"};
    for (size_t i = 0; ok && i < 2; i++) {
        if (PyDict_GetItemString(rest, apart[i]) != NULL) {
            ok = PyDict_DelItemString(rest, apart[i]) == 0;
        }
    }
    ok = ok && each(state, rest, ANP_GROUP_CONFIG, "config", out, NULL, NULL);
    Py_XDECREF(rest);
    if (ok && out->min_conns > out->max_conns) {
        (void)anp_raise_arg(state,
                            "config: min_conns_per_node (%d) is above max_conns_per_node (%d)",
                            (int)out->min_conns, (int)out->max_conns);
        return false;
    }
    return ok;
}

bool anp_meta_parse(anp_state *state, PyObject *dict, anp_policy_group group, const char *where,
                    anp_py_policy *policy, uint32_t *generation)
{
    if (dict == NULL || dict == Py_None) {
        return true;
    }
    if (!is_mapping(dict, where) || !anp_filter_is_one(state, dict, where)) {
        return false;
    }
    PyObject *rest = PyDict_Copy(dict);
    if (rest == NULL) {
        return false;
    }
    bool ok = true;
    PyObject *gen = PyDict_GetItemString(rest, "gen");
    if (gen != NULL) {
        static const struct entry generation_entry = {
            "meta gen", KIND_INT, 0, 65535, 0, EFFECTIVE, 0, "the record's generation"};
        int64_t v = 0;
        ok = gen == Py_None || take_int(state, &generation_entry, gen, where, &v);
        if (ok && gen != Py_None) {
            *generation = (uint32_t)v;
            if (!policy->gen_given) {
                policy->gen = 1;
            }
        }
        ok = ok && PyDict_DelItemString(rest, "gen") == 0;
    }
    if (ok && (group & (ANP_GROUP_REMOVE | ANP_GROUP_BATCH_REMOVE | ANP_GROUP_BATCH_READ)) &&
        PyDict_GetItemString(rest, "ttl") != NULL) {
        ok = PyDict_DelItemString(rest, "ttl") ==
             0; /* other clients take one here too, and have no use for it */
    }
    ok = ok && each(state, rest, group, where, policy, note_policy, NULL);
    Py_DECREF(rest);
    return ok;
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
    for (size_t i = 0; list != NULL && i < N_TABLE; i++) {
        const struct entry *e = &table[i];
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
