/* The door to NumPy's C API, with numpy_field.c, which binds it: arrays as keys, and as plain
 * memory. Needs the GIL. */
#include "python/engine/numpy_field.h"

#define NO_IMPORT_ARRAY
#define PY_ARRAY_UNIQUE_SYMBOL anp_numpy_api
#include <numpy/arrayobject.h>

/* ---- keys ---- */

bool anp_numpy_keys(anp_state *state, PyObject *object, anp_keys *out)
{
    if (!anp_numpy_bind()) {
        return false;
    }
    if (!PyArray_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "keys: not an array");
        return false;
    }
    PyArrayObject *array = (PyArrayObject *)(void *)object;
    PyArray_Descr *descr = PyArray_DESCR(array);
    *out = (anp_keys){0};
    bool is_digests = PyArray_NDIM(array) == 2 && PyArray_TYPE(array) == NPY_UINT8 &&
                      PyArray_DIM(array, 1) == ANP_DIGEST_SIZE && PyArray_STRIDE(array, 1) == 1;
    if (PyArray_NDIM(array) != 1 && !is_digests) {
        PyErr_SetString(
            PyExc_TypeError,
            "keys: a 1-D array of keys, or an (n, 20) uint8 array of digests, is needed");
        return false;
    }
    out->count = out->total = (uint64_t)PyArray_DIM(array, 0);
    out->base = (const uint8_t *)PyArray_DATA(array);
    out->stride = PyArray_STRIDE(array, 0);
    out->width = (uint32_t)PyDataType_ELSIZE(descr);
    out->swapped = PyDataType_ISBYTESWAPPED(descr) != 0;
    if (is_digests) {
        out->kind = ANP_KEYS_DIGEST;
        return true;
    }
    switch (descr->kind) {
    case 'i':
        out->is_signed = true;
        out->kind = ANP_KEYS_INT;
        return true;
    case 'u':
        out->kind = ANP_KEYS_INT;
        return true;
    case 'S':
        out->kind = ANP_KEYS_BYTES;
        return true;
    case 'U':
        out->kind = ANP_KEYS_TEXT;
        return true;
    case 'V':
        if (!PyDataType_HASFIELDS(descr)) {
            out->kind = ANP_KEYS_BLOB;
            return true;
        }
        break;
    default:
        break;
    }
    (void)state;
    PyErr_Format(PyExc_TypeError,
                 "keys: an array of dtype %R holds no keys; integers, S, U, V and objects do",
                 (PyObject *)descr);
    return false;
}

/* ---- plain memory ---- */

void *anp_numpy_data(PyObject *object, size_t itemsize, Py_ssize_t n, const char *what,
                     bool writeable)
{
    if (!anp_numpy_bind()) {
        return NULL;
    }
    PyArrayObject *array = (PyArrayObject *)(void *)object;
    if (!PyArray_Check(object) || !PyArray_IS_C_CONTIGUOUS(array) ||
        (size_t)PyArray_ITEMSIZE(array) != itemsize || PyArray_SIZE(array) < n ||
        (writeable && !PyArray_ISWRITEABLE(array))) {
        PyErr_Format(PyExc_TypeError, "%s: not a contiguous array of %zd items of %zu bytes", what,
                     n, itemsize);
        return NULL;
    }
    return PyArray_DATA(array);
}

bool anp_numpy_strided(PyObject *object, size_t itemsize, Py_ssize_t n, const char *what,
                       const uint8_t **base, ptrdiff_t *stride)
{
    if (!anp_numpy_bind()) {
        return false;
    }
    PyArrayObject *array = (PyArrayObject *)(void *)object;
    if (!PyArray_Check(object) || PyArray_NDIM(array) != 1 ||
        (size_t)PyArray_ITEMSIZE(array) != itemsize || PyArray_DIM(array, 0) != n ||
        PyArray_ISBYTESWAPPED(array)) {
        PyErr_Format(PyExc_TypeError, "%s: not a 1-D array of %zd items of %zu bytes", what, n,
                     itemsize);
        return false;
    }
    *base = (const uint8_t *)PyArray_DATA(array);
    *stride = PyArray_STRIDE(array, 0);
    return true;
}

bool anp_numpy_store_object(PyObject *object, Py_ssize_t row, uint8_t *slot, PyObject *value)
{
    PyArrayObject *array = (PyArrayObject *)(void *)object;
    if (PyArray_TYPE(array) == NPY_OBJECT) { /* slot may be unaligned in packed rows */
        PyObject *old;
        memcpy(&old, slot, sizeof old);
        Py_INCREF(value);
        memcpy(slot, &value, sizeof value);
        Py_XDECREF(old);
        return true;
    }
    PyObject *index = PyLong_FromSsize_t(row);
    int failed = index == NULL ? -1 : PyObject_SetItem(object, index, value);
    Py_XDECREF(index);
    return failed == 0;
}

bool anp_numpy_is_object(PyObject *array)
{
    return PyArray_TYPE((PyArrayObject *)(void *)array) == NPY_OBJECT;
}

bool anp_numpy_is_dtype(PyObject *object)
{
    return anp_numpy_bind() && PyArray_DescrCheck(object);
}
