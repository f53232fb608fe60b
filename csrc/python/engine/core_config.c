/* What a Core is made from: hosts, settings, and the policies of a client. */
#include <stdio.h>

#include "python/engine/core.h"

static const struct {
    anp_policy_group group;
    const char *own;      /* by which the table of keys knows it */
    const char *names[3]; /* of the client-wide dicts, in the order in which they apply */
} groups[ANP_GROUPS] = {
    {ANP_GROUP_READ, "read", {"read"}},
    {ANP_GROUP_WRITE, "write", {"write"}},
    {ANP_GROUP_OPERATE, "operate", {"operate"}},
    {ANP_GROUP_REMOVE, "remove", {"remove"}},
    {ANP_GROUP_BATCH_READ, "batch", {"batch"}},
    {ANP_GROUP_BATCH_WRITE, "batch_write", {"batch_parent_write", "batch_write"}},
    {ANP_GROUP_BATCH_REMOVE, "batch_remove", {"batch_parent_write", "batch_remove"}},
    {ANP_GROUP_INFO, "info", {"info", "admin"}},
    {ANP_GROUP_APPLY, "apply", {"apply"}},
    {ANP_GROUP_BATCH_APPLY, "batch_apply", {"batch_parent_write", "batch_apply"}},
};

static const char *const later_groups[] = {"query", "scan", "txn_verify", "txn_roll", "metrics"};

static int group_index(anp_policy_group group)
{
    for (int i = 0; i < ANP_GROUPS; i++) {
        if (groups[i].group == group) {
            return i;
        }
    }
    return 0;
}

