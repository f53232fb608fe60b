/* Dicts of policies and of the configuration, read by the table of their keys. Needs the GIL; no
 * state beyond the module's. */
#include "python/engine/policy.h"

#include <stddef.h>

#include "python/engine/patience.h"
#include "python/engine/policy_table.h"

static bool refuse(anp_state *state, PyObject *key, anp_policy_group group, const char *where)
{
    PyObject *names = PyList_New(0);
    PyObject *module = NULL, *nearest = NULL;
    if (names == NULL) {
        return false;
    }
    const anp_policy_key *e;
    for (size_t i = 0; (e = anp_policy_key_at(i)) != NULL; i++) {
        if (e->groups & group) {
            PyObject *name = PyUnicode_FromString(e->name);
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

static bool log_no_effect(const anp_policy_key *e)
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
    if (overflow != 0 || v < 0 || (v > ANP_TTL_MAX && v < ANP_TTL_CLIENT) ||
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

static bool take_int(anp_state *state, const anp_policy_key *e, PyObject *value, const char *where,
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

static bool take_text(anp_state *state, const anp_policy_key *e, PyObject *value, char *into)
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

static bool take_racks(anp_state *state, const anp_policy_key *e, PyObject *value,
                       anp_py_config *out)
{
    static const anp_policy_key one = {
        "a rack of rack_ids", ANP_POLICY_INT, 0, INT32_MAX, 0, ANP_POLICY_USED, 0,
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

static bool store(anp_state *state, const anp_policy_key *e, PyObject *value, const char *where,
                  void *out)
{
    char *place = (char *)out + e->place;
    int64_t v = 0;
    switch (e->kind) {
    case ANP_POLICY_TEXT:
        return take_text(state, e, value, place);
    case ANP_POLICY_RACKS:
        return take_racks(state, e, value, out);
    case ANP_POLICY_FILTER:
        return anp_filter_take(state, e->name, value, where, (PyObject **)(void *)place);
    case ANP_POLICY_TTL:
        return anp_ttl_parse(state, value, where, (int64_t *)(void *)place);
    case ANP_POLICY_TOUCH:
        if (!take_int(state, e, value, where, &v)) {
            return false;
        }
        *(int64_t *)(void *)place = v < 0 ? INT64_C(4294967295) : v;
        return true;
    case ANP_POLICY_BOOL: {
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

static bool is_off(const anp_policy_key *e, PyObject *value)
{
    if (value == Py_None) {
        return true;
    }
    if (PyDict_Check(value)) { /* tls={"enable": False} */
        PyObject *enable = PyDict_GetItemString(value, "enable");
        return PyDict_GET_SIZE(value) == 0 || (enable != NULL && PyObject_IsTrue(enable) == 0);
    }
    return (e->kind == ANP_POLICY_INT || e->kind == ANP_POLICY_BOOL) && PyObject_IsTrue(value) == 0;
}

static bool take_one(anp_state *state, PyObject *key, PyObject *value, anp_policy_group group,
                     const char *where, void *out, const anp_policy_key **found)
{
    const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    if (name == NULL) {
        PyErr_Clear();
        (void)anp_raise_arg(state, "%s: keys of a policy are strings, not %R", where, key);
        return false;
    }
    const anp_policy_key *e;
    size_t i = 0;
    while ((e = anp_policy_key_at(i++)) != NULL &&
           (!(e->groups & group) || strcmp(e->name, name) != 0)) {
    }
    *found = e;
    if (e == NULL) {
        return refuse(state, key, group, where);
    }
    if (e->effect == ANP_POLICY_REFUSED) {
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
    if (e->effect == ANP_POLICY_IDLE) {
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
static bool each(anp_state *state, PyObject *dict, anp_policy_group group, const char *where,
                 void *out,
                 bool (*noted)(const anp_policy_key *e, anp_state *state, PyObject *value,
                               void *out, void *more),
                 void *more)
{
    PyObject *items = PyDict_Items(dict);
    if (items == NULL) {
        return false;
    }
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        const anp_policy_key *e = NULL;
        PyObject *value = PyTuple_GET_ITEM(pair, 1);
        ok = take_one(state, PyTuple_GET_ITEM(pair, 0), value, group, where, out, &e);
        if (ok && noted != NULL && e != NULL && value != Py_None) {
            ok = noted(e, state, value, out, more);
        }
    }
    Py_DECREF(items);
    return ok;
}

static bool note_policy(const anp_policy_key *e, anp_state *state, PyObject *value, void *out,
                        void *more)
{
    anp_py_policy *p = out;
    (void)state;
    (void)value;
    (void)more;
    if (e->effect == ANP_POLICY_USED && e->place < offsetof(anp_py_policy, total_given)) {
        p->of_call = e->name;
    }
    if (e->effect == ANP_POLICY_USED &&
        e->place == offsetof(anp_py_policy, engine.total_timeout_ms)) {
        p->total_given = true;
        p->engine.each_window = false;
    } else if (e->effect == ANP_POLICY_USED && e->place == offsetof(anp_py_policy, gen)) {
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
        static const anp_policy_key generation_entry = {
            "meta gen", ANP_POLICY_INT, 0, 65535, 0, ANP_POLICY_USED, 0, "the record's generation"};
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
