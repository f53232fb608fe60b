/* Key tuples (namespace, set, user key[, digest]) and user keys, taken apart.
 *
 *   int and whatever has __index__ -> integer    str -> string    bytes -> hashed as a string
 *   bytearray, blob(...) -> blob
 *
 * bytes are hashed as a string because the official client does, and existing data depend on it. */
#include "python/engine/key_look.h"

#include <stdarg.h>

/* Raises with "keys[row]: " (or "key: ") in front. */
static bool fail(anp_state *state, bool is_type_error, Py_ssize_t row, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PyObject *what = PyUnicode_FromFormatV(format, args);
    va_end(args);
    PyObject *text = NULL;
    if (what != NULL) {
        text = row >= 0 ? PyUnicode_FromFormat("keys[%zd]: %U", row, what)
                        : PyUnicode_FromFormat("key: %U", what);
        Py_DECREF(what);
    }
    if (text != NULL) {
        if (is_type_error) {
            PyErr_SetObject(PyExc_TypeError, text);
        } else {
            anp_raise_arg(state, "%U", text);
        }
        Py_DECREF(text);
    }
    return false;
}

static const char *type_name(PyObject *value)
{
    return Py_TYPE(value)->tp_name;
}

/* A str's UTF-8, with lone surrogates explained. */
static bool utf8(anp_state *state, PyObject *value, Py_ssize_t row, const char *what,
                 anp_slice *out)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text != NULL) {
        *out = (anp_slice){(const uint8_t *)text, (size_t)size};
        return true;
    }
    if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        fail(state, false, row, "the %s holds lone surrogates, which UTF-8 has no bytes for", what);
    }
    return false;
}

static bool name_look(anp_state *state, PyObject *value, Py_ssize_t row, const char *what,
                      size_t max, anp_slice *out)
{
    if (!utf8(state, value, row, what, out)) {
        return false;
    }
    if (out->size > max) {
        return fail(state, false, row,
                    "the %s %.100R is %zu bytes long; the server takes at most %zu", what, value,
                    out->size, max);
    }
    return true;
}

bool anp_namespace_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_slice *out)
{
    if (!PyUnicode_Check(value)) {
        return fail(state, true, row, "the namespace is a str, not %.100s", type_name(value));
    }
    if (PyUnicode_GET_LENGTH(value) == 0) {
        return fail(state, false, row, "the namespace can't be empty");
    }
    return name_look(state, value, row, "namespace", ANP_NAMESPACE_MAX, out);
}

bool anp_set_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_slice *out)
{
    if (value == Py_None) {
        *out = (anp_slice){NULL, 0};
        return true;
    }
    if (!PyUnicode_Check(value)) {
        return fail(state, true, row, "the set is a str or None, not %.100s", type_name(value));
    }
    return name_look(state, value, row, "set", ANP_SET_MAX, out);
}

static bool integer_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_key *out)
{
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) {
        return fail(state, false, row,
                    "the integer doesn't fit into 64 bits with sign (-9223372036854775808 to "
                    "9223372036854775807)");
    }
    *out = (anp_key){.type = ANP_PARTICLE_INTEGER, .integer = v};
    return v != -1 || !PyErr_Occurred();
}

static bool bytes_look(anp_state *state, const void *data, size_t size, uint8_t type,
                       Py_ssize_t row, anp_key *out)
{
    if (size > ANP_PROTO_MAX) {
        return fail(state, false, row,
                    "the user key is %zu bytes long; the protocol's largest is %d", size,
                    ANP_PROTO_MAX);
    }
    *out = (anp_key){.bytes = data, .size = (uint32_t)size, .type = type};
    return true;
}

#define KEY_TYPES "a user key is int, str, bytes, bytearray, or an integer or string of NumPy's"

static bool refuse(anp_state *state, PyObject *value, Py_ssize_t row)
{
    if (value == Py_None) {
        return fail(state, false, row, KEY_TYPES "; None is right only with a digest behind it");
    }
    if (PyBool_Check(value)) {
        return fail(state, false, row, KEY_TYPES ", not bool; pass int(value)");
    }
    /* Values that a bin could have, but not a key. */
    bool is_value = PyFloat_Check(value) || PyList_Check(value) || PyDict_Check(value);
    return fail(state, !is_value, row, KEY_TYPES ", not %.100s", type_name(value));
}

/* Objects with __index__: NumPy's integers and 0-d arrays of them. */
static bool index_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_key *out)
{
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) { /* an array, or numpy.bool */
            PyErr_Clear();
            return refuse(state, value, row);
        }
        return false;
    }
    bool ok = integer_look(state, number, row, out);
    Py_DECREF(number);
    return ok;
}

