/* The package's named tuples, made as tuples are: their own __new__ is a Python function, which
 * costs more than all that goes into them. */
#include "python/engine/binding.h"

PyObject *anp_named_tuple(PyObject *class, PyObject *const *items, Py_ssize_t n)
{
    PyTypeObject *type = (PyTypeObject *)(void *)class;
    bool ok = true;
    for (Py_ssize_t i = 0; i < n; i++) {
        ok = ok && items[i] != NULL;
    }
    PyObject *tuple = ok ? type->tp_alloc(type, n) : NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (tuple != NULL) {
            PyTuple_SET_ITEM(tuple, i, items[i]);
        } else {
            Py_XDECREF(items[i]);
        }
    }
    return tuple;
}

PyObject *anp_meta_tuple(anp_state *state, uint32_t generation, uint32_t ttl)
{
    PyObject *items[] = {PyLong_FromUnsignedLong(generation), PyLong_FromUnsignedLong(ttl)};
    return anp_named_tuple(state->meta_class, items, 2);
}
