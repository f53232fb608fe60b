/* Keys of a batch: lists walked in slices, arrays read in place. Needs the GIL. */
#include "python/engine/key_source.h"

#include "python/engine/numpy_field.h"

enum { SLICE = 16384, TEXT_ROWS = 1024 };

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
    s->pack.keep_keys = !sliced; /* they may be sent along */
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

/* Whether `words` code points in UCS-4 are all text: no surrogates, nothing above U+10FFFF. */
static bool is_text(const uint8_t *p, size_t words, bool swapped)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < words; i++) {
        uint32_t c = anp_load32(p + i * 4);
        c = swapped ? anp_swap32(c) : c;
        bad |= (uint32_t)(c - 0xd800 < 0x800) | (uint32_t)(c > 0x10ffff);
    }
    return bad == 0;
}

/* The first row whose key is no text; the number of rows when there is none. */
static uint64_t first_not_text(const anp_keys *keys)
{
    uint64_t row = 0;
    while (row < keys->count) {
        /* Rows that lie one after the other are looked at many at a time, until one is wrong. */
        uint64_t left = keys->count - row, rows = 1;
        if (keys->stride == (ptrdiff_t)keys->width) {
            rows = left < TEXT_ROWS ? left : TEXT_ROWS;
        }
        size_t words = keys->width / 4;
        const uint8_t *p = keys->base + (ptrdiff_t)row * keys->stride;
        if (is_text(p, words * (size_t)rows, keys->swapped)) {
            row += rows;
            continue;
        }
        while (rows > 1 && is_text(p, words, keys->swapped)) {
            p += keys->width;
            row++;
            rows--;
        }
        return row;
    }
    return row;
}

/* Looks at all keys of a U array before any is sent. */
static bool check_text(anp_state *state, const anp_keys *keys)
{
    uint64_t row;
    Py_BEGIN_ALLOW_THREADS row = first_not_text(keys);
    Py_END_ALLOW_THREADS if (row < keys->count)
    {
        (void)anp_raise_arg(state,
                            "keys[%llu]: the user key holds lone surrogates or what is no "
                            "character, which UTF-8 has no bytes for",
                            (unsigned long long)row);
    }
    return row == keys->count;
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
    if (!anp_numpy_keys(state, array, &s->view) ||
        (s->view.kind == ANP_KEYS_TEXT && !check_text(state, &s->view))) {
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