/* bytes and its subclasses; blob(...) is one that asks for the blob type. */
static bool bytes_object_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_key *out)
{
    uint8_t type = ANP_PARTICLE_STRING;
    PyObject *class = state->typed_blob_class;
    if (!PyBytes_CheckExact(value) && class != NULL && PyType_Check(class) &&
        PyObject_TypeCheck(value, (PyTypeObject *)class)) {
        PyObject *number = PyObject_GetAttrString(value, "particle_type");
        long particle = number != NULL ? PyLong_AsLong(number) : -1;
        Py_XDECREF(number);
        if (particle == -1 && PyErr_Occurred()) {
            return false;
        }
        if (particle != ANP_PARTICLE_BLOB) {
            return fail(state, false, row, "bytes of particle type %ld can't be a user key",
                        particle);
        }
        type = ANP_PARTICLE_BLOB;
    }
    return bytes_look(state, PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value), type, row,
                      out);
}

bool anp_user_key_parse(anp_state *state, PyObject *value, Py_ssize_t row, anp_key *out,
                        PyObject **hold)
{
    *hold = NULL;
    if (PyLong_CheckExact(value)) {
        return integer_look(state, value, row, out);
    }
    if (PyUnicode_Check(value)) {
        anp_slice text;
        return utf8(state, value, row, "user key", &text) &&
               bytes_look(state, text.data, text.size, ANP_PARTICLE_STRING, row, out);
    }
    if (PyBytes_Check(value)) {
        return bytes_object_look(state, value, row, out);
    }
    if (PyByteArray_Check(value)) {
        *hold = PyBytes_FromObject(value); /* the caller may change it while we work */
        if (*hold == NULL) {
            return false;
        }
        if (!bytes_look(state, PyBytes_AS_STRING(*hold), (size_t)PyBytes_GET_SIZE(*hold),
                        ANP_PARTICLE_BLOB, row, out)) {
            Py_CLEAR(*hold);
            return false;
        }
        return true;
    }
    if (PyBool_Check(value)) {
        return refuse(state, value, row);
    }
    if (PyLong_Check(value)) {
        return integer_look(state, value, row, out);
    }
    return PyIndex_Check(value) ? index_look(state, value, row, out) : refuse(state, value, row);
}

static bool digest_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_py_key *out)
{
    if (!PyBytes_Check(value) && !PyByteArray_Check(value)) {
        return fail(state, true, row, "the digest is bytes or bytearray, not %.100s",
                    type_name(value));
    }
    PyObject *bytes = PyBytes_FromObject(value); /* another thread may change a bytearray */
    if (bytes == NULL) {
        return false;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(bytes);
    if (size == ANP_DIGEST_SIZE) {
        memcpy(out->digest, PyBytes_AS_STRING(bytes), ANP_DIGEST_SIZE);
        out->has_digest = true;
    }
    Py_DECREF(bytes);
    return out->has_digest ||
           fail(state, false, row, "the digest is %zd bytes long, not %d", size, ANP_DIGEST_SIZE);
}

bool anp_key_look(anp_state *state, PyObject *tuple, Py_ssize_t row, anp_py_key *out)
{
    out->hold = NULL;
    out->has_digest = false;
    if (!PyTuple_Check(tuple)) {
        return fail(state, true, row, "a key is a tuple (namespace, set, user key), not %.100s",
                    type_name(tuple));
    }
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    if (n < 3 || n > 4) {
        return fail(
            state, false, row,
            "a key is (namespace, set, user key) or (namespace, set, user key, digest), not a "
            "tuple of %zd elements",
            n);
    }
    if (!anp_namespace_look(state, PyTuple_GET_ITEM(tuple, 0), row, &out->namespace_name) ||
        !anp_set_look(state, PyTuple_GET_ITEM(tuple, 1), row, &out->set)) {
        return false;
    }
    PyObject *user_key = PyTuple_GET_ITEM(tuple, 2);
    /* AerospikeKey always has a fourth element; None stands for no digest there. */
    if (n == 4 && PyTuple_GET_ITEM(tuple, 3) != Py_None &&
        !digest_look(state, PyTuple_GET_ITEM(tuple, 3), row, out)) {
        return false;
    }
    if (out->has_digest && user_key == Py_None) {
        out->key = (anp_key){.type = ANP_PARTICLE_NULL};
        return true;
    }
    return anp_user_key_parse(state, user_key, row, &out->key, &out->hold);
}

bool anp_key_parse(anp_state *state, PyObject *tuple, Py_ssize_t row, anp_py_key *out)
{
    if (!anp_key_look(state, tuple, row, out)) {
        return false;
    }
    if (!out->has_digest) {
        anp_digest(out->set.data, out->set.size, &out->key, out->digest);
    }
    return true;
}

void anp_key_release(anp_py_key *key)
{
    Py_CLEAR(key->hold);
}
