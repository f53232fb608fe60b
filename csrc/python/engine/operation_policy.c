/* The policies inside of operations: few keys, under the names of more than one client. */
#include "python/engine/operation.h"

typedef struct policy_key {
    const char *name;
    uint8_t slot;
    uint8_t high; /* largest value */
} policy_key;

enum { SLOT_ORDER, SLOT_FLAGS, SLOT_PERSIST, SLOTS };

static const policy_key list_keys[] = {{"list_order", SLOT_ORDER, 1},
                                       {"order", SLOT_ORDER, 1},
                                       {"write_flags", SLOT_FLAGS, 15},
                                       {"flags", SLOT_FLAGS, 15},
                                       {NULL, 0, 0}};
static const policy_key map_keys[] = {
    {"map_order", SLOT_ORDER, 3},        {"order", SLOT_ORDER, 3},
    {"map_write_flags", SLOT_FLAGS, 15}, {"flags", SLOT_FLAGS, 15},
    {"map_write_mode", SLOT_FLAGS, 15},  {"write_mode", SLOT_FLAGS, 15},
    {"persist_index", SLOT_PERSIST, 1},  {NULL, 0, 0}};
static const policy_key bit_keys[] = {
    {"bit_write_flags", SLOT_FLAGS, 15}, {"flags", SLOT_FLAGS, 15}, {NULL, 0, 0}};
static const policy_key hll_keys[] = {{"flags", SLOT_FLAGS, 15}, {NULL, 0, 0}};

static bool take_policy_key(const anp_op_encoder *e, const policy_key *keys, PyObject *key,
                            PyObject *value, int64_t out[SLOTS])
{
    const policy_key *k = keys;
    while (k->name != NULL &&
           !(PyUnicode_Check(key) && PyUnicode_CompareWithASCIIString(key, k->name) == 0)) {
        k++;
    }
    if (k->name == NULL) {
        PyObject *names = PyList_New(0);
        for (k = keys; names != NULL && k->name != NULL; k++) {
            PyObject *name = PyUnicode_FromString(k->name);
            if (name == NULL || PyList_Append(names, name) < 0) {
                Py_CLEAR(names);
            }
            Py_XDECREF(name);
        }
        return anp_op_unknown(e, key, names);
    }
    int64_t number;
    bool persists;
    if (k->slot == SLOT_PERSIST) {
        if (!anp_op_bool(&e->at, value, k->name, &persists)) {
            return false;
        }
        number = persists;
    } else if (!anp_op_integer(&e->at, value, k->name, &number)) {
        return false;
    }
    if (number < 0 || number > k->high) {
        (void)anp_raise_bin(e->at.whose.state, ANP_ERR_PARAM, e->at.whose.bin,
                            "%s: '%s' must be from 0 to %d, not %lld", e->at.whose.where, k->name,
                            (int)k->high, (long long)number);
        return false;
    }
    out[k->slot] |= number;
    return true;
}

/* *given: there is a policy, and it is not empty. */
static bool take_policy(const anp_op_encoder *e, unsigned key, const policy_key *keys, bool *given,
                        int64_t out[SLOTS])
{
    PyObject *policy = e->values[key];
    memset(out, 0, SLOTS * sizeof *out);
    *given = false;
    if (policy == NULL || policy == Py_None) {
        return true;
    }
    if (!PyDict_Check(policy)) {
        return anp_op_wrong(e, key, "a dict");
    }
    PyObject *copy = PyDict_Copy(policy);
    bool ok = copy != NULL;
    PyObject *name, *value;
    Py_ssize_t position = 0;
    while (ok && PyDict_Next(copy, &position, &name, &value)) {
        *given = true;
        ok = take_policy_key(e, keys, name, value, out);
    }
    Py_XDECREF(copy);
    return ok;
}

bool anp_op_put_policy(anp_op_encoder *e, const anp_op_arg *arg)
{
    static const policy_key *const keys[] = {
        [ANP_KEY_LIST_POLICY] = list_keys,
        [ANP_KEY_MAP_POLICY] = map_keys,
        [ANP_KEY_POLICY] = bit_keys,
        [ANP_KEY_HLL_POLICY] = hll_keys,
    };
    int64_t slots[SLOTS];
    bool given;
    if (!take_policy(e, arg->key, keys[arg->key], &given, slots)) {
        return false;
    }
    int64_t order = slots[SLOT_ORDER] | (slots[SLOT_PERSIST] ? ANP_OP_PERSISTS : 0);
    switch (arg->kind) {
    case ANP_ARG_LIST_POLICY:
        return !given || (anp_op_put_integer(e, order) && anp_op_put_integer(e, slots[SLOT_FLAGS]));
    case ANP_ARG_LIST_FLAGS:
        return !given || anp_op_put_integer(e, slots[SLOT_FLAGS]);
    case ANP_ARG_MAP_ORDER:
        /* the order of a whole map that is inside another: nothing of it is stored */
        if (e->spec->args[0].kind == ANP_ARG_MAP_ORDER && e->values[ANP_KEY_CTX] != NULL) {
            order = slots[SLOT_ORDER];
        }
        return anp_op_put_integer(e, order);
    case ANP_ARG_MAP_POLICY:
        return anp_op_put_integer(e, order) &&
               (slots[SLOT_FLAGS] == 0 || anp_op_put_integer(e, slots[SLOT_FLAGS]));
    default:
        return anp_op_put_integer(e, slots[SLOT_FLAGS]);
    }
}
