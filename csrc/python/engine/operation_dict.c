/* An operation's dict taken apart; and what is said of one that is wrong. */
#include "python/engine/operation.h"

/* ---- errors ---- */

bool anp_op_wrong(const anp_op_encoder *e, unsigned key, const char *must)
{
    (void)anp_raise_bin(e->at.whose.state, ANP_ERR_PARAM, e->at.whose.bin,
                        "%s: '%s' must be %s, not %.200R", e->at.whose.where, anp_op_key_names[key],
                        must, e->values[key]);
    return false;
}

bool anp_op_missing(const anp_op_encoder *e, unsigned key)
{
    (void)anp_raise_bin(e->at.whose.state, ANP_ERR_PARAM, e->at.whose.bin,
                        "%s: the key '%s' is missing from its dict", e->at.whose.where,
                        anp_op_key_names[key]);
    return false;
}

bool anp_op_unknown(const anp_op_encoder *e, PyObject *key, PyObject *names)
{
    PyObject *module = names != NULL ? PyImport_ImportModule("aerospike_np._suggest") : NULL;
    PyObject *text =
        module != NULL && PyUnicode_Check(key)
            ? PyObject_CallMethod(module, "unknown_key", "OOs", key, names, e->at.whose.where)
        : module != NULL ? PyUnicode_FromFormat("%s: keys are str, not %R", e->at.whose.where, key)
                         : NULL;
    if (text != NULL) {
        (void)anp_raise_bin(e->at.whose.state, ANP_ERR_PARAM, e->at.whose.bin, "%U", text);
    }
    Py_XDECREF(text);
    Py_XDECREF(module);
    Py_XDECREF(names);
    return false;
}

/* ---- the dict ---- */

static uint64_t bit(unsigned key)
{
    return UINT64_C(1) << key;
}

static uint64_t keys_of_arg(const anp_op_arg *arg)
{
    uint64_t more = 0;
    switch (arg->kind) {
    case ANP_ARG_RETURN_MANY:
        more = bit(ANP_KEY_INVERTED);
        break;
    case ANP_ARG_BLOB:
        more = bit(ANP_KEY_VALUE_BYTE_SIZE);
        break;
    case ANP_ARG_LIST_CREATE:
        more = bit(ANP_KEY_PAD) | bit(ANP_KEY_PERSIST_INDEX);
        break;
    case ANP_ARG_MAP_CREATE:
        more = bit(ANP_KEY_PERSIST_INDEX);
        break;
    case ANP_ARG_BIT_ACTION:
        more = bit(ANP_KEY_SIGN);
        break;
    default:
        break;
    }
    return more | bit(arg->key);
}

/* The keys that an operation's dict may have. */
static uint64_t keys_of(const anp_op_spec *spec)
{
    uint64_t keys = bit(ANP_KEY_OP) | bit(ANP_KEY_BIN);
    for (const anp_op_arg *arg = spec->args; arg->kind != ANP_ARG_END; arg++) {
        keys |= keys_of_arg(arg);
    }
    return spec->form == ANP_FORM_CDT || spec->form == ANP_FORM_PATH ? keys | bit(ANP_KEY_CTX)
                                                                     : keys;
}

static unsigned key_number(PyObject *key)
{
    Py_ssize_t size;
    const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &size) : NULL;
    if (text == NULL) {
        PyErr_Clear();
        return ANP_OP_KEYS;
    }
    unsigned i = 0;
    while (i < ANP_OP_KEYS && strcmp(anp_op_key_names[i], text) != 0) {
        i++;
    }
    return i;
}

static PyObject *names_of(uint64_t keys)
{
    PyObject *names = PyList_New(0);
    for (unsigned i = 0; names != NULL && i < ANP_OP_KEYS; i++) {
        PyObject *name = keys & bit(i) ? PyUnicode_FromString(anp_op_key_names[i]) : NULL;
        if ((keys & bit(i)) != 0 && (name == NULL || PyList_Append(names, name) < 0)) {
            Py_CLEAR(names);
        }
        Py_XDECREF(name);
    }
    return names;
}

size_t anp_op_where(char where[ANP_OP_WHERE], size_t at, const char *more)
{
    size_t size = strlen(more), room = ANP_OP_WHERE - 1 - at;
    size = size < room ? size : room;
    memcpy(where + at, more, size);
    where[at + size] = 0;
    return at + size;
}

/* A key that belongs to another operation; new. */
static PyObject *misplaced(uint64_t keys)
{
    unsigned i = (unsigned)__builtin_ctzll(keys);
    return PyUnicode_FromString(anp_op_key_names[i]);
}

bool anp_op_take_dict(anp_op_encoder *e, PyObject *dict, char where[ANP_OP_WHERE], size_t at)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    PyObject *strange = NULL; /* owned */
    Py_BEGIN_CRITICAL_SECTION(dict);
    while (PyDict_Next(dict, &position, &key, &value)) {
        unsigned i = key_number(key);
        if (i < ANP_OP_KEYS) {
            Py_XSETREF(e->values[i], Py_NewRef(value));
            e->present |= bit(i);
        } else if (strange == NULL) {
            strange = Py_NewRef(key);
        }
    }
    Py_END_CRITICAL_SECTION();
    bool ok = false;
    int64_t code;
    if (e->values[ANP_KEY_OP] == NULL) {
        (void)anp_op_missing(e, ANP_KEY_OP);
    } else if (anp_op_integer(&e->at, e->values[ANP_KEY_OP], "op", &code)) {
        e->spec = code >= 0 && code < INT16_MAX ? anp_op_find((long)code) : NULL;
        ok = e->spec != NULL;
        if (!ok) {
            (void)anp_raise_arg(
                e->at.whose.state,
                "%s: there is no operation with \"op\" %lld; see the OPERATOR_* and "
                "OP_* constants",
                e->at.whose.where, (long long)code);
        }
    }
    if (ok) {
        at = anp_op_where(where, at, " (");
        at = anp_op_where(where, at, e->spec->name);
        (void)anp_op_where(where, at, ")");
        uint64_t known = keys_of(e->spec);
        if (e->values[ANP_KEY_VAL] == Py_None) {
            known |= bit(ANP_KEY_VAL); /* aerospike-py's dicts have it where there is no value */
        }
        if (strange == NULL && (e->present & ~known) != 0) {
            strange = misplaced(e->present & ~known);
            ok = strange != NULL;
        }
        if (strange != NULL) {
            ok = anp_op_unknown(e, strange, names_of(known));
        }
    }
    Py_XDECREF(strange);
    return ok;
}
