/* Keys of a batch: lists walked in slices, arrays read in place. Needs the GIL. */
#include "python/engine/key_source.h"

#include "python/engine/numpy_field.h"

enum { SLICE = 16384 };

void anp_key_source_free(anp_key_source *s)
{
    anp_key_pack_deinit(&s->pack);
    Py_XDECREF(s->sequence);
    Py_XDECREF(s->hold);
    PyMem_Free(s);
}

bool anp_key_source_next(anp_state *state, anp_key_source *s)
{
    Py_ssize_t total = (Py_ssize_t)s->view.total;
    Py_ssize_t n = total - s->next < SLICE ? total - s->next : SLICE;
    if (PySequence_Fast_GET_SIZE(s->sequence) != total) {
        PyErr_Format(PyExc_RuntimeError,
                     "keys: the list changed its size during the call (%zd keys at first, %zd now)",
                     total, PySequence_Fast_GET_SIZE(s->sequence));
        return false;
    }
    anp_key_pack_clear(&s->pack); /* the slice before is digested */
    if (!anp_key_pack_walk(state, &s->pack, s->sequence, s->next, n, NULL, NULL)) {
        return false;
    }
    s->next += n;
    anp_key_pack_view(&s->pack, (uint64_t)total, &s->view);
    return true;
}

static bool from_sequence(anp_state *state, anp_key_source *s, PyObject *keys, bool sliced)
{
    Py_ssize_t total = PySequence_Fast_GET_SIZE(keys);
    Py_INCREF(keys);
    s->sequence = keys;
    s->view.total = (uint64_t)total;
    if (sliced && total > SLICE) {
        return anp_key_check_walk(state, keys, SLICE, total - SLICE) &&
               anp_key_source_next(state, s);
    }
    if (!anp_key_pack_walk(state, &s->pack, keys, 0, total, NULL, NULL)) {
        return false;
    }
    s->next = total;
    anp_key_pack_view(&s->pack, (uint64_t)total, &s->view);
    return true;
}

static bool text_slice(PyObject *text, anp_slice *out)
{
    Py_ssize_t size;
    const char *p = PyUnicode_AsUTF8AndSize(text, &size);
    *out = (anp_slice){(const uint8_t *)p, (size_t)size};
    return p != NULL;
}

/* Keys has (namespace, set_name, array, packed): the last two, one of them None. */
static bool from_keys(anp_state *state, anp_key_source *s, PyObject *parts)
{
    PyObject *array = PyTuple_GET_ITEM(parts, 2), *packed = PyTuple_GET_ITEM(parts, 3);
    Py_INCREF(parts);
    s->hold = parts;
    if (packed != Py_None) {
        if (!PyObject_TypeCheck(packed, state->packed_keys_type)) {
            PyErr_SetString(PyExc_TypeError, "Keys holds no packed keys");
            return false;
        }
        anp_packed_keys_view(packed, &s->view);
        return true;
    }
    if (!text_slice(PyTuple_GET_ITEM(parts, 0), &s->run.namespace_name) ||
        !text_slice(PyTuple_GET_ITEM(parts, 1), &s->run.set)) {
        return false;
    }
    if (!anp_numpy_keys(state, array, &s->view)) {
        return false;
    }
    s->view.runs = &s->run;
    s->view.n_runs = 1;
    return true;
}

anp_key_source *anp_key_source_new(anp_state *state, PyObject *keys, bool sliced)
{
    anp_key_source *s = PyMem_Calloc(1, sizeof *s);
    if (s == NULL) {
        return (anp_key_source *)PyErr_NoMemory();
    }
    anp_key_pack_init(&s->pack);
    bool ok;
    if (PyList_Check(keys) || PyTuple_Check(keys)) {
        ok = from_sequence(state, s, keys, sliced);
    } else {
        PyObject *parts = PyObject_CallMethod(keys, "_parts", NULL);
        ok = parts != NULL && from_keys(state, s, parts);
        Py_XDECREF(parts);
    }
    if (!ok) {
        anp_key_source_free(s);
        return NULL;
    }
    return s;
}
