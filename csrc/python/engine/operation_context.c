/* What leads to a list or a map inside a bin, and expressions: both come as objects of the
 * package's classes, or of anything with the same attributes. */
#include "python/engine/operation.h"
#include "python/engine/value_look.h"

#include "wire/msgpack.h"

enum {
    STEPS_MAX = 64,
    CHILDREN = 0x04, /* types of steps that take several elements, or some of those */
    FILTERED = 0x204,
    KEYS_IN = 0x2a,
};

bool anp_op_integer(const anp_op_place *at, PyObject *value, const char *what, int64_t *out)
{
    PyObject *number = PyBool_Check(value) || PyFloat_Check(value) ? NULL : PyNumber_Index(value);
    if (number == NULL) {
        if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError)) {
            return false;
        }
        PyErr_Clear();
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: '%s' must be an integer, not %R", at->whose.where, what, value);
        return false;
    }
    int overflow;
    *out = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow != 0) {
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: '%s' doesn't fit into 64 bits with sign: %R", at->whose.where,
                            what, value);
        return false;
    }
    return *out != -1 || !PyErr_Occurred();
}

bool anp_op_bool(const anp_op_place *at, PyObject *value, const char *what, bool *out)
{
    anp_look look = {.kind = ANP_LOOK_NULL};
    bool ok = value == NULL || anp_look_at(&at->whose, value, &look);
    bool is_number = look.kind == ANP_LOOK_INT && (look.integer == 0 || look.integer == 1);
    *out = look.kind == ANP_LOOK_BOOL ? look.boolean : is_number && look.integer == 1;
    if (ok && look.kind != ANP_LOOK_NULL && look.kind != ANP_LOOK_BOOL && !is_number) {
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: '%s' must be True or False, not %.200R", at->whose.where, what,
                            value);
        ok = false;
    }
    anp_look_release(&look);
    return ok;
}

bool anp_op_expression(const anp_op_place *at, PyObject *expression, const char *what)
{
    PyObject *packed = PyObject_GetAttrString(expression, "packed");
    if (packed == NULL && !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        anp_raise_inside(at->whose.state, at->whose.where);
        return false;
    }
    if (packed == NULL || !PyBytes_Check(packed) || PyBytes_GET_SIZE(packed) == 0) {
        PyErr_Clear();
        Py_XDECREF(packed);
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: '%s' must be an expression, not %.200R", at->whose.where, what,
                            expression);
        return false;
    }
    anp_buffer_put(at->b, PyBytes_AS_STRING(packed), (size_t)PyBytes_GET_SIZE(packed));
    Py_DECREF(packed);
    return true;
}

/* A step of several elements where there must be one, or the first of all that narrows another. */
static bool misplaced(const anp_op_place *at, PyObject *step, int64_t type, Py_ssize_t i,
                      bool is_path)
{
    if (!is_path && (type == CHILDREN || type == FILTERED || type == KEYS_IN)) {
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: 'ctx': %.200R takes several elements; only paths can "
                            "(select_by_path, modify_by_path)",
                            at->whose.where, step);
        return true;
    }
    if (type == FILTERED && i == 0) {
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: 'ctx': %.200R narrows the step before it, and there is none",
                            at->whose.where, step);
        return true;
    }
    return false;
}

/* Step i: its type, and its value, which was packed when the step was made. */
static bool put_step(const anp_op_place *at, PyObject *step, Py_ssize_t i, unsigned create,
                     bool is_path)
{
    PyObject *type = PyObject_GetAttrString(step, "_type");
    PyObject *code = type != NULL ? PyObject_GetAttrString(step, "_code") : NULL;
    int64_t number;
    bool ok = code != NULL && anp_op_integer(at, type, "ctx", &number);
    if (ok) {
        anp_msgpack_put_int(at->b, number | (int64_t)create);
        ok = !misplaced(at, step, number, i, is_path) && anp_op_expression(at, code, "ctx");
    } else if (code == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: 'ctx' must hold steps made by aerospike_np.helpers.cdt_ctx, not "
                            "%.200R",
                            at->whose.where, step);
    }
    Py_XDECREF(code);
    Py_XDECREF(type);
    return ok;
}

bool anp_op_context(const anp_op_place *at, PyObject *context, unsigned create, bool is_path)
{
    PyObject *steps =
        PyList_Check(context) || PyTuple_Check(context) ? PySequence_Tuple(context) : NULL;
    if (steps == NULL) {
        if (!PyErr_Occurred()) {
            (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                                "%s: 'ctx' must be a list of steps of "
                                "aerospike_np.helpers.cdt_ctx, not %.200R",
                                at->whose.where, context);
        }
        return false;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(steps);
    bool ok = n <= STEPS_MAX && n != 0;
    if (n == 0) {
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: 'ctx' needs at least one step", at->whose.where);
    } else if (!ok) {
        (void)anp_raise_bin(at->whose.state, ANP_ERR_PARAM, at->whose.bin,
                            "%s: 'ctx' has %zd steps; the server follows at most %d",
                            at->whose.where, n, (int)STEPS_MAX);
    } else {
        anp_msgpack_put_list(at->b, 2 * (uint32_t)n);
    }
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        ok = put_step(at, PyTuple_GET_ITEM(steps, i), i, i == n - 1 ? create : 0, is_path);
    }
    Py_DECREF(steps);
    return ok;
}