static bool is_group_name(const char *name)
{
    for (int i = 0; i < ANP_GROUPS; i++) {
        for (int k = 0; k < 3 && groups[i].names[k] != NULL; k++) {
            if (strcmp(groups[i].names[k], name) == 0) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < sizeof later_groups / sizeof later_groups[0]; i++) {
        if (strcmp(later_groups[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* What of a dict of base policies a group knows: keys of other groups are passed over, unknown ones
 * refused by the group that knows most (they all run over the same base). */
static PyObject *known_of(PyObject *base, anp_policy_group group)
{
    PyObject *table = anp_policy_table(NULL, NULL);
    PyObject *out = PyDict_New();
    PyObject *name = PyUnicode_FromString(groups[group_index(group)].own);
    if (table == NULL || name == NULL) {
        Py_CLEAR(out);
    }
    for (Py_ssize_t i = 0; out != NULL && i < PyList_GET_SIZE(table); i++) {
        PyObject *row = PyList_GET_ITEM(table, i);
        PyObject *key = PyTuple_GET_ITEM(row, 0);
        PyObject *value = PyDict_GetItemWithError(base, key);
        int has = value == NULL ? 0 : PySequence_Contains(PyTuple_GET_ITEM(row, 4), name);
        if (has < 0 || (has == 1 && PyDict_SetItem(out, key, value) < 0)) {
            Py_CLEAR(out);
        }
    }
    Py_XDECREF(name);
    Py_XDECREF(table);
    return out;
}

static bool take_policies(anp_core *core, PyObject *policies)
{
    PyObject *base = PyDict_New();
    bool ok = base != NULL;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (ok && PyDict_Next(policies, &at, &key, &value)) {
        const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
        if (name == NULL) {
            PyErr_Clear();
            (void)anp_raise_arg(core->state, "config: keys of policies are strings, not %R", key);
            ok = false;
        } else if (!is_group_name(name)) {
            ok = PyDict_SetItem(base, key, value) == 0;
        }
    }
    /* An unknown base key is nobody's: the widest group names it. */
    anp_py_policy scratch;
    if (ok && PyDict_GET_SIZE(base) != 0) {
        PyObject *unknown = PyDict_Copy(base);
        ok = unknown != NULL;
        for (int i = 0; ok && i < ANP_GROUPS; i++) {
            PyObject *known = known_of(base, groups[i].group);
            ok = known != NULL && anp_policy_parse(core->state, known, groups[i].group,
                                                   "config: policies", &core->policies[i]);
            Py_ssize_t k = 0;
            while (ok && PyDict_Next(known, &k, &key, &value)) {
                if (PyDict_GetItemWithError(unknown, key) != NULL) {
                    ok = PyDict_DelItem(unknown, key) == 0;
                }
            }
            Py_XDECREF(known);
        }
        anp_policy_default(&scratch, ANP_GROUP_BATCH_WRITE);
        ok = ok && anp_policy_parse(core->state, unknown, ANP_GROUP_BATCH_WRITE, "config: policies",
                                    &scratch);
        anp_policy_release(&scratch);
        Py_XDECREF(unknown);
    }
    for (int i = 0; ok && i < ANP_GROUPS; i++) {
        for (int k = 0; ok && k < 3 && groups[i].names[k] != NULL; k++) {
            char where[64];
            (void)snprintf(where, sizeof where, "config: policies[\"%s\"]", groups[i].names[k]);
            ok = anp_policy_parse(core->state, PyDict_GetItemString(policies, groups[i].names[k]),
                                  groups[i].group, where, &core->policies[i]);
        }
    }
    for (int i = 0; i < ANP_GROUPS; i++) {
        core->policies[i].client_ttl = core->policies[i].ttl;
    }
    Py_XDECREF(base);
    return ok;
}

static bool parse_policies(anp_core *core, PyObject *config)
{
    for (int i = 0; i < ANP_GROUPS; i++) {
        anp_policy_default(&core->policies[i], groups[i].group);
    }
    PyObject *policies = PyDict_GetItemString(config, "policies");
    if (policies == NULL || policies == Py_None) {
        return true;
    }
    if (!PyDict_Check(policies)) {
        PyErr_Format(
            PyExc_TypeError,
            "config: policies is a dict of dicts like {\"read\": {\"total_timeout\": 500}}, not %s",
            Py_TYPE(policies)->tp_name);
        return false;
    }
    PyObject *copy = PyDict_Copy(policies); /* another thread may change the caller's own */
    bool ok = copy != NULL && take_policies(core, copy);
    Py_XDECREF(copy);
    return ok;
}

const anp_py_policy *anp_core_default(const anp_core *core, anp_policy_group group)
{
    return &core->policies[group_index(group)];
}

bool anp_core_policy(anp_core *core, PyObject *dict, anp_policy_group group, const char *where,
                     anp_py_policy *out)
{
    anp_policy_copy(out, anp_core_default(core, group));
    if (!anp_policy_parse(core->state, dict, group, where, out)) {
        anp_policy_release(out);
        return false;
    }
    return true;
}

bool anp_core_policies(anp_core *core, PyObject *dict, PyObject *over, bool writes,
                       const char *where, anp_py_policy *out)
{
    const anp_policy_group keys = ANP_GROUP_BATCH_READ | ANP_GROUP_BATCH_WRITE;
    anp_policy_copy(out,
                    anp_core_default(core, writes ? ANP_GROUP_BATCH_WRITE : ANP_GROUP_BATCH_READ));
    if (!anp_policy_parse(core->state, dict, keys, where, out) ||
        !anp_policy_parse(core->state, over, keys, where, out)) {
        anp_policy_release(out);
        return false;
    }
    return true;
}

/* ---- hosts ---- */

static PyObject *parse_hosts(PyObject *hosts)
{
    PyObject *module = PyImport_ImportModule("aerospike_np._hosts");
    PyObject *parsed = module != NULL ? PyObject_CallMethod(module, "parse", "O", hosts) : NULL;
    Py_XDECREF(module);
    return parsed;
}

int anp_core_take_config(anp_core *core, PyObject *config)
{
    if (!anp_config_parse(core->state, config, &core->settings)) {
        return -1;
    }
    PyObject *hosts = PyDict_GetItemString(config, "hosts");
    if (hosts == NULL) {
        (void)anp_raise_arg(core->state,
                            "config: hosts is missing: give {\"hosts\": [(\"127.0.0.1\", 3000)]}");
        return -1;
    }
    core->hosts = parse_hosts(hosts);
    if (core->hosts == NULL || !parse_policies(core, config)) {
        return -1;
    }
    anp_error err;
    if (anp_gate_new((uint32_t)core->settings.max_operations, &core->gate, &err) != ANP_OK) {
        (void)anp_raise(core->state, &err, NULL);
        return -1;
    }
    core->config = Py_NewRef(config);
    return 0;
}
